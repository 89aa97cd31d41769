"""The operator's commands on a running server: endpoints, deliveries, events and the audit log, named by id, name, address or URL."""

import base64
import json
import random

import pytest

from product import Process, Server, free_port, run, until
from receiver import Answer
from world import World, random_id

FAILURE, USAGE = 1, 2


@pytest.fixture(scope="module")
def tenant(world):
    """A tenant whose name no other has, not even on a server of an earlier run."""
    return world.tenant(f"Acme {random.getrandbits(32):x}")


@pytest.fixture(scope="module")
def cli(server):
    return server.cli


@pytest.fixture
def fails(server):
    """Runs a command that must fail with `--json`: its exit code, and code and message of the failure."""

    def fails(*words):
        done = run(*words, "--json", settings=server.settings)
        assert done.returncode != 0, done.stdout
        said = json.loads(done.stdout)
        assert list(said) == ["error"] and set(said["error"]) == {"code", "message"}, said
        assert "panicked" not in done.stderr and said["error"]["message"] in " ".join(done.stderr.split())
        return done.returncode, said["error"]["code"], said["error"]["message"]

    return fails


@pytest.fixture(scope="module")
def sent(tenant, receiver, cli):
    """An endpoint with one delivered event: the endpoint, its URL and the delivery as the command line lists it."""
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    ticket = tenant.ticket(subject="Sent once")
    receiver.wait(url, 1)
    listed = ("delivery", "list", "--endpoint", endpoint["id"], "--status", "delivered")
    [delivery] = until("the delivery is recorded", lambda: cli(*listed))
    assert delivery["ticket_id"] == ticket["id"]
    return endpoint, url, delivery


# Names


def test_inboxes_are_listed_and_changed_by_name_or_address(tenant, cli, fails):
    made = cli("inbox", "create", "--tenant", tenant.name, "--name", "Sales", "--address", "sales@acme.example")
    listed = cli("inbox", "list", "--tenant", tenant.name.upper())
    assert [inbox["id"] for inbox in listed] == [made["id"], tenant.inbox["id"]], "by name"
    changed = cli("inbox", "update", "SALES@acme.example", "--tenant", tenant.name, "--name", "Orders", "--enabled", "false")
    assert (changed["id"], changed["name"], changed["status"]) == (made["id"], "Orders", "disabled")
    changed = cli("inbox", "update", "orders", "--tenant", tenant.id, "--enabled", "true")
    assert (changed["id"], changed["status"]) == (made["id"], "active")
    changed = cli("inbox", "update", made["id"], "--address", "orders@acme.example")
    assert changed["email_address"] == "orders@acme.example"
    assert fails("inbox", "update", "orders", "--name", "x")[:2] == (USAGE, "wrong_usage")
    assert fails("inbox", "update", "nobody@acme.example", "--tenant", tenant.id, "--name", "x")[:2] == (FAILURE, "not_found")
    assert fails("inbox", "update", random_id(), "--name", "x")[:2] == (FAILURE, "inbox_not_found")
    assert fails("inbox", "update", made["id"], "--address", tenant.inbox["email_address"])[:2] == (FAILURE, "conflict")


def test_agents_are_named_by_mail_address_or_name(tenant, cli, fails):
    made = cli("agent", "create", "--tenant", tenant.name, "--email", "linus@example.com", "--name", "Linus")
    changed = cli("agent", "update", "LINUS@example.com", "--tenant", tenant.name, "--name", "Linus T", "--role", "admin")
    assert (changed["id"], changed["name"], changed["role"]) == (made["id"], "Linus T", "admin")
    link = cli("agent", "login-link", "linus t", "--tenant", tenant.id)
    assert link["id"] == made["id"] and "#code=" in link["login_url"]
    assert cli("agent", "login-link", made["id"])["id"] == made["id"]
    assert fails("agent", "login-link", "linus@example.com")[:2] == (USAGE, "wrong_usage")
    assert fails("agent", "update", "nobody@example.com", "--tenant", tenant.id, "--name", "x")[:2] == (FAILURE, "not_found")
    assert fails("agent", "update", random_id(), "--name", "x")[:2] == (FAILURE, "agent_not_found")


