"""A backup that is taken while writes go on, and is restored elsewhere, against readers that kept their cursors: one from
before the backup goes on without a gap or a repeat, one from after it is told so for ever, and none reads half of each."""

import random
import shutil
import sqlite3
import threading
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from cluster import Cluster, burn, newest_transaction, sql, tool
from product import Server, until
from test_export import exported
from world import TIMEOUT_SECS, TLS, World, refused

ON = ("sqlite", "postgres")
# How far the old server's numbers of transactions are ahead of a fresh one's.
AHEAD = 20_000


@dataclass
class Held:
    """A cursor, what had been read before it, and which events there were when it was made."""

    kind: str
    cursor: str
    known: frozenset
    there: frozenset

    def follows(self, all_of_them, got):
        """Whether a reader got all the rest; the newest cursor may be a little before the newest event."""
        rest = [one for one in all_of_them if one not in self.known]
        end = all_of_them[len(all_of_them) - len(got) :]
        return got == rest or (self.kind == "latest" and len(got) > len(rest) and got == end)


def read(api, after=None, limit=100):
    """The ids of all events after a cursor and the last cursor; nothing when it belongs to another history."""
    ids = []
    while True:
        answer = api.get("/events", params={"limit": limit} | ({"after": after} if after else {}))
        if answer.status_code == 410:
            assert [one["code"] for one in refused(answer, 410, "cursor_expired")["details"]] == ["other_history"]
            return None
        assert answer.status_code == 200, answer.text
        body = answer.json()
        ids += [event["event_id"] for event in body["data"]]
        after = body["meta"]["next_cursor"]
        if not body["meta"]["has_more"]:
            return ids, after


def read_all(api, count):
    """All events once there are so many: on PostgreSQL one appears when no older transaction runs."""
    def found():
        ids, cursor = read(api)
        return len(ids) >= count and (ids, cursor)

    return until(f"{count} events", found)


def write(api, inbox, count):
    for number in range(count):
        answer = api.post("/tickets", json={"subject": f"Ticket {number}", "inbox_id": inbox})
        assert answer.status_code == 201, answer.text


def cursors(api, count, dice):
    """Cursors of every kind, while nobody writes."""
    ids, end = read_all(api, count)
    there = frozenset(ids)
    few = dice.randint(1, len(ids))
    page = api.get("/events", params={"limit": few}).json()
    latest = api.get("/events", params={"after": "latest"}).json()["meta"]["next_cursor"]
    return [
        Held("end", end, there, there),
        Held("latest", latest, there, there),
        Held("middle", page["meta"]["next_cursor"], frozenset(ids[:few]), there),
        Held("export", exported(api)[1]["events_cursor"], there, there),
    ]


class Backup:
    """What an operator keeps: the database, online, and the master key."""

    def __init__(self, server, folder):
        self.place, self.folder = server.place, folder
        shutil.copy(server.home / "master.key", folder)
        if self.place == "sqlite":
            source, copy = sqlite3.connect(server.home / "inboxops.db"), sqlite3.connect(folder / "inboxops.db")
            source.backup(copy)
            source.close()
            copy.close()
        else:
            tool("pg_dump", "-Fc", "-f", str(folder / "dump"), server.settings["INBOXOPS_DATABASE_URL"])

    def restore(self, cluster, number):
        """A server on a restored copy, in a cluster whose numbers of transactions begin anew."""
        server = Server(self.place)
        shutil.copy(self.folder / "master.key", server.home)
        if self.place == "sqlite":
            shutil.copy(self.folder / "inboxops.db", server.home)
        else:
            url = f"{cluster.url}/restored_{number}"
            sql(f"{cluster.url}/postgres", f"create database restored_{number}")
            tool("pg_restore", "-d", url, str(self.folder / "dump"))
            server.settings["INBOXOPS_DATABASE_URL"] = url
        return server


class Restored:
    """What a restored server tells to readers with these cursors."""

    def __init__(self, api, held):
        self.api, self.held = api, held
        self.kept = read(api)[0]

    def agrees(self):
        """Checks every cursor; `kept` is what the backup had."""
        now = read(self.api)[0]
        assert now[: len(self.kept)] == self.kept, "the past is as it was"
        kept = frozenset(self.kept)
        for one in self.held:
            found = read(self.api, one.cursor)
            if not one.there <= kept:
                assert found is None, f"a cursor ({one.kind}) from after the backup goes on: {one.cursor}"
                continue
            assert found or one.kind == "meanwhile", f"a cursor ({one.kind}) from before the backup is refused: {one.cursor}"
            assert not found or one.follows(now, found[0]), f"{one.kind} {one.cursor}: {found[0]} of {now}"


def meanwhile(api, running):
    """Cursors of a reader while others write."""
    held = []
    ids, cursor = read(api)
    while running.is_alive():
        more, cursor = read(api, cursor)
        ids += more
        held.append(Held("meanwhile", cursor, frozenset(ids), frozenset(ids)))
    return held


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_readers_of_a_restored_database_are_told_the_truth(place, seed, tmp_path):
    dice = random.Random(seed)
    with ExitStack() as open_things:
        def serve(server):
            open_things.callback(server.stop)
            return server.start()

        old = Server(place)
        cluster = None
        if place == "postgres":
            cluster = open_things.enter_context(Cluster())
            url = old.settings["INBOXOPS_DATABASE_URL"]
            burn(url, newest_transaction(url) + AHEAD)
        serve(old)
        world = open_things.enter_context(World(old))
        tenant = world.tenant("Restored")
        inbox, count, held = tenant.inbox["id"], 0, []

        def client(server):
            headers = {"Authorization": f"Bearer {tenant.key['key']}"}
            made = httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=TIMEOUT_SECS, verify=TLS)
            return open_things.enter_context(made)

        for _ in range(dice.randint(2, 4)):
            more = dice.randint(1, 5)
            write(tenant.api, inbox, more)
            count += more
            held += cursors(tenant.api, count, dice)
        before = len(held)
        # The backup is taken while somebody writes and somebody reads.
        writer = threading.Thread(target=write, args=(client(old), inbox, 40))
        writer.start()
        reads = []
        reader = threading.Thread(target=lambda: reads.extend(meanwhile(client(old), writer)))
        reader.start()
        backup = Backup(old, tmp_path)
        writer.join()
        reader.join()
        count += 40
        write(tenant.api, inbox, 1)
        held += reads + cursors(tenant.api, count + 1, dice)

        first = client(serve(backup.restore(cluster, 1)))
        restored = Restored(first, held)
        assert all(one.there <= frozenset(restored.kept) for one in held[:before]), "the backup has what came before it"
        restored.agrees()
        # More than was lost: the numbers catch up.
        write(first, inbox, count + 5 - len(restored.kept))
        read_all(first, count + 5)
        restored.agrees()
        if place == "postgres":
            burn(f"{cluster.url}/restored_1", newest_transaction(url) + 1000)
            write(first, inbox, 1)
            read_all(first, count + 6)
            restored.agrees()
        lost = {"Accept": "text/event-stream", "Last-Event-ID": held[-1].cursor}
        refused(first.get("/events", headers=lost), 410, "cursor_expired")
        # The same backup once more: what the first copy told since then is of another history as well.
        held += cursors(first, count + 5, dice)
        again = Restored(client(serve(backup.restore(cluster, 2))), held)
        assert again.kept == restored.kept
        again.agrees()
