"""A client of any SDK, seen in the protocol's own JSON, so that the same tests can be put to each."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

# Longest time for one test's conversation. A call takes milliseconds.
LIMIT_S = 60
TOOLS = [
    "pagerduty_incident_create",
    "pagerduty_incident_get",
    "pagerduty_incident_resolve",
    "pagerduty_incidents_list",
    "pagerduty_oncalls_list",
    "pagerduty_services_list",
]


class RpcError(Exception):
    """A JSON-RPC error, as the SDK reported it."""

    def __init__(self, code: int, message: str, data: Any = None):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.data = code, message, data


class Client(Protocol):
    """What a conversation needs. Results are dictionaries as the protocol writes them (camelCase)."""

    version: str
    server: dict[str, Any]

    async def tools(self) -> dict[str, Any]: ...
    async def call(self, name: str, arguments: dict[str, Any], progress: Any = None) -> dict[str, Any]: ...
    async def prompts(self) -> dict[str, Any]: ...
    async def prompt(self, name: str, arguments: dict[str, str]) -> dict[str, Any]: ...


Connection = AbstractAsyncContextManager[Client]


@asynccontextmanager
async def plainly(connection: Connection) -> AsyncIterator[Client]:
    """The connection, failing with what went wrong and not with the groups that SDKs wrap around it."""
    try:
        async with connection as client:
            yield client
    except BaseExceptionGroup as group:
        cause: BaseException = group
        while isinstance(cause, BaseExceptionGroup) and len(cause.exceptions) == 1:
            cause = cause.exceptions[0]
        raise cause from None


async def answer(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a call that must work."""
    result = await client.call(name, arguments)
    assert not result.get("isError"), result
    structured = result["structuredContent"]
    assert isinstance(structured, dict), result
    return structured


async def refusal(client: Client, name: str, arguments: dict[str, Any]) -> str:
    """What the model reads of a call that must not work."""
    result = await client.call(name, arguments)
    assert result.get("isError") is True, result
    return "\n".join(block["text"] for block in result["content"] if block["type"] == "text")