def test_keys_are_named_by_their_name(tenant, cli, fails):
    made = cli("key", "create", "--tenant", tenant.name, "--name", "Nightly")
    by_name = ("--tenant", tenant.name)
    changed = cli("key", "update", "nightly", *by_name, "--requests-per-minute", "20")
    assert (changed["id"], changed["requests_per_minute"]) == (made["id"], 20)
    rotated = cli("key", "rotate", "NIGHTLY", *by_name, "--grace-hours", "0")
    assert rotated["key"] != made["key"]
    twin = cli("key", "create", *by_name, "--name", "twin"), cli("key", "create", *by_name, "--name", "Twin")
    code, reason, message = fails("key", "revoke", "twin", *by_name)
    assert (code, reason) == (FAILURE, "not_found") and all(one["id"] in message for one in twin)
    assert cli("key", "revoke", twin[0]["id"])["id"] == twin[0]["id"]
    assert cli("key", "revoke", "twin", *by_name)["id"] == twin[1]["id"], "a revoked one no longer counts"
    assert fails("key", "revoke", "twin")[:2] == (USAGE, "wrong_usage")
    assert fails("key", "revoke", "twin", *by_name)[:2] == (FAILURE, "not_found")


def test_a_name_that_two_tenants_have_is_refused_with_both_ids(world, fails):
    name = f"Twin {random.getrandbits(32):x}"
    twins = [world.tenant(name), world.tenant(name.upper())]
    for words in (["endpoint", "list"], ["audit", "list"], ["delivery", "list"], ["inbox", "list"]):
        code, reason, message = fails(*words, "--tenant", name)
        assert (code, reason) == (FAILURE, "not_found")
        assert all(twin.id in message for twin in twins)


# What the server's own commands change, wherever its parts run


def test_a_revoked_service_token_is_refused(server, cli, fails):
    token = cli("token", "create", "--name", f"leaked {random.getrandbits(32):x}")
    over = ("tenant", "list", "--server", f"http://127.0.0.1:{server.core_port}", "--token", token["token"])
    cli(*over)
    assert token["id"] in [one["id"] for one in cli("token", "list")]
    assert cli("token", "revoke", token["name"])["revoked_at"]
    assert fails(*over)[:2] == (FAILURE, "invalid_api_key")
    assert token["id"] not in [one["id"] for one in cli("token", "list")]
    assert token["id"] in [one["id"] for one in cli("token", "list", "--all")]
    assert fails("token", "revoke", random_id())[0] == FAILURE
    assert fails("token", "revoke", token["name"])[:2] == (FAILURE, "not_found")


def test_a_tenant_is_limited_suspended_and_resumed(world, cli, fails):
    one = world.tenant(f"Limited {random.getrandbits(32):x}")
    assert cli("tenant", "set-rate-limit", "--tenant", one.name, "--per-minute", "7")["requests_per_minute"] == 7
    until("the limit holds", lambda: one.api.get("/inboxes").headers.get("X-RateLimit-Limit") == "7")
    assert cli("tenant", "set-rate-limit", "--tenant", one.name, "--per-minute", "default")["requests_per_minute"] is None
    assert cli("tenant", "suspend", one.name)["suspended"] is True
    until("it is suspended", lambda: one.api.get("/inboxes").status_code == 403)
    assert one.api.get("/inboxes").json()["error"]["code"] == "tenant_suspended"
    assert cli("tenant", "resume", one.id)["suspended"] is False
    until("it works again", lambda: one.api.get("/inboxes").status_code == 200)
    for words in (["suspend", random_id()], ["resume", random_id()], ["set-rate-limit", "--tenant", random_id(), "--per-minute", "9"]):
        assert fails("tenant", *words)[:2] == (FAILURE, "tenant_not_found")
    assert fails("tenant", "set-rate-limit", "--tenant", one.id, "--per-minute", "0")[:2] == (USAGE, "wrong_usage")


# endpoint


def test_endpoints_are_listed(tenant, cli, fails, sent):
    endpoint, url, _ = sent
    shown = tenant.api.get(f"/webhooks/{endpoint['id']}").json()["data"]
    [listed] = [one for one in cli("endpoint", "list", "--tenant", tenant.name) if one["id"] == endpoint["id"]]
    assert listed["url"] == url and set(shown) <= set(listed)
    assert listed["secret"] is None
    assert fails("endpoint", "list", "--tenant", random_id())[:2] == (FAILURE, "tenant_not_found")
    assert fails("endpoint", "list")[:2] == (USAGE, "wrong_usage")


