"""Notes, keys and secrets are in no answer of any way in, no webhook, event, export, document, metric, trace or log."""

import json

import grpc
import httpx
import pytest

import rpc
from ground import Ground
from model_host import Host
from product import run, until
from promises import Document
from receiver import Answer
from test_conversations import mail
from test_streams import listed
from walk import Walk

# As much as the server can say, of every request.
SETTINGS = {"INBOXOPS_LOG_LEVEL": "trace,h2=info,hyper=info,sqlx=info", "INBOXOPS_ACCESS_LOG": "all"}
NOTE = "canary-of-a-note-5120"
HEADER = "canary-of-a-header-9033"
BODY = "canary-of-a-body-6617"


class Canaries:
    """What must not be seen, by name, and everything that was said."""

    def __init__(self):
        self.hidden = {}
        self.said = []

    def hide(self, **named):
        for name, value in named.items():
            assert value and len(value) > 12, f"{name} is too short to be looked for"
            self.hidden[name] = value

    def hear(self, where, text):
        self.said.append((where, text))

    def seen(self):
        """Where which canary is. In JSON a text may have its bars and quotes escaped; none of these has any."""
        return [(where, name) for where, text in self.said for name, value in self.hidden.items() if value in text]


@pytest.fixture(scope="module")
def canaries():
    return Canaries()


@pytest.fixture(scope="module")
def document(server):
    return Document(httpx.get(f"{server.url}/api/v1/openapi.json").json())


@pytest.fixture(scope="module")
def told(world, server, receiver, document, canaries):
    """A tenant that has a secret of every kind, used on every way there is; what each answer said is heard."""
    tenant = world.tenant("Canaries")
    ground = Ground(Walk(document), tenant, receiver)
    ticket = mail(server, tenant, body_text="Where is it?").ticket
    note = tenant.api.post(f"/tickets/{ticket.id}/messages", json={"type": "internal_note", "body_text": NOTE})
    assert note.status_code == 201
    url = receiver.path(Answer())
    headers = [{"name": "X-Token", "value": HEADER}]
    endpoint = tenant.endpoint(url, headers=headers)
    rotated = ground.endpoint(headers=headers)
    second = tenant.api.post(f"/webhooks/{rotated['id']}/rotate-secret", json={})
    assert second.status_code == 200
    token = server.cli("token", "create", "--name", "Watched")["token"]
    key = tenant.new_key()["key"]
    world.client(key).get("/me")
    master = (server.home / "master.key").read_text().strip()
    canaries.hide(note=NOTE, header=HEADER, key=key, another=tenant.key["key"], token=token, master=master)
    canaries.hide(secret=endpoint["secret"], old=rotated["secret"], bare=endpoint["secret"].removeprefix("whsec_"))
    # Refused and broken requests have theirs as well.
    wrong = "ixk_" + "7" * 42
    canaries.hide(wrong=wrong)
    world.client(wrong).get("/me")
    canaries.hear("a body that is no JSON", tenant.api.post("/tickets", content=b'{"subject": "' + BODY.encode()).text)
    canaries.hide(body=BODY)
    tenant.ticket(subject="After all that")
    until("its event came", lambda: any(hit.event == "ticket.created" for hit in receiver.at(url)))
    assert receiver.at(url)[0].header("X-Token") == HEADER, "it is used"
    return tenant, ground, endpoint, ticket


def test_no_answer_over_rest_has_them(told, canaries):
    tenant, ground, _, ticket = told
    for operation in ground.operations.values():
        if operation.method != "GET":
            continue
        request = ground.request(operation.id, ticket_id=ticket.id)
        query = {"include": "messages"} if "include" in operation.parameters else {}
        answer = ground.walk.ask(tenant.api, request.but(query=query))
        assert answer.is_success, f"{operation.id}: {answer.text}"
        canaries.hear(operation.id, answer.text + str(answer.headers))
    assert canaries.said and canaries.seen() == []


def test_no_answer_over_grpc_has_them(server, told, canaries):
    tenant, _, endpoint, ticket = told
    of = lambda file, service: rpc.Stub(rpc.channel(server.port), "v1", file, service, tenant.key["key"])  # noqa: E731
    for line in of("exports", "ExportService").export():
        canaries.hear("Export", str(line))
    for what, answer in {
        "ListTicketMessages": of("messages", "MessageService").list_ticket_messages(ticket_id=ticket.id),
        "ListTickets": of("tickets", "TicketService").list_tickets(),
        "ListEvents": of("events", "EventService").list_events(limit=100),
        "GetWebhookEndpoint": of("webhooks", "WebhookService").get_webhook_endpoint(endpoint_id=endpoint["id"]),
        "ListWebhookEndpoints": of("webhooks", "WebhookService").list_webhook_endpoints(),
    }.items():
        canaries.hear(what, str(answer))
    with pytest.raises(grpc.RpcError) as refused:
        rpc.Stub(rpc.channel(server.port), "v1", "identity", "IdentityService", canaries.hidden["wrong"]).who_am_i()
    canaries.hear("a refusal", refused.value.details() + str(refused.value.trailing_metadata()))
    assert canaries.seen() == []


def test_no_tool_of_a_model_has_them(world, server, told, canaries):
    tenant, _, _, ticket = told
    host = Host(world, server, tenant.key["key"])
    canaries.hear("tools", json.dumps(host.tools()))
    for tool in ("search_tickets", "list_agents", "list_inboxes", "list_tags", "list_webhooks", "list_failed_deliveries"):
        canaries.hear(tool, json.dumps(host.call(tool)))
    for tool in ("get_ticket", "list_messages"):
        canaries.hear(tool, json.dumps(host.call(tool, ticket_id=ticket.id)))
    canaries.hear("a refused tool", json.dumps(host.refused("get_ticket", ticket_id=HEADER)).replace(HEADER, ""))
    assert canaries.seen() == []


def test_no_event_and_no_webhook_has_them(told, receiver, canaries):
    tenant, _, _, _ = told
    events, _ = listed(tenant.api, limit=100)
    assert events and receiver.hits
    canaries.hear("events", json.dumps(events))
    for hit in receiver.hits:
        canaries.hear(f"a webhook to {hit.path}", hit.body.decode())
    assert canaries.seen() == []


def test_no_page_document_metric_or_list_of_the_operator_has_them(server, told, canaries):
    tenant, _, _, _ = told
    for path in ("/api/v1/openapi.json", "/api/v1/openapi-3.0.json", "/api/v1/docs", "/docs/", "/metrics", "/readyz", "/login"):
        for port in {server.port, server.core_port}:
            canaries.hear(path, httpx.get(f"http://127.0.0.1:{port}{path}", follow_redirects=True).text)
    for words in (("tenant", "list"), ("key", "list", "--tenant", tenant.id), ("inbox", "list", "--tenant", tenant.id)):
        done = run(*words, "--json", settings=server.settings)
        canaries.hear(" ".join(words), done.stdout + done.stderr)
    assert canaries.seen() == []


# The last: the log has what all the others made the server say.
def test_no_line_of_any_log_has_them(server, told, canaries):
    assert len(server.output) > 10_000, "it says much at this level"
    canaries.hear("the log", server.output)
    assert canaries.seen() == []
