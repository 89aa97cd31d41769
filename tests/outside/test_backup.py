"""Every recipe of docs/backup.md, taken from the page as it stands, with the names of places replaced: what comes back is
what was there, secrets work, and a cursor from before the backup goes on while a later one is refused."""

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from product import BINARY, Process, Server, environment, free_port, new_database, run, until
from world import TIMEOUT_SECS, TLS, World, refused

ON = ("sqlite", "postgres")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "backup.md"
SHELL_SECS = 90
OK, FAILURE, USAGE = 0, 1, 2


def recipes():
    """The `sh` blocks by the heading above them."""
    found, heading, block = {}, None, None
    for line in PAGE.read_text().splitlines():
        if block is not None:
            if line == "```":
                block = None
            else:
                block.append(line)
        elif line.startswith("## "):
            heading = line[3:]
        elif line == "```sh":
            block = []
            found.setdefault(heading, []).append(block)
    return {heading: ["\n".join(block) for block in blocks] for heading, blocks in found.items()}


def placed(text, places):
    """The text with its places replaced; each of them must be in it."""
    for name, place in places.items():
        assert name in text, f"the page no longer says {name}"
        text = text.replace(name, str(place))
    return text


@pytest.fixture
def on_sqlite(place):
    if place != "sqlite":
        pytest.skip("this is for SQLite")


@pytest.fixture
def on_postgres(place):
    if place != "postgres":
        pytest.skip("this is for PostgreSQL")


@pytest.fixture
def box():
    """A folder that PostgreSQL's account may use as well; its path is short."""
    path = Path(tempfile.mkdtemp(prefix="ixo-"))
    path.chmod(0o755)
    (path / "pg").mkdir()
    if os.getuid() == 0 and "OUTSIDE_POSTGRES_BIN" in os.environ:
        shutil.chown(path / "pg", "postgres")
    yield path
    shutil.rmtree(path, ignore_errors=True)


def shell(box, script, endless=False):
    """Runs the commands of a block with the tools that they name."""
    tools = box / "bin"
    if not tools.exists():
        tools.mkdir()
        (tools / "inboxops").symlink_to(Path(BINARY).resolve())
        programs = Path(os.environ.get("OUTSIDE_POSTGRES_BIN", "/nowhere"))
        for name in ("pg_dump", "pg_restore", "createdb", "psql", "pg_basebackup", "pg_ctl"):
            # What makes or runs a cluster is refused to root.
            account = "runuser -u postgres -- " if name in ("pg_basebackup", "pg_ctl") and os.getuid() == 0 else ""
            (tools / name).write_text(f'#!/bin/sh\ncd /\nexec {account}{programs / name} "$@"\n')
            (tools / name).chmod(0o755)
    path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["sh", "-euc", script]
    if endless:
        log = (box / "log").open("w")
        return subprocess.Popen(command, env=environment({"PATH": path}), stdout=log, stderr=log)
    # What a server that was started keeps open is a file, so that nobody waits for its end.
    with (box / "said").open("w+") as said:
        done = subprocess.run(command, env=environment({"PATH": path}), stdout=said, stderr=said, timeout=SHELL_SECS)
        said.seek(0)
        text = said.read()
    assert done.returncode == OK, text
    return text


