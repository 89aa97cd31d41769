"""The present program on a database as the first commit that had migrations made it (`first/make.py`): everything is there,
and what later releases added works on it. The commands of docs/upgrade.md are run on the way."""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from product import Server, new_database, run, until

ON = ("sqlite", "postgres")
HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "upgrade.md"
# The key that is in the fixture, as `first/make.py` prints it.
KEY = "ixk_FirstCommitThatHadMigrationsAndNoMor2eHwjV"


def commands(program):
    """The commands of the page that begin so."""
    return [line.strip() for line in PAGE.read_text().splitlines() if line.strip().startswith(program)]


def filled(command, places):
    for name, place in places.items():
        assert name in command, command
        command = command.replace(name, str(place))
    return command.split()[1:]


@pytest.fixture
def home():
    path = Path(tempfile.mkdtemp(prefix="ixo-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def first(place, home):
    """The settings of a database of the first schema."""
    settings = {"INBOXOPS_DATA_DIR": str(home / "data")}
    (home / "data").mkdir()
    if place == "sqlite":
        with sqlite3.connect(home / "data" / "inboxops.db") as database:
            database.executescript((HERE / "first" / "sqlite.sql").read_text())
    else:
        settings["INBOXOPS_DATABASE_URL"] = new_database()
        tool = Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / "psql"
        words = [tool, settings["INBOXOPS_DATABASE_URL"], "-qX", "-v", "ON_ERROR_STOP=1", "-f", HERE / "first" / "postgres.sql"]
        subprocess.run(words, check=True, capture_output=True)
    return settings


def test_the_first_schema_is_upgraded(place, first, home):
    data = first["INBOXOPS_DATA_DIR"]
    if place == "sqlite":
        [backup] = commands("inboxops backup")
        words = filled(backup, {"/var/backups/inboxops/before": home / "before", "/var/lib/inboxops": data})
        done = run(*words)
        assert done.returncode == 0, done.stderr
        assert [path.name for path in (home / "before").iterdir()] == ["inboxops.db"], "no server has made a key"
    else:
        [migrate] = commands("inboxops migrate")
        places = {"postgres://inboxops@db/inboxops": first["INBOXOPS_DATABASE_URL"], "/var/lib/inboxops": data}
        done = run(*filled(migrate, places))
        assert done.returncode == 0, done.stderr
    look(Server("sqlite", first))
    if place == "sqlite":
        # The backup of the old schema is restored by the present program.
        done = run("restore", str(home / "before"), "--data-dir", str(home / "back"), settings={})
        assert done.returncode == 0, done.stderr
        look(Server("sqlite", {"INBOXOPS_DATA_DIR": str(home / "back")}))


def look(server):
    server.start()
    try:
        with httpx.Client(base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {KEY}"}, timeout=30) as api:
            check(api)
    finally:
        server.stop()
    assert not re.search(" ERROR ", server.output), server.output


def check(api):
    def get(path, **params):
        answer = api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    book, lamp = get("/tickets", sort="-created_at")
    assert (lamp["ticket_number"], lamp["subject"], lamp["status"], lamp["priority"]) == (1, "Broken lamp", "open", "normal")
    assert (book["ticket_number"], book["subject"], book["status"], book["priority"]) == (2, "Wrong book", "pending", "high")
    assert lamp["requester"] == {"name": "Ada", "email": "Ada@example.com"}
    assert (lamp["created_at"], lamp["channel"], lamp["message_count"]) == ("2026-11-24T09:00:00.000000Z", "email", 2)
    assert [tag["name"] for tag in lamp["tags"]] == ["Größe"] and book["tags"] == []
    [agent] = get("/agents")
    assert book["assignee_id"] == agent["id"] and (agent["name"], agent["role"]) == ("Grace", "admin")
    assert [one["body_text"] for one in get("/tickets/1/messages")] == ['It\'s broken; the glass said "pling".', "Any news?"]
    assert [inbox["email_address"] for inbox in get("/inboxes")] == ["support@example.com"]

    # What later schemas answer: the index of tags, numbers by time, the index of subjects, lists of all messages.
    assert [one["id"] for one in get("/tickets", tag="größe")] == [lamp["id"]]
    assert [one["id"] for one in get("/tickets", q="BOOK")] == [book["id"]]
    assert [one["id"] for one in get("/tickets", created_since=book["created_at"])] == [book["id"]]
    assert len(get("/messages")) == 3
    until("the counts behind lists are made", lambda: api.get("/tickets?status=open").json()["meta"]["total"] == 1)

    # And it goes on.
    new = api.post("/tickets", json={"subject": "New lamp", "inbox_id": lamp["inbox_id"]})
    assert new.status_code == 201 and new.json()["data"]["ticket_number"] == 3, new.text
    changed = api.patch("/tickets/1", json={"status": "solved"})
    assert changed.status_code == 200 and changed.json()["data"]["version"] == 2
    assert [one["ticket_number"] for one in get("/tickets", status="open")] == [3]
    told = ["ticket.created", "ticket.updated", "ticket.status_changed"]
    until("its events are read", lambda: [one["event"] for one in get("/events")] == told)
