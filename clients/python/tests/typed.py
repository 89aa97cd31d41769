"""What a typed program may do, and what its checker must refuse. It is checked by mypy and never run."""

import asyncio
from contextlib import aclosing
from typing import assert_type

from inboxops import AsyncInboxops, Inboxops, InboxopsError, MemoryStore, MirrorStore, types, verify_webhook
from sqlite_mirror import SqliteStore

client = Inboxops("https://desk.example.com", "ixk_", max_retries=2, timeout=1.5)


def urgent() -> list[types.Ticket]:
    found = [ticket for ticket in client.tickets.list(status=["open"], priority=["urgent"], include=["messages"])]
    assert_type(found, list[types.Ticket])
    made = client.tickets.create({"subject": "Broken lamp", "inbox_id": found[0]["inbox_id"]})
    client.tickets.update(made["id"], {"assignee_id": None}, if_version=made["version"], idempotency_key="job-1")
    assert_type(made["status"], types.TicketStatus)
    assert_type(client.calls.list_tickets({"per_page": 10})["meta"]["total"], int)
    assert_type(client.webhooks.list().first().data, list[types.WebhookEndpoint])
    return found


def told(headers: dict[str, str], body: bytes, store: MirrorStore | None = None) -> str | None:
    event = verify_webhook(["whsec_"], headers, body)
    client.mirror(
        store or MemoryStore(), types=["tickets", "messages"], on_change=lambda type, it: print(type, it["id"])
    )
    client.mirror(SqliteStore("mirror.db"), once=True)
    for line in client.export():
        if line["type"] == "ticket":
            print(line["data"]["subject"], line["cursor"])
    for received, cursor in client.events(after="c"):
        print(cursor, received["event_id"])
    try:
        client.me()
    except InboxopsError as error:
        return f"{error.code} {error.details[0]['field']} {error.retry_after}"
    return event["data"]["ticket"]["closed_at"] if event["event"] == "ticket.closed" else None


async def waits() -> None:
    async with AsyncInboxops("https://desk.example.com", "ixk_") as client:
        async for ticket in client.tickets.list(q="lamp"):
            assert_type(ticket, types.Ticket)
        assert_type(await client.tickets.list().all(), list[types.Ticket])
        async with aclosing(client.events(types=["ticket.*"])) as events:
            async for event, _ in events:
                print(event["event"])
        await asyncio.wait_for(client.mirror(MemoryStore()), 60)


def wrong() -> None:
    client.tickets.list(status=["lost"])  # type: ignore[list-item]
    client.tickets.list(statuses=["open"])  # type: ignore[call-arg]
    client.tickets.create({"subject": "A"})  # type: ignore[typeddict-item]
    client.tickets.update(1, {"version": 2})  # type: ignore[typeddict-unknown-key]
    client.tickets.get()  # type: ignore[call-arg]
    client.mirror(MemoryStore(), types=["webhooks"])  # type: ignore[list-item]
    client.tickets.get(1)["sujet"]  # type: ignore[typeddict-item]