class Original:
    """A server with contents, cursors from before and after a backup, and what they should see."""

    def __init__(self, place, receiver):
        self.receiver = receiver
        self.server = Server(place).start()
        self.home = self.server.home
        self.database = self.server.settings.get("INBOXOPS_DATABASE_URL")
        try:
            self.world = World(self.server)
            self.tenant = self.world.tenant("Kept")
            api = self.tenant.api
            self.url = receiver.path()
            self.endpoint = self.tenant.endpoint(self.url, ["ticket.created"])
            for n in range(5):
                ticket = self.tenant.ticket(subject=f"Lamp {n}")
                path = f"/tickets/{ticket['ticket_number']}"
                assert api.post(f"{path}/messages", json={"body_text": f"{n}: it isn't…"}).status_code == 201
                assert api.post(f"{path}/tags", json={"tag_name": "Größe"}).status_code in (200, 201)
            receiver.wait(self.url, 5)
            # Recorded as well: the contents must hold still while they are compared.
            until("all is delivered", lambda: all(one["status"] == "delivered" for one in contents(api)["/deliveries"]))
            until("all events are shown", lambda: len(contents(api)["/events"]) >= 10)
            self.before = contents(api)
            self.early = api.get("/tickets?per_page=2").json()["meta"]["next_cursor"]
            self.early_event = api.get("/events?limit=3").json()["meta"]["next_cursor"]
        except BaseException:
            self.stop()
            raise

    def goes_on(self):
        """More happens after the backup, which the copy does not have."""
        self.tenant.ticket(subject="Too late")
        late = self.tenant.api.get("/tickets?per_page=2").json()
        assert late["data"][0]["subject"] == "Too late"
        self.late = late["meta"]["next_cursor"]

    def rest(self):
        """The tickets and events after the early cursors."""
        api = self.tenant.api
        tickets = api.get("/tickets", params={"cursor": self.early, "per_page": 100}).json()["data"]
        return [one["subject"] for one in tickets], [event["event_id"] for event in self.before["/events"]][3:]

    def stop(self):
        """Ends the server and leaves its files."""
        for process in reversed(self.server.processes):
            process.stop()

    @contextmanager
    def check(self, home, database=None, key=None):
        """A server on the copy has the same contents, and goes on from them."""
        server = Server("sqlite", {"INBOXOPS_DATA_DIR": str(home)})
        if database:
            server.settings["INBOXOPS_DATABASE_URL"] = database
        if key:
            server.settings["INBOXOPS_MASTER_KEY_FILE"] = str(key)
        server.start()
        try:
            headers = {"Authorization": f"Bearer {self.tenant.key['key']}"}
            with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=TIMEOUT_SECS, verify=TLS) as api:
                assert contents(api) == self.before
                yield api
                # The secret of the endpoint opens: what is sent carries its signature.
                seen = len(self.receiver.at(self.url))
                test = api.post(f"/webhooks/{self.endpoint['id']}/test", json={"event": "ticket.created"})
                assert test.status_code in (200, 201, 202), test.text
                self.receiver.wait(self.url, seen + 1)[-1].verify(self.endpoint["secret"])
                number = api.post("/tickets", json={"subject": "New", "inbox_id": self.tenant.inbox["id"]}).json()
                assert number["data"]["ticket_number"] == 6
        finally:
            server.stop()

    def check_copy(self, home, database=None, key=None):
        """The same for a backup: it begins a history."""
        tickets, events = self.rest()
        self.stop()
        with self.check(home, database, key) as api:
            early = api.get("/tickets", params={"cursor": self.early, "per_page": 100})
            assert [one["subject"] for one in early.json()["data"]] == tickets, early.text
            after = api.get("/events", params={"after": self.early_event}).json()["data"]
            assert [event["event_id"] for event in after] == events
            assert codes(api.get("/tickets", params={"cursor": self.late})) == ["other_history"]


def codes(answer):
    return [detail["code"] for detail in refused(answer, 410, "cursor_expired")["details"]]


LISTS = ("/tickets", "/messages", "/tags", "/inboxes", "/agents", "/webhooks", "/deliveries", "/events")


def contents(api):
    """All that a key can list."""
    found = {}
    for path in LISTS:
        size = "limit" if path == "/events" else "per_page"
        answer = api.get(path, params={size: 100})
        assert answer.status_code == 200, f"{path}: {answer.text}"
        found[path] = answer.json()["data"]
    return found


@pytest.fixture
def original(place, receiver):
    original = Original(place, receiver)
    yield original
    original.stop()
    original.server.stop_home()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_every_recipe_is_run_here():
    assert {heading: len(found) for heading, found in recipes().items()} == {
        "SQLite: a backup": 2, "SQLite: litestream": 2, "PostgreSQL: pg_dump": 2, "PostgreSQL: pg_basebackup": 2,
        "From SQLite to PostgreSQL, and back": 2,
    }


