"""Messages and notes, tags of tickets, and the small lists."""

import re

import pytest

from world import random_id, refused, violations

MESSAGE = ["id", "ticket_id", "type", "author", "body_text", "body_html", "created_at", "truncated", "sent_at"]


def note(api, ticket, **body):
    return api.post(f"/tickets/{ticket['id']}/messages", json=body)


def test_a_note_has_every_field_and_the_keys_name(acme, api):
    ticket = acme.ticket()
    answer = note(api, ticket, body_text="Asked the warehouse.")
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert sorted(data) == sorted(MESSAGE)
    assert (data["ticket_id"], data["type"], data["truncated"]) == (ticket["id"], "internal_note", False)
    assert data["author"] == {"type": "api_key", "id": acme.key["id"], "name": "Sync job", "email": None}
    assert data["body_text"] == "Asked the warehouse."
    assert "Asked the warehouse." in data["body_html"]


def test_a_note_is_in_neither_the_list_nor_its_total_but_moves_the_ticket(acme, api):
    ticket = acme.ticket()
    made = note(api, ticket, type="internal_note", body_text="secret").json()["data"]
    for path in (f"/tickets/{ticket['id']}/messages", f"/tickets/{ticket['ticket_number']}/messages"):
        answer = api.get(path)
        assert answer.json()["data"] == [] and answer.json()["meta"]["total"] == 0
        assert "secret" not in answer.text and made["id"] not in answer.text
    after = api.get(f"/tickets/{ticket['id']}").json()["data"]
    assert after["updated_at"] > ticket["updated_at"]
    assert after == ticket | {"version": 2, "updated_at": after["updated_at"]}


@pytest.mark.parametrize("kind", ["outbound", "inbound", "reply", "", "INTERNAL_NOTE", "message_type_internal_note"])
def test_any_other_type_is_refused_alone(acme, api, kind):
    ticket = acme.ticket()
    for body in ({"body_text": "x"}, {}, {"body_text": "", "more": 1}, {"body_html": "x" * 100_001}):
        refused(note(api, ticket, type=kind, **body), 422, "outbound_reply_not_allowed")
    assert api.get(f"/tickets/{ticket['id']}").json()["data"] == ticket


HTML = {
    "kept": ("<p>Hello <b>there</b></p>", "<p>Hello <b>there</b></p>"),
    "script": ("<p>a</p><script>alert(1)</script>", "<p>a</p>"),
    "event handler": ('<p onclick="x()">a</p>', "<p>a</p>"),
    "style element": ("<style>p{}</style><p>a</p>", "<p>a</p>"),
    "frame": ('<iframe src="https://example.com"></iframe><p>a</p>', "<p>a</p>"),
    "comment": ("<p>a<!-- b --></p>", "<p>a</p>"),
}


