"""Plans and overrides; a change takes effect at once."""

import pytest

from product import until
from world import refused


def at_once(server, condition):
    """In the same process by the next request; with the edge in another one as soon as it has heard of it."""
    if server.place == "split":
        until("the change counts", condition, 2)
    assert condition()


@pytest.mark.parametrize("plan", ["free", "starter"])
def test_a_small_plan_has_no_api(world, plan):
    error = refused(world.tenant(plan=plan).api.get("/tickets"), 403, "entitlement_required")
    lacking = {detail["field"]: detail["allowed"] for detail in error["details"]}
    assert lacking == {"entitlement": ["public_api"], "minimum_plan": ["business"]}
    assert {detail["location"] for detail in error["details"]} == {"auth"}


@pytest.mark.parametrize("plan", ["business", "enterprise"])
def test_a_large_plan_has_api_and_webhooks(world, plan):
    api = world.tenant(plan=plan).api
    assert api.get("/tickets").status_code == 200
    assert api.get("/webhooks").status_code == 200
    assert api.get("/me").json()["data"]["plan"] == plan


def test_a_plan_change_counts_at_once_and_keeps_the_keys(world, server):
    tenant = world.tenant()
    for plan, status in (("free", 403), ("business", 200), ("starter", 403), ("enterprise", 200)):
        server.cli("tenant", "set-plan", "--tenant", tenant.id, "--plan", plan)
        at_once(server, lambda: tenant.api.get("/tickets").status_code == status)


def test_an_override_wins_over_the_plan_until_it_is_given_back(world, server):
    tenant = world.tenant(plan="free")
    for enabled, status in (("true", 200), ("false", 403), ("true", 200), ("default", 403)):
        server.cli("tenant", "set-entitlement", "--tenant", tenant.id, "--entitlement", "public_api", "--enabled", enabled)
        at_once(server, lambda: tenant.api.get("/tickets").status_code == status)
    server.cli("tenant", "set-plan", "--tenant", tenant.id, "--plan", "business")
    at_once(server, lambda: tenant.api.get("/tickets").status_code == 200)


def test_webhooks_are_asked_for_on_their_own(world, server):
    tenant = world.tenant()
    made = tenant.endpoint("http://127.0.0.1:9999/", enabled=False)
    delivery = tenant.api.post(f"/webhooks/{made['id']}/test", json={"event": "ticket.created"}).json()["data"]
    server.cli("tenant", "set-entitlement", "--tenant", tenant.id, "--entitlement", "webhooks", "--enabled", "false")
    at_once(server, lambda: tenant.api.get("/webhooks").status_code == 403)
    calls = [
        ("GET", "/webhooks", None), ("GET", f"/webhooks/{made['id']}", None), ("GET", f"/webhooks/{made['id']}/deliveries", None),
        ("POST", "/webhooks", {"url": "http://127.0.0.1:9999/", "events": ["*"]}), ("PATCH", f"/webhooks/{made['id']}", {}),
        ("DELETE", f"/webhooks/{made['id']}", None), ("POST", f"/webhooks/{made['id']}/test", {"event": "ticket.created"}),
        ("GET", f"/deliveries/{delivery['id']}", None), ("POST", f"/deliveries/{delivery['id']}/resend", None),
        ("GET", "/webhook-event-types", None), ("POST", f"/deliveries/{delivery['id']}/cancel", None),
        ("POST", f"/webhooks/{made['id']}/resend", {"status": ["failed"]}),
        ("GET", f"/webhooks/{made['id']}/stats", None), ("GET", f"/webhooks/{made['id']}/undelivered", None),
    ]
    for method, path, body in calls:
        error = refused(tenant.api.request(method, path, **({} if body is None else {"json": body})), 403, "entitlement_required")
        assert {detail["field"]: detail["allowed"] for detail in error["details"]}["entitlement"] == ["webhooks"]
    assert tenant.api.get("/tickets").status_code == 200
    assert tenant.api.get("/me").json()["data"]["entitlements"] == ["public_api"]
    server.cli("tenant", "set-entitlement", "--tenant", tenant.id, "--entitlement", "webhooks", "--enabled", "default")
    at_once(server, lambda: tenant.api.get(f"/webhooks/{made['id']}").status_code == 200)


def test_a_tenant_without_webhooks_gets_none(world, server, receiver):
    tenant = world.tenant()
    url = receiver.path()
    made = tenant.endpoint(url)
    tenant.ticket(subject="before")
    receiver.wait(url, 1)
    server.cli("tenant", "set-entitlement", "--tenant", tenant.id, "--entitlement", "webhooks", "--enabled", "false")
    tenant.ticket(subject="without")
    server.cli("tenant", "set-entitlement", "--tenant", tenant.id, "--entitlement", "webhooks", "--enabled", "true")
    tenant.ticket(subject="after")
    hits = receiver.wait(url, 2)
    assert [hit.json["data"]["ticket"]["subject"] for hit in hits] == ["before", "after"]
    assert tenant.api.get(f"/webhooks/{made['id']}").json()["data"]["status"] == "active"