def test_a_backup_beside_the_server(on_sqlite, original, box):
    backup, restore = recipes()["SQLite: a backup"]
    kept, back = box / "kept" / "monday", box / "back"
    shell(box, placed(backup, {"/var/backups/inboxops/monday": kept, "/var/lib/inboxops": original.home}))
    assert sorted(path.name for path in kept.iterdir()) == ["inboxops.db", "master.key"]
    assert (mode(kept), mode(kept / "inboxops.db"), mode(kept / "master.key")) == (0o700, 0o600, 0o600)
    assert (kept / "master.key").read_text() == (original.home / "master.key").read_text()
    original.goes_on()
    shell(box, placed(restore, {"/var/backups/inboxops/monday": kept, "/var/lib/inboxops-restored": back}))
    assert (mode(back), mode(back / "inboxops.db"), mode(back / "master.key")) == (0o700, 0o600, 0o600)
    original.check_copy(back)


def test_a_backup_while_others_write(on_sqlite, original, box):
    settings = original.server.settings
    sizes = []
    for n in range(4):
        backup = Process(["backup", str(box / f"n{n}")], settings)
        while backup.child.poll() is None:
            original.tenant.ticket(subject="Meanwhile")
        assert backup.stop() == OK, backup.output
        with sqlite3.connect(box / f"n{n}" / "inboxops.db") as copy:
            tickets, last = copy.execute("SELECT COUNT(*), MAX(number) FROM tickets").fetchone()
            [events] = copy.execute("SELECT COUNT(*) FROM events WHERE kind = (SELECT MIN(kind) FROM events)").fetchone()
            [numbered] = copy.execute("SELECT last_ticket_number FROM tenants").fetchone()
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        # Of one moment: every ticket has its event and its number.
        assert tickets == last == numbered == events
        sizes.append(tickets)
    assert sizes == sorted(set(sizes)), "each backup has what came before it"


def test_litestream(on_sqlite, original, box):
    if not (Path(sys.executable).parent / "litestream").exists():
        pytest.skip("litestream is not installed")
    replicate, restore = recipes()["SQLite: litestream"]
    copy, latest, back = box / "replica", box / "latest", box / "back"
    places = {"/var/lib/inboxops/inboxops.db": original.home / "inboxops.db", "/var/backups/inboxops/replica": copy}
    follower = shell(box, f"exec {placed(replicate, places)}", endless=True)
    try:
        until("litestream has begun", lambda: any(path.is_file() for path in copy.rglob("*.ltx")), 30)
        # It copies each second.
        time.sleep(3)
    finally:
        follower.terminate()
        follower.wait(20)
    original.goes_on()
    places = {
        "/var/backups/inboxops/replica": copy, "/var/backups/inboxops/latest": latest,
        "/var/lib/inboxops/master.key": original.home / "master.key", "/var/lib/inboxops-restored": back,
    }
    shell(box, placed(restore, places))
    original.check_copy(back)


def test_pg_dump(on_postgres, original, box):
    dump, restore = recipes()["PostgreSQL: pg_dump"]
    server, name = original.database.rsplit("/", 1)
    file = box / "kept.dump"
    shell(box, placed(dump, {"/var/backups/inboxops.dump": file, "postgres://inboxops@db/inboxops": original.database}))
    original.goes_on()
    restored = f"{name}_restored"
    places = {
        "/var/backups/inboxops.dump": file, "postgres://inboxops@db/": f"{server}/", "/restored": f"/{restored}",
        " restored\n": f" {restored}\n",
    }
    shell(box, placed(restore, places))
    original.check_copy(box / "home", f"{server}/{restored}", original.home / "master.key")


def test_pg_basebackup(on_postgres, original, box):
    backup, start = recipes()["PostgreSQL: pg_basebackup"]
    server, _ = original.database.rsplit("/", 1)
    cluster, port = box / "pg" / "cluster", free_port()
    shell(box, placed(backup, {"/var/backups/inboxops-cluster": cluster, "postgres://inboxops@db/": f"{server}/"}))
    original.goes_on()
    copied = re.sub(r":\d+/", f":{port}/", original.database)
    places = {
        "/var/backups/inboxops-cluster": cluster, '"-p 5433"': f'"-p {port} -c unix_socket_directories="',
        "postgres://inboxops@restored:5433/inboxops": copied,
    }
    try:
        shell(box, placed(start, places))
        original.check_copy(box / "home", copied, original.home / "master.key")
    finally:
        shell(box, f"pg_ctl stop --wait --mode=immediate --pgdata={cluster}")


