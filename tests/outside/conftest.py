"""Fixtures: where the product runs, a server for each module, tenants on it, and a receiver of webhooks."""

import os

import pytest

from product import Server
from receiver import Receiver
from world import World

PLACES = [place for place in os.environ.get("OUTSIDE_ON", "sqlite").split(",") if place]


def pytest_generate_tests(metafunc):
    """A module runs in every place that is chosen, or in those that its `ON` names."""
    if "place" in metafunc.fixturenames:
        allowed = getattr(metafunc.module, "ON", PLACES)
        metafunc.parametrize("place", [place for place in PLACES if place in allowed], indirect=True, scope="module")


@pytest.fixture(scope="module")
def place(request):
    return request.param


@pytest.fixture(scope="module")
def server(request, place):
    """One server for the module, with the settings that its `SETTINGS` adds."""
    server = Server(place, getattr(request.module, "SETTINGS", {}))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def world(server):
    """Makes tenants, keys, inboxes and agents on the module's server."""
    with World(server) as world:
        yield world


@pytest.fixture(scope="module")
def acme(world):
    """A tenant of the module, on plan business."""
    return world.tenant("Acme")


@pytest.fixture
def api(acme):
    """An HTTP client with a key of the module's tenant."""
    return acme.api


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver
