"""The newest SDK (`mcp` 2) as a `talk.Client`: over HTTP and standard input and output, in both eras."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from talk import RpcError


def as_written(result: Any) -> dict[str, Any]:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


class Sdk:
    """See `talk.Client`."""

    def __init__(self, client: Client):
        self.client = client
        self.version = client.protocol_version

    @property
    def server(self) -> dict[str, Any]:
        info = self.client.server_info
        return as_written(info) if info else {}

    async def tools(self) -> dict[str, Any]:
        return as_written(await self._ask(self.client.list_tools(cache_mode="bypass")))

    async def call(self, name: str, arguments: dict[str, Any], progress: Any = None) -> dict[str, Any]:
        return as_written(await self._ask(self.client.call_tool(name, arguments, progress_callback=progress)))

    async def prompts(self) -> dict[str, Any]:
        return as_written(await self._ask(self.client.list_prompts(cache_mode="bypass")))

    async def prompt(self, name: str, arguments: dict[str, str]) -> dict[str, Any]:
        return as_written(await self._ask(self.client.get_prompt(name, arguments)))

    @staticmethod
    async def _ask(request: Any) -> Any:
        try:
            return await request
        except MCPError as error:
            raise RpcError(error.code, error.message, error.data) from error


@asynccontextmanager
async def over_http(url: str, key: str | None, mode: str) -> AsyncIterator[Sdk]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            yield Sdk(client)


@asynccontextmanager
async def over_stdio(command: list[str], mode: str) -> AsyncIterator[Sdk]:
    parameters = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(parameters, mode=mode) as client:
        yield Sdk(client)
