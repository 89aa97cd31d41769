"""A database that cuts its connections and a server that is told to stop: nothing acknowledged is lost."""

import os
import subprocess
import time
from pathlib import Path

import httpx

from product import run, until
from writers import Writers, everything_arrives

ON = ("postgres", "split")


def test_cut_database_connections_lose_nothing(world, server, receiver):
    tenant = world.tenant("Cut")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    tool = Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / "psql"
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    with Writers(server, tenant) as writers:
        for _ in range(5):
            writers.more(10)
            subprocess.run([tool, server.settings["INBOXOPS_DATABASE_URL"], "-qc", cut], check=True, capture_output=True)
        writers.more(20)
    for answer in writers.said:
        assert answer is not None, "a connection of a client was cut"
        assert answer.status_code in (201, 503), answer.text
    # A connection may be found broken when it is used first; that is told once and never again.
    calls = [("GET", "/me", None), ("GET", "/tickets", None), ("POST", "/webhooks", {"url": receiver.path(), "events": ["inbox.error"]})]
    for method, path, body in calls:
        until(f"{method} {path} is answered again", lambda: tenant.api.request(method, path, json=body).is_success, 5)
    words = ("key", "create", "--tenant", tenant.id, "--name", "Another")
    until("commands work again", lambda: run(*words, settings=server.settings).returncode == 0, 10)
    everything_arrives(receiver, url, endpoint["secret"], writers.acknowledged)
    for process in server.processes:
        assert process.runs()


def test_a_stop_under_load_ends_what_was_begun(world, server, receiver):
    tenant = world.tenant("Stopped")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    with Writers(server, tenant) as writers:
        writers.more(40)
        began = time.monotonic()
        for process in reversed(server.processes):
            assert process.stop() == 0, process.output
        assert time.monotonic() - began < 21
    for answer in writers.said:
        assert answer is None or answer.status_code in (201, 503), answer.text
    server.start()
    everything_arrives(receiver, url, endpoint["secret"], writers.acknowledged)
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=tenant.api.headers) as api:
        assert api.get("/tickets").json()["meta"]["total"] >= len(writers.acknowledged)
