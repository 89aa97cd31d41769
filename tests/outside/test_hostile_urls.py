"""More than 120 hostile URLs, each refused at create and update and, if it is in the database nevertheless, refused with
one code at every attempt: deliver, test and resend. Nothing connects."""

import pytest

import backdoor
from product import until
from world import violations

SETTINGS = {"INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS": "false", "INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE": "100000"}

# PORT is one on which this test listens, so that a connection would be seen.
LOOPBACK = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0X7F.0x0.0x0.0x1",
    "0177.0.0.1", "017700000001", "0177.1", "%31%32%37.0.0.1", "１２７.0.0.1", "①②⑦.0.0.1", "127。0．0.1", "[::1]",
    "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[fe80::5efe:7f00:1]", "[2001:0:7f00:1::]", "0", "0.0.0.0", "0x0", "[::]", "localhost", "LOCALHOST",
    "localhost.", "a.localhost", "loc%61lhost", "ｌocalhost", "localhost.localdomain", "LocalHost.",
]
PRIVATE = [
    "10.0.0.1", "10.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.257", "192.168.255.255", "100.64.0.1",
    "100.127.255.254", "169.254.169.254", "169.254.0.1", "2852039166", "0xa9fea9fe", "169.16689662", "0251.0376.0251.0376", "168.63.129.16",
    "192.0.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "198.19.255.254", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "[fe80::1]", "[febf::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fdff::1]", "[ff02::1]", "[ff0e::1]",
    "[2001:db8::1]", "[3fff::1]", "[100::1]", "[2001:2::1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::169.254.169.254]",
    "[64:ff9b::10.0.0.1]", "[2002:a9fe:a9fe::]", "[2002:a00:1::]", "[::10.0.0.1]", "[fe80::5efe:10.0.0.1]", "[2001:db8::5efe:192.168.0.1]",
    "printer.local", "metadata.google.internal", "METADATA.google.internal.", "router.home.arpa", "db.internal",
]
ODD = [
    "http://example.com/", "http://1.1.1.1/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)",
    "data:text/plain,x", "unix:/run/x.sock", "https://user@example.com/", "https://user:pass@example.com/", "https://:@example.com/",
    "https://example.com:443@10.0.0.1/", "https://example.com&@10.0.0.1/", "https://example.com/#x", "https://example.com#@10.0.0.1/",
    "https://example.com\\@10.0.0.1/", "https://example.com:22/", "https://example.com:25/", "https://example.com:53/", "https://example.com:0025/",
    "https://example.com:2375/", "https://example.com:3306/", "https://example.com:5432/", "https://example.com:6379/", "https://example.com:11211/",
    "https://example.com:99999/", "https:///x", "https://exa mple.com/", "https://*.example.com/", "https://[::1", "https://1.2.3.4.5/",
    "https://[fe80::1%25eth0]/", "//example.com/x", "example.com",
]


@pytest.fixture(scope="module")
def urls(receiver):
    port = receiver.listener.server_port
    return [f"https://{host}:{port}/" for host in LOOPBACK] + [f"https://{host}/" for host in PRIVATE] + ODD


def test_each_is_refused_at_create_and_update_with_the_same_code(acme, api, urls):
    assert len(set(urls)) >= 120, len(set(urls))
    made = acme.endpoint("https://hooks.example.invalid/inboxops", enabled=False)
    for url in urls:
        created = violations(api.post("/webhooks", json={"url": url, "events": ["*"]}))
        changed = violations(api.patch(f"/webhooks/{made['id']}", json={"url": url}))
        assert created == changed and [field for field, _ in created] == ["url"], url
        assert {code for _, code in created} == {"invalid_format"}, (url, created)
    assert api.get(f"/webhooks/{made['id']}").json()["data"]["url"] == made["url"]


def test_each_is_refused_at_every_attempt_with_the_same_code(world, server, receiver, urls):
    # A workspace has at most 100 endpoints.
    made = []
    for first in range(0, len(urls), 80):
        tenant = world.tenant("Hostile")
        for at, url in enumerate(urls[first : first + 80], first):
            made.append((tenant, url, tenant.endpoint(f"https://hooks-{at}.example.invalid/", ["ticket.created"])["id"]))
    server.kill()
    for _, url, id in made:
        quoted, bare = url.replace("'", "''"), id.replace("-", "")
        key = f"x'{bare}'" if server.place == "sqlite" else f"'{id}'"
        backdoor.execute(server, f"UPDATE endpoints SET url = '{quoted}' WHERE id = {key}")
    server.start()
    tests = [tenant.api.post(f"/webhooks/{id}/test", json={"event": "ticket.created"}).json()["data"]["id"] for tenant, _, id in made]
    for tenant in {tenant.id: tenant for tenant, _, _ in made}.values():
        tenant.ticket()
    for (tenant, url, id), test in zip(made, tests, strict=True):
        refused(tenant.api, test, url, 1)
        [real] = [one for one in tenant.api.get(f"/webhooks/{id}/deliveries").json()["data"] if not one["test"]]
        refused(tenant.api, real["id"], url, 1)
        assert tenant.api.post(f"/deliveries/{real['id']}/resend").status_code == 202
        refused(tenant.api, real["id"], url, 2)
    assert receiver.hits == []


def refused(api, id, url, count):
    """The delivery has so many attempts, all refused before anything was sent."""

    def tried():
        shown = api.get(f"/deliveries/{id}").json()["data"]
        return shown["attempts"] if len(shown["attempts"]) >= count else None

    attempts = until(f"{count} attempts to {url}", tried)
    for attempt in attempts:
        assert (attempt["error_code"], attempt["response_status"]) == ("blocked_address", None), (url, attempt)
