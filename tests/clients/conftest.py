"""What every suite shares: one running demo, one local user, and a record of all that was received."""

from pathlib import Path

import pytest

from program import Demo, DemoProcess, LocalUser
from wire import Recorder


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


@pytest.fixture(scope="session")
def local_user(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> LocalUser:
    directory = tmp_path_factory.mktemp("data")
    directory.chmod(0o700)
    user = LocalUser(directory, demo.simulator)
    user.connect()
    return user


@pytest.fixture
def stdio_log(tmp_path: Path) -> Path:
    return tmp_path / "stdout.jsonl"
