"""The first start: one command, the printed lines, the verified webhook."""

import json
import re
import subprocess

import httpx
import pytest

from product import Server, until
from world import refused

ON = ("sqlite", "postgres")
LINE = re.compile(r"webhook verified: (\S+) \(event ([0-9a-f-]{36}), attempt (\d+)\)")


@pytest.fixture(scope="module")
def demo(place):
    """A server as a newcomer starts it: no settings but where it listens and keeps its data."""
    demo = Server(place, words=())
    for name in [name for name in demo.settings if "RATE_LIMIT" in name or "ALLOW_PRIVATE" in name]:
        del demo.settings[name]
    try:
        yield demo.start()
    finally:
        demo.stop()


def commands(demo):
    """The printed curl commands, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", demo.output)
    return [line.strip().removeprefix("$ ") for line in text.splitlines() if re.match(r"\s*(\$ )?curl ", line)]


def shell(command):
    done = subprocess.run(["sh", "-c", command], text=True, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def key(demo):
    return until("a key is printed", lambda: re.search(r"ixk_\w{42}", demo.output))[0]


@pytest.fixture(scope="module")
def api(demo, key):
    with httpx.Client(base_url=f"{demo.url}/api/v1", headers={"Authorization": f"Bearer {key}"}) as api:
        yield api


def test_the_guides_are_where_the_console_says(demo, key):
    place = until("the address of the guides is printed", lambda: re.search(r"The guides are at (\S+)", demo.output))[1]
    answer = httpx.get(place, headers={"Accept": "text/html"})
    assert (answer.status_code, "<h1" in answer.text) == (200, True)


def test_the_printed_lines_work_and_the_webhook_is_verified(demo, key, api):
    assert demo.url in demo.output
    printed = until("two curl lines are printed", lambda: (found := commands(demo)) and len(found) >= 2 and found)
    assert len(printed) == 2
    before = api.get("/tickets").json()["meta"]["total"]
    answers = [shell(command) for command in printed]
    made = [answer["data"] for answer in answers if isinstance(answer["data"], dict)]
    assert len(made) == 1 and made[0]["ticket_number"] == before + 1
    until("the console shows the verified webhook", lambda: [line for line in LINE.findall(demo.output) if line[0] == "ticket.created"], 15)
    assert "\x1b" not in demo.output


def test_the_demo_is_made_once(demo, api):
    before = api.get("/tickets").json()["meta"]["total"]
    tenants = len(demo.cli("tenant", "list"))
    for process in demo.processes:
        assert process.stop() == 0
    demo.start()
    assert api.get("/tickets").json()["meta"]["total"] == before
    assert len(demo.cli("tenant", "list")) == tenants == 1


def test_the_demo_endpoint_is_listed_without_its_secret(api):
    [endpoint] = api.get("/webhooks").json()["data"]
    assert endpoint["secret"] is None and endpoint["status"] == "active"


def test_private_targets_are_allowed_in_development_mode_and_said_so(demo, api):
    answer = api.post("/webhooks", json={"url": "http://127.0.0.1:9999/", "events": ["inbox.error"]})
    assert answer.status_code == 201, answer.text
    api.delete(f"/webhooks/{answer.json()['data']['id']}")
    assert "development mode: webhooks may go to this machine itself" in demo.output


def test_without_the_demo_there_is_none(place):
    server = Server(place)
    del server.settings["INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS"]
    server.start()
    try:
        assert server.cli("tenant", "list") == []
        assert not re.search(r"ixk_\w{42}", server.output)
        tenant = server.cli("tenant", "create", "--name", "x", "--plan", "business")["id"]
        key = server.cli("key", "create", "--tenant", tenant, "--name", "x")["key"]
        answer = httpx.post(
            f"{server.url}/api/v1/webhooks", json={"url": "https://127.0.0.1/", "events": ["*"]}, headers={"Authorization": f"Bearer {key}"}
        )
        refused(answer, 422, "validation_failed")
        assert key not in server.output
    finally:
        server.stop()


def test_sigterm_ends_a_demo_that_has_open_connections(demo, api):
    api.get("/me")
    assert demo.processes[0].stop() == 0
    demo.start()
