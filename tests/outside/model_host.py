"""Hosts of models, as they use MCP: raw messages over HTTP, and the official SDKs in processes of their own.

The SDKs are pinned; with OUTSIDE_MCP_NEWEST set they are the newest that the registries have.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mails import call, fetched
from product import BINARY

HERE = Path(__file__).resolve().parent
NEWEST = bool(os.environ.get("OUTSIDE_MCP_NEWEST"))
OF_NPM = ("@modelcontextprotocol/sdk", "1.32.2"), ("@modelcontextprotocol/client", "2.4.0")
SECS = 120

# The SDK, and the era that its client asks for first.
CLIENTS = {
    "python auto": ("python", "auto"),
    "python legacy": ("python", "legacy"),
    "npm sdk": ("sdk", None),
    "npm client legacy": ("client", "legacy"),
    "npm client auto": ("client", "auto"),
}


@functools.cache
def of_npm():
    """A folder with the SDKs of npm and the client that uses them."""
    words = [f"{name}@{'latest' if NEWEST else version}" for name, version in OF_NPM]
    install = ("npm", "install", "--loglevel", "error", "--no-audit", "--no-fund", "--prefix")
    # With parallel workers each has a folder of its own.
    folder = fetched(f"mcp-{'newest' if NEWEST else 'pinned'}-{os.environ.get('PYTEST_XDIST_WORKER', '')}", lambda it: call(*install, it, *words))
    shutil.copy(HERE / "mcp_client.mjs", folder / "mcp_client.mjs")
    return folder


@functools.cache
def of_python():
    """What to put before the pinned SDK of Python."""
    if not NEWEST:
        return {}
    install = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target")
    folder = fetched(f"mcp-python-{os.environ.get('PYTEST_XDIST_WORKER', '')}", lambda it: call(*install, it, "mcp"))
    return {"PYTHONPATH": str(folder)}


def ran(words, task, env=None, cwd=None):
    done = subprocess.run(
        words, input=json.dumps(task), env=os.environ | (env or {}), cwd=cwd, capture_output=True, text=True, timeout=SECS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def with_sdk(client, server, key, *calls):
    """Connects by one of `CLIENTS`, lists the tools and makes the calls: pairs of a tool and its arguments."""
    sdk, mode = CLIENTS[client]
    task = {"url": f"{server.url}/mcp", "key": key, "sdk": sdk, "mode": mode, "calls": calls}
    if sdk == "python":
        return ran([sys.executable, str(HERE / "mcp_client.py")], task, of_python())
    return ran(["node", "mcp_client.mjs"], task, cwd=of_npm())


def with_command(server, key, mode, *calls, words=()):
    """The same by the SDK of Python, which starts `inboxops mcp`."""
    env = {name: server.settings[name] for name in ("INBOXOPS_DATA_DIR",)} | {"INBOXOPS_API_KEY": key}
    task = {"command": [BINARY, *words, "mcp"], "env": env, "mode": mode, "calls": calls}
    return ran([sys.executable, str(HERE / "mcp_client.py")], task, of_python())


class Host:
    """Sends messages of the era with a handshake, without having made one: the server keeps nothing."""

    def __init__(self, world, server, key):
        self.http = world.client(key)
        self.url = f"{server.url}/mcp"

    def post(self, message, **headers):
        headers = {"MCP-Protocol-Version": "2025-11-25"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(self.url, json=message, headers=headers)

    def ask(self, method, **params):
        answer = self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def tools(self):
        return {tool["name"]: tool for tool in self.ask("tools/list")["tools"]}

    def call(self, tool, **arguments):
        """The result of a call that succeeds."""
        result = self.ask("tools/call", name=tool, arguments=arguments)
        assert not result["isError"], result
        return result

    def refused(self, tool, **arguments):
        """The error of a call that does not."""
        result = self.ask("tools/call", name=tool, arguments=arguments)
        assert result["isError"], result
        error = result["structuredContent"]["error"]
        assert result["content"][0]["text"].startswith(error["code"])
        return error
