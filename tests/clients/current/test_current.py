"""The newest MCP SDK against the program: Streamable HTTP and standard input and output, each in both eras."""

import shlex

import pytest
from mcp import MCPError

from conversation import Conversation
from sdk import over_http, over_stdio
from talk import TOOLS, RpcError, answer, plainly, refusal

# How a client negotiates, and the version that comes of it.
MODES = {"auto": "2026-07-28", "2026-07-28": "2026-07-28", "legacy": "2025-11-25"}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


class TestOverHttp(Conversation):
    """`toolkeep demo --serve`, reached by its URL and key."""

    @pytest.fixture
    def connect(self, demo, recorder, mode):
        return lambda: plainly(over_http(recorder.url, demo.key, mode))

    @pytest.fixture
    def received(self, recorder):
        return lambda: bytes(recorder.received)

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
        before = recorder.received.count(b"HTTP/1.1 401 ")
        with pytest.raises((MCPError, RpcError)):
            async with plainly(over_http(recorder.url, key, mode)) as client:
                await client.tools()
        # This SDK keeps the status to itself.
        assert recorder.received.count(b"HTTP/1.1 401 ") > before


class TestOverStdio(Conversation):
    """`toolkeep mcp`, started by the client."""

    @pytest.fixture
    def connect(self, local_user, stdio_log, mode):
        # `tee` keeps what the client receives, so that it can be searched as it was sent.
        server = f"{shlex.join(local_user.server())} | tee -a {shlex.quote(str(stdio_log))}"
        return lambda: plainly(over_stdio(["sh", "-c", server], mode))

    @pytest.fixture
    def received(self, stdio_log):
        return stdio_log.read_bytes

    @pytest.mark.anyio
    async def test_negotiates_the_version(self, connect, mode):
        async with connect() as client:
            assert client.version == MODES[mode]
            assert await client.tools()

    @pytest.mark.anyio
    async def test_only_the_tools_that_were_chosen_are_offered(self, local_user, mode):
        command = [*local_user.server(), "--tool", "pagerduty_oncalls_list"]
        async with plainly(over_stdio(command, mode)) as client:
            assert [tool["name"] for tool in (await client.tools())["tools"]] == ["pagerduty_oncalls_list"]
            assert await answer(client, "pagerduty_oncalls_list")
            with pytest.raises(RpcError) as caught:
                await client.call("pagerduty_incidents_list", {})
            assert caught.value.code == -32602, "what is not offered is not there"

    @pytest.mark.anyio
    async def test_somebody_without_a_connection_is_told_how_to_make_one(self, local_user, mode):
        async with plainly(over_stdio(local_user.as_user("j.lee").server(), mode)) as client:
            assert sorted(tool["name"] for tool in (await client.tools())["tools"]) == TOOLS
            text = await refusal(client, "pagerduty_incidents_list", {})
            assert text.startswith("no_connection") and "toolkeep credential add pagerduty" in text, text

    @pytest.mark.anyio
    async def test_a_removed_credential_fails_the_next_call_of_that_user_only(self, local_user, mode):
        other = local_user.as_user("t.abara")
        other.connect()
        async with (
            plainly(over_stdio(other.server(), mode)) as theirs,
            plainly(over_stdio(local_user.server(), mode)) as ours,
        ):
            assert await answer(theirs, "pagerduty_services_list", limit=1)
            other.run(["credential", "remove", "pagerduty"])
            text = await refusal(theirs, "pagerduty_services_list", {"limit": 1})
            assert text.startswith("no_connection"), text
            assert await answer(ours, "pagerduty_services_list", limit=1)
