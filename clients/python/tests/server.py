"""A real HTTP server whose answers a test gives one by one, and which remembers what it was asked."""

import asyncio
import inspect
import json
import socket
import struct
import threading
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

import inboxops


@dataclass
class Asked:
    method: str
    url: str
    headers: dict[str, str]
    body: str
    at: float = field(default_factory=time.monotonic)
    is_closed: threading.Event = field(default_factory=threading.Event)

    @property
    def path(self):
        return urlsplit(self.url).path.removeprefix("/api/v1")

    @property
    def query(self):
        return dict(parse_qsl(urlsplit(self.url).query))

    @property
    def is_stream(self):
        return self.headers["accept"] == "text/event-stream"


class Reply:
    """One answer, as a test writes it."""

    def __init__(self, handler, asked):
        self._handler = handler
        self._asked = asked

    def send(self, status, text="", headers=None):
        data = text.encode()
        self._head(status, {"content-length": str(len(data)), **(headers or {})})
        self.write(data)

    def json(self, status, body, headers=None):
        self.send(
            status, json.dumps(body), {"content-type": "application/json", "x-request-id": "req-1", **(headers or {})}
        )

    def refuse(self, status, code, headers=None, details=()):
        error = {
            "code": code, "message": f"It is {code}.", "request_id": "req-1", "doc_url": f"/d#{code}",
            "details": list(details),
        }  # fmt: skip
        self.json(status, {"error": error}, headers)

    def stream(self, text="", kind="text/event-stream"):
        """Begins a body that ends when the answer does."""
        self._head(200, {"content-type": kind, "connection": "close"})
        self._handler.close_connection = True
        self.write(text.encode())
        return self

    def write(self, data):
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def hold(self):
        """Says nothing more until the client goes away."""
        try:
            while self._handler.connection.recv(1000):
                pass
        except OSError:
            pass
        self._asked.is_closed.set()

    def cut(self):
        """Breaks the connection."""
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._handler.close_connection = True
        self._handler.connection.close()

    def _head(self, status, headers):
        self._handler.send_response_only(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()


class Server:
    """`answer(asked, number, reply)` is called with each request; `asked` has them all."""

    def __init__(self, answer):
        self.asked = []
        self.failures = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0))).decode()
                asked = Asked(self.command, self.path, headers, body)
                outer.asked.append(asked)
                try:
                    answer(asked, len(outer.asked), Reply(self, asked))
                except OSError:
                    self.close_connection = True
                except Exception as error:
                    outer.failures.append(error)
                    raise

            do_GET = do_POST = do_PATCH = do_DELETE = do

            def finish(self):
                try:
                    super().finish()
                except (OSError, ValueError):
                    pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, address):
                pass

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        assert not self.failures, self.failures


class Blocking:
    """Makes blocking clients, and calls them."""

    kind = inboxops.Inboxops

    def __init__(self):
        self._clients = []

    def client(self, url, **options):
        client = self.kind(url, options.pop("api_key", "ixk_test"), **options)
        self._clients.append(client)
        return client

    def do(self, value):
        return value

    def take(self, items, count=None):
        """The first items; the reader then leaves."""
        found = list(islice(items, count))
        if inspect.isgenerator(items):
            items.close()
        return found

    def close(self):
        for client in self._clients:
            client.close()


class Waiting(Blocking):
    """The same for the client of asyncio, so that every test is written once."""

    kind = inboxops.AsyncInboxops

    def __init__(self):
        super().__init__()
        self._runner = asyncio.Runner()

    def do(self, value):
        async def settled():
            return await value

        return self._runner.run(settled()) if inspect.isawaitable(value) else value

    def take(self, items, count=None):
        async def taken():
            found = []
            if count == 0:
                return found
            async for item in items:
                found.append(item)
                if len(found) == count:
                    break
            return found

        async def closed():
            if not inspect.isasyncgen(items):
                return await taken()
            async with aclosing(items):
                return await taken()

        return self._runner.run(closed())

    def close(self):
        for client in self._clients:
            self._runner.run(client.aclose())
        self._runner.close()


def data(value):
    return {"data": value}


def page(items, **meta):
    return {"data": items, "meta": {"has_more": False, "next_cursor": None, **meta}}


def ticket(number, version=1, **more):
    """A ticket as far as mirrors and lists look at it."""
    return {
        "id": f"t{number}",
        "ticket_number": number,
        "version": version,
        "inbox_id": "i1",
        "assignee_id": None,
        "tags": [],
        "subject": f"Order {number}",
        **more,
    }
