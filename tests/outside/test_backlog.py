"""The backlog of an endpoint: how many deliveries wait, since when, and how far behind it is."""

import httpx

from product import until

COUNT = 20


def test_what_waits_is_counted_and_how_far_behind_it_is(acme, api, server, receiver):
    url = receiver.path()
    made = acme.endpoint(url, events=["ticket.created"], rate_per_second=1)
    path = f"/webhooks/{made['id']}"

    def backlog():
        return api.get(path).json()["data"]["backlog"]

    first = acme.ticket()
    for _ in range(COUNT - 1):
        acme.ticket()
    behind = until("it is behind", lambda: (now := backlog())["behind_seconds"] >= 1 and now)
    assert sorted(behind) == ["behind_seconds", "oldest_at", "waiting"]
    assert 0 < behind["waiting"] < COUNT and behind["oldest_at"] >= first["created_at"]
    listed = {one["id"]: one for one in api.get("/webhooks").json()["data"]}
    assert listed[made["id"]]["backlog"]["behind_seconds"] >= 1
    assert listed[made["id"]]["status"] == "active", "behind is no status"

    def measured():
        lines = httpx.get(f"http://127.0.0.1:{server.core_port}/metrics").text.splitlines()
        own = [line.rsplit(" ", 1) for line in lines if f'tenant="{acme.id}"' in line]
        return {name.split("{")[0]: float(value) for name, value in own}

    # What the database said is good enough for a few seconds.
    figures = until("it is measured", lambda: (now := measured()).get("inboxops_tenant_behind_seconds", 0) >= 1 and now)
    assert 0 < figures["inboxops_tenant_deliveries_waiting"] < COUNT

    paused = api.patch(path, json={"enabled": False}).json()["data"]["backlog"]
    assert paused["waiting"] > 0 and paused["oldest_at"] and paused["behind_seconds"] == 0

    api.patch(path, json={"enabled": True, "rate_per_second": None})
    receiver.wait(url, COUNT)
    until("nothing waits", lambda: backlog() == {"waiting": 0, "oldest_at": None, "behind_seconds": 0})
