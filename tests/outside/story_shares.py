"""A story of the whole-document test: a key with a share of its own, and one that asks for what it may not have."""

from rpc import internal


def of_shares(server, world, walk, ground):
    """Both policies in the headers, the nearer end, and the refusals of each window."""
    who, made = ground.request("whoAmI"), ground.fresh("createTicket")
    assert ground.got("whoAmI")["key"]["limit"] is None
    tenant = world.tenant("Shares")
    internal(server).set_rate_limit(tenant_id=tenant.id, requests_per_minute=5)
    key = tenant.new_key("--requests-per-minute", "2", "--scopes", "tickets:read")
    shared = world.client(key["key"])
    answer = walk.ask(shared, who)
    assert answer.json()["data"]["key"]["limit"] == {"requests": 2, "window_seconds": 60}
    assert answer.headers["ratelimit-policy"] == '"tenant";q=5;w=60, "key";q=2;w=60'
    assert answer.headers["ratelimit"].startswith('"key";r=1;')
    refused = walk.ask(shared, made)
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "1"), "it does not count"
    for _ in range(3):
        assert walk.ask(tenant.api, who).status_code == 200
    # One is left in either window.
    assert walk.ask(shared, who).headers["ratelimit"].startswith('"key";r=0;')
    for client, scope in ((shared, "key"), (tenant.api, "tenant")):
        answer = walk.ask(client, made)
        assert [one["message"] for one in answer.json()["error"]["details"]] == [f"counts by {scope}"]
        assert answer.headers["ratelimit"].startswith(f'"{scope}";r=0;') and int(answer.headers["retry-after"]) >= 1
    stubborn = world.client(ground.tenant.new_key("--scopes", "tickets:read")["key"])
    answers = [walk.ask(stubborn, made) for _ in range(601)]
    assert {answer.status_code for answer in answers[:-1]} == {403}
    assert [one["message"] for one in answers[-1].json()["error"]["details"]] == ["counts by refusals"]
