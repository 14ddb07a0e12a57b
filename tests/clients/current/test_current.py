"""The newest MCP SDK against the program: Streamable HTTP and standard input and output, each in both eras."""

import shlex

import httpx2
import pytest
from mcp import MCPError
from sdk import over_http, over_stdio

from conversation import Conversation
from program import demo_tokens
from talk import TOOLS, answer
from wire import leaks

# How a client negotiates, and the version that comes of it.
MODES = {"auto": "2026-07-28", "2026-07-28": "2026-07-28", "legacy": "2025-11-25"}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


class TestOverHttp(Conversation):
    """`toolkeep demo --serve`, reached by its URL and key."""

    @pytest.fixture
    def connect(self, demo, recorder, mode):
        return lambda: over_http(recorder.url, demo.key, mode)

    @pytest.mark.anyio
    async def test_negotiates_the_version(self, connect, mode):
        async with connect() as client:
            assert client.version == MODES[mode]

    @pytest.mark.anyio
    async def test_one_connector_has_an_address_of_its_own(self, demo, recorder, mode):
        async with over_http(f"{recorder.url}/pagerduty", demo.key, mode) as client:
            listed = await client.tools()
            assert sorted(tool["name"] for tool in listed["tools"]) == TOOLS
            assert await answer(client, "pagerduty_oncalls_list", limit=1)

    @pytest.mark.anyio
    @pytest.mark.parametrize("key", [None, "tk_wrong"], ids=["no key", "a wrong key"])
    async def test_without_a_key_there_is_nothing(self, recorder, mode, key):
        with pytest.raises(BaseExceptionGroup if mode == "never" else (MCPError, httpx2.HTTPError, BaseExceptionGroup)):
            async with over_http(recorder.url, key, mode) as client:
                await client.tools()


class TestOverStdio(Conversation):
    """`toolkeep mcp`, started by the client."""

    @pytest.fixture
    def connect(self, local_user, stdio_log, mode):
        # `tee` keeps what the client receives, so that it can be searched as it was sent.
        server = f"{shlex.join(local_user.server())} | tee -a {shlex.quote(str(stdio_log))}"
        yield lambda: over_stdio(["sh", "-c", server], mode)
        received = stdio_log.read_bytes()
        assert b'"jsonrpc"' in received, "nothing was recorded"
        assert leaks(received, demo_tokens()) == []

    @pytest.mark.anyio
    async def test_negotiates_the_version(self, connect, mode):
        async with connect() as client:
            assert client.version == MODES[mode]
