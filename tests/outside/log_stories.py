"""Stories of the log: searches, statistics, what was not delivered, resends, what a key may not see; and of the audit log."""

from backdoor import execute
from browser import Browser, signed_in
from product import until
from receiver import Answer


def asked(ground, id, query=(), **ids):
    answer = ground.walk.ask(ground.api, ground.request(id, **ids).but(query=query))
    assert answer.status_code == 200, answer.text
    return answer.json()


def of_the_log(server, world, walk, ground, endpoints):
    """After the stories of endpoints: one gone, one that fails, one that refuses and is disabled, one slow."""
    gone, bad, refusing, slow = endpoints
    reader = world.client(ground.tenant.new_key("--scopes", "webhooks:read")["key"])
    hidden = walk.ask(reader, ground.request("getDelivery")).json()["data"]
    assert hidden["payload"] is None and hidden["attempts"][0]["response_body"] is None
    for endpoint in endpoints:
        stats = asked(ground, "getEndpointStats", endpoint_id=endpoint["id"])["data"]
        assert sum(one["count"] for one in stats["counts"]) > 0 and len(stats["last_7_days"]["buckets"]) == 7
    fresh = ground.endpoint(enabled=False)
    stats = asked(ground, "getEndpointStats", endpoint_id=fresh["id"])["data"]
    assert (stats["counts"], stats["last_attempt"], stats["last_24_hours"]["median_ms"]) == ([], None, None)
    of_undelivered(walk, ground, refusing)
    of_resends(walk, ground, gone)
    of_waiting(server, ground)
    of_searches(walk, ground, bad)


def of_undelivered(walk, ground, endpoint):
    """With a delivery and, since the endpoint is disabled, without one."""
    ground.made("createTicket")
    ask = lambda **query: asked(ground, "listUndelivered", query, endpoint_id=endpoint["id"])  # noqa: E731
    seen = lambda: {one["delivery_id"] is None for one in ask(per_page=100)["data"]} == {False, True}  # noqa: E731
    until("both kinds are listed", seen)
    whole = ask(per_page=100)["data"]
    first = ask(per_page=1)
    assert first["data"] == whole[:1] and first["meta"]["has_more"]
    assert ask(per_page=1, cursor=first["meta"]["next_cursor"])["data"] == whole[1:2]
    last = whole[-1]["created_at"]
    assert ask(since=last)["data"] == [one for one in whole if one["created_at"] >= last] != whole
    walk.effect("listUndelivered", "per_page", "cursor", "since")


def of_resends(walk, ground, endpoint):
    request = ground.request("resendEndpointDeliveries", endpoint_id=endpoint["id"])
    dry = walk.ask(ground.api, request.with_members(status=["failed"], dry_run=True))
    assert (dry.status_code, dry.json()["data"]["matched"] > 0) == (200, True), dry.text
    began = ground.tenant.ticket()["created_at"]
    members = {"status": ["failed"], "since": "2026-01-31T09:30:00Z", "until": began}
    job = walk.ask(ground.api, request.with_members(**members)).json()["data"]
    assert job["matched"] == dry.json()["data"]["matched"]
    ids = {"endpoint_id": endpoint["id"], "recovery_id": job["id"]}
    until("the resend is done", lambda: asked(ground, "getRecovery", **ids)["data"]["done"])


def of_waiting(server, ground):
    """A delivery that waits for everything in turn. Its lane is not due, so that nothing takes it meanwhile."""
    endpoint = ground.endpoint(Answer(500))
    ground.made("createTicket")
    of_it = {"endpoint_id": endpoint["id"], "per_page": 1}
    one = until("it is tried", lambda: [row for row in asked(ground, "searchDeliveries", of_it)["data"] if row["waits_for"] == "retry"])[0]
    id = f"'{endpoint['id']}'" if server.place != "sqlite" else f"x'{endpoint['id'].replace('-', '')}'"
    for change, waits in (
        (f"update deliveries set due_at = 1 where endpoint_id = {id}", "queue"),
        (f"update endpoints set rate_per_second = 1 where id = {id}", "rate_limit"),
        (f"update endpoint_health set failures_in_row = 25 where endpoint_id = {id}", "probe"),
    ):
        execute(server, change)
        assert ground.got("getDelivery", delivery_id=one["id"])["waits_for"] == waits
    ground.made("updateWebhookEndpoint", {"endpoint_id": endpoint["id"]}, enabled=False)
    assert ground.got("getDelivery", delivery_id=one["id"])["waits_for"] == "paused"


