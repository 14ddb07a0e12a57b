"""The SDK's older line against the program: Streamable HTTP and standard input and output, with a handshake."""

import shlex

import pytest

from conversation import Conversation
from sdk import over_http, over_stdio
from talk import plainly


class TestOverHttp(Conversation):
    """`toolkeep demo --serve`, reached by its URL and key."""

    @pytest.fixture
    def connect(self, demo, recorder):
        return lambda: plainly(over_http(recorder.url, demo.key))

    @pytest.fixture
    def received(self, recorder):
        return lambda: bytes(recorder.received)

    @pytest.mark.anyio
    async def test_negotiates_the_newest_version_with_a_handshake(self, connect):
        async with connect() as client:
            assert client.version == "2025-11-25"


class TestOverStdio(Conversation):
    """`toolkeep mcp`, started by the client."""

    @pytest.fixture
    def connect(self, local_user, stdio_log):
        # `tee` keeps what the client receives, so that it can be searched as it was sent.
        server = f"{shlex.join(local_user.server())} | tee -a {shlex.quote(str(stdio_log))}"
        return lambda: plainly(over_stdio(["sh", "-c", server]))

    @pytest.fixture
    def received(self, stdio_log):
        return stdio_log.read_bytes
