"""A killed server loses nothing that it has acknowledged, and sends the same bytes again."""

import threading

import httpx

from product import until

TICKETS = 200
CALLERS = 8


def test_nothing_acknowledged_is_lost_by_kill_9(world, server, receiver):
    tenant = world.tenant("Crashing")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    acknowledged, lock, stopped = {}, threading.Lock(), threading.Event()

    def open_tickets(caller):
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=tenant.api.headers, timeout=5) as api:
            for n in range(TICKETS // CALLERS):
                body = {"subject": f"{caller}/{n}", "inbox_id": tenant.inbox["id"]}
                try:
                    answer = api.post("/tickets", json=body)
                except httpx.TransportError:
                    stopped.wait(60)
                    answer = api.post("/tickets", json=body | {"subject": f"{caller}/{n} again"})
                assert answer.status_code == 201, answer.text
                with lock:
                    acknowledged[answer.json()["data"]["id"]] = answer.json()["data"]

    threads = [threading.Thread(target=open_tickets, args=(caller,)) for caller in range(CALLERS)]
    for thread in threads:
        thread.start()
    until("a third is acknowledged", lambda: len(acknowledged) >= TICKETS // 3)
    server.kill()
    server.start()
    stopped.set()
    for thread in threads:
        thread.join()
    assert len(acknowledged) == TICKETS

    def arrived():
        return acknowledged.keys() <= {hit.json["data"]["ticket"]["id"] for hit in receiver.at(url)}

    until("every acknowledged ticket's event arrives", arrived, 45)
    bodies = {}
    for hit in receiver.at(url):
        hit.verify(endpoint["secret"])
        ticket = hit.json["data"]["ticket"]
        assert bodies.setdefault(hit.header("webhook-id"), hit.body) == hit.body
        if ticket["id"] in acknowledged:
            assert ticket == acknowledged[ticket["id"]]
    by_ticket = [hit.json["data"]["ticket"]["id"] for hit in receiver.at(url)]
    assert len({hit.header("webhook-id") for hit in receiver.at(url)}) == len(set(by_ticket))
    exist = set()
    for page in range(1, 4):
        exist |= {ticket["id"] for ticket in tenant.api.get("/tickets", params={"per_page": 100, "page": page}).json()["data"]}
    assert acknowledged.keys() <= exist
    assert set(by_ticket) <= exist, "an event came of a ticket that does not exist"
    path = f"/webhooks/{endpoint['id']}/deliveries?status=pending,retrying"
    until("nothing waits any more", lambda: tenant.api.get(path).json()["data"] == [], 45)


def test_keys_and_secrets_outlive_a_restart(world, server, receiver):
    tenant = world.tenant("Lasting")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    for process in reversed(server.processes):
        assert process.stop() == 0
    server.start()
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=tenant.api.headers) as api:
        ticket = api.post("/tickets", json={"subject": "After", "inbox_id": tenant.inbox["id"]}).json()["data"]
    [hit] = receiver.wait(url, 1)
    hit.verify(endpoint["secret"])
    assert hit.json["data"]["ticket"] == ticket
