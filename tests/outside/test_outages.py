"""Parts that go away and come back: nothing acknowledged is lost, and nobody has to restart the rest."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

from product import Process, run, until
from world import refused

ON = ("postgres", "split")


class Writers:
    """Opens tickets from several threads until told to stop, and remembers those that were acknowledged."""

    def __init__(self, server, tenant, count=4):
        self.server, self.tenant = server, tenant
        self.acknowledged, self.said = {}, []
        self.lock, self.done = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]

    def run(self):
        with httpx.Client(base_url=f"{self.server.url}/api/v1", headers=self.tenant.api.headers, timeout=15) as api:
            while not self.done.is_set():
                try:
                    answer = api.post("/tickets", json={"subject": "x", "inbox_id": self.tenant.inbox["id"]})
                except httpx.TransportError:
                    answer = None
                    self.done.wait(0.02)
                with self.lock:
                    self.said.append(answer)
                    if answer is not None and answer.status_code == 201:
                        self.acknowledged[answer.json()["data"]["id"]] = answer.json()["data"]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def more(self, count=20, secs=20):
        """Waits for so many acknowledged tickets more."""
        goal = len(self.acknowledged) + count
        until("tickets are opened again", lambda: len(self.acknowledged) >= goal, secs)


def everything_arrives(receiver, url, secret, acknowledged):
    def missing():
        return acknowledged.keys() - {hit.json["data"]["ticket"]["id"] for hit in receiver.at(url)}

    # The lease of a worker that died lasts 60 s: it could still be sending.
    until("every acknowledged ticket's event arrives", lambda: not missing(), 90)
    bodies = {}
    for hit in receiver.at(url):
        hit.verify(secret)
        assert bodies.setdefault(hit.header("webhook-id"), hit.body) == hit.body


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


def only_split(server):
    if server.place != "split":
        pytest.skip("the parts are one process here")
    return server.processes


def test_a_killed_worker_loses_nothing(world, server, receiver):
    processes = only_split(server)
    tenant = world.tenant("Worker")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    with Writers(server, tenant) as writers:
        writers.more(20)
        processes[2].stop(signal.SIGKILL)
        writers.more(40)
    waiting = tenant.api.get(f"/webhooks/{endpoint['id']}/deliveries?status=pending&per_page=1").json()["data"]
    assert waiting
    words = ["serve", "--role", "worker", "--core", f"http://127.0.0.1:{server.core_port}"]
    processes[2] = Process(words, server.worker_settings)
    everything_arrives(receiver, url, endpoint["secret"], writers.acknowledged)


def test_edge_and_worker_outlive_a_killed_core(world, server, receiver):
    processes = only_split(server)
    tenant = world.tenant("Core")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    with Writers(server, tenant) as writers:
        writers.more(40)
        processes[0].stop(signal.SIGKILL)
        until("the edge says that it is not ready", lambda: httpx.get(f"{server.url}/readyz").status_code == 503, 15)
        away = httpx.get(f"{server.url}/api/v1/tickets", headers=tenant.api.headers, timeout=30)
        assert away.status_code in (503, 504), away.text
        refused(away, away.status_code, away.json()["error"]["code"])
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        processes[0] = Process(["serve", "--role", "core", *server.words], server.core_settings)
        writers.more(40)
    for answer in writers.said:
        assert answer is not None, "the edge cut a connection"
        assert answer.status_code in (201, 503, 504), answer.text
    until("the edge is ready", lambda: httpx.get(f"{server.url}/readyz").status_code == 200, 15)
    everything_arrives(receiver, url, endpoint["secret"], writers.acknowledged)
    assert processes[1].runs() and processes[2].runs()
