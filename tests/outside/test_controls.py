"""Secrets in two steps, custom headers, the filter by inbox and the rate, on real requests."""

import hashlib
import hmac

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from product import until
from world import random_id, refused, violations


SETTINGS = {"INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE": "10000"}


def standard(hit, secret):
    """Whether the official library takes a request with this one secret."""
    try:
        Webhook(secret).verify(hit.body, {name.lower(): value for name, value in hit.headers})
    except WebhookVerificationError:
        return False
    return True


def ours(hit, secret):
    """Whether X-InboxOps-Signature was made with this secret."""
    return hit.header("X-InboxOps-Signature") == "sha256=" + hmac.new(secret.encode(), hit.body, hashlib.sha256).hexdigest()


def next_hit(tenant, receiver, url):
    """The request of a new ticket."""
    before = len(receiver.at(url))
    tenant.ticket()
    return until("the webhook arrives", lambda: receiver.at(url)[before:] or None)[0]


def rotated(api, endpoint, **members):
    answer = api.post(f"/webhooks/{endpoint['id']}/rotate-secret", json=members)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_a_verifier_of_one_secret_never_fails_through_both_steps(acme, api, receiver):
    url = receiver.path()
    endpoint = acme.endpoint(url, ["ticket.created"])
    old = endpoint["secret"]
    hit = next_hit(acme, receiver, url)
    assert standard(hit, old) and ours(hit, old)

    staged = rotated(api, endpoint, keep_old_hours=48)
    new = staged["secret"]
    assert new != old and staged["rotation"]["stage"] == "staged" and staged["rotation"]["new_secret_hint"] == new[-4:]
    assert api.get(f"/webhooks/{endpoint['id']}").json()["data"]["secret"] is None
    hit = next_hit(acme, receiver, url)
    assert standard(hit, old) and standard(hit, new), "a verifier of webhook-signature swaps whenever it likes"
    assert ours(hit, old) and not ours(hit, new)
    assert len(hit.header("webhook-signature").split(" ")) == 2

    promoted = api.post(f"/webhooks/{endpoint['id']}/promote-secret", json={})
    assert promoted.status_code == 200, promoted.text
    shown = promoted.json()["data"]
    assert shown["rotation"]["stage"] == "promoted" and shown["secret"] is None and shown["secret_hint"] == new[-4:]
    assert shown["rotation"]["promotes_at"] is None
    hit = next_hit(acme, receiver, url)
    assert standard(hit, old) and standard(hit, new)
    assert ours(hit, new) and not ours(hit, old), "and one of X-InboxOps-Signature at the promotion"

    refused(api.post(f"/webhooks/{endpoint['id']}/rotate-secret", json={}), 409, "conflict")
    only = rotated(api, endpoint, immediate=True)
    assert only["rotation"] is None
    hit = next_hit(acme, receiver, url)
    hit.verify(only["secret"])
    assert not standard(hit, old) and not standard(hit, new)
    refused(api.post(f"/webhooks/{endpoint['id']}/promote-secret", json={}), 409, "conflict")


def test_custom_headers_arrive_and_their_values_are_never_shown(acme, api, receiver):
    url = receiver.path()
    headers = [{"name": "Authorization", "value": "Bearer s3cret value"}, {"name": "X-Team", "value": "blue"}]
    endpoint = acme.endpoint(url, ["ticket.created"], headers=headers)
    assert endpoint["headers"] == [{"name": "Authorization"}, {"name": "X-Team"}]
    hit = next_hit(acme, receiver, url)
    assert hit.header("Authorization") == "Bearer s3cret value" and hit.header("X-Team") == "blue"
    hit.verify(endpoint["secret"])
    [delivery] = api.get(f"/webhooks/{endpoint['id']}/deliveries").json()["data"]

    def attempts():
        return api.get(f"/deliveries/{delivery['id']}").json()["data"]["attempts"] or None

    [attempt] = until("the attempt is on record", attempts)
    recorded = {header["name"]: header["value"] for header in attempt["request_headers"]}
    assert recorded["authorization"] == "***" and recorded["x-team"] == "***"
    for answer in (api.get(f"/deliveries/{delivery['id']}"), api.get("/webhooks"), api.get(f"/webhooks/{endpoint['id']}")):
        assert "s3cret" not in answer.text
    changed = api.patch(f"/webhooks/{endpoint['id']}", json={"headers": [{"name": "X-Only", "value": "1"}]}).json()["data"]
    assert changed["headers"] == [{"name": "X-Only"}]
    hit = next_hit(acme, receiver, url)
    assert hit.header("X-Only") == "1" and hit.header("Authorization") is None
    assert api.patch(f"/webhooks/{endpoint['id']}", json={"headers": []}).json()["data"]["headers"] == []
    assert next_hit(acme, receiver, url).header("X-Only") is None


@pytest.mark.parametrize("name", [
    "webhook-id", "Webhook-Signature", "X-InboxOps-Signature", "Host", "Content-Type", "Content-Length", "Connection",
    "Transfer-Encoding", "TE", "Upgrade", "User-Agent", "Accept-Encoding", "Cookie", "Proxy-Authorization", "Expect", "Date",
    "a b", "a:b", "ä", "x\r\ny",
])
def test_a_header_that_is_not_the_customers_is_refused(api, name):
    body = {"url": "http://127.0.0.1:9999/", "events": ["*"], "headers": [{"name": name, "value": "x"}]}
    assert violations(api.post("/webhooks", json=body)) == [("headers[0].name", "invalid_format")]


def test_an_endpoint_gets_the_events_of_its_inboxes(acme, api, receiver):
    mine, url = acme.inbox["id"], receiver.path()
    body = {"url": url, "events": ["*"], "inbox_ids": [mine, random_id()]}
    assert violations(api.post("/webhooks", json=body)) == [("inbox_ids[1]", "not_found")]
    endpoint = acme.endpoint(url, ["ticket.created"], inbox_ids=[mine])
    assert endpoint["inbox_ids"] == [mine]
    assert next_hit(acme, receiver, url).json["data"]["ticket"]["inbox_id"] == mine
    cleared = api.patch(f"/webhooks/{endpoint['id']}", json={"inbox_ids": []}).json()["data"]
    assert cleared["inbox_ids"] == []


def test_a_rate_holds_in_every_second(acme, api, receiver):
    url = receiver.path()
    endpoint = acme.endpoint(url, ["ticket.created"], rate_per_second=5)
    assert endpoint["rate_per_second"] == 5
    for _ in range(15):
        acme.ticket()
    hits = until("all arrive", lambda: receiver.at(url) if len(receiver.at(url)) == 15 else None)
    times = sorted(hit.at for hit in hits)
    # A tenth of a second for the way from the core to the receiver.
    assert max(sum(1 for it in times if at <= it < at + 0.9) for at in times) <= 5
    assert api.patch(f"/webhooks/{endpoint['id']}", json={"rate_per_second": None}).json()["data"]["rate_per_second"] is None
    answer = api.patch(f"/webhooks/{endpoint['id']}", json={"rate_per_second": 0})
    assert violations(answer) == [("rate_per_second", "out_of_range")]