def test_an_endpoint_is_tested_by_its_id_or_its_url(tenant, cli, receiver):
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["inbox.error"])
    by_id = cli("endpoint", "test", endpoint["id"])
    assert (by_id["status"], by_id["test"], by_id["event"], by_id["endpoint_id"]) == ("delivered", True, "ticket.created", endpoint["id"])
    by_url = cli("endpoint", "test", url, "--tenant", tenant.name, "--event", "message.received")
    assert (by_url["status"], by_url["event"], by_url["response_status"]) == ("delivered", "message.received", 200)
    assert "payload" not in by_url
    hits = receiver.wait(url, 2)
    assert [hit.event for hit in hits] == ["ticket.created", "message.received"]
    for hit in hits:
        hit.verify(endpoint["secret"])


def test_a_test_that_is_not_accepted_ends_with_1(tenant, receiver, fails):
    endpoint = tenant.endpoint(receiver.path(Answer(500)), ["inbox.error"])
    code, reason, message = fails("endpoint", "test", endpoint["id"])
    assert (code, reason) == (FAILURE, "not_accepted") and "500" in message
    gone = tenant.endpoint(f"http://127.0.0.1:{free_port()}/", ["inbox.error"])
    assert fails("endpoint", "test", gone["id"])[:2] == (FAILURE, "not_accepted")


def test_a_test_of_nothing_is_refused(tenant, sent, fails):
    endpoint, url, _ = sent
    assert fails("endpoint", "test", random_id())[:2] == (FAILURE, "endpoint_not_found")
    assert fails("endpoint", "test", random_id(), "--tenant", tenant.id)[:2] == (FAILURE, "endpoint_not_found")
    assert fails("endpoint", "test", url)[:2] == (USAGE, "wrong_usage")
    assert fails("endpoint", "test", url + "/other", "--tenant", tenant.id)[:2] == (FAILURE, "not_found")
    assert fails("endpoint", "test", endpoint["id"], "--event", "ticket.burnt")[:2] == (FAILURE, "validation_failed")


def test_without_a_server_nothing_is_tested_and_a_resend_waits_for_one(receiver):
    server = Server("sqlite").start()
    try:
        url = receiver.path()
        with World(server) as world:
            tenant = world.tenant("Away")
            endpoint = tenant.endpoint(url, ["ticket.created"])
            tenant.ticket()
        receiver.wait(url, 1)
        listed = ("delivery", "list", "--status", "delivered")
        [delivery] = until("it is recorded", lambda: server.cli(*listed))
        server.kill()
        done = run("endpoint", "test", endpoint["id"], "--json", settings=server.settings)
        assert done.returncode == FAILURE and json.loads(done.stdout)["error"]["code"] == "no_answer"
        assert [one["id"] for one in server.cli("delivery", "list")] == [delivery["id"]], "no test was made"
        assert server.cli("delivery", "resend", delivery["id"])["status"] in ("pending", "retrying")
        assert len(receiver.at(url)) == 1
        server.start()
        receiver.wait(url, 2)
    finally:
        server.stop()


# delivery


