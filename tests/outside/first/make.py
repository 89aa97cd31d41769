"""Writes sqlite.sql and postgres.sql beside it: a database as the first commit that had migrations made it, with rows.

The schema is that commit's file, byte for byte, and the migrator's table has its checksum, as the program of that commit
would have left it. Run it in the repository: `python3 tests/outside/first/make.py`. There is no need to, unless a row is
added; the schema of a commit does not change.
"""

import hashlib
import json
import subprocess
import uuid
import zlib
from pathlib import Path

COMMIT = "5fbb185828e71846ca90266fe89b0090b9c9d1f4"
HERE = Path(__file__).resolve().parent
DAY = 1795510800000000  # 2026-11-24 09:00 UTC, in microseconds
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def token():
    """A key in the form that the program gives them: the last digits are a checksum. It opens this fixture alone."""
    text = "ixk_" + "FirstCommitThatHadMigrationsAndNoMore"[:36]
    check, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        check, digit = divmod(check, 62)
        digits = DIGITS[digit] + digits
    return text + digits


def id(number):
    """An id of version 7 whose time is that of the rows."""
    return uuid.UUID(int=(DAY // 1000 << 80) | (7 << 76) | (2 << 62) | number)


class Flag(int):
    """A boolean where there are some."""


TENANT, AGENT, INBOX, TAG, KEY, ENDPOINT, NOBODY = id(1), id(2), id(3), id(4), id(5), id(6), uuid.UUID(int=0)
LAMP, BOOK = id(11), id(12)
TIMES = {"created_at": DAY, "updated_at": DAY}
TICKET = TIMES | {
    "tenant_id": TENANT, "inbox_id": INBOX, "requester_name": "Ada", "requester_email": "Ada@example.com",
    "requester_folded": "ada@example.com", "channel": 1, "version": 1, "last_message_at": DAY,
}
MESSAGE = {
    "tenant_id": TENANT, "inbox_id": INBOX, "kind": 1, "author_kind": 1, "author_name": "Ada",
    "author_email": "Ada@example.com", "body_html": "", "truncated": Flag(0),
}
CELL = {"tenant_id": TENANT, "inbox_id": INBOX, "slot": 0, "n": 1}
ROWS = [
    ("tenants", TIMES | {
        "id": TENANT, "name": "First", "name_folded": "first", "plan": 3, "webhooks": 1, "public_api": 1,
        "suspended": Flag(0), "last_ticket_number": 2,
    }),
    ("agents", TIMES | {
        "id": AGENT, "tenant_id": TENANT, "name": "Grace", "name_folded": "grace", "email": "grace@example.com",
        "email_folded": "grace@example.com", "role": 1,
    }),
    ("inboxes", TIMES | {
        "id": INBOX, "tenant_id": TENANT, "name": "Support", "name_folded": "support",
        "email_address": "support@example.com", "email_folded": "support@example.com", "channel": 1, "enabled": Flag(1),
    }),
    ("tags", {
        "id": TAG, "tenant_id": TENANT, "name": "Größe", "name_folded": "größe", "color": "#ff0000", "created_at": DAY,
    }),
    ("tickets", TICKET | {
        "id": LAMP, "number": 1, "subject": "Broken lamp", "subject_folded": "broken lamp", "status": 1, "priority": 2,
        "tags": json.dumps([{"id": str(TAG), "name": "Größe"}], ensure_ascii=False, separators=(",", ":")), "message_count": 2,
    }),
    ("tickets", TICKET | {
        "id": BOOK, "number": 2, "subject": "Wrong book", "subject_folded": "wrong book", "status": 2, "priority": 3,
        "assignee_id": AGENT, "tags": "[]", "message_count": 1, "created_at": DAY + 1000000, "updated_at": DAY + 1000000,
    }),
    ("ticket_tags", {"ticket_id": LAMP, "tag_id": TAG, "tenant_id": TENANT, "created_at": DAY}),
    ("messages", MESSAGE | {
        "id": id(21), "ticket_id": LAMP, "body_text": "It's broken; the glass said \"pling\".", "created_at": DAY,
        "message_id": "<one@example.com>", "dedup_key": b"\x01" * 16,
    }),
    ("messages", MESSAGE | {
        "id": id(22), "ticket_id": LAMP, "body_text": "Any news?", "created_at": DAY + 2000000,
        "message_id": "<two@example.com>", "in_reply_to": "<lost@example.com>", "dedup_key": b"\x02" * 16,
    }),
    ("messages", MESSAGE | {
        "id": id(23), "ticket_id": BOOK, "body_text": "I wanted the other one.", "created_at": DAY + 1000000,
        "message_id": "<three@example.com>", "dedup_key": b"\x03" * 16,
    }),
    ("api_keys", {
        "id": KEY, "tenant_id": TENANT, "name": "first", "hash": hashlib.sha256(token().encode()).digest(),
        "prefix": token()[:8], "created_at": DAY,
        "scopes": "tickets:read tickets:write messages:read messages:write tags:read tags:write inboxes:read events:read",
    }),
    ("counts", CELL | {"grain": 1, "status": 1, "priority": 0, "assignee_id": NOBODY}),
    ("counts", CELL | {"grain": 1, "status": 2, "priority": 0, "assignee_id": NOBODY}),
    ("counts", CELL | {"grain": 2, "status": 1, "priority": 2, "assignee_id": NOBODY}),
    ("counts", CELL | {"grain": 2, "status": 2, "priority": 3, "assignee_id": AGENT}),
]


def literal(value, postgres):
    match value:
        case Flag():
            return str(bool(value)) if postgres else str(int(value))
        case int():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case uuid.UUID():
            return f"'{value}'" if postgres else f"x'{value.hex}'"
        case bytes():
            return f"'\\x{value.hex()}'" if postgres else f"x'{value.hex()}'"
    raise TypeError(value)


def fixture(dialect):
    postgres = dialect == "postgres"
    path = f"migrations/{dialect}/0001_first.sql"
    schema = subprocess.run(["git", "show", f"{COMMIT}:{path}"], check=True, capture_output=True).stdout
    time, blob = ("TIMESTAMPTZ NOT NULL DEFAULT now()", "BYTEA") if postgres else ("TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", "BLOB")
    parts = [
        f"-- Made by make.py: {path} as of {COMMIT[:7]}, and rows.\n", schema.decode(),
        f"\nCREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on {time}, "
        f"success BOOLEAN NOT NULL, checksum {blob} NOT NULL, execution_time BIGINT NOT NULL);\n",
    ]
    applied = {
        "version": 1, "description": "first", "success": Flag(1), "checksum": hashlib.sha384(schema).digest(),
        "execution_time": 1000000,
    }
    for table, row in [("_sqlx_migrations", applied), *ROWS]:
        values = ", ".join(literal(value, postgres) for value in row.values())
        parts.append(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values});\n")
    return "".join(parts)


if __name__ == "__main__":
    for dialect in ("sqlite", "postgres"):
        (HERE / f"{dialect}.sql").write_text(fixture(dialect))
    print(token())
