"""The SDK's older line (`mcp` 1) as a `talk.Client`: over HTTP and standard input and output."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from talk import RpcError


def as_written(result: Any) -> dict[str, Any]:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


class Sdk:
    """See `talk.Client`."""

    def __init__(self, session: ClientSession, initialized: Any):
        self.session = session
        self.version = initialized.protocolVersion
        self.server = as_written(initialized.serverInfo)

    async def tools(self) -> dict[str, Any]:
        return as_written(await self._ask(self.session.list_tools()))

    async def call(self, name: str, arguments: dict[str, Any], progress: Any = None) -> dict[str, Any]:
        return as_written(await self._ask(self.session.call_tool(name, arguments, progress_callback=progress)))

    async def prompts(self) -> dict[str, Any]:
        return as_written(await self._ask(self.session.list_prompts()))

    async def prompt(self, name: str, arguments: dict[str, str]) -> dict[str, Any]:
        return as_written(await self._ask(self.session.get_prompt(name, arguments)))

    @staticmethod
    async def _ask(request: Any) -> Any:
        try:
            return await request
        except McpError as error:
            raise RpcError(error.error.code, error.error.message, error.error.data) from error


@asynccontextmanager
async def over_http(url: str, key: str | None) -> AsyncIterator[Sdk]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        async with streamable_http_client(url, http_client=http) as (reads, writes, _):
            async with ClientSession(reads, writes) as session:
                yield Sdk(session, await session.initialize())


@asynccontextmanager
async def over_stdio(command: list[str]) -> AsyncIterator[Sdk]:
    parameters = StdioServerParameters(command=command[0], args=command[1:])
    async with stdio_client(parameters) as (reads, writes):
        async with ClientSession(reads, writes) as session:
            yield Sdk(session, await session.initialize())
