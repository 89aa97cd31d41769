"""Stories of the log: statistics, what was not delivered, resends and payloads that a key may not see."""

from product import until


def asked(ground, id, query=(), **ids):
    answer = ground.walk.ask(ground.api, ground.request(id, **ids).but(query=query))
    assert answer.status_code == 200, answer.text
    return answer.json()


def of_the_log(world, walk, ground, endpoints):
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
