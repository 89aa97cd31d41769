"""The rate limit of the tools for models: a call of a tool counts as one request, and nothing else does."""

from model_host import Host

SETTINGS = {"INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE": "5"}


def test_only_calls_of_tools_count_one_each(world, server):
    tenant = world.tenant()
    host = Host(world, server, tenant.key["key"])
    for message in ({"id": 1, "method": "ping"}, {"id": 1, "method": "tools/list"}, {"method": "notifications/initialized"}):
        answer = host.post({"jsonrpc": "2.0", **message})
        assert (answer.headers["ratelimit-policy"], answer.headers["x-ratelimit-remaining"]) == ('"tenant";q=5;w=60', "5")
    for _ in range(4):
        host.ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={})
        host.tools()
        host.ask("ping")
    left = []
    for _ in range(5):
        answer = host.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_tags"}})
        assert not answer.json()["result"]["isError"], answer.text
        left.append(answer.headers["x-ratelimit-remaining"])
    assert left == ["4", "3", "2", "1", "0"]
    answer = host.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_tags"}})
    result = answer.json()["result"]
    error = result["structuredContent"]["error"]
    assert (answer.status_code, result["isError"], error["code"]) == (200, True, "rate_limited")
    assert 1 <= error["retry_after"] <= 60
    assert f"{error['retry_after']} s" in result["content"][0]["text"]
    assert tenant.api.get("/tickets").status_code == 429, "the API and the tools share the limit"
    assert host.tools(), "a client can still connect"
