"""What every suite shares: one running demo, one local user, and a record of all that was received."""

from pathlib import Path

import pytest

from program import Demo, DemoProcess, LocalUser, demo_tokens
from wire import Recorder, leaks


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def demo():
    with DemoProcess() as demo:
        yield demo


@pytest.fixture(scope="session")
def recorder(demo: Demo):
    recorder = Recorder(demo.url)
    yield recorder
    recorder.close()
    # Whatever the tests before did, and however they ended.
    assert leaks(bytes(recorder.received), demo_tokens()) == []


@pytest.fixture(scope="session")
def local_user(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> LocalUser:
    return LocalUser(tmp_path_factory.mktemp("data"), demo)


@pytest.fixture
def stdio_log(tmp_path: Path) -> Path:
    return tmp_path / "stdout.jsonl"