def test_a_move_to_postgres_and_back(on_postgres, original, box):
    # It begins on SQLite, which the module's place does not start: the contents are brought there first.
    to_postgres, to_sqlite = recipes()["From SQLite to PostgreSQL, and back"]
    tickets, events = original.rest()
    early, early_event = original.early, original.early_event
    key = original.home / "master.key"
    back = box / "back"
    back.mkdir()
    places = {"postgres://inboxops@db/inboxops": original.database, "sqlite:/var/lib/inboxops-back": f"sqlite:{back}"}
    refusal = run("copy", "--database-url", original.database, "--to", f"sqlite:{back}/inboxops.db", "--data-dir", str(box / "data"))
    assert refusal.returncode == FAILURE and "stop them first" in refusal.stderr, refusal.stderr
    original.stop()
    for left in back.iterdir():
        left.unlink()
    said = shell(box, f"cd {box}\n{placed(to_sqlite, places)} --data-dir {box / 'data'}")
    assert "Copied and compared" in said and "comparing tickets" in said, said
    assert mode(back / "inboxops.db") == 0o600
    shutil.copy(key, back / "master.key")
    # Whoever followed the numbers of PostgreSQL begins again.
    with original.check(back) as api:
        assert codes(api.get("/tickets", params={"cursor": early})) == ["other_history"]
        early = api.get("/tickets?per_page=2").json()["meta"]["next_cursor"]
        early_event = api.get("/events?limit=3").json()["meta"]["next_cursor"]
        assert [event["event_id"] for event in api.get("/events", params={"after": early_event}).json()["data"]] == events
    # `check` left a ticket and an event; the contents to compare are those of now.
    server = Server("sqlite", {"INBOXOPS_DATA_DIR": str(back)}).start()
    headers = {"Authorization": f"Bearer {original.tenant.key['key']}"}
    try:
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=TIMEOUT_SECS, verify=TLS) as api:
            until("all is delivered", lambda: all(one["status"] == "delivered" for one in contents(api)["/deliveries"]))
            now = contents(api)
            # By its folder, and by its file from elsewhere.
            for source in (("--data-dir", str(back)), ("--database-url", f"sqlite:{back}/inboxops.db", "--data-dir", str(box / "elsewhere"))):
                busy = run("copy", "--to", new_database(), *source)
                assert busy.returncode == FAILURE and "another inboxops uses the data folder" in busy.stderr, busy.stderr
            assert not (box / "elsewhere").exists()
    finally:
        server.stop()
    target = new_database()
    shell(box, placed(to_postgres, {"postgres://inboxops@db/inboxops": target, "/var/lib/inboxops": back}))
    again = run("copy", "--to", target, "--data-dir", str(back))
    assert again.returncode == FAILURE and "has a database of InboxOps already" in again.stderr, again.stderr
    server = Server("sqlite", {"INBOXOPS_DATA_DIR": str(back), "INBOXOPS_DATABASE_URL": target}).start()
    try:
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=TIMEOUT_SECS, verify=TLS) as api:
            assert contents(api) == now
            rest = api.get("/tickets", params={"cursor": early, "per_page": 100}).json()["data"]
            assert [one["subject"] for one in rest] == tickets
            after = [event["event_id"] for event in api.get("/events", params={"after": early_event}).json()["data"]]
            assert after[: len(events)] == events
            fresh = api.post("/tickets", json={"subject": "On PostgreSQL", "inbox_id": original.tenant.inbox["id"]})
            assert fresh.json()["data"]["ticket_number"] == 7
            # It is told after all that was copied.
            until("the reader gets it", lambda: [
                event["data"].get("ticket", {}).get("subject")
                for event in api.get("/events", params={"after": early_event, "limit": 100}).json()["data"]
            ][-1] == "On PostgreSQL")
    finally:
        server.stop()


def one_line(done, code, *words):
    assert done.returncode == code, done.stdout + done.stderr
    [line] = done.stderr.strip().splitlines()
    assert all(word in line for word in words), line


