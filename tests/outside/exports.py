"""The story of exports, for the test of the whole document."""

from refusals import foreign_cursor
from test_export import large, lines_of


def of_exports(server, world, walk, ground):
    """An export of everything, of some types, after a line, beside another one and after a foreign cursor."""
    request = ground.request("export")
    ask = lambda **query: lines_of(walk.ask(ground.api, request.but(query=query)).text)  # noqa: E731
    *lines, end = ask()
    assert {line["type"] for line in lines} == {"inbox", "agent", "tag", "ticket", "message"} and end["type"] == "end"
    some = [line["data"] for line in ask(types="tags,inboxes")[:-1]]
    assert some == [line["data"] for line in lines if line["type"] in ("inbox", "tag")]
    walk.effect("export", "types")
    rest = [line["data"] for line in ask(after=lines[2]["cursor"])[:-1]]
    assert rest == [line["data"] for line in lines[3:]]
    walk.effect("export", "after")
    busy = large(server, world, "Busy while told")
    with busy.api.stream("GET", "/export"):
        answer = walk.ask(busy.api, request)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "export_in_progress")
    foreign = walk.ask(ground.api, request.but(query={"after": foreign_cursor()}))
    assert foreign.json()["error"]["details"][0]["code"] == "other_history"
