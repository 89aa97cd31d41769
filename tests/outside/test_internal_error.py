"""A failure on our side: 500 in the usual form, and nothing about its cause."""

from contextlib import contextmanager

from backdoor import execute
from product import until
from world import refused


@contextmanager
def without(server, table):
    """While a table is away."""
    execute(server, f"alter table {table} rename to {table}_away")
    try:
        yield
    finally:
        execute(server, f"alter table {table}_away rename to {table}")


def test_an_error_of_the_server_tells_nothing_but_its_request_id(server, acme, api):
    with without(server, "tags"):
        answer = api.get("/tags", headers={"X-Request-Id": "broken-1"})
        error = refused(answer, 500, "internal_error")
        assert error["request_id"] == "broken-1" and error["details"] == []
        assert "tags" not in error["message"] and "table" not in answer.text and "relation" not in answer.text
        assert "ratelimit" in answer.headers and answer.headers["cache-control"] == "private, no-cache"
        assert api.get("/inboxes").status_code == 200
        until("the log has the request id and the cause", lambda: "broken-1" in server.output and "tags" in server.output, 5)
    assert api.get("/tags").status_code == 200
