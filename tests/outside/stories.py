"""Stories: calls after which each member in the document has had each of its values, and each filter excludes something."""

from datetime import datetime, timedelta, timezone

import grpc

from backdoor import execute
from browser import signed_in
from product import free_port, until
from receiver import Answer
from rpc import Stub, ingest, internal, module
from test_conversations import mail, reply
from test_recovery import Desk

DAYS = 24 * 60 * 60 * 1_000_000


def moment(text):
    return datetime.fromisoformat(text)


def of_tenants(server, world, walk, ground, program):
    """Tenants on every plan, and callers who are no key."""
    for plan in ("free", "starter", "enterprise"):
        tenant = world.tenant(plan=plan)
        for name in ("public_api", "webhooks"):
            server.cli("tenant", "set-entitlement", "--tenant", tenant.id, "--entitlement", name, "--enabled", "true")
        assert walk.ask(tenant.api, ground.request("whoAmI")).json()["data"]["plan"] == plan
    assert walk.ask(program, ground.request("whoAmI")).json()["data"]["key"] is None
    small = world.tenant(plan="free")
    server.cli("tenant", "set-entitlement", "--tenant", small.id, "--entitlement", "public_api", "--enabled", "true")
    assert walk.ask(small.api, ground.request("whoAmI")).json()["data"]["entitlements"] == ["public_api"]


def of_people(server, walk, ground):
    """Agents of both roles, and inboxes of every kind."""
    tenant, programs = ground.tenant, internal(server)
    server.cli("agent", "create", "--tenant", tenant.id, "--email", "ada@example.com", "--role", "admin")
    assert {one["role"] for one in ground.got("listAgents")} == {"admin", "agent"}
    plain = server.cli("inbox", "create", "--tenant", tenant.id, "--name", "Plain")
    channel = module("inboxops.v1.tickets_pb2").Channel.Value("CHANNEL_WEB")
    web = programs.create_inbox(tenant_id=tenant.id, name="Web", channel=channel).inbox
    programs.update_inbox(tenant_id=tenant.id, inbox_id=web.id, enabled=False)
    ingest(server).report_inbox_error(tenant_id=tenant.id, inbox_id=plain["id"], code="auth_failed", message="It does not work.")
    shown = {one["name"]: one for one in ground.got("listInboxes")}
    assert [shown[name]["status"] for name in ("Support", "Plain", "Web")] == ["active", "error", "disabled"]
    assert [shown[name]["channel"] for name in ("Support", "Plain", "Web")] == ["email", "api", "web"]
    assert ground.got("getInbox", inbox_id=plain["id"])["error"]["code"] == "auth_failed"
    answer = walk.ask(ground.api, ground.request("createTicket", inbox_id=web.id))
    assert [one["code"] for one in answer.json()["error"]["details"]] == ["inbox_disabled"]
    return plain


def of_tickets(server, walk, ground, program):
    """A ticket of a customer that goes through every state and change, with every kind of author."""
    tenant = ground.tenant
    first = mail(server, tenant, body_text="Long. " * 60_000)
    ticket = first.ticket.id
    reply(server, tenant, ticket)
    [inbound, outbound] = ground.got("listTicketMessages", ticket_id=ticket)
    assert inbound["truncated"] and not outbound["truncated"] and inbound["author"]["type"] == "customer"
    reply(server, tenant, ticket, agent_id=None)
    note = ground.request("createTicketNote", ticket_id=ticket)
    assert walk.ask(ground.api, note).json()["data"]["author"]["type"] == "api_key"
    assert walk.ask(program, note).json()["data"]["author"]["type"] == "system"
    for status in ("pending", "solved", "closed", "open"):
        shown = ground.made("updateTicket", {"ticket_id": ticket}, status=status)
        assert (shown["solved_at"] is not None, shown["closed_at"] is not None) == (status == "solved", status == "closed")
    for assignee in (tenant.agent["id"], None):
        assert ground.made("updateTicket", {"ticket_id": ticket}, assignee_id=assignee)["assignee_id"] == assignee
    other = server.cli("inbox", "create", "--tenant", tenant.id, "--name", "Other")
    ground.made("updateTicket", {"ticket_id": ticket}, inbox_id=other["id"], subject="After", priority="urgent")
    ground.made("addTicketTag", {"ticket_id": ticket})
    tag = ground.made("addTicketTag", {"ticket_id": ticket}, tag_name="vip")
    execute(server, f"update tags set color = '#00aa00' where id = {uuid_of(server, tag['id'])}")
    assert "#00aa00" in {one["color"] for one in ground.got("listTicketTags", ticket_id=ticket)}
    mail(server, tenant, subject=f"Re: [#{first.ticket.ticket_number}]")
    browser = signed_in(server, tenant.agent["id"])
    by_hand = browser.call("TicketService", "CreateTicket", subject="By hand", inbox_id=tenant.inbox["id"]).message.ticket
    assert ground.got("getTicket", ticket_id=by_hand.id)["channel"] == "web"
    socket = grpc.insecure_channel(f"unix:{server.home}/inboxops.sock", [("grpc.default_authority", "localhost")])
    local = Stub(socket, "v1", "tickets", "TicketService", None)
    local.metadata = [("x-inboxops-tenant", tenant.id)]
    local.create_ticket(subject="By the operator", inbox_id=tenant.inbox["id"])
    reply(server, tenant, ground.made("createTicket")["id"])
    return ticket


