"""Input that is unknown, repeated, of the wrong type or too long, and the order in which errors are answered."""

import json

import pytest

from world import random_id, refused, violations

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "path",
    ["/tickets", "/tickets/1", "/tickets/1/messages", "/tickets/1/tags", "/inboxes", "/tags", "/agents", "/me", "/webhooks", "/webhook-event-types"],
)
def test_an_unknown_parameter_is_400(acme, api, path):
    acme.ticket()
    answer = api.get(path, params={"nonsense": "1"})
    error = refused(answer, 400, "unknown_parameter")
    assert [(d["location"], d["field"], d["code"]) for d in error["details"]] == [("query", "nonsense", "unknown_field")]


def test_an_unknown_parameter_of_a_write_is_400(acme, api):
    body = {"subject": "x", "inbox_id": acme.inbox["id"]}
    refused(api.post("/tickets", params={"nonsense": 1}, json=body), 400, "unknown_parameter")


def test_an_unknown_field_is_422(acme, api):
    body = {"subject": "x", "inbox_id": acme.inbox["id"], "statuss": "open"}
    assert violations(api.post("/tickets", json=body)) == [("statuss", "unknown_field")]
    ticket = acme.ticket()
    assert violations(api.patch(f"/tickets/{ticket['id']}", json={"id": random_id()})) == [("id", "unknown_field")]
    assert violations(api.patch(f"/tickets/{ticket['id']}", json={"version": 3})) == [("version", "unknown_field")]


def test_names_are_read_in_snake_case_only(acme, api):
    answer = api.post("/tickets", json={"subject": "x", "inboxId": acme.inbox["id"]})
    assert ("inboxId", "unknown_field") in violations(answer)


@pytest.mark.parametrize(
    "text",
    [
        '{"subject":"a","subject":"b","inbox_id":"%s"}',
        '{"subject":"a","inbox_id":"%s","priority":"low","priority":"low"}',
        '{"subject":"a","inbox_id":"%s","nonsense":1,"nonsense":2}',
    ],
)
def test_a_duplicate_key_is_malformed(acme, api, text):
    refused(api.post("/tickets", content=(text % acme.inbox["id"]).encode(), headers=JSON), 400, "malformed_json")


@pytest.mark.parametrize("query", ["page=1&page=1", "per_page=5&page=1&per_page=6", "sort=created_at&sort=-created_at", "q=a&q=b"])
def test_a_repeated_scalar_parameter_is_400(api, query):
    refused(api.get(f"/tickets?{query}"), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "text",
    ["", "{", "nonsense", '{"subject":}', '{"subject":"a"} {}', "{'subject':'a'}", '{"subject":"\ud800"}', '{"a":1,}', "\ufeff{}"],
    ids=range(9),
)
def test_broken_json_is_400(api, text):
    body = text.encode("utf-8", "surrogatepass")
    refused(api.post("/tickets", content=body, headers=JSON), 400, "malformed_json")


def test_a_body_that_is_no_utf_8_is_400(api):
    refused(api.post("/tickets", content=b'{"subject":"\xff\xfe"}', headers=JSON), 400, "malformed_json")


def test_a_lone_surrogate_escape_is_400(api):
    refused(api.post("/tickets", content=rb'{"subject":"\ud800"}', headers=JSON), 400, "malformed_json")


@pytest.mark.parametrize("text", ["[]", "null", "1", '"x"', "true"])
def test_a_body_that_is_no_object_is_400(api, text):
    refused(api.post("/tickets", content=text.encode(), headers=JSON), 400, "invalid_request")


TYPES = [
    ({"subject": 1}, "subject"),
    ({"subject": ["x"]}, "subject"),
    ({"subject": {"x": 1}}, "subject"),
    ({"subject": None}, "subject"),
    ({"inbox_id": 7}, "inbox_id"),
    ({"inbox_id": None}, "inbox_id"),
    ({"priority": 1}, "priority"),
    ({"priority": None}, "priority"),
    ({"priority": True}, "priority"),
]


@pytest.mark.parametrize("members,field", TYPES, ids=str)
def test_another_json_type_is_400(acme, api, members, field):
    body = {"subject": "x", "inbox_id": acme.inbox["id"]} | members
    assert violations(api.post("/tickets", json=body), 400, "invalid_request") == [(field, "invalid_type")]


def test_a_wrong_type_in_a_list_is_named_by_its_place(api):
    answer = api.post("/webhooks", json={"url": "http://127.0.0.1:1/", "events": ["*", 7]})
    assert violations(answer, 400, "invalid_request") == [("events[1]", "invalid_type")]


def test_all_wrong_types_come_in_one_answer(api):
    answer = api.post("/tickets", json={"subject": 1, "inbox_id": 2, "priority": 3})
    assert sorted(violations(answer, 400, "invalid_request")) == [(name, "invalid_type") for name in ("inbox_id", "priority", "subject")]


