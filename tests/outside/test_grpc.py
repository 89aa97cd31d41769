"""An independent gRPC client, reflection, health, grpc-web."""

import struct

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from product import until
from rpc import Stub, bearer, channel, details, internal, module
from world import random_id


@pytest.fixture(scope="module")
def line(server):
    with channel(server.port) as line:
        yield line


def tickets(line, key):
    return Stub(line, "v1", "tickets", "TicketService", key)


def refused(call, code, reason):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = caught.value
    assert error.code() == code, error
    found = details(error)
    assert found["ErrorInfo"].domain == "inboxops.dev"
    assert found["ErrorInfo"].reason == reason
    return found


def test_a_ticket_is_read(line, acme):
    ticket = acme.ticket(subject="Über gRPC")
    for name in (ticket["id"], str(ticket["ticket_number"])):
        got = tickets(line, acme.key["key"]).get_ticket(ticket_id=name).ticket
        assert (got.id, got.subject, got.ticket_number) == (ticket["id"], "Über gRPC", ticket["ticket_number"])
        assert got.created_at.ToJsonString().startswith(ticket["created_at"][:19])
        assert not got.HasField("assignee_id") and not got.HasField("requester")


def test_a_ticket_made_over_grpc_is_the_ticket_that_rest_shows(line, acme):
    made = tickets(line, acme.key["key"]).create_ticket(subject="  Made  ", inbox_id=acme.inbox["id"]).ticket
    shown = acme.api.get(f"/tickets/{made.id}").json()["data"]
    assert (shown["subject"], shown["version"], shown["status"]) == ("Made", 1, "open")


def test_a_change_without_a_mask_changes_what_is_set(line, acme):
    ticket = acme.ticket(assignee_id=acme.agent["id"])
    pb = module("inboxops.v1.tickets_pb2")
    stub = tickets(line, acme.key["key"])
    got = stub.update_ticket(ticket_id=ticket["id"], ticket=pb.TicketChanges(subject="Changed")).ticket
    assert (got.subject, got.version, got.assignee_id) == ("Changed", 2, acme.agent["id"])
    got = stub.update_ticket(ticket_id=ticket["id"], ticket=pb.TicketChanges(), update_mask={"paths": ["assignee_id"]}).ticket
    assert not got.HasField("assignee_id") and got.version == 3


def test_a_missing_ticket_is_a_decodable_error(line, acme):
    refused(lambda: tickets(line, acme.key["key"]).get_ticket(ticket_id=random_id()), grpc.StatusCode.NOT_FOUND, "TICKET_NOT_FOUND")


