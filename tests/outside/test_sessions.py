"""People sign in with a browser; what a session may do, and that it has no effect elsewhere."""

import httpx
import pytest

from browser import Browser, code_of, signed_in
from product import Process, free_port
from world import refused

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def admin(server, acme):
    return server.cli("agent", "create", "--tenant", acme.id, "--email", "ada@example.com", "--role", "admin")


def test_a_new_agent_comes_in_by_the_link_of_the_command(server, acme):
    made = server.cli("agent", "create", "--tenant", acme.id, "--email", "bob@example.com", "--name", "Bob")
    assert "/login#code=" in made["login_url"]
    browser = Browser(server)
    answer = browser.login(code=code_of(made["login_url"]))
    assert answer.code == "OK"
    assert answer.cookie.endswith("; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800")
    session = browser.call("SessionService", "CurrentSession").message.session
    assert (session.agent.id, session.agent.name, session.tenant.id) == (made["id"], "Bob", acme.id)
    assert list(session.entitlements) == ["public_api", "webhooks"] and not session.development and session.private_targets
    again = Browser(server).login(code=code_of(made["login_url"]))
    assert (again.code, again.cookie) == ("UNAUTHENTICATED", None)


def test_roles_open_what_they_should(server, acme, admin):
    ada, grace = signed_in(server, admin["id"]), signed_in(server, acme.agent["id"])
    assert ada.call("ApiKeyService", "ListApiKeys").code == "OK"
    assert grace.call("ApiKeyService", "ListApiKeys").code == "PERMISSION_DENIED"
    assert grace.call("AuditService", "ListAuditEntries").code == "PERMISSION_DENIED"
    assert grace.call("WebhookService", "ListWebhookEndpoints").code == "OK"
    made = grace.call("TicketService", "CreateTicket", subject="By hand", inbox_id=acme.inbox["id"])
    assert made.code == "OK" and acme.api.get(f"/tickets/{made.message.ticket.id}").json()["data"]["subject"] == "By hand"
    server.cli("agent", "update", acme.agent["id"], "--role", "admin")
    assert grace.call("ApiKeyService", "ListApiKeys").code == "OK"
    server.cli("agent", "update", acme.agent["id"], "--role", "agent")


def test_the_cookie_is_worth_nothing_on_rest_and_a_key_still_works_beside_it(server, acme, admin):
    browser = signed_in(server, admin["id"])
    plain = acme.world.client()
    headers = {"Cookie": browser.cookie} | browser.headers
    refused(plain.get("/tickets", headers=headers), 401, "missing_api_key")
    refused(plain.post("/tickets", headers=headers, json={}), 401, "missing_api_key")
    assert acme.api.get("/tickets", headers=headers).status_code == 200, "a browser sends it with all that it asks of this host"
    both = browser.call("IdentityService", "WhoAmI", headers={"Authorization": f"Bearer {acme.key['key']}"})
    assert both.code == "INVALID_ARGUMENT"


def test_other_sites_are_refused(server, admin):
    browser = signed_in(server, admin["id"])
    port = f"http://127.0.0.1:{server.port ^ 1}"
    for headers, without in [
        ({"Sec-Fetch-Site": "same-site", "Origin": port}, ()),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, ()),
        ({"Origin": port}, ("Sec-Fetch-Site",)),
        ({"Origin": "null"}, ("Sec-Fetch-Site",)),
        ({}, ("Sec-Fetch-Site", "Origin")),
        ({}, ("X-Grpc-Web",)),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, ()),
    ]:
        answer = browser.call("SessionService", "CurrentSession", headers=headers, without=without)
        assert (answer.http.status_code, answer.code) == (403, "PERMISSION_DENIED"), headers
    assert browser.call("SessionService", "CurrentSession", without=("Sec-Fetch-Site",)).code == "OK"
    form = httpx.post(
        f"{server.url}/inboxops.admin.v1.SessionService/Logout", data={"a": "b"},
        headers={"Cookie": browser.cookie, "Sec-Fetch-Site": "cross-site"},
    )
    assert form.status_code == 403
    assert browser.call("SessionService", "CurrentSession").code == "OK"


