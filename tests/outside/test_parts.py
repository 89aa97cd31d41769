"""Parts that run as separate processes are killed: nothing acknowledged is lost, and the other parts continue."""

import signal

import httpx

from product import Process, until
from world import refused
from writers import Writers, everything_arrives

ON = ("split",)


def test_a_killed_worker_loses_nothing(world, server, receiver):
    processes = server.processes
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
    processes = server.processes
    tenant = world.tenant("Core")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    with Writers(server, tenant) as writers:
        writers.more(40)
        processes[0].stop(signal.SIGKILL)
        until("the edge says that it is not ready", lambda: httpx.get(f"{server.url}/readyz").status_code == 503, 15)
        worker = f"http://{server.worker_settings['INBOXOPS_LISTEN']}"
        until("the worker says that it is not ready", lambda: httpx.get(f"{worker}/readyz").status_code == 503, 15)
        away = httpx.get(f"{server.url}/api/v1/tickets", headers=tenant.api.headers, timeout=30)
        refused(away, 503, "service_unavailable")
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        processes[0] = Process(["serve", "--role", "core", *server.words], server.core_settings)
        writers.more(40)
    for answer in writers.said:
        assert answer is not None, "the edge cut a connection"
        assert answer.status_code in (201, 503), answer.text
    until("the edge is ready", lambda: httpx.get(f"{server.url}/readyz").status_code == 200, 15)
    everything_arrives(receiver, url, endpoint["secret"], writers.acknowledged)
    assert processes[1].runs() and processes[2].runs()
