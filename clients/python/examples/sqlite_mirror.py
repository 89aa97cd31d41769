"""
Keeps a workspace in a SQLite file, and prints what changes:

    INBOXOPS_URL=https://desk.example.com INBOXOPS_API_KEY=ixk_… python sqlite_mirror.py mirror.db
"""

import json
import os
import signal
import sqlite3
import sys
from pathlib import Path

from inboxops import Inboxops, Kept, MirrorState, Resource, ResourceType

SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS resources (
        type TEXT NOT NULL, id TEXT NOT NULL, round INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (type, id)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS states (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);
"""


class SqliteStore:
    """A mirror's store. What was put since the last `save` is gone after a crash, as is the state that tells of it."""

    def __init__(self, path: str | Path) -> None:
        # A transaction begins with the first write and ends in `save`. A mirror of asyncio calls from one thread, too.
        self.database = sqlite3.connect(path, isolation_level="IMMEDIATE")
        self.database.executescript(SCHEMA)

    def load(self) -> MirrorState | None:
        row = self.database.execute("SELECT body FROM states").fetchone()
        return json.loads(row[0]) if row else None

    def save(self, state: MirrorState) -> None:
        self.database.execute("INSERT OR REPLACE INTO states (id, body) VALUES (1, ?)", (json.dumps(state),))
        self.database.commit()

    def get(self, type: ResourceType, id: str) -> Kept | None:
        row = self.database.execute(
            "SELECT body, round FROM resources WHERE type = ? AND id = ?", (type, id)
        ).fetchone()
        return Kept(json.loads(row[0]), row[1]) if row else None

    def put(self, type: ResourceType, resource: Resource, round: int) -> None:
        values = (type, resource["id"], round, json.dumps(resource))
        self.database.execute("INSERT OR REPLACE INTO resources (type, id, round, body) VALUES (?, ?, ?, ?)", values)

    def remove_before(self, round: int) -> None:
        self.database.execute("DELETE FROM resources WHERE round < ?", (round,))

    def close(self) -> None:
        self.database.close()


def main(path: str) -> None:
    store = SqliteStore(path)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with Inboxops(os.environ["INBOXOPS_URL"], os.environ["INBOXOPS_API_KEY"]) as client:
        try:
            client.mirror(
                store,
                on_change=lambda type, resource: print(type, resource["id"]),
                on_exported=lambda: print("The export is whole."),
            )
        except KeyboardInterrupt:
            pass
    store.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mirror.db")
