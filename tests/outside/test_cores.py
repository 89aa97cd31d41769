"""Two cores behind an edge: while one of them stops, is away and comes back, no call of a client fails."""

import shutil
import signal
import threading
import time

import httpx
import pytest

from product import Process, Server, free_port, until
from world import refused

ON = ("split",)
THREADS = 4


class TwoCores(Server):
    """A split server with a second core on the same database. Its edge knows both."""

    def __init__(self):
        super().__init__("split")
        self.second_port = free_port()
        self.cores = f"http://127.0.0.1:{self.core_port},http://127.0.0.1:{self.second_port}"

    def start(self):
        super().start()
        second = self.home / "second"
        second.mkdir()
        shutil.copy(self.home / "master.key", second)
        self.second_settings = self.core_settings | {
            "INBOXOPS_DATA_DIR": str(second),
            "INBOXOPS_LISTEN": f"127.0.0.1:{self.second_port}",
        }
        self.processes.insert(0, self.second_core())
        _, _, edge, _ = self.processes
        edge.stop()
        apart = self.worker_settings | {
            "INBOXOPS_TOKEN": self.tokens["edge"],
            "INBOXOPS_LISTEN": f"127.0.0.1:{self.port}",
            "INBOXOPS_DATA_DIR": str(self.home / "edge"),
        }
        self.processes[2] = Process(["serve", "--role", "edge", "--core", self.cores], apart)
        until("the edge is ready", self._ready)
        return self

    def second_core(self):
        process = Process(["serve", "--role", "core", *self.words], self.second_settings)
        until("the second core is ready", lambda: process.runs() and is_ready(self.second_port))
        return process


def is_ready(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


class Callers:
    """Clients that read and write all the time, and remember each call."""

    def __init__(self, server, tenant):
        self.server, self.tenant = server, tenant
        self.calls, self.lock, self.done = [], threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(THREADS)]

    def run(self):
        body = {"subject": "x", "inbox_id": self.tenant.inbox["id"]}
        with httpx.Client(base_url=f"{self.server.url}/api/v1", headers=self.tenant.api.headers, timeout=20) as api:
            while not self.done.is_set():
                for method, path, json in (("POST", "/tickets", body), ("GET", "/tickets?per_page=1", None)):
                    began = time.monotonic()
                    try:
                        said = api.request(method, path, json=json).status_code
                    except httpx.TransportError as error:
                        said = repr(error)
                    with self.lock:
                        self.calls.append((began, method, said))
                self.done.wait(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def more(self, count=200):
        goal = len(self.calls) + count
        until("calls are answered", lambda: len(self.calls) >= goal, 60)

    @property
    def opened(self):
        return sum(said == 201 for _, _, said in self.calls)

    def failed(self):
        return [call for call in self.calls if call[2] not in (200, 201)]


@pytest.fixture(scope="module")
def server(place):
    server = TwoCores()
    try:
        yield server.start()
    finally:
        server.stop()


def test_a_core_that_stops_stays_away_and_comes_back_costs_no_call(world, server):
    tenant = world.tenant("Rolling")
    with Callers(server, tenant) as callers:
        for _ in range(3):
            callers.more()
            assert server.processes[0].stop() == 0
            callers.more()
            server.processes[0] = server.second_core()
            callers.more()
    assert callers.failed() == []
    # Nothing was done twice: what was repeated had not been done.
    assert tenant.api.get("/tickets", params={"per_page": 1}).json()["meta"]["total"] == callers.opened


def test_a_core_that_is_killed_costs_at_most_the_calls_that_it_had(world, server):
    tenant = world.tenant("Killed")
    with Callers(server, tenant) as callers:
        callers.more()
        killed = time.monotonic()
        server.processes[0].stop(signal.SIGKILL)
        callers.more()
        server.processes[0] = server.second_core()
        callers.more()
    failed = callers.failed()
    assert all(began <= killed + 0.2 and said == 503 for began, _, said in failed), failed
    # One that failed may have been done all the same.
    total = tenant.api.get("/tickets", params={"per_page": 1}).json()["meta"]["total"]
    assert callers.opened <= total <= callers.opened + sum(method == "POST" for _, method, _ in failed)


def test_without_a_core_the_edge_says_so_and_recovers(world, server):
    tenant = world.tenant("None")
    first, second = server.processes[1], server.processes[0]
    assert (second.stop(), first.stop()) == (0, 0)
    until("the edge is not ready", lambda: httpx.get(f"{server.url}/readyz").status_code == 503)
    refused(tenant.api.get("/tickets"), 503, "service_unavailable")
    server.processes[1] = Process(["serve", "--role", "core", *server.words], server.core_settings)
    server.processes[0] = server.second_core()
    until("the edge is ready", lambda: httpx.get(f"{server.url}/readyz").status_code == 200)
    assert tenant.api.get("/tickets").status_code == 200
    edge = server.processes[2]
    for port in (server.core_port, server.second_port):
        assert f"the core http://127.0.0.1:{port} cannot be reached" in edge.output
        # It is ready with either.
        until("the core is back", lambda: f"the core http://127.0.0.1:{port} can be reached again" in edge.output)