def test_deliveries_are_listed_by_tenant_endpoint_status_event_and_time(world, cli, receiver, fails):
    one, other = world.tenant(f"List {random.getrandbits(32):x}"), world.tenant("Other")
    good, bad = receiver.path(), receiver.path(Answer(500))
    kept = one.endpoint(good, ["ticket.created"])
    broken = one.endpoint(bad, ["ticket.created"])
    theirs = other.endpoint(good, ["ticket.created"])
    for number in range(3):
        one.ticket(subject=f"Number {number}")
    other.ticket()

    def ids(*words):
        return [row["id"] for row in cli("delivery", "list", *words)]

    until("all are recorded", lambda: len(ids("--endpoint", kept["id"], "--status", "delivered")) == 3)
    until("the failures too", lambda: len(ids("--endpoint", broken["id"], "--status", "retrying")) == 3)
    until("and the other", lambda: len(ids("--endpoint", theirs["id"], "--status", "delivered")) == 1)
    rows = cli("delivery", "list", "--tenant", one.name)
    assert len(rows) == 6 and {row["tenant_id"] for row in rows} == {one.id}
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    [shown] = [row for row in one.api.get(f"/webhooks/{kept['id']}/deliveries?per_page=1").json()["data"]]
    [newest] = [row for row in rows if row["id"] == shown["id"]]
    assert newest == shown | {"tenant_id": one.id} | {name: newest[name] for name in set(newest) - set(shown)}
    assert list(newest)[:2] == ["id", "tenant_id"]

    assert set(ids("--endpoint", bad, "--tenant", one.name)) == {row["id"] for row in rows if row["endpoint_id"] == broken["id"]}
    assert set(ids("--tenant", one.id, "--status", "delivered,retrying")) == {row["id"] for row in rows}
    assert ids("--tenant", one.id, "--status", "failed") == []
    assert ids("--tenant", one.id, "--event", "message.received") == []
    assert len(ids("--tenant", one.id, "--event", "ticket.created")) == 6
    assert ids("--tenant", one.id, "--limit", "2") == [row["id"] for row in rows][:2]
    assert len(ids("--tenant", one.id, "--since", "1h")) == 6
    assert ids("--tenant", one.id, "--since", "2100-01-01T00:00:00Z") == []
    everybody = cli("delivery", "list", "--limit", "10000")
    assert {one.id, other.id} <= {row["tenant_id"] for row in everybody}
    assert [row["created_at"] for row in everybody] == sorted((row["created_at"] for row in everybody), reverse=True)

    assert fails("delivery", "list", "--endpoint", random_id())[:2] == (FAILURE, "endpoint_not_found")
    assert fails("delivery", "list", "--endpoint", good)[:2] == (USAGE, "wrong_usage")
    assert fails("delivery", "list", "--tenant", random_id())[:2] == (FAILURE, "tenant_not_found")
    assert fails("delivery", "list", "--tenant", one.id, "--event", "ticket.burnt")[0] == FAILURE
    for wrong in (["--status", "lost"], ["--limit", "0"], ["--limit", "10001"], ["--since", "soon"]):
        assert fails("delivery", "list", *wrong)[:2] == (USAGE, "wrong_usage"), wrong


def test_more_deliveries_than_a_page_has_are_listed(world, cli, receiver):
    one = world.tenant(f"Many {random.getrandbits(32):x}")
    endpoint = one.endpoint(receiver.path(), ["ticket.created"])
    for number in range(105):
        one.ticket(subject=f"Number {number}")
    listed = cli("delivery", "list", "--endpoint", endpoint["id"], "--limit", "1000")
    assert len({row["id"] for row in listed}) == len(listed) == 105
    assert len(cli("delivery", "list", "--endpoint", endpoint["id"])) == 100
    assert len(cli("delivery", "list", "--endpoint", endpoint["id"], "--limit", "103")) == 103


def test_a_delivery_is_sent_again(tenant, cli, receiver, fails):
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    tenant.ticket(subject="Twice")
    receiver.wait(url, 1)
    listed = ("delivery", "list", "--endpoint", endpoint["id"], "--status", "delivered")
    [delivery] = until("it is recorded", lambda: cli(*listed))
    again = cli("delivery", "resend", delivery["id"])
    assert (again["id"], again["event_id"]) == (delivery["id"], delivery["event_id"])
    first, second = receiver.wait(url, 2)
    assert first.body == second.body
    assert fails("delivery", "resend", random_id())[:2] == (FAILURE, "delivery_not_found")
    assert fails("delivery", "resend", "mine")[:2] == (FAILURE, "delivery_not_found")


