"""Every header, parameter, status, code and member in the OpenAPI document is provoked, and nothing else is answered.

The tests cross off what they see (`walk.py`); the last one fails with a line for each promise that is left, and for each
answer that is not documented. Most conditions are tried on every operation, with the requests of `ground.py`, so that a
new operation is covered as soon as the document has it.
"""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import exports
import list_stories
import log_stories
import stories
from backdoor import Held, execute
from ground import Ground, nowhere
from limits import cases
from product import Process, run, until
from promises import Document
from refusals import BREAKING, Keys
from rpc import internal
from story_own_data import of_own_data
from story_shares import of_shares
from test_internal_error import without
from walk import NONE, Walk

# One setup: the document is the same in all of them, and parts of it take an edge without its core.
ON = ("split",)
# Lanes on which a core writes for tenants, by the last byte of their ids.
LANES = 4
EVERY_OPERATION = list(Document(json.loads(run("openapi").stdout)).operations)


@pytest.fixture(scope="module")
def walk(server):
    return Walk(Document(httpx.get(f"{server.url}/api/v1/openapi.json").json()))


@pytest.fixture(scope="module")
def ground(walk, acme, receiver):
    return Ground(walk, acme, receiver)


@pytest.fixture(scope="module")
def operations(walk):
    return walk.document.operations.values()


@pytest.fixture(scope="module")
def keys(server, world, acme):
    return Keys(server, world, acme)


@pytest.mark.parametrize("id", EVERY_OPERATION)
def test_a_request_that_is_out_of_order_is_refused_as_it_is_told(walk, ground, keys, id):
    operation = walk.document.operations[id]
    request = ground.request(id)
    for code in [code for response in operation.responses.values() for code in response.codes]:
        client = keys.of(operation, code)
        if client:
            answer = walk.ask(client, request)
        elif code in BREAKING:
            answer = walk.ask(ground.api, BREAKING[code](operation, request))
        elif code.endswith("_not_found"):
            answer = walk.ask(ground.api, request.but(path={code.replace("_not_found", "_id"): nowhere()}))
        else:
            continue
        assert answer.json()["error"]["code"] == code, f"{code}: {answer.text}"
        for name, value in request.path.items():
            if code == f"{name.removesuffix('_id')}_not_found":
                walk.effect(id, name)


@pytest.mark.parametrize("id", EVERY_OPERATION)
def test_a_request_has_the_id_that_it_brings(walk, ground, id):
    request = ground.fresh(id)
    answer = walk.ask(ground.api, request.but(headers={"X-Request-Id": f"walk-{id}"}))
    assert answer.is_success and answer.headers["x-request-id"] == f"walk-{id}"
    for own in ("", "a" * 129, "a/b"):
        refused = walk.ask(ground.api, request.but(headers={"X-Request-Id": own}, query={"colour": 1})).headers["x-request-id"]
        assert refused and refused != own
    walk.effect(id, "X-Request-Id")


