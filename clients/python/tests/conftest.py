"""Fixtures: a server whose answers a test gives, and a client of either kind."""

import pytest

from server import Blocking, Server, Waiting


@pytest.fixture(params=[Blocking, Waiting], ids=["blocking", "asyncio"])
def way(request):
    """How the client is called: every test runs with both clients."""
    way = request.param()
    yield way
    way.close()


@pytest.fixture
def serve(way):
    """Begins a server; it gives the client, and the list of what the server was asked."""
    servers = []

    def serve(answer, **options):
        server = Server(answer)
        servers.append(server)
        return way.client(server.url, **options), server.asked

    yield serve
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No back-off, so that tests do not wait for chance."""
    monkeypatch.setattr("inboxops._retry.random.random", lambda: 0.0)