def test_broken_rules_come_as_bad_request(line, acme):
    call = lambda: tickets(line, acme.key["key"]).create_ticket(subject=" ", inbox_id="x")  # noqa: E731
    found = refused(call, grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
    assert sorted((one.field, one.reason) for one in found["BadRequest"].field_violations) == [("inbox_id", "invalid_format"), ("subject", "blank")]
    assert all(one.description for one in found["BadRequest"].field_violations)


@pytest.mark.parametrize("token,reason", [(None, "MISSING_API_KEY"), ("ixk_no", "INVALID_API_KEY")])
def test_a_wrong_credential_is_unauthenticated(line, token, reason):
    refused(lambda: tickets(line, token).list_tickets(), grpc.StatusCode.UNAUTHENTICATED, reason)


def test_an_entitlement_is_asked_over_grpc_too(line, world):
    poor = world.tenant(plan="starter")
    found = refused(lambda: tickets(line, poor.key["key"]).list_tickets(), grpc.StatusCode.PERMISSION_DENIED, "ENTITLEMENT_REQUIRED")
    assert found["ErrorInfo"].metadata["entitlement"] == "public_api"
    assert found["ErrorInfo"].metadata["minimum_plan"] == "business"


# No random ids in parameters: they are part of a test's name, which all of pytest's workers have to agree on.
NOBODY = "6f1c2a52-5c1e-4f0e-9b1d-0d3f1f6a7e11"
CLOSED = [
    ("admin.v1", "api_keys", "ApiKeyService", "list_api_keys", {}),
    ("admin.v1", "api_keys", "ApiKeyService", "create_api_key", {"name": "x"}),
    ("admin.v1", "api_keys", "ApiKeyService", "revoke_api_key", {"api_key_id": NOBODY}),
    ("internal.v1", "tenants", "TenantService", "create_tenant", {"name": "x"}),
    ("internal.v1", "tenants", "TenantService", "list_tenants", {}),
    ("internal.v1", "tenants", "TenantService", "set_plan", {"tenant_id": NOBODY, "plan": 4}),
    ("internal.v1", "tenants", "TenantService", "find_owner", {"endpoint_id": NOBODY}),
    ("internal.v1", "tokens", "ServiceTokenService", "create_service_token", {"name": "x"}),
    ("internal.v1", "tokens", "ServiceTokenService", "list_service_tokens", {}),
    ("internal.v1", "tokens", "ServiceTokenService", "revoke_service_token", {"service_token_id": NOBODY}),
    ("internal.v1", "dispatch", "DispatchService", "report", {"worker_id": "x"}),
]


@pytest.mark.parametrize("package,file,service,rpc,members", CLOSED, ids=lambda value: str(value))
def test_an_api_key_may_call_nothing_but_v1(line, acme, package, file, service, rpc, members):
    stub = Stub(line, package, file, service, acme.key["key"])
    refused(lambda: getattr(stub, rpc)(**members), grpc.StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED")


@pytest.mark.parametrize("package,file,service,rpc,members", CLOSED, ids=lambda value: str(value))
def test_nobody_calls_them_without_a_credential(line, package, file, service, rpc, members):
    stub = Stub(line, package, file, service, None)
    refused(lambda: getattr(stub, rpc)(**members), grpc.StatusCode.UNAUTHENTICATED, "MISSING_API_KEY")


def test_a_dispatch_only_token_calls_dispatch_alone(server, acme):
    token = server.cli("token", "create", "--name", "Worker", "--dispatch-only")["token"]
    assert token.startswith("ixs_")
    with channel(server.core_port) as core:
        report = Stub(core, "internal.v1", "dispatch", "DispatchService", token).report(worker_id="outside")
        assert report.accepted == 0
        for stub in (tickets(core, token), Stub(core, "internal.v1", "tenants", "TenantService", token)):
            call = stub.list_tickets if hasattr(stub.stub, "ListTickets") else stub.list_tenants
            refused(call, grpc.StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED")


def test_a_program_of_the_operator_names_its_tenant(server, acme):
    token = server.cli("token", "create", "--name", "Mailer")["token"]
    ticket = acme.ticket()
    with channel(server.core_port) as core:
        stub = tickets(core, token)
        stub.metadata = bearer(token) + [("x-inboxops-tenant", acme.id)]
        assert stub.get_ticket(ticket_id=ticket["id"]).ticket.id == ticket["id"]


def test_a_tenants_own_limit_wins(server, world):
    tenant = world.tenant("Limited")
    internal(server).set_rate_limit(tenant_id=tenant.id, requests_per_minute=5)
    answers = [tenant.api.get("/me") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[0].headers["ratelimit-policy"] == '"tenant";q=5;w=60'
    found = refused(lambda: tickets(channel(server.port), tenant.key["key"]).list_tickets(), grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert 1 <= found["RetryInfo"].retry_delay.seconds <= 60
    internal(server).set_rate_limit(tenant_id=tenant.id)
    assert tenant.api.get("/me").status_code == 200


def test_a_suspended_tenant_is_refused(server, world):
    tenant = world.tenant("Suspended")
    internal(server).set_suspended(tenant_id=tenant.id, suspended=True)
    answer = tenant.api.get("/me")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "tenant_suspended")
    internal(server).set_suspended(tenant_id=tenant.id, suspended=False)
    assert tenant.api.get("/me").status_code == 200


def test_reflection_lists_the_services(line):
    names = ProtoReflectionDescriptorDatabase(line).get_services()
    public = {f"inboxops.v1.{noun}Service" for noun in ("Ticket", "Message", "Tag", "Inbox", "Agent", "Identity", "Webhook", "Delivery")}
    assert public <= set(names)
    assert "grpc.health.v1.Health" in names


def test_reflection_describes_a_service(line):
    database = ProtoReflectionDescriptorDatabase(line)
    file = database.FindFileContainingSymbol("inboxops.v1.TicketService")
    assert "GetTicket" in [method.name for method in file.service[0].method]


def test_health_is_serving(line):
    """An edge asks its core once a second."""
    stub = health_pb2_grpc.HealthStub(line)
    for service in ("", "inboxops.v1.TicketService"):
        request = health_pb2.HealthCheckRequest(service=service)
        until("it serves", lambda: stub.Check(request, timeout=10).status == health_pb2.HealthCheckResponse.SERVING, 5)


@pytest.mark.parametrize("kibibytes", [17, 100, 250])
def test_metadata_over_16_kib_is_refused_and_the_channel_lives(server, acme, kibibytes):
    with channel(server.port) as own:
        stub = tickets(own, acme.key["key"])
        credential = stub.metadata
        stub.metadata = credential + [("x-pad", "a" * 14 * 1024)]
        stub.list_tickets()
        stub.metadata = credential + [("x-pad", "a" * kibibytes * 1024)]
        for _ in range(3):
            refused(stub.list_tickets, grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
        stub.metadata = credential
        stub.list_tickets()


@pytest.mark.parametrize("path", ["inboxops.v1.TicketService/GetTicket", "grpc.health.v1.Health/Check"])
@pytest.mark.parametrize("kind", [None, "application/grpc", "application/grpc-web+proto"])
def test_options_of_a_grpc_path_are_answered_as_those_of_rest(server, path, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = httpx.options(f"{server.url}/{path}", headers=headers)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "OPTIONS, POST", b"")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    answer = httpx.get(f"{server.url}/{path}", headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_a_refusal_of_another_sites_call_is_grpc_web_too(server):
    headers = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1", "Sec-Fetch-Site": "cross-site"}
    answer = httpx.post(f"{server.url}/inboxops.v1.TicketService/ListTickets", headers=headers, content=bytes(5))
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/grpc-web+proto")
    assert answer.headers["grpc-status"] == "7"


def grpc_web(server, path, message, headers):
    frame = b"\0" + struct.pack(">I", len(message)) + message
    answer = httpx.post(f"{server.url}/{path}", content=frame, headers={"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"} | headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/grpc-web")
    data, trailers, rest = [], {}, answer.content
    while rest:
        flag, size = rest[0], struct.unpack(">I", rest[1:5])[0]
        body, rest = rest[5 : 5 + size], rest[5 + size :]
        if flag & 0x80:
            trailers = dict(line.split(":", 1) for line in body.decode().strip().split("\r\n"))
        else:
            data.append(body)
    return data, {name.strip().lower(): value.strip() for name, value in trailers.items()} | dict(answer.headers)


def test_grpc_web_is_answered_on_the_same_port(server, acme):
    ticket = acme.ticket()
    pb = module("inboxops.v1.tickets_pb2")
    request = pb.GetTicketRequest(ticket_id=ticket["id"]).SerializeToString()
    key = {"Authorization": f"Bearer {acme.key['key']}"}
    [data], trailers = grpc_web(server, "inboxops.v1.TicketService/GetTicket", request, key)
    assert trailers["grpc-status"] == "0"
    assert pb.GetTicketResponse.FromString(data).ticket.id == ticket["id"]
    nobody = pb.GetTicketRequest(ticket_id=random_id()).SerializeToString()
    data, trailers = grpc_web(server, "inboxops.v1.TicketService/GetTicket", nobody, key)
    assert (data, trailers["grpc-status"]) == ([], "5")
