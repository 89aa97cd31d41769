"""Whom a server takes for the client, by what `X-Forwarded-For` says and by who says it."""

import itertools

import httpx
import pytest

from product import run
from world import TIMEOUT_SECS, TLS, refused

PER_MINUTE = 10
SETTINGS = {"INBOXOPS_BEHIND_PROXY": "127.0.0.3,127.1.0.0/16", "INBOXOPS_RATE_LIMIT__FAILED_AUTH_PER_MINUTE": str(PER_MINUTE)}
PROXY, OTHER = "127.0.0.3", "127.0.0.4"


def client(server, source, key):
    """An HTTP client that connects from this address."""
    transport = httpx.HTTPTransport(local_address=source, verify=TLS)
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, transport=transport, timeout=TIMEOUT_SECS)


CASES = {
    "no header": (PROXY, None, PROXY),
    "a client": (PROXY, "198.51.100.7", "198.51.100.7"),
    "a client with a port": (PROXY, "198.51.100.7:49152", "198.51.100.7"),
    "a client with IPv6": (PROXY, "2001:db8::7", "2001:db8::7"),
    "a client in brackets": (PROXY, "[2001:db8::7]", "2001:db8::7"),
    "a client in brackets with a port": (PROXY, "[2001:db8::7]:49152", "2001:db8::7"),
    "what the client said itself": (PROXY, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
    "a chain of proxies": ("127.1.2.3", "203.0.113.9, 198.51.100.7, 127.0.0.3, 127.1.255.255", "198.51.100.7"),
    "what names nobody": (PROXY, "198.51.100.7, unknown, 127.1.0.1", "127.1.0.1"),
    "a peer outside the list": (OTHER, "198.51.100.7", OTHER),
    "a peer outside the list that names a proxy": (OTHER, "198.51.100.7, 127.0.0.3", OTHER),
}


@pytest.mark.parametrize("case", CASES)
def test_the_client_is_the_last_one_outside_the_list(server, acme, case):
    source, header, expected = CASES[case]
    with client(server, source, acme.key["key"]) as api:
        body = {"url": f"https://example.com/{len(case)}", "events": ["ticket.created"], "enabled": False}
        answer = api.post("/webhooks", json=body, headers={"X-Forwarded-For": header} if header else {})
        assert answer.status_code == 201, answer.text
    log = acme.api.get("/audit", params={"action": "endpoint.created", "per_page": 100}).json()["data"]
    made = answer.json()["data"]["id"]
    assert [entry["address"] for entry in log if entry["target_id"] == made] == [expected]


def test_hosts_of_one_ipv6_network_share_their_failures(server):
    hosts = itertools.count(1)
    with client(server, PROXY, "ixk_" + "a" * 42) as wrong:
        def fail(network):
            return wrong.get("/me", headers={"X-Forwarded-For": f"[2001:db8:0:{network}::{next(hosts):x}]:49152"})

        codes = [fail(1).status_code for _ in range(2 * PER_MINUTE)]
        assert codes[:PER_MINUTE] == [401] * PER_MINUTE
        assert codes[-5:] == [429] * 5
        refused(fail(2), 401, "invalid_api_key")


def test_a_client_outside_the_list_gets_no_new_window_by_its_header(server):
    with client(server, "127.0.0.5", "ixk_" + "b" * 42) as wrong:
        codes = [wrong.get("/me", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(2 * PER_MINUTE)]
    assert codes[-5:] == [429] * 5


BAD = {
    "10.0.0.1/8": "the network of this address is 10.0.0.0/8",
    "10.0.0.0/8,proxy.example": "must be true, false, or networks such as 10.0.0.0/8,::1/128; not proxy.example",
    "10.0.0.0/33": "an address has 32 bits",
    "::/0": "this believes every client",
}


@pytest.mark.parametrize("networks", BAD)
def test_a_bad_list_is_refused_at_the_start(tmp_path, networks):
    settings = {"INBOXOPS_DATA_DIR": str(tmp_path / "data"), "INBOXOPS_LISTEN": "127.0.0.1:0"}
    for words, more in ((["serve"], {"INBOXOPS_BEHIND_PROXY": networks}), (["serve", f"--behind-proxy={networks}"], {})):
        done = run(*words, settings=settings | more)
        assert done.returncode == 78, done.stderr
        assert "behind_proxy" in done.stderr and BAD[networks] in done.stderr
    assert not (tmp_path / "data").exists()
