"""SQL without the server, for states that no interface of this version produces."""

import os
import sqlite3
import subprocess
from pathlib import Path


def execute(server, statement):
    """Runs one statement in the server's database."""
    if server.place == "sqlite":
        database = sqlite3.connect(server.home / "inboxops.db", timeout=20)
        with database:
            database.execute(statement)
        database.close()
    else:
        tool = Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / "psql"
        words = [tool, server.settings["INBOXOPS_DATABASE_URL"], "-v", "ON_ERROR_STOP=1", "-qc", statement]
        subprocess.run(words, check=True, capture_output=True)


class Held:
    """A transaction of somebody else that is open until the block ends."""

    def __init__(self, server, statement):
        self.server, self.statement = server, statement

    def __enter__(self):
        tool = Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / "psql"
        words = [tool, self.server.settings["INBOXOPS_DATABASE_URL"], "-v", "ON_ERROR_STOP=1", "-q"]
        self.child = subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.child.stdin.write(f"begin;\n{self.statement};\n\\echo held\n")
        self.child.stdin.flush()
        assert self.child.stdout.readline() == "held\n"
        return self

    def __exit__(self, *_):
        self.child.communicate("rollback;\n")