def test_all_broken_rules_come_in_one_answer(api):
    answer = api.post("/tickets", json={"subject": " ", "priority": "soon", "inbox_id": "x", "more": 1})
    expected = [("inbox_id", "invalid_format"), ("more", "unknown_field"), ("priority", "invalid_enum"), ("subject", "blank")]
    assert sorted(violations(answer)) == expected
    error = answer.json()["error"]
    assert "4 fields" in error["message"]
    allowed = next(detail for detail in error["details"] if detail["field"] == "priority")
    assert allowed["allowed"] == ["low", "normal", "high", "urgent"]
    assert allowed["message"] == "must be one of low, normal, high, urgent"
    assert {detail["location"] for detail in error["details"]} == {"body"}


@pytest.mark.parametrize("value", ["TICKET_PRIORITY_LOW", "Low", "LOW", "unspecified", "", "1"])
def test_enums_are_short_and_lower_case(acme, api, value):
    body = {"subject": "x", "inbox_id": acme.inbox["id"], "priority": value}
    assert violations(api.post("/tickets", json=body)) == [("priority", "invalid_enum")]


def test_required_members_are_named(api):
    assert sorted(violations(api.post("/tickets", json={}))) == [("inbox_id", "required"), ("subject", "required")]


STRINGS = {
    "blank": (" \t\n ", "blank"),
    "empty": ("", "blank"),
    "no-break spaces": ("\u00a0\u2003", "blank"),
    "256 letters": ("a" * 256, "too_long"),
    "256 astral characters": ("😀" * 256, "too_long"),
    "NUL": ("a\0b", "invalid_format"),
    "NUL at the end": ("a\0", "invalid_format"),
}


@pytest.mark.parametrize("how", STRINGS)
def test_a_subject_that_breaks_a_rule_is_422(acme, api, how):
    text, code = STRINGS[how]
    answer = api.post("/tickets", json={"subject": text, "inbox_id": acme.inbox["id"]})
    assert violations(answer) == [("subject", code)]
    ticket = acme.ticket()
    assert violations(api.patch(f"/tickets/{ticket['id']}", json={"subject": text})) == [("subject", code)]


KEPT = {
    "255 letters": ("a" * 255, "a" * 255),
    "255 astral characters": ("😀" * 255, "😀" * 255),
    "255 letters between spaces": ("  " + "a" * 255 + "  ", "a" * 255),
    "combining marks": ("e\u0301", "e\u0301"),
    "markup is plain text": ("<b>&amp;\"'", "<b>&amp;\"'"),
    "right to left": ("\u202eabc", "\u202eabc"),
    "a line break within": ("a\nb", "a\nb"),
}


@pytest.mark.parametrize("how", KEPT)
def test_a_subject_is_trimmed_and_otherwise_kept(acme, api, how):
    text, kept = KEPT[how]
    made = acme.ticket(subject=text)
    assert made["subject"] == kept
    assert api.get(f"/tickets/{made['id']}").json()["data"]["subject"] == kept


def test_a_nul_in_a_parameter_is_400(api):
    refused(api.get("/tickets?q=a%00b"), 400, "invalid_parameter")


@pytest.mark.parametrize("query", ["q=%ff", "q=%", "q=%zz"])
def test_a_parameter_that_is_no_utf_8_is_400(api, query):
    refused(api.get(f"/tickets?{query}"), 400, "invalid_parameter")


NAMELESS = ["abc", "0", "0001", "-1", "+1", "1.0", "4294967296", "99999999999999999999", "%00", "%ff", "1%20", "019ab5f0-c3a4-7c1e-8d2b", "{019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51}", "019ab5f0c3a47c1e8d2b6f4a9e0c7d51"]


@pytest.mark.parametrize("name", NAMELESS)
def test_a_path_value_that_names_nothing_is_404(acme, api, name):
    acme.ticket()
    error = refused(api.get(f"/tickets/{name}"), 404, "ticket_not_found")
    assert error["details"] == [] and name not in error["message"]


@pytest.mark.parametrize("path,code", [("/inboxes/1", "inbox_not_found"), ("/webhooks/1", "endpoint_not_found"), ("/deliveries/x", "delivery_not_found")])
def test_only_tickets_have_numbers(acme, api, path, code):
    refused(api.get(path), 404, code)