def test_a_delivery_is_posted_to_another_url_and_nothing_is_recorded(tenant, cli, receiver, sent):
    endpoint, url, delivery = sent
    before, posts = tenant.api.get(f"/deliveries/{delivery['id']}").json()["data"], len(receiver.at(url))
    other = receiver.path()
    posted = cli("delivery", "resend", delivery["id"], "--to", other)
    [hit] = receiver.at(other)
    hit.verify(posted["secret"])
    assert posted["secret"] != endpoint["secret"]
    assert (hit.header("webhook-id"), hit.header("X-InboxOps-Delivery")) == (delivery["event_id"], delivery["id"])
    assert hit.body == receiver.at(url)[0].body
    assert {name: posted[name] for name in ("id", "event", "event_id", "to", "response_status")} == {
        "id": delivery["id"], "event": "ticket.created", "event_id": delivery["event_id"], "to": other, "response_status": 200,
    }
    secret = "whsec_" + base64.b64encode(bytes(range(24))).decode()
    known = cli("delivery", "resend", delivery["id"], "--to", other, "--secret", secret)
    assert known["secret"] is None
    receiver.at(other)[1].verify(secret)
    assert tenant.api.get(f"/deliveries/{delivery['id']}").json()["data"] == before
    assert len(receiver.at(url)) == posts


def test_a_url_that_does_not_accept_the_event_ends_with_1(receiver, sent, fails, server):
    _, _, delivery = sent
    resend = ("delivery", "resend", delivery["id"])
    refusing = receiver.path(Answer(503))
    code, reason, message = fails(*resend, "--to", refusing)
    assert (code, reason) == (FAILURE, "not_accepted") and refusing in message and "503" in message
    assert fails(*resend, "--to", f"http://127.0.0.1:{free_port()}/")[:2] == (FAILURE, "not_accepted")
    assert fails(*resend, "--to", "ftp://127.0.0.1/")[:2] == (USAGE, "wrong_usage")
    assert fails(*resend, "--to", refusing, "--secret", "short")[:2] == (USAGE, "wrong_usage")
    assert fails(*resend, "--secret", "whsec_AAAA")[:2] == (USAGE, "wrong_usage")
    assert fails("delivery", "resend", random_id(), "--to", refusing)[:2] == (FAILURE, "delivery_not_found")
    told = run(*resend, "--to", receiver.path(), settings=server.settings)
    assert told.returncode == 0 and told.stdout.startswith("Signing secret: whsec_") and " 200 in " in told.stdout


# events


@pytest.fixture
def tail(server, tenant):
    """Starts `events tail` after a cursor or the newest event; what it prints, a line each."""
    started = []

    def tail(*words, after=None):
        after = after or tenant.api.get("/events?after=latest").json()["meta"]["next_cursor"]
        settings = {
            "INBOXOPS_API_KEY": tenant.key["key"], "INBOXOPS_DATA_DIR": str(server.home), "INBOXOPS_LOG_LEVEL": "error",
        }
        started.append(Process(["events", "tail", "--after", after, *words], settings))
        return started[-1]

    yield tail
    for process in started:
        process.child.kill()
        process.child.wait()


def test_events_are_followed_as_json(server, tenant, tail):
    by_url = tail("--json", "--server", server.url, "--events", "ticket.created")
    by_socket = tail("--json")
    subjects = [f"Tailed {number}" for number in range(3)]
    for subject in subjects:
        ticket = tenant.ticket(subject=subject)
        tenant.api.patch(f"/tickets/{ticket['id']}", json={"priority": "urgent"})
    until("all came", lambda: len(by_url.lines) == 3 and len(by_socket.lines) == 6)
    events = [json.loads(line) for line in by_url.lines]
    assert [event["data"]["ticket"]["subject"] for event in events] == subjects
    assert {event["event"] for event in events} == {"ticket.created"}
    cursors = [event.pop("cursor") for event in events]
    listed = tenant.api.get(f"/events?after={cursors[0]}&types=ticket.created").json()["data"]
    assert listed == events[1:]
    assert [json.loads(line)["event"] for line in by_socket.lines] == ["ticket.created", "ticket.updated"] * 3
    assert by_url.stop() == 0 and by_socket.stop() == 0

    rest = tail("--json", "--events", "ticket.created", after=cursors[1])
    until("it goes on after the cursor", lambda: rest.lines)
    assert json.loads(rest.lines[0])["event_id"] == events[2]["event_id"]


def test_events_are_followed_by_people(tenant, tail):
    lines = tail().lines
    ticket = tenant.ticket(subject="Red \x1b[31m alert")
    [line] = until("a line comes", lambda: [line for line in lines if "ticket.created" in line])
    assert f"#{ticket['ticket_number']} Red" in line and "\x1b" not in line


