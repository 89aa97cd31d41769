"""A client of MCP by the Python SDK: reads what to do as JSON on standard input, prints what came of it as JSON.

It runs in a process of its own, so that another version of the SDK can be put before it.
"""

import asyncio
import json
import sys
from contextlib import asynccontextmanager

import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def transport(task):
    if "command" in task:
        command, *words = task["command"]
        yield stdio_client(StdioServerParameters(command=command, args=words, env=task["env"]))
        return
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {task['key']}"}, timeout=30) as client:
        yield streamable_http_client(task["url"], http_client=client)


async def main(task):
    async with transport(task) as way, Client(way, mode=task["mode"]) as client:
        listed = (await client.list_tools()).tools
        calls = []
        for name, arguments in task["calls"]:
            try:
                result = await client.call_tool(name, arguments)
                text = [part.text for part in result.content]
                calls.append({"structured": result.structured_content, "error": bool(result.is_error), "text": text})
            except MCPError as refused:
                calls.append({"refused": refused.error.code})
        return {
            "version": client.protocol_version,
            "instructions": client.instructions,
            "tools": [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in listed],
            "calls": calls,
        }


def failure(error):
    """The first error within groups of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


try:
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
except BaseException as error:
    print(json.dumps({"failed": failure(error)}))