def order(acme, world):
    """Requests that are wrong in two ways, and the step that answers."""
    api, none = acme.api, world.client()
    poor = world.tenant(plan="free").api
    ticket, inbox = acme.ticket()["id"], acme.inbox["id"]
    huge = b"x" * (2 * 1024 * 1024 + 1)
    nowhere = f"/tickets/{random_id()}"
    good = {"subject": "x", "inbox_id": inbox}
    plain = {"Content-Type": "text/plain"}
    yield "404 before 401", none.get("/nothing"), 404, "route_not_found"
    yield "404 before 413", none.post("/nothing", content=huge), 404, "route_not_found"
    yield "405 before 401", none.put("/tickets"), 405, "method_not_allowed"
    yield "405 before 413", none.put("/tickets", content=huge), 405, "method_not_allowed"
    yield "413 before 401", none.post("/tickets", content=huge, headers=JSON), 413, "payload_too_large"
    yield "413 before 403", poor.post("/tickets", content=huge, headers=JSON), 413, "payload_too_large"
    yield "413 before 415", api.post("/tickets", content=huge, headers=plain), 413, "payload_too_large"
    yield "401 before 415", none.post("/tickets", content=b"x", headers=plain), 401, "missing_api_key"
    yield "401 before 400", none.post("/tickets", content=b"{", headers=JSON), 401, "missing_api_key"
    yield "401 before 400 of the query", none.get("/tickets?page=0&x=1"), 401, "missing_api_key"
    yield "401 before 422", none.post("/tickets", json={}), 401, "missing_api_key"
    yield "401 before 404", none.get(nowhere), 401, "missing_api_key"
    yield "403 before 415", poor.post("/tickets", content=b"x", headers=plain), 403, "entitlement_required"
    yield "403 before 400", poor.post("/tickets", content=b"{", headers=JSON), 403, "entitlement_required"
    yield "403 before 400 of the query", poor.get("/tickets?page=0"), 403, "entitlement_required"
    yield "403 before 422", poor.post("/tickets", json={}), 403, "entitlement_required"
    yield "403 before 404", poor.get(nowhere), 403, "entitlement_required"
    yield "415 before 400", api.post("/tickets", content=b"{", headers=plain), 415, "unsupported_media_type"
    yield "415 before 400 of the query", api.post("/tickets?x=1", content=b"{}", headers=plain), 415, "unsupported_media_type"
    yield "415 before 404", api.patch(nowhere, content=b"{}", headers=plain), 415, "unsupported_media_type"
    yield "400 before 422", api.post("/tickets", json={"subject": 1, "inbox_id": "x", "more": 1}), 400, "invalid_request"
    yield "400 of the query before 422", api.post("/tickets?x=1", json={}), 400, "unknown_parameter"
    yield "400 before 404", api.patch(nowhere, content=b"{", headers=JSON), 400, "malformed_json"
    yield "400 of the query before 404", api.get(f"{nowhere}/messages?page=0"), 400, "invalid_parameter"
    yield "422 before 404", api.patch(nowhere, json={"subject": ""}), 422, "validation_failed"
    yield "422 of a note before 404", api.post(f"{nowhere}/messages", json={"type": "outbound"}), 422, "outbound_reply_not_allowed"
    yield "404 before 422 of references", api.patch(nowhere, json={"assignee_id": random_id()}), 404, "ticket_not_found"
    yield "404 before 422 of a tag", api.post(f"{nowhere}/tags", json={"tag_id": random_id()}), 404, "ticket_not_found"
    yield "rules before references", api.post("/tickets", json=good | {"subject": "", "inbox_id": random_id()}), 422, ["subject"]
    yield "references together", api.post("/tickets", json=good | {"inbox_id": random_id(), "assignee_id": random_id()}), 422, ["assignee_id", "inbox_id"]
    yield "references of a change together", api.patch(f"/tickets/{ticket}", json={"inbox_id": random_id(), "assignee_id": random_id()}), 422, ["assignee_id", "inbox_id"]


def test_checks_come_in_the_documented_order(acme, world):
    wrong = []
    for name, answer, status, code in order(acme, world):
        error = answer.json()["error"]
        if isinstance(code, list):
            said = (answer.status_code, sorted(detail["field"] for detail in error["details"]))
        else:
            said = (answer.status_code, error["code"])
        if said != (status, code):
            wrong.append(f"{name}: {said} instead of {(status, code)}")
    assert not wrong, "\n".join(wrong)


def test_an_undecodable_request_still_tells_the_limit(api):
    for answer in (api.post("/tickets", content=b"{", headers=JSON), api.get("/tickets?x=1"), api.post("/tickets", content=b"x")):
        assert "ratelimit" in answer.headers, answer.text


def test_no_message_has_library_text(acme, api):
    bodies = [b"{", b'{"subject":}', b'{"subject":1}', b"[", json.dumps({"subject": {}}).encode()]
    for body in bodies:
        text = api.post("/tickets", content=body, headers=JSON).text
        for word in ("line 1", "column", "serde", "expected", "EOF", "sqlx", "panicked"):
            assert word not in text, text