@pytest.mark.parametrize("id", EVERY_OPERATION)
def test_values_at_their_limits_are_taken_and_others_refused(walk, ground, id):
    operation = walk.document.operations[id]
    ids = ground.ids | {"id": ground.ids["delivery_id"], "inbox_ids": ground.ids["inbox_id"], "ids": ground.ids["ticket_id"]}
    tried = [("query", name, one["schema"]) for name, one in operation.of("query").items()]
    tried += [("body", name, schema) for name, schema in (operation.body or {}).get("properties", {}).items()]
    wrong = []
    for place, name, schema in tried:
        for value, path, code in cases(walk.document, name, schema, ids, place == "body"):
            request = ground.request(id) if code else ground.fresh(id)
            if place == "query":
                request = request.but(query={name: ",".join(value) if isinstance(value, list) else value})
            else:
                request = request.with_members(**{name: value})
                request.body.pop("tag_name" if name == "tag_id" else "", None)
            answer = walk.ask(ground.api, request)
            error = {"code": None, "details": []} if answer.is_success else answer.json()["error"]
            if code:
                found = {(one["field"], one["code"]): one["message"] for one in error["details"]}
                as_told = (name + path, code) in found or error["code"] == "outbound_reply_not_allowed"
                if as_told and code == "out_of_range":
                    as_told = found[name + path, code] == f"must be from {schema['minimum']} to {schema['maximum']}"
            else:
                # A text that is long enough for a cursor is none yet.
                as_told = error["code"] in (None, "invalid_cursor")
            if not as_told:
                wrong.append(f"{name} = {str(value)[:60]!r}: {name + path} {code}, not {answer.status_code} {answer.text[:300]}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def program(server, world, acme):
    """The operator's program, which acts for the tenant."""
    internal(server)
    client = world.client(server.program)
    client.headers["x-inboxops-tenant"] = acme.id
    return client


@pytest.fixture(scope="module")
def hook(ground):
    """An endpoint for everything that happens."""
    return ground.endpoint(events=["*"])


@pytest.fixture(scope="module")
def told(server, world, walk, ground, program, hook, receiver):
    """All stories; what they answered is crossed off."""
    stories.of_tenants(server, world, walk, ground, program)
    of_shares(server, world, walk, ground)
    stories.of_people(server, walk, ground)
    ground.customers = stories.of_tickets(server, walk, ground, program)
    endpoints = stories.of_endpoints(server, world, walk, ground, program)
    ground.mixed = stories.of_deliveries(server, walk, ground, endpoints)
    log_stories.of_the_log(server, world, walk, ground, endpoints)
    log_stories.of_the_audit_log(server, walk, ground)
    stories.of_refusals(server, world, walk, ground, program)
    exports.of_exports(server, world, walk, ground)
    of_own_data(walk, ground)
    ground.events = stories.of_events(walk, ground, receiver, hook)


def test_everything_happens(walk, ground, told):
    assert {event["event"] for event in ground.events} == set(walk.document.events)


def test_pages_are_as_long_as_is_asked(walk, ground, operations, told):
    for operation in operations:
        if {"page", "per_page"} <= operation.parameters.keys():
            request = ground.request(operation.id, ticket_id=ground.customers)
            ask = lambda **query: walk.ask(ground.api, request.but(query=query)).json()  # noqa: E731
            whole, plain = ask(per_page=100)["data"], ask()["meta"]
            assert len(whole) >= 2 and (plain["page"], plain["per_page"]) == (1, 25), operation.id
            for page in (1, 2):
                answer = ask(page=page, per_page=1)
                assert answer["data"] == whole[page - 1 : page] and answer["meta"]["page"] == page, operation.id
            walk.effect(operation.id, "page", "per_page")


def test_lists_are_read_by_cursor_and_messages_are_included(walk, server, ground, told):
    list_stories.of_cursors(walk, ground)
    list_stories.of_included_messages(server, walk, ground)
    list_stories.of_all_messages(walk, ground)
    list_stories.of_ticket_filters(walk, ground)


def test_filters_keep_what_they_name(walk, ground, told):
    def asked(id, query):
        return walk.ask(ground.api, ground.request(id, endpoint_id=ground.mixed["id"]).but(query=query)).json()

    ask = lambda *what: asked(*what)["data"]  # noqa: E731
    all_filters = {"listTickets": stories.ticket_filters(ground), "listDeliveries": stories.delivery_filters(ground)}
    for id, filters in all_filters.items():
        whole, meta = asked(id, {"per_page": 100}).values()
        assert not meta["has_more"]
        for name, (value, keeps) in filters(whole).items():
            expected = [one for one in whole if keeps(one)]
            assert 0 < len(expected) < len(whole), f"{name}: {len(expected)} of {len(whole)}"
            until(f"{id} is filtered by {name}", lambda: ask(id, {"per_page": 100, name: value}) == expected, 5)
            walk.effect(id, name)
    for sort in ("created_at", "updated_at", "ticket_number"):
        up, down = ([one[sort] for one in ask("listTickets", {"per_page": 100, "sort": way + sort})] for way in ("", "-"))
        assert up == sorted(up) and down == up[::-1] and len(set(up)) > 1
    walk.effect("listTickets", "sort")
    first = asked("listDeliveries", {"per_page": 1})
    second = asked("listDeliveries", {"per_page": 1, "cursor": first["meta"]["next_cursor"]})
    assert first["data"] + second["data"] == ask("listDeliveries", {})[:2]
    walk.effect("listDeliveries", "per_page", "cursor")


def test_events_go_on_where_they_were_left(walk, ground, told):
    events = ground.events
    request = ground.request("listEvents")
    ask = lambda query: walk.ask(ground.api, request.but(query=query)).json()  # noqa: E731
    first = ask({"limit": 1})
    assert first["data"] == events[:1]
    assert ask({"limit": 1, "after": first["meta"]["next_cursor"]})["data"] == events[1:2]
    assert ask({"limit": 100, "types": "ticket.assigned"})["data"] == [one for one in events if one["event"] == "ticket.assigned"]
    walk.effect("listEvents", "limit", "after", "types")
    assert ask({"after": "latest"})["data"] == []
    cursor = first["meta"]["next_cursor"]
    old = walk.ask(ground.api, request.but(query={"after": cursor.rsplit("-", 1)[0] + "-1"}))
    assert old.status_code == 410
    for last, status in ((cursor, 200), ("a" * 200, 400), ("a" * 201, 400), ("", 400)):
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
        url = "/events?after=" + ask({"limit": 2})["meta"]["next_cursor"]
        with ground.api.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == status
            if status == 200:
                walk.see(request.operation, answer)
                lines = answer.iter_lines()
                data = next(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
                assert json.loads(data) == events[1], "the header goes before the parameter"
            else:
                answer.read()
                walk.see(request.operation, answer)
    walk.effect("listEvents", "Last-Event-ID")


def test_writes_are_repeated_and_keys_used_once(walk, ground, operations):
    for operation in [one for one in operations if one.writes]:
        requests = [ground.fresh(operation.id)]
        if operation.id == "addTicketTag":
            requests.append(ground.request(operation.id))
        if operation.id in ("recoverDeliveries", "resendEndpointDeliveries"):
            requests.append(ground.request(operation.id).with_members(dry_run=True))
        for n, request in enumerate(requests):
            request = request.but(headers={"Idempotency-Key": f"{operation.id} {n}"})
            first, again = (walk.ask(ground.api, request) for _ in range(2))
            assert first.is_success and (first.status_code, first.content) == (again.status_code, again.content), first.text
            assert "idempotency-replayed" not in first.headers and again.headers["idempotency-replayed"] == "true"
        used = ground.fresh("createTicket").but(headers={"Idempotency-Key": f"{operation.id} used"})
        assert walk.ask(ground.api, used).status_code == 201
        other = ground.request(operation.id).but(headers=used.headers)
        other = other.with_members(subject="Another") if operation.id == "createTicket" else other
        assert walk.ask(ground.api, other).json()["error"]["code"] == "idempotency_key_reused"
        walk.effect(operation.id, "Idempotency-Key")


@pytest.mark.parametrize("key,status", [("~", 201), ("a" * 255, 201), ("a" * 256, 400), ("", 400), ("\u00e4", 400)])
def test_a_key_has_a_form(walk, ground, key, status):
    assert walk.ask(ground.api, ground.fresh("createTicket").but(headers={"Idempotency-Key": key})).status_code == status


def test_a_body_is_of_each_type_that_is_told(walk, ground, operations):
    for operation in operations:
        for media in operation.takes:
            answer = walk.ask(ground.api, ground.fresh(operation.id).but(media=media))
            assert answer.is_success, answer.text


def test_a_body_is_left_out_where_it_may_be_and_nowhere_else(walk, ground, operations):
    for operation in operations:
        if operation.body:
            answer = walk.ask(ground.api, ground.fresh(operation.id).but(body=NONE))
            if operation.told["requestBody"]["required"]:
                assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_json"), operation.id
            else:
                assert answer.is_success, f"{operation.id}: {answer.text}"


def test_a_ticket_goes_by_its_number_too(walk, ground, operations):
    number = ground.got("getTicket")["ticket_number"]
    for operation in operations:
        if "ticket_id" in operation.parameters:
            answer = walk.ask(ground.api, ground.fresh(operation.id).but(path={"ticket_id": number}))
            assert answer.is_success, answer.text


def test_what_is_left_out_has_its_default(walk, ground, operations):
    for operation in operations:
        for name, schema in (operation.body or {}).get("properties", {}).items():
            request = ground.fresh(operation.id)
            if "default" in schema and name not in request.body:
                answer = walk.ask(ground.api, request)
                assert answer.is_success, f"{operation.id}: {answer.text}"
                shown = answer.json()["data"]
                assert shown.get(name, schema["default"]) == schema["default"], f"{operation.id}: {name}"


def test_states_are_named_by_tags(walk, ground):
    read = walk.ask(ground.api, ground.request("getTicket"))
    same = walk.ask(ground.api, ground.request("getTicket").but(headers={"If-None-Match": read.headers["etag"]}))
    other = walk.ask(ground.api, ground.request("getTicket").but(headers={"If-None-Match": '"0"'}))
    assert (same.status_code, same.headers["etag"], other.status_code) == (304, read.headers["etag"], 200)
    change = ground.request("updateTicket").with_members(subject="Tagged")
    late = walk.ask(ground.api, change.but(headers={"If-Match": '"0"'}))
    assert (late.status_code, late.headers["etag"]) == (412, read.headers["etag"])
    assert walk.ask(ground.api, change.but(headers={"If-Match": read.headers["etag"]})).status_code == 200
    for operation, name in (("getTicket", "If-None-Match"), ("updateTicket", "If-Match")):
        walk.effect(operation, name)


def together(calls):
    """Calls all at once and waits for all of them."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [done.result() for done in [pool.submit(call) for call in calls]]


def test_a_write_that_meets_another_one_is_told_to_wait(walk, server, world, receiver, operations, told):
    """Tenants on all lanes of the core write while somebody holds the tables: one of two equal writes is in progress, the
    other gives up at last."""
    tenants = (world.tenant(f"Lane {n}") for n in range(100))
    lanes = {}
    while len(lanes) < LANES:
        tenant = next(tenants)
        lanes.setdefault(int(tenant.id[-2:], 16) % LANES, tenant)
    grounds = [Ground(walk, tenant, receiver) for tenant in lanes.values()]
    requests = [[] for _ in grounds]
    for n, operation in enumerate(one for one in operations if one.writes):
        request = grounds[n % LANES].fresh(operation.id)
        requests[n % LANES].append(request.but(headers={"Idempotency-Key": f"held {n}"}))

    def write(ground, requests):
        for request in requests:
            answers = together([lambda: walk.ask(ground.api, request)] * 2)
            codes = {answer.json()["error"]["code"] for answer in answers}
            assert codes == {"conflict", "idempotency_in_progress"}, f"{request.operation.id}: {codes}"

    tables = "events, tickets, messages, tags, endpoints, deliveries, recoveries"
    with Held(server, f"lock table {tables} in exclusive mode"):
        together([lambda pair=pair: write(*pair) for pair in zip(grounds, requests)])


def test_an_error_of_ours_is_500_everywhere(walk, server, world, ground, operations):
    key = world.client(ground.tenant.new_key()["key"])
    with without(server, "api_keys"):
        for operation in operations:
            assert walk.ask(key, ground.request(operation.id)).status_code == 500
    with without(server, "tags"):
        walk.ask(ground.api, ground.request("listTags"))


def test_a_database_that_is_slow_is_waited_for_and_no_longer(walk, server, ground):
    """More readers than the core has connections: those that have one are late, the others get none."""
    execute(server, "alter table agents rename to agents_away")
    execute(server, "create view agents as select a.* from agents_away a, (select pg_sleep(11)) s")
    try:
        answers = together([lambda: walk.ask(ground.api, ground.request("listAgents"))] * 12)
        assert {answer.status_code for answer in answers} == {503, 504}
    finally:
        execute(server, "drop view agents")
        execute(server, "alter table agents_away rename to agents")


def test_a_core_that_is_away_is_503_and_one_that_is_silent_504(walk, server, ground, operations):
    core = server.processes[0]
    os.kill(core.child.pid, signal.SIGSTOP)
    try:
        calls = [lambda one=one: walk.ask(ground.api, ground.request(one.id)) for one in operations]
        assert {answer.status_code for answer in together(calls)} == {504}
    finally:
        os.kill(core.child.pid, signal.SIGCONT)
    core.stop(signal.SIGKILL)
    answers = [walk.ask(ground.api, ground.request(operation.id)) for operation in operations]
    server.processes[0] = Process(["serve", "--role", "core", *server.words], server.core_settings)
    assert {(answer.status_code, answer.headers.get("retry-after")) for answer in answers} == {(503, "1")}
    until("the edge is ready", lambda: httpx.get(f"{server.url}/readyz").status_code == 200, 15)


def test_nothing_that_is_told_is_left(walk):
    left = walk.left()
    assert not left, f"{len(left)} promises:\n" + "\n".join(left)
