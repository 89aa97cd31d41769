"""Targets of webhooks when private targets are not allowed."""

import pytest

from browser import signed_in
from world import violations

SETTINGS = {"INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS": "false"}

REFUSED = [
    "http://example.com/",
    "https://127.0.0.1/", "https://localhost/", "https://LOCALHOST./", "https://0.0.0.0/", "https://10.1.2.3/",
    "https://172.16.0.1/", "https://192.168.0.1/", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/",
    "https://192.0.2.1/", "https://198.18.0.1/", "https://203.0.113.9/", "https://224.0.0.1/", "https://255.255.255.255/",
    "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/",
    "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::5efe:7f00:1]/",
    "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/",
    "https://user@example.com/", "https://example.com/#x", "https://example.com:25/", "https://example.com:6379/",
    "file:///etc/passwd", "gopher://example.com/", "https:///x", "https://exa mple.com/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_private_or_odd_address_is_refused(api, url):
    [(field, _)] = violations(api.post("/webhooks", json={"url": url, "events": ["*"]}))
    assert field == "url"


def test_a_change_to_such_an_address_is_refused_too(acme, api):
    made = acme.endpoint("https://hooks.example.invalid/inboxops")
    for url in ("https://127.0.0.1/", "http://example.com/"):
        [(field, _)] = violations(api.patch(f"/webhooks/{made['id']}", json={"url": url}))
        assert field == "url"
    assert api.get(f"/webhooks/{made['id']}").json()["data"]["url"] == made["url"]


def test_a_name_that_does_not_resolve_is_taken_and_fails_at_delivery(acme, api):
    from product import until

    made = acme.endpoint("https://hooks.example.invalid/inboxops")
    delivery = api.post(f"/webhooks/{made['id']}/test", json={"event": "ticket.created"}).json()["data"]

    def ended():
        shown = api.get(f"/deliveries/{delivery['id']}").json()["data"]
        return shown if shown["status"] == "failed" else None

    shown = until("the test failed", ended)
    assert shown["error_code"] == "dns_failure"
    [attempt] = shown["attempts"]
    assert (attempt["response_status"], attempt["succeeded"], attempt["error_code"]) == (None, False, "dns_failure")
    assert attempt["error"]


def test_the_pages_are_told_that_it_may_not(server, acme):
    session = signed_in(server, acme.agent["id"]).call("SessionService", "CurrentSession").message.session
    assert not session.private_targets
