"""Failing credentials are limited by address."""

from world import refused

SETTINGS = {"INBOXOPS_RATE_LIMIT__FAILED_AUTH_PER_MINUTE": "10"}


def test_only_failing_credentials_are_refused(world, acme):
    wrong = world.client("ixk_" + "a" * 42)
    codes = [wrong.get("/me").status_code for _ in range(20)]
    assert codes[:10] == [401] * 10
    assert codes[-5:] == [429] * 5
    late = wrong.get("/me")
    error = refused(late, 429, "rate_limited")
    assert int(late.headers["retry-after"]) >= 1
    assert [(d["field"], d["code"], d["message"]) for d in error["details"]] == [("limit_scope", "limit_exceeded", "counts by ip")]
    assert acme.api.get("/me").status_code == 200
    refused(world.client().get("/me"), 429, "rate_limited")