@pytest.mark.parametrize("how", HTML)
def test_html_is_sanitised(acme, api, how):
    given, kept = HTML[how]
    data = note(api, acme.ticket(), body_html=given).json()["data"]
    assert data["body_html"] == kept
    assert "alert" not in data["body_text"] and "<" not in data["body_text"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x"])
def test_a_link_that_runs_something_loses_its_target(acme, api, url):
    html = note(api, acme.ticket(), body_html=f'<a href="{url}">a</a>').json()["data"]["body_html"]
    assert "href" not in html


def test_a_link_keeps_a_good_target(acme, api):
    html = note(api, acme.ticket(), body_html='<a href="https://example.com/">a</a>').json()["data"]["body_html"]
    assert 'href="https://example.com/"' in html and "noopener" in html


def test_text_and_html_are_derived_from_each_other(acme, api):
    data = note(api, acme.ticket(), body_text="1 < 2 & 3\nnext").json()["data"]
    assert data["body_text"] == "1 < 2 & 3\nnext"
    assert "1 &lt; 2 &amp; 3" in data["body_html"] and "<br" in data["body_html"]
    data = note(api, acme.ticket(), body_html="<p>1 &lt; 2</p><p>3</p>").json()["data"]
    assert re.split(r"\s*\n\s*", data["body_text"].strip()) == ["1 < 2", "3"]


def test_both_are_kept_when_both_are_given(acme, api):
    data = note(api, acme.ticket(), body_text="text", body_html="<p>html</p>").json()["data"]
    assert (data["body_text"], data["body_html"]) == ("text", "<p>html</p>")


@pytest.mark.parametrize("body", [{"body_text": " \n "}, {"body_text": ""}, {"body_html": "<p> </p>"}, {"body_html": "<script>x</script>"}, {"body_text": " ", "body_html": "<br>"}])
def test_a_note_of_nothing_is_blank(acme, api, body):
    ticket = acme.ticket()
    assert {code for _, code in violations(note(api, ticket, **body))} == {"blank"}
    assert api.get(f"/tickets/{ticket['id']}").json()["data"] == ticket


def test_a_note_without_a_body_is_refused(acme, api):
    assert {code for _, code in violations(note(api, acme.ticket()))} <= {"one_of_required", "required", "blank"}


def test_a_body_may_have_100000_characters(acme, api):
    ticket = acme.ticket()
    data = note(api, ticket, body_text="😀" * 100_000).json()["data"]
    assert data["body_text"] == "😀" * 100_000
    assert violations(note(api, ticket, body_text="😀" * 100_001)) == [("body_text", "too_long")]
    assert violations(note(api, ticket, body_html="a" * 100_001)) == [("body_html", "too_long")]


def test_a_nul_in_a_note_is_refused(acme, api):
    assert violations(note(api, acme.ticket(), body_text="a\0b")) == [("body_text", "invalid_format")]


def add(api, ticket, **body):
    return api.post(f"/tickets/{ticket['id']}/tags", json=body)


def test_a_tag_is_put_on_once(acme, api):
    ticket = acme.ticket()
    first = add(api, ticket, tag_name="billing")
    assert first.status_code == 201, first.text
    tag = first.json()["data"]
    assert sorted(tag) == ["color", "created_at", "id", "name"]
    assert (tag["name"], tag["color"]) == ("billing", None)
    after = api.get(f"/tickets/{ticket['id']}").json()["data"]
    assert after["tags"] == [{"id": tag["id"], "name": "billing"}]
    assert after["version"] == 2 and after["updated_at"] > ticket["updated_at"]
    for again in (add(api, ticket, tag_name="billing"), add(api, ticket, tag_id=tag["id"]), add(api, ticket, tag_name=" BILLING ")):
        assert (again.status_code, again.json()["data"]) == (200, tag)
    assert api.get(f"/tickets/{ticket['id']}").json()["data"] == after


@pytest.mark.parametrize("one,same", [("Straße-ä", "straße-A\u0308"), ("caf\u00e9", "CAFE\u0301"), ("Rush", "  rUSH\t")])
def test_names_are_one_tag_when_case_and_composition_differ(acme, api, one, same):
    first = add(api, acme.ticket(), tag_name=one).json()["data"]
    second = add(api, acme.ticket(), tag_name=same)
    assert (second.status_code, second.json()["data"]) == (201, first)


def test_tags_of_a_ticket_are_sorted_by_name(acme, api):
    ticket = acme.ticket()
    for name in ("zebra", "apple", "mango"):
        add(api, ticket, tag_name=name)
    listed = api.get(f"/tickets/{ticket['id']}/tags").json()
    assert [tag["name"] for tag in listed["data"]] == ["apple", "mango", "zebra"]
    assert (listed["meta"]["total"], listed["meta"]["page"]) == (3, 1)
    shown = api.get(f"/tickets/{ticket['id']}").json()["data"]["tags"]
    assert [tag["name"] for tag in shown] == ["apple", "mango", "zebra"]
    second = api.get(f"/tickets/{ticket['id']}/tags", params={"page": 2, "per_page": 2}).json()
    assert [tag["name"] for tag in second["data"]] == ["zebra"] and second["meta"]["has_more"] is False


def test_a_tag_is_taken_off_and_stays_in_the_tenant(acme, api):
    ticket = acme.ticket()
    tag = add(api, ticket, tag_name="temporary").json()["data"]
    answer = api.delete(f"/tickets/{ticket['id']}/tags/{tag['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    after = api.get(f"/tickets/{ticket['id']}").json()["data"]
    assert (after["tags"], after["version"]) == ([], 3)
    refused(api.delete(f"/tickets/{ticket['id']}/tags/{tag['id']}"), 404, "tag_not_found")
    assert api.get(f"/tickets/{ticket['id']}").json()["data"]["version"] == 3
    names = [one["name"] for one in api.get("/tags", params={"per_page": 100}).json()["data"]]
    assert "temporary" in names
    assert add(api, ticket, tag_id=tag["id"]).status_code == 201


def test_exactly_one_of_id_and_name_is_given(acme, api):
    ticket = acme.ticket()
    tag = add(api, ticket, tag_name="one").json()["data"]
    assert {code for _, code in violations(add(api, ticket, tag_id=tag["id"], tag_name="one"))} == {"mutually_exclusive"}
    assert {code for _, code in violations(add(api, ticket))} == {"one_of_required"}


# Never made; it is a part of the test's name, so it is the same in each of pytest's workers.
UNKNOWN_TAG = "6f1c2a52-5c1e-4f0e-9b1d-0d3f1f6a7e12"
BAD_TAGS = [
    ({"tag_name": "a" * 51}, "tag_name", "too_long"),
    ({"tag_name": "😀" * 51}, "tag_name", "too_long"),
    ({"tag_name": "  "}, "tag_name", "blank"),
    ({"tag_name": "a\0"}, "tag_name", "invalid_format"),
    ({"tag_id": "billing"}, "tag_id", "invalid_format"),
    ({"tag_id": UNKNOWN_TAG}, "tag_id", "not_found"),
]


@pytest.mark.parametrize("body,field,code", BAD_TAGS, ids=lambda value: str(value)[:30])
def test_a_bad_tag_is_422(acme, api, body, field, code):
    assert violations(add(api, acme.ticket(), **body)) == [(field, code)]


def test_a_name_may_have_50_characters(acme, api):
    assert add(api, acme.ticket(), tag_name="😀" * 50).json()["data"]["name"] == "😀" * 50


def test_the_same_new_name_at_once_makes_one_tag(acme, api):
    from concurrent.futures import ThreadPoolExecutor

    tickets = [acme.ticket() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda ticket: add(api, ticket, tag_name="racing"), tickets))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1


INBOX = ["id", "name", "email_address", "channel", "status", "error", "created_at", "updated_at"]


def test_inboxes_are_listed_by_name_and_read(world, server):
    tenant = world.tenant("Inboxes")
    for name in ("Zulu", "Alpha"):
        server.cli("inbox", "create", "--tenant", tenant.id, "--name", name, "--address", f"{name.lower()}@example.com")
    listed = tenant.api.get("/inboxes").json()
    assert [inbox["name"] for inbox in listed["data"]] == ["Alpha", "Support", "Zulu"]
    assert listed["meta"] == {"page": 1, "per_page": 25, "total": 3, "total_pages": 1, "has_more": False, "next_cursor": None}
    for inbox in listed["data"]:
        assert sorted(inbox) == sorted(INBOX)
        assert tenant.api.get(f"/inboxes/{inbox['id']}").json() == {"data": inbox}
    first = listed["data"][0]
    assert (first["email_address"], first["channel"], first["status"], first["error"]) == ("alpha@example.com", "email", "active", None)
    refused(tenant.api.get(f"/inboxes/{random_id()}"), 404, "inbox_not_found")


def test_agents_are_listed_by_name(world, server):
    tenant = world.tenant("Agents")
    server.cli("agent", "create", "--tenant", tenant.id, "--email", "alan@example.com", "--name", "Alan", "--role", "admin")
    listed = tenant.api.get("/agents").json()
    assert [(agent["name"], agent["email"], agent["role"]) for agent in listed["data"]] == [
        ("Alan", "alan@example.com", "admin"), ("Grace Hopper", "grace@example.com", "agent"),
    ]
    assert sorted(listed["data"][0]) == ["email", "id", "name", "role"]
    assert listed["meta"]["total"] == 2


@pytest.mark.parametrize("path", ["/inboxes", "/agents", "/tags", "/webhooks"])
def test_every_list_pages_alike(acme, api, path):
    for query in ("page=0", "per_page=0", "per_page=101", "page=1000001"):
        refused(api.get(f"{path}?{query}"), 400, "invalid_parameter")
    past = api.get(path, params={"page": 900_000}).json()
    assert past["data"] == [] and past["meta"]["total"] == api.get(path).json()["meta"]["total"]


def test_tags_are_listed_by_name(world):
    tenant = world.tenant("Tags")
    ticket = tenant.ticket()
    for name in ("b", "c", "a"):
        add(tenant.api, ticket, tag_name=name)
    walked = [tenant.api.get("/tags", params={"page": page, "per_page": 1}).json()["data"][0]["name"] for page in (1, 2, 3)]
    assert walked == ["a", "b", "c"]