def uuid_of(server, id):
    return f"'{id}'" if server.place != "sqlite" else f"x'{id.replace('-', '')}'"


def of_endpoints(server, world, walk, ground, program):
    """Endpoints in every state, with and without what they may have."""
    got = lambda endpoint: ground.got("getWebhookEndpoint", endpoint_id=endpoint["id"])  # noqa: E731
    hot = {"inbox_ids": [ground.tenant.inbox["id"]], "headers": [{"name": "X-Team", "value": "blue"}]}
    full = ground.endpoint(description="CRM", rate_per_second=1, **hot)
    assert full["secret"] and got(full) == full | {"secret": None, "last_delivery": None}
    staged = ground.made("rotateSecret", {"endpoint_id": full["id"]})["rotation"]
    promoted = ground.made("promoteSecret", {"endpoint_id": full["id"]})["rotation"]
    assert (staged["stage"], promoted["stage"], promoted["promotes_at"]) == ("staged", "promoted", None)
    off = ground.made("updateWebhookEndpoint", {"endpoint_id": full["id"]}, enabled=False, description=None, rate_per_second=None)
    assert (off["status"], off["description"], off["rate_per_second"]) == ("paused", None, None)
    gone, bad = ground.endpoint(Answer(410)), ground.endpoint(Answer(500))
    refusing = ground.made("createWebhookEndpoint", url=f"http://127.0.0.1:{free_port()}/", events=["ticket.created"])
    slow = ground.endpoint(rate_per_second=1)
    until("one waits for the rate", lambda: ground.made("createTicket") and log(ground, slow, status="pending"))
    for _ in range(3):
        ground.made("createTicket")
    until("it is disabled", lambda: got(gone)["status"] == "disabled")
    assert got(gone)["disabled_reason"]
    until("it is failing", lambda: got(bad)["status"] == "failing")
    for days, warning in ((0, "none"), (3, "half"), (4, "three_quarters")):
        then = int(datetime.now(timezone.utc).timestamp() * 1_000_000) - days * DAYS
        execute(server, f"update endpoint_health set failing_since = {then} where endpoint_id = {uuid_of(server, bad['id'])}")
        assert got(bad)["failing"]["warning"] == warning
    assert got(bad)["backlog"]["oldest_at"] and got(bad)["last_delivery"]["response_status"] == 500
    until("it was refused", lambda: (got(refusing)["last_delivery"] or {"response_status": 0})["response_status"] is None)
    small = world.tenant(plan="business")
    made = small.endpoint(ground.url)
    server.cli("tenant", "set-plan", "--tenant", small.id, "--plan", "free")
    request = ground.request("getWebhookEndpoint", endpoint_id=made["id"])
    shown = walk.ask(program, request.but(headers={"x-inboxops-tenant": small.id}))
    assert shown.json()["data"]["status"] == "not_entitled"
    return gone, bad, refusing, slow


def log(ground, endpoint, **query):
    answer = ground.walk.ask(ground.api, ground.request("listDeliveries", endpoint_id=endpoint["id"]).but(query=query))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def of_deliveries(server, walk, ground, endpoints):
    """Deliveries in every state, each seen in the log and alone."""
    gone, bad, refusing, slow = endpoints
    several = until("they were tried", lambda: rows if len(rows := log(ground, bad, status="retrying")) > 1 else None)
    Desk(server, ground.tenant).cancel_delivery(delivery_id=several[0]["id"])
    # What is not stopped is paused with its endpoint.
    ground.made("updateWebhookEndpoint", {"endpoint_id": refusing["id"]}, enabled=False)
    seen = {}
    for endpoint in (gone, bad, refusing, slow):
        for delivery in log(ground, endpoint):
            shown = ground.got("getDelivery", delivery_id=delivery["id"])
            seen.setdefault(shown["status"], []).append(shown)
    until("it is delivered", lambda: log(ground, slow, status="delivered") or None)
    for delivery in log(ground, slow):
        ground.got("getDelivery", delivery_id=delivery["id"])
    assert {"retrying", "failed", "paused", "canceled"} <= seen.keys(), seen.keys()
    test = ground.made("sendTestEvent", {"endpoint_id": ground.ids["endpoint_id"]})
    ground.settled(test["id"])
    log(ground, {"id": ground.ids["endpoint_id"]})
    mixed = ground.endpoint(enabled=False)
    for n, event in enumerate(("ticket.created", "message.sent", "ticket.created")):
        if n == 2:
            ground.receiver.answer(mixed["url"], Answer(500))
        test = ground.made("sendTestEvent", {"endpoint_id": mixed["id"]}, event=event)
        ground.settled(test["id"], "failed" if n == 2 else "delivered")
    dry = ground.made("recoverDeliveries", {"endpoint_id": slow["id"]}, dry_run=True)
    assert (dry["id"], dry["done"]) == (None, True)
    return mixed


