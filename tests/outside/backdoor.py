"""SQL behind the server's back, for states that no interface of this version makes."""

import os
import sqlite3
import subprocess
import uuid
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


def literal(server, value):
    """A value as SQL: ids are 16 bytes on SQLite and UUIDs on PostgreSQL."""
    if value is None:
        return "null"
    if isinstance(value, uuid.UUID):
        return f"x'{value.hex}'" if server.place == "sqlite" else f"'{value}'"
    if isinstance(value, bool):
        return str(int(value)) if server.place == "sqlite" else str(value).lower()
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def insert(server, table, **values):
    """Adds a row."""
    columns, literals = ", ".join(values), ", ".join(literal(server, value) for value in values.values())
    execute(server, f"insert into {table} ({columns}) values ({literals})")


def update(server, table, row, **values):
    """Changes the row with this id."""
    parts = ", ".join(f"{name} = {literal(server, value)}" for name, value in values.items())
    execute(server, f"update {table} set {parts} where id = {literal(server, uuid.UUID(row))}")
