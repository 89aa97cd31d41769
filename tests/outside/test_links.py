"""Links to pages where the operator has said at which URL clients reach the server."""

SETTINGS = {"INBOXOPS_PUBLIC_URL": "https://help.example.com"}


def test_links_are_absolute(acme):
    acme.ticket()
    acme.ticket()
    answer = acme.api.get("/tickets?per_page=1")
    root = "https://help.example.com/api/v1/tickets?per_page=1"
    assert answer.headers["link"] == f'<{root}&page=2>; rel="next", <{root}&page=1>; rel="first"'
    assert acme.api.get("/tags").headers["link"] == '<https://help.example.com/api/v1/tags?page=1>; rel="first"'
    assert "link" not in acme.api.get("/tickets/1").headers