def of_refusals(server, world, walk, ground, program):
    """What no example of a body breaks, and what is said to callers and paths that the operations know nothing of."""
    refusals = [
        ("createTicket", {"inbox_id": ground.ids["tag_id"]}, "not_found"),
        ("addTicketTag", {"tag_id": ground.ids["tag_id"]}, "mutually_exclusive"),
    ]
    requests = [(ground.request(id).with_members(**members), code) for id, members, code in refusals]
    for request, code in [*requests, (ground.request("addTicketTag").but(body={}), "one_of_required")]:
        details = walk.ask(ground.api, request).json()["error"]["details"]
        assert code in [one["code"] for one in details], details
    browser = signed_in(server, ground.tenant.agent["id"])
    worker = world.client(server.tokens["worker"])
    plain = world.client()
    answers = {
        "route_not_found": plain.get("/nothing"), "method_not_allowed": plain.put("/tickets"),
        "role_required": worker.get("/tickets"),
        "tenant_not_found": program.get("/tickets", headers={"x-inboxops-tenant": ground.ids["tag_id"]}),
        "cross_origin": plain.post("/tickets", headers={"Cookie": browser.cookie, "Origin": "https://elsewhere.example"}),
    }
    for code, answer in answers.items():
        assert answer.json()["error"]["code"] == code, answer.text
        walk.read({"$ref": "#/components/schemas/ErrorResponse"}, answer.json(), code)


def of_events(walk, ground, receiver, hook):
    """What came to an endpoint for everything, and what the list of events says, are as the document tells."""
    document = walk.document
    for event in document.events:
        ground.made("sendTestEvent", {"endpoint_id": hook["id"]}, event=event)
    # Tests come beside what happened; each of both is waited for.
    came = lambda: {(hit.event, "test" in hit.json["data"]) for hit in receiver.at(hook["url"])}  # noqa: E731
    until("every event came", lambda: {(event, test) for event in document.events for test in (False, True)} <= came())
    for hit in receiver.at(hook["url"]):
        hit.verify(hook["secret"])
        walk.done.add(("event", hit.event))
        for parameter in document.events[hit.event]["parameters"]:
            value = hit.header(parameter["name"])
            number = parameter["schema"]["type"] == "integer"
            for error in document.errors(parameter["schema"], int(value) if number else value):
                walk.wrong[f"{hit.event} has another {parameter['name']} than it tells"].add(error)
            walk.done.add(("event header", hit.event, parameter["name"].lower()))
        walk.read(document.event_body(hit.event), hit.json, hit.event)
    listed, cursor = [], {}
    while True:
        answer = walk.ask(ground.api, ground.request("listEvents").but(query={"limit": 100} | cursor)).json()
        listed += answer["data"]
        if not answer["meta"]["has_more"]:
            break
        cursor = {"after": answer["meta"]["next_cursor"]}
    for event in listed:
        walk.read(document.event_body(event["event"]), event, event["event"])
    return listed


def ticket_filters(ground):
    """Filters of tickets: from the list of all, the value of each and the tickets that it selects."""
    def filters(whole):
        middle = whole[len(whole) // 2]
        changed = sorted(one["updated_at"] for one in whole)[len(whole) // 2]
        of_customer = next(one for one in whole if one["requester"])
        return {
            "status": ("open", lambda one: one["status"] == "open"),
            "inbox_id": (ground.tenant.inbox["id"], lambda one: one["inbox_id"] == ground.tenant.inbox["id"]),
            "assignee_id": ("none", lambda one: one["assignee_id"] is None),
            "priority": ("urgent", lambda one: one["priority"] == "urgent"),
            "tag": ("vip", lambda one: "vip" in [tag["name"] for tag in one["tags"]]),
            "requester_email": (of_customer["requester"]["email"], lambda one: one["requester"] is not None),
            "q": ("by the", lambda one: "by the" in one["subject"].lower()),
            "created_since": (middle["created_at"], lambda one: moment(one["created_at"]) >= moment(middle["created_at"])),
            "updated_since": (changed, lambda one: moment(one["updated_at"]) >= moment(changed)),
        }

    return filters


def delivery_filters(ground):
    """The same for deliveries, whose times are those of their events."""
    def filters(whole):
        at = {one["id"]: ground.got("getDelivery", delivery_id=one["id"])["payload"]["created_at"] for one in whole}
        # To the millisecond, as ids tell the time.
        middle = sorted(at.values())[1][:-4] + "000Z"
        return {
            "status": ("failed", lambda one: one["status"] == "failed"),
            "event": ("ticket.created", lambda one: one["event"] == "ticket.created"),
            "created_since": (middle, lambda one: at[one["id"]] >= middle),
            "created_until": (middle, lambda one: at[one["id"]] < middle),
            "id": (whole[0]["event_id"], lambda one: one["id"] == whole[0]["id"]),
        }

    return filters