def of_searches(walk, ground, endpoint):
    """Every filter leaves something out, and a page begins where the one before it ended."""
    ask = lambda **query: asked(ground, "searchDeliveries", {"per_page": 100} | query)["data"]  # noqa: E731
    until("nothing is in flight", lambda: not [row for row in ask() if row["waits_for"] is None and row["status"] == "pending"])
    whole = ask()
    picked = next(row for row in whole if row["endpoint_id"] == endpoint["id"] and row["ticket_id"])
    middle = sorted(row["created_at"] for row in whole)[len(whole) // 2]
    filters = {
        "endpoint_id": (endpoint["id"], lambda row: row["endpoint_id"] == endpoint["id"]),
        "status": ("failed,canceled", lambda row: row["status"] in ("failed", "canceled")),
        "event": ("message.sent", lambda row: row["event"] == "message.sent"),
        "event_id": (picked["event_id"], lambda row: row["event_id"] == picked["event_id"]),
        "ticket_id": (picked["ticket_id"], lambda row: row["ticket_id"] == picked["ticket_id"]),
        "response_status": ("5xx,410", lambda row: row["response_status"] in range(500, 600) or row["response_status"] == 410),
        "since": (middle, lambda row: row["created_at"] >= middle),
        "until": (middle, lambda row: row["created_at"] < middle),
    }
    ids = lambda rows: [row["id"] for row in rows]  # noqa: E731
    for name, (value, keeps) in filters.items():
        found = ids(ask(**{name: value}))
        assert found, name
        # More may match than the page of all had.
        assert [id for id in found if id in ids(whole)] == ids(row for row in whole if keeps(row)), name
        assert set(ids(whole)) - set(found), name
        walk.effect("searchDeliveries", name)
    short = walk.ask(ground.api, ground.request("searchDeliveries").but(query={"response_status": "4"}))
    assert short.json()["error"]["details"][0]["code"] == "too_short", short.text
    first = asked(ground, "searchDeliveries", {"per_page": 1, "status": "failed"})
    again = asked(ground, "searchDeliveries", {"per_page": 1, "status": "failed", "cursor": first["meta"]["next_cursor"]})
    assert ids(first["data"] + again["data"]) == ids(ask(status="failed"))[:2]
    walk.effect("searchDeliveries", "per_page", "cursor")


def of_the_audit_log(server, walk, ground):
    """Entries of every kind of actor, and what each filter leaves out."""
    signed_in(server, ground.tenant.agent["id"])
    Browser(server).login(email="grace@example.com", password="a wrong password")
    execute(server, "update audit_log set target_id = null where action = 'inbox.created'")
    ask = lambda **query: asked(ground, "listAuditLog", {"per_page": 100} | query)  # noqa: E731
    whole, query = [], {}
    while True:
        page = ask(**query)
        whole += page["data"]
        if not page["meta"]["has_more"]:
            break
        query["cursor"] = page["meta"]["next_cursor"]
    of_key = next(one["actor"]["id"] for one in whole if one["actor"]["type"] == "api_key")
    middle = sorted(one["created_at"] for one in whole)[-30:][len(whole[-30:]) // 2]
    filters = {
        "actor_id": (of_key, lambda one: one["actor"]["id"] == of_key),
        "action": ("session.begun", lambda one: one["action"] == "session.begun"),
        "since": (middle, lambda one: one["created_at"] >= middle),
        "until": (middle, lambda one: one["created_at"] < middle),
    }
    for name, (value, keeps) in filters.items():
        found = ask(**{name: value})["data"]
        assert found == [one for one in whole if keeps(one)][:100] and len(found) < len(whole), name
        walk.effect("listAuditLog", name)
    first = ask(per_page=1)
    assert first["data"] == whole[:1] and ask(per_page=1, cursor=first["meta"]["next_cursor"])["data"] == whole[1:2]
    walk.effect("listAuditLog", "per_page", "cursor")
