"""PgBouncer between the product and PostgreSQL: with its defaults and a session for each connection everything works; where
connections share sessions the start is refused."""

import json
from contextlib import contextmanager

import pytest

from pgbouncer import PgBouncer
from product import Server, run, until
from test_export import exported
from world import World

ON = ("postgres",)


@contextmanager
def pooled(mode):
    """A server that is not started yet, and the pooler that its database URL names."""
    server = Server("postgres")
    with PgBouncer(mode, server.settings["INBOXOPS_DATABASE_URL"]) as pooler:
        server.settings["INBOXOPS_DATABASE_URL"] = pooler.url
        yield server, pooler


def told(api, **query):
    """The tickets of the events after a cursor and the next cursor, or nothing while there are none."""
    answer = api.get("/events", params=query)
    if not answer.is_success or not answer.json()["data"]:
        return None
    body = answer.json()
    return [event["data"]["ticket"]["id"] for event in body["data"]], body["meta"]["next_cursor"]


def streamed(api, cursor, make):
    """The ticket of the first event that a stream tells after a cursor; `make` opens it meanwhile."""
    with api.stream("GET", "/events", headers={"Accept": "text/event-stream"}, params={"after": cursor}) as stream:
        made = make()
        data = next(line for line in stream.iter_lines() if line.startswith("data:"))
        return made, json.loads(data.removeprefix("data:"))["data"]["ticket"]["id"]


def whole_story(tenant, receiver, pooler):
    url = receiver.path()
    secret = tenant.endpoint(url, ["ticket.created"])["secret"]
    first = tenant.ticket()["id"]
    [hit] = receiver.wait(url, 1)
    hit.verify(secret)
    assert hit.json["data"]["ticket"]["id"] == first
    seen, cursor = until("the event", lambda: told(tenant.api))
    assert seen == [first]
    second, of_stream = streamed(tenant.api, cursor, lambda: tenant.ticket()["id"])
    assert of_stream == second
    lines, end = exported(tenant.api)
    assert {line["data"]["id"] for line in lines if line["type"] == "ticket"} == {first, second}
    # The pooler goes and comes back, and nobody starts the server again.
    pooler.stop()
    until("the database is away", lambda: tenant.api.get("/tickets").status_code == 503)
    pooler.start()
    body = {"subject": "Back", "inbox_id": tenant.inbox["id"]}
    third = until("it works again", lambda: tenant.api.post("/tickets", json=body).json().get("data"))["id"]
    assert until("its event", lambda: told(tenant.api, after=end["events_cursor"]))[0] == [third]
    assert {hit.json["data"]["ticket"]["id"] for hit in receiver.wait(url, 3)} == {first, second, third}


def test_a_pooler_of_sessions_needs_no_setting(place, receiver):
    with pooled("session") as (server, pooler):
        try:
            with World(server.start()) as world:
                whole_story(world.tenant("Pooled"), receiver, pooler)
        finally:
            server.stop()


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_whose_connections_share_sessions_is_refused(place, mode):
    with pooled(mode) as (server, _):
        for words in (["serve", "--no-demo"], ["migrate"]):
            done = run(*words, settings=server.settings | {"INBOXOPS_LISTEN": f"127.0.0.1:{server.port}"})
            assert done.returncode == 78, done.stderr
            [line] = [line for line in done.stderr.splitlines() if "pool_mode = session" in line]
            assert "database_url" in line
        server.stop_home()
