"""Transactions that somebody leaves open on the PostgreSQL server: one in another database holds no reader of events back;
one in ours does, and the operator is told whose it is."""

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx

from product import new_database, until

ON = ("postgres",)


@contextmanager
def left_open(url):
    """A transaction with a number, which does nothing."""
    tool = Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / "psql"
    child = subprocess.Popen([tool, url, "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        child.stdin.write("begin; select pg_current_xact_id();\n")
        child.stdin.flush()
        assert int(child.stdout.readline()) > 0
        yield
    finally:
        child.communicate("rollback;\n", timeout=20)


def events(api):
    return [event["data"]["ticket"]["id"] for event in api.get("/events").json()["data"]]


def age(server):
    answer = httpx.get(f"{server.url}/readyz")
    assert answer.status_code == 200
    [seconds] = re.fullmatch(r"ready\nevent horizon: (\d+) s old\n", answer.text).groups()
    return int(seconds)


def test_a_transaction_in_another_database_holds_nobody_back(world, server):
    tenant = world.tenant("Beside")
    with left_open(new_database()):
        ticket = tenant.ticket()["id"]
        until("its event", lambda: events(tenant.api) == [ticket], 5)
        assert age(server) <= 1


def test_a_transaction_in_this_database_is_told_with_its_program(world, server):
    tenant = world.tenant("Held")
    with left_open(server.settings["INBOXOPS_DATABASE_URL"]):
        ticket = tenant.ticket()["id"]
        until("the log names it", lambda: re.search(r"readers of events wait .*: process \d+ of psql", server.output))
        assert age(server) >= 5
        assert events(tenant.api) == [], "it might still insert an earlier event"
    until("its event", lambda: events(tenant.api) == [ticket])
    until("nobody waits", lambda: age(server) == 0)
    until("the log says so", lambda: "readers of events go on" in server.output)
