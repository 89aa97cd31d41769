"""Stories of lists: every one is read on by cursor, tickets bring their messages, and messages come of all tickets."""

from refusals import foreign_cursor
from stories import moment
from test_conversations import mail


def asked(walk, ground, id, query=(), **ids):
    answer = walk.ask(ground.api, ground.request(id, **ids).but(query=query))
    assert answer.status_code == 200, answer.text
    return answer.json()


def of_cursors(walk, ground):
    """By cursor the second item follows the first, as by page; and a cursor of another history is said to be one."""
    for operation in walk.document.operations.values():
        if {"page", "cursor"} <= operation.parameters.keys():
            ask = lambda **query: asked(walk, ground, operation.id, query, ticket_id=ground.customers)  # noqa: E731
            whole = ask(per_page=100)["data"]
            first = ask(per_page=1)
            second = ask(per_page=1, cursor=first["meta"]["next_cursor"])
            assert (first["data"], second["data"]) == (whole[:1], whole[1:2]), operation.id
            assert (second["meta"]["page"], second["meta"]["total_pages"]) == (None, None)
            assert second["meta"]["total"] == first["meta"]["total"], operation.id
            walk.effect(operation.id, "cursor")
    other = walk.ask(ground.api, ground.request("listTickets").but(query={"cursor": foreign_cursor()}))
    assert [one["code"] for one in other.json()["error"]["details"]] == ["other_history"]


def of_included_messages(server, walk, ground):
    """A ticket with more messages than a list shows, and others."""
    first = mail(server, ground.tenant, subject="Many", body_text="Message 0")
    for n in range(1, 27):
        mail(server, ground.tenant, subject=f"Re: [#{first.ticket.ticket_number}]", body_text=f"Message {n}")
    listed = asked(walk, ground, "listTickets", {"include": "messages", "per_page": 100})["data"]
    [many] = [one for one in listed if one["id"] == first.ticket.id]
    assert [one["body_text"] for one in many["messages"]] == [f"Message {n}" for n in range(2, 27)]
    assert many["messages_truncated"] and {one["messages_truncated"] for one in listed} == {False, True}
    assert "messages" not in asked(walk, ground, "listTickets")["data"][0]
    walk.effect("listTickets", "include")


def of_all_messages(walk, ground):
    """Filters of messages, and their pages."""
    ask = lambda **query: asked(walk, ground, "listMessages", {"per_page": 100} | query)  # noqa: E731
    whole = ask()["data"]
    assert [moment(one["created_at"]) for one in whole] == sorted(moment(one["created_at"]) for one in whole)
    assert "internal_note" not in {one["type"] for one in whole}
    middle = whole[len(whole) // 2]["created_at"]
    filters = {
        "ticket_id": (ground.customers, lambda one: one["ticket_id"] == ground.customers),
        "created_since": (middle, lambda one: moment(one["created_at"]) >= moment(middle)),
        "created_until": (middle, lambda one: moment(one["created_at"]) < moment(middle)),
    }
    for name, (value, keeps) in filters.items():
        expected = [one for one in whole if keeps(one)]
        assert 0 < len(expected) < len(whole) and ask(**{name: value})["data"] == expected, name
        walk.effect("listMessages", name)
    first = ask(per_page=1)
    assert first["meta"]["has_more"] and first["data"] == whole[:1]
    assert ask(per_page=1, cursor=first["meta"]["next_cursor"])["data"] == whole[1:2]
    walk.effect("listMessages", "per_page", "cursor")


def of_ticket_filters(walk, ground):
    """The filters that name tickets, and the end of a time."""
    ask = lambda **query: asked(walk, ground, "listTickets", {"per_page": 100} | query)["data"]  # noqa: E731
    whole = ask()
    until = sorted((one["updated_at"] for one in whole), key=moment)[len(whole) // 2]
    picked = [whole[0]["id"], whole[-1]["id"]]
    assert ask(ids=",".join(picked)) == [one for one in whole if one["id"] in picked]
    assert ask(updated_until=until) == [one for one in whole if moment(one["updated_at"]) < moment(until)] != whole
    walk.effect("listTickets", "ids", "updated_until")