def test_logout_and_a_disabled_agent_end_it_at_once(server, acme):
    agent = server.cli("agent", "create", "--tenant", acme.id, "--email", "carol@example.com")["id"]
    one, other = signed_in(server, agent), signed_in(server, agent)
    out = one.call("SessionService", "Logout")
    assert out.code == "OK" and "Max-Age=0" in out.cookie
    assert one.call("SessionService", "CurrentSession").code == "UNAUTHENTICATED"
    assert other.call("SessionService", "CurrentSession").code == "OK"
    server.cli("agent", "update", agent, "--disabled", "true")
    assert other.call("SessionService", "CurrentSession").code == "UNAUTHENTICATED"


def test_a_password_and_what_the_log_says_of_it(server, acme, admin):
    browser = signed_in(server, admin["id"])
    assert browser.call("SessionService", "SetPassword", new_password="too short").code == "INVALID_ARGUMENT"
    assert browser.call("SessionService", "SetPassword", new_password=PASSWORD).code == "OK"
    assert Browser(server).login(email="ada@example.com", password="wrong").code == "UNAUTHENTICATED"
    assert Browser(server).login(email="eve@example.com", password="wrong").code == "UNAUTHENTICATED"
    ada = Browser(server)
    assert ada.login(email="Ada@Example.com", password=PASSWORD).message.session.agent.id == admin["id"]
    entries = ada.call("AuditService", "ListAuditEntries").message.entries
    assert [entry.action for entry in entries[:3]] == ["session.begun", "session.login_failed", "password.set"]
    assert entries[1].address == "127.0.0.1" and PASSWORD not in str(entries)
    for _ in range(5):
        last = Browser(server).login(email="ada@example.com", password="wrong")
    assert last.code == "RESOURCE_EXHAUSTED"


def test_a_key_is_rotated(server, acme, admin):
    browser = signed_in(server, admin["id"])
    made = browser.call("ApiKeyService", "CreateApiKey", name="Zapier").message
    rotated = browser.call("ApiKeyService", "RotateApiKey", api_key_id=made.api_key.id, grace_hours=0).message
    assert rotated.replaced.replaced_by == rotated.api_key.id
    refused(acme.world.client(made.key).get("/me"), 401, "expired_api_key")
    assert acme.world.client(rotated.key).get("/me").json()["data"]["key"]["name"] == "Zapier"
    again = server.cli("key", "rotate", rotated.api_key.id)
    assert acme.world.client(again["key"]).get("/me").status_code == 200
    assert acme.world.client(rotated.key).get("/me").status_code == 200, "a day's grace"


def test_behind_https_the_cookie_is_for_tls_alone(place, tmp_path):
    if place != "sqlite":
        pytest.skip("one place shows it")
    port = free_port()
    settings = {"INBOXOPS_DATA_DIR": str(tmp_path / "d"), "INBOXOPS_LISTEN": f"127.0.0.1:{port}", "INBOXOPS_PUBLIC_URL": "https://desk.example.com"}
    process = Process(["serve"], settings)

    class Here:
        url = f"http://127.0.0.1:{port}"

    try:
        from product import until

        link = until("the login link", lambda: next((line.strip() for line in process.lines if "/login#code=" in line), None))
        assert link.startswith("https://desk.example.com/login#code=")
        browser = Browser(Here)
        browser.headers = {"Sec-Fetch-Site": "same-origin", "Host": "desk.example.com"}
        answer = browser.login(code=code_of(link))
        assert answer.code == "OK" and answer.cookie.startswith("__Host-inboxops_session=") and answer.cookie.endswith("; Secure")
        session = browser.call("SessionService", "CurrentSession").message.session
        assert session.development and session.agent.email == "ada@example.com"
        ticket = browser.call("TicketDeskService", "SimulateInboundMessage", ticket_id="1", body_text="Hello?").message.ticket
        assert ticket.ticket_number == 1
    finally:
        process.stop()