def test_nothing_is_overwritten_and_nothing_half_is_left(on_sqlite, original, box):
    settings = original.server.settings
    full = box / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    one_line(run("backup", str(full), settings=settings), FAILURE, str(full), "nothing in it")
    assert [path.name for path in full.iterdir()] == ["notes.txt"]

    kept = box / "kept"
    made = run("backup", str(kept), "--json", settings=settings)
    said = json.loads(made.stdout)
    assert list(said) == ["ok", "database", "bytes", "key_file", "schema"]
    assert (said["database"], said["key_file"]) == (str(kept / "inboxops.db"), str(kept / "master.key"))
    assert said["bytes"] == (kept / "inboxops.db").stat().st_size and said["schema"] >= 17
    one_line(run("backup", str(kept), settings=settings), FAILURE, "nothing in it")

    def restore(folder, *more, code=FAILURE, words=(), **settings):
        done = run("restore", str(kept), "--data-dir", str(box / folder), *more, settings=settings)
        one_line(done, code, *words)

    # A server runs there.
    one_line(run("restore", str(kept), settings=settings), FAILURE, "another inboxops uses")
    used = box / "used"
    used.mkdir()
    (used / "inboxops.db").write_text("")
    restore("used", words=["in the way"])
    assert (used / "inboxops.db").read_text() == ""
    # The folder of a running server is no backup.
    live = run("restore", str(original.home), "--data-dir", str(box / "new"))
    one_line(live, FAILURE, "is no backup", "inboxops backup")
    one_line(run("restore", str(box / "nowhere"), "--data-dir", str(box / "new")), FAILURE, "is no backup")

    # Without the key, and with another one.
    key = kept / "master.key"
    right = key.read_text()
    key.rename(box / "apart.key")
    restore("new", words=["master key", "not here"])
    assert not (box / "new" / "inboxops.db").exists() and not (box / "new" / "inboxops.db.new").exists()
    restore("new", INBOXOPS_MASTER_KEY="A" * 43 + "=", words=["master key is not the one"])
    assert not (box / "new" / "inboxops.db").exists()
    other = box / "other"
    other.mkdir()
    (other / "master.key").write_text("A" * 43 + "=\n")
    key.write_text(right)
    restore("other", words=["in the way", "not the key of this backup"])
    assert (other / "master.key").read_text() == "A" * 43 + "=\n"
    # The key in the setting: none is written.
    done = run("restore", str(kept), "--data-dir", str(box / "set"), "--json", settings={"INBOXOPS_MASTER_KEY": right.strip()})
    assert done.returncode == OK and json.loads(done.stdout)["key_file"] is None, done.stderr
    assert not (box / "set" / "master.key").exists()

    # A damaged file.
    damaged = box / "damaged"
    shutil.copytree(kept, damaged)
    whole = (kept / "inboxops.db").read_bytes()
    (damaged / "inboxops.db").write_bytes(whole[: len(whole) // 2])
    done = run("restore", str(damaged), "--data-dir", str(box / "new"))
    one_line(done, FAILURE, "damaged")
    assert not (box / "new" / "inboxops.db").exists()


def test_a_backup_of_nothing_is_a_failure(on_sqlite, box):
    done = run("backup", str(box / "kept"), "--data-dir", str(box / "empty"))
    one_line(done, FAILURE, "no database")
    assert not (box / "kept" / "inboxops.db").exists() and not (box / "empty" / "inboxops.db").exists()


@pytest.mark.parametrize("words", [["backup"], ["restore"], ["copy"], ["backup", "--help"], ["restore", "--help"], ["copy", "--help"]], ids=" ".join)
def test_the_words(words):
    done = run(*words)
    assert done.returncode == (OK if "--help" in words else USAGE)
    assert "Usage" in done.stdout + done.stderr


def test_postgres_is_no_file(on_postgres, box):
    database = new_database()
    for words in (["backup", str(box / "kept")], ["restore", str(box / "kept")]):
        one_line(run(*words, "--database-url", database, "--data-dir", str(box / "data")), USAGE, "pg_dump")
    one_line(run("copy", "--to", "mysql://x", "--data-dir", str(box / "data")), USAGE, "--to must be")
    one_line(run("copy", "--database-url", database, "--to", database, "--data-dir", str(box / "data")), FAILURE, "one must be SQLite")
    assert not re.search("kept", "".join(path.name for path in box.iterdir()))