def test_a_key_that_may_not_follow_is_told(server, tenant, fails):
    wrong = ("events", "tail", "--server", server.url, "--key")
    assert fails(*wrong, "ixk_nonsense")[:2] == (FAILURE, "invalid_api_key")
    narrow = tenant.new_key("--scopes", "tickets:read")["key"]
    assert fails(*wrong, narrow)[:2] == (FAILURE, "insufficient_scope")
    assert fails(*wrong, tenant.key["key"], "--events", "ticket.burnt")[0] == FAILURE
    assert fails("events", "tail")[:2] == (USAGE, "wrong_usage")
    gone = tenant.new_key("--scopes", "events:read")["key"]
    assert fails(*wrong, gone, "--after", "nonsense")[0] == FAILURE


# audit


def test_the_audit_log_is_listed_by_action_actor_and_time(world, cli, receiver, fails):
    one = world.tenant(f"Audited {random.getrandbits(32):x}")
    endpoint = one.endpoint(receiver.path(), ["ticket.created"])
    reader = one.new_key("--scopes", "audit:read")
    rows = cli("audit", "list", "--tenant", one.name)
    assert rows == world.client(reader["key"]).get("/audit?per_page=100").json()["data"]
    made = [row for row in rows if row["action"] == "endpoint.created"]
    assert [row["target_id"] for row in made] == [endpoint["id"]]
    assert (made[0]["actor"]["type"], made[0]["actor"]["id"]) == ("api_key", one.key["id"])
    assert {"tenant.created", "inbox.created", "agent.created", "api_key.created"} <= {row["action"] for row in rows}
    assert cli("audit", "list", "--tenant", one.id, "--action", "endpoint.created") == made
    assert cli("audit", "list", "--tenant", one.id, "--actor", one.key["id"]) == made
    assert cli("audit", "list", "--tenant", one.id, "--limit", "1") == rows[:1]
    assert cli("audit", "list", "--tenant", one.id, "--since", "1h") == rows
    assert cli("audit", "list", "--tenant", one.id, "--until", "1h") == []
    assert fails("audit", "list", "--tenant", random_id())[:2] == (FAILURE, "tenant_not_found")
    assert fails("audit", "list", "--tenant", one.id, "--actor", "me")[0] == FAILURE
    for wrong in (["--since", "soon"], ["--until", "later"], ["--limit", "0"]):
        assert fails("audit", "list", "--tenant", one.id, *wrong)[:2] == (USAGE, "wrong_usage"), wrong


# For people


def test_people_get_tables(server, tenant, sent):
    endpoint, url, delivery = sent

    def table(*words):
        done = run(*words, settings=server.settings)
        assert done.returncode == 0, done.stderr
        head, *lines = done.stdout.splitlines()
        assert head == head.upper() and endpoint["secret"] not in done.stdout
        return head.split(), lines

    head, lines = table("endpoint", "list", "--tenant", tenant.name)
    assert head[:3] == ["ID", "URL", "STATUS"] and any(endpoint["id"] in line and url in line for line in lines)
    head, lines = table("delivery", "list", "--endpoint", endpoint["id"])
    assert head[0] == "ID" and [line for line in lines if delivery["id"] in line and "delivered" in line]
    head, lines = table("audit", "list", "--tenant", tenant.name, "--action", "endpoint.created")
    assert head[:2] == ["CREATED_AT", "ACTOR.TYPE"] and any("Sync job" in line for line in lines)


@pytest.mark.parametrize("words", [["endpoint", "test"], ["delivery", "list"], ["delivery", "resend"], ["events", "tail"], ["audit", "list"], ["tenant", "create"], ["serve"]], ids=" ".join)
def test_help_puts_a_commands_own_flags_first(words):
    own, every = run(*words, "--help").stdout.split("Options of every command:")
    assert "--data-dir" in every and "--json" in every and "--database-url" in every
    every, _, _ = every.partition("\nExample")
    flags = {line.split()[0] for line in every.splitlines() if line.strip().startswith("--")}
    assert flags == {"--data-dir", "--database-url", "--server", "--token", "--config", "--json"}
    assert "--help" in own and "Usage:" in own
