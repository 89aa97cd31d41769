"""
Forty steps against a real server, with the package as it is installed: `python scenario.py`, with INBOXOPS_URL and
INBOXOPS_API_KEY of a workspace that nobody else changes meanwhile. STEPS ends it earlier. It prints a line for each
step, and ends with 1 at the first that does not hold. Steps that end in *asyncio* use the client for it.
"""

import asyncio
import contextlib
import http.server
import json
import os
import socket
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from types import SimpleNamespace
from urllib.parse import urlsplit

from inboxops import (
    AsyncInboxops,
    Inboxops,
    InboxopsError,
    MemoryStore,
    WebhookVerificationError,
    verify_webhook,
)

URL = os.environ["INBOXOPS_URL"]
KEY = os.environ["INBOXOPS_API_KEY"]
WAIT_SECS = 60
MANY = 40
UNKNOWN = "00000000-0000-7000-8000-000000000000"

client = Inboxops(URL, KEY)
at = SimpleNamespace()
opened = []
STEPS = []


def step(text):
    return lambda run: STEPS.append((text, run)) or run


def until(what, condition):
    latest = time.monotonic() + WAIT_SECS
    while True:
        if said := condition():
            return said
        assert time.monotonic() < latest, f"not within {WAIT_SECS} s: {what}"
        time.sleep(0.02)


def fails(call, status, code):
    try:
        call()
    except InboxopsError as error:
        assert (error.status, error.code) == (status, code), repr(error)
        assert error.request_id, "the request has a name"
        return error
    raise AssertionError(f"no {code}")


def create(subject, **more):
    made = client.tickets.create({"subject": subject, "inbox_id": at.inbox["id"], **more})
    opened.append(made)
    return made


def newest(after=None):
    """Where the log of events ends."""
    while True:
        meta = client.calls.list_events({"limit": 100} | ({"after": after} if after else {}))["meta"]
        after = meta["next_cursor"]
        if not meta["has_more"]:
            return after


def numbers(tickets):
    return [it["ticket_number"] for it in tickets]


class Line:
    """A way to the server that breaks when it is told to."""

    def __init__(self):
        self.cuts = 0
        # Bytes that still come from the server before the connection breaks.
        self.left = None
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        place = urlsplit(URL)
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection((place.hostname, place.port))
            self._sockets |= {near, far}
            threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source, target, is_answer):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_answer and self.left is not None:
                    part, self.left = data[: self.left], self.left - len(data)
                    target.sendall(part)
                    if self.left < 0:
                        self.left = None
                        self.cut()
                        break
                else:
                    target.sendall(data)
        for one in (source, target):
            self._end(one)

    def _end(self, one):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
        self._sockets.discard(one)

    def cut(self):
        self.cuts += 1
        for one in list(self._sockets):
            self._end(one)


class Hooks(http.server.BaseHTTPRequestHandler):
    """A receiver of webhooks, which answers a status and keeps what came."""

    came = []
    status = 204

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Hooks.came.append((dict(self.headers.items()), body))
        self.send_response(Hooks.status)
        self.end_headers()

    def log_message(self, *_):
        pass


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
HOOK_URL = f"http://127.0.0.1:{receiver.server_port}/hook"


def hook(event, start=0):
    def found():
        return next((it for it in Hooks.came[start:] if json.loads(it[1])["event"] == event), None)

    return until(f"a webhook {event}", found)


line = Line()
shaky = Inboxops(line.url, KEY)


@step("the key tells whose it is")
def _():
    me = client.me()
    assert me["tenant"]["id"] and "tickets:read" in me["key"]["scopes"]


@step("inboxes are listed and read")
def _():
    [at.inbox, *_] = client.inboxes.list()
    assert client.inboxes.get(at.inbox["id"]) == at.inbox


@step("agents are listed")
def _():
    [at.agent, *_] = client.agents.list()
    assert at.agent["email"]


@step("the log of events has an end")
def _():
    at.start = newest()
    assert at.start


@step("a ticket is opened")
def _():
    at.ticket = create("Where is my order?", priority="high")
    assert (at.ticket["status"], at.ticket["priority"], at.ticket["version"]) == ("open", "high", 1)


@step("a write with the key of an earlier one happens once")
def _():
    def write(subject):
        body = {"subject": subject, "inbox_id": at.inbox["id"]}
        return client.tickets.create(body, idempotency_key="scenario-once")

    first = write("Once")
    assert write("Once") == first
    opened.append(first)
    fails(lambda: write("Other"), 422, "idempotency_key_reused")


@step("a ticket is read by its id and by its number")
def _():
    assert client.tickets.get(at.ticket["id"]) == at.ticket
    assert client.tickets.get(at.ticket["ticket_number"]) == at.ticket


@step("a ticket is changed if it has the version that was seen")
def _():
    id, seen = at.ticket["id"], at.ticket["version"]
    at.ticket = client.tickets.update(id, {"status": "pending"}, if_version=seen)
    assert (at.ticket["status"], at.ticket["version"]) == ("pending", 2)
    fails(lambda: client.tickets.update(id, {"status": "open"}, if_version=seen), 412, "precondition_failed")


@step("a ticket is assigned, and to nobody again")
def _():
    id = at.ticket["id"]
    assert client.tickets.update(id, {"assignee_id": at.agent["id"]})["assignee_id"] == at.agent["id"]
    at.ticket = client.tickets.update(id, {"assignee_id": None})
    assert at.ticket["assignee_id"] is None


@step("an unknown ticket is 404")
def _():
    fails(lambda: client.tickets.get(UNKNOWN), 404, "ticket_not_found")


@step("an invalid write names each of its fields")
def _():
    wrong = {"subject": " ", "inbox_id": at.inbox["id"], "priority": "huge"}
    error = fails(lambda: client.tickets.create(wrong), 422, "validation_failed")
    found = sorted((it["field"], it["code"]) for it in error.details)
    assert found == [("priority", "invalid_enum"), ("subject", "blank")]


@step("a wrong key is 401")
def _():
    with Inboxops(URL, "ixk_wrong") as stranger:
        fails(stranger.me, 401, "invalid_api_key")


@step("a note is added, and is not among the messages")
def _():
    note = client.tickets.add_note(at.ticket["id"], {"body_text": "Asked the carrier."})
    assert (note["type"], note["body_text"]) == ("internal_note", "Asked the carrier.")
    assert client.tickets.messages(at.ticket["id"]).all() == []


@step("a tag is made by its name, and added once")
def _():
    id = at.ticket["id"]
    at.tag = client.tickets.add_tag(id, {"tag_name": "vip"})
    assert client.tickets.add_tag(id, {"tag_id": at.tag["id"]}) == at.tag
    assert client.tickets.tags(id).all() == [at.tag]
    assert at.tag["id"] in [it["id"] for it in client.tags.list()]


@step("a tag is removed once")
def _():
    client.tickets.remove_tag(at.ticket["id"], at.tag["id"])
    fails(lambda: client.tickets.remove_tag(at.ticket["id"], at.tag["id"]), 404, "tag_not_found")


@step("many tickets are opened at once, in asyncio")
def _():
    async def many():
        async with AsyncInboxops(URL, KEY) as client:
            bodies = [
                {"subject": f"Order {n}", "inbox_id": at.inbox["id"], "priority": "low" if n % 2 else "urgent"}
                for n in range(MANY)
            ]
            return await asyncio.gather(*(client.tickets.create(body) for body in bodies))

    opened.extend(asyncio.run(many()))
    assert len(set(numbers(opened))) == MANY + 2


@step("a list is read by page")
def _():
    pages = list(client.tickets.list(page=1, per_page=10).pages())
    assert [it.meta["page"] for it in pages] == list(range(1, len(pages) + 1))
    total = pages[0].meta["total"]
    assert len({one["id"] for it in pages for one in it.data}) == total >= MANY + 2


@step("a list is filtered and sorted, in asyncio")
def _():
    async def listed():
        async with AsyncInboxops(URL, KEY) as client:
            query = {"priority": ["urgent"], "q": "order", "status": ["open", "pending"], "sort": "ticket_number"}
            return [it async for it in client.tickets.list(**query, per_page=7)]

    found = numbers(asyncio.run(listed()))
    assert len(found) == MANY / 2 and found == sorted(found)
    assert client.tickets.list(q="no such subject").all() == []
    fails(client.tickets.list(per_page=101).first, 400, "invalid_parameter")


@step("a call is ended with its task, in asyncio")
def _():
    async def ended():
        async with AsyncInboxops(URL, KEY) as client:
            task = asyncio.create_task(client.me())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            return await client.me()

    assert asyncio.run(ended())["tenant"]["id"]


@step("a write whose answer is lost happens once")
def _():
    line.left = 10
    made = shaky.tickets.create({"subject": "The line broke", "inbox_id": at.inbox["id"]})
    opened.append(made)
    assert line.cuts == 1
    assert [it["id"] for it in client.tickets.list(q="The line broke")] == [made["id"]]


@step("an endpoint is added, and its secret is shown")
def _():
    made = client.webhooks.create({"url": HOOK_URL, "events": ["ticket.*"]})
    at.endpoint, at.secret = made["id"], made["secret"]
    assert at.secret.startswith("whsec_")
    assert client.webhooks.get(at.endpoint)["secret"] is None
    assert at.endpoint in [it["id"] for it in client.webhooks.list()]


@step("a webhook is verified, and is the event")
def _():
    made = create("Tell me")
    headers, body = hook("ticket.created")
    assert verify_webhook(at.secret, headers, body)["data"]["ticket"] == made


@step("a forged webhook is refused")
def _():
    headers, body = Hooks.came[0]
    for secret, text in ((at.secret, body + b" "), ("whsec_" + "A" * 32, body)):
        try:
            verify_webhook(secret, headers, text)
        except WebhookVerificationError:
            continue
        raise AssertionError("a forgery was taken")


@step("a secret is rotated without a lost webhook")
def _():
    rotated = client.webhooks.rotate_secret(at.endpoint)["secret"]
    before = len(Hooks.came)
    client.webhooks.test(at.endpoint, {"event": "ticket.closed", "data": {"mine": 1.5}})
    headers, body = hook("ticket.closed", before)
    assert b'"mine":1.5,"test":true' in body
    for secrets in (at.secret, rotated, [rotated, at.secret]):
        assert verify_webhook(secrets, headers, body)
    client.webhooks.promote_secret(at.endpoint)


@step("a delivery that failed is sent again")
def _():
    Hooks.status = 500
    at.delivery = client.webhooks.test(at.endpoint, {"event": "ticket.created"})["id"]
    until("it failed", lambda: client.deliveries.get(at.delivery)["status"] == "failed")
    Hooks.status = 204
    client.deliveries.resend(at.delivery)
    until("it is delivered", lambda: client.deliveries.get(at.delivery)["status"] == "delivered")
    attempts = client.deliveries.get(at.delivery)["attempts"]
    assert sorted(it["response_status"] for it in attempts) == [204, 500]


@step("the deliveries of an endpoint are listed")
def _():
    tests = [it["id"] for it in client.webhooks.deliveries(at.endpoint, per_page=2) if it["test"]]
    assert at.delivery in tests


@step("the events that were never received are counted")
def _():
    since = opened[0]["created_at"]
    job = client.webhooks.recover(at.endpoint, {"since": since, "dry_run": True})
    assert job["matched"] >= MANY, job
    assert client.webhooks.event_types()


@step("an endpoint is changed and deleted")
def _():
    changed = client.webhooks.update(at.endpoint, {"description": "Scenario"})
    assert changed["description"] == "Scenario"
    client.webhooks.delete(at.endpoint)
    fails(lambda: client.webhooks.get(at.endpoint), 404, "endpoint_not_found")


@step("events are polled from a place on")
def _():
    events = client.events(after=at.start, types=["ticket.created"], transport="poll")
    found = numbers(event["data"]["ticket"] for event, _ in islice(events, len(opened)))
    assert found == sorted(numbers(opened))


@step("a stream of events goes on after its connection broke")
def _():
    cuts, seen, after, made = line.cuts, {}, newest(at.start), 0
    create("Live 0")
    with contextlib.closing(shaky.events(after=after, types=["ticket.created"])) as events:
        for event, _ in events:
            seen[event["data"]["ticket"]["subject"]] = True
            if len(seen) == 6:
                break
            line.cut()
            if len(seen) > made:
                made += 1
                create(f"Live {made}")
    assert list(seen) == [f"Live {n}" for n in range(6)]
    assert line.cuts >= cuts + 5


# From here on: what came with lists by cursor, the export and the log of all endpoints.


@step("events begin with what happens from now on, in asyncio")
def _():
    async def first():
        async with AsyncInboxops(URL, KEY) as client:
            async with contextlib.aclosing(client.events(types=["ticket.created"])) as events:
                return (await anext(events)).event

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(lambda: asyncio.run(first()))

        def followed():
            # What is opened before it follows is not for it.
            create("From now on")
            with contextlib.suppress(TimeoutError):
                return found.result(1)

        assert until("it follows", followed)["data"]["ticket"]["subject"] == "From now on"


@step("a list is read by cursor")
def _():
    pages = list(client.tickets.list(per_page=10, sort="created_at").pages())
    assert (pages[0].meta["page"], pages[1].meta["page"]) == (1, None)
    ids = [one["id"] for it in pages for one in it.data]
    assert len(ids) == len(set(ids)) == pages[0].meta["total"]
    wrong = client.tickets.list(cursor=pages[0].meta["next_cursor"], status=["closed"])
    fails(wrong.first, 400, "invalid_cursor")


@step("tickets are read by ids, with their messages")
def _():
    ids = [it["id"] for it in opened[:3]]
    found = client.tickets.list(ids=ids, include=["messages"]).all()
    assert sorted(it["id"] for it in found) == sorted(ids)
    assert [(it["messages"], it["messages_truncated"]) for it in found] == [([], False)] * 3


@step("what changed since a time is read until a time")
def _():
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    data, meta = client.tickets.list(updated_since=opened[0]["created_at"], updated_until=now).first()
    assert data and meta["safe_since"]


@step("messages of all tickets are listed, oldest first")
def _():
    times = [it["created_at"] for it in client.messages.list(per_page=100)]
    assert times == sorted(times)


@step("the deliveries of all endpoints are listed, counted and canceled")
def _():
    dead = client.webhooks.create({"url": f"{HOOK_URL}/dead", "events": ["ticket.created"]})["id"]
    Hooks.status = 500
    since = create("Never received")["created_at"]
    log = client.deliveries.list(endpoint_id=dead, status=["retrying"])
    [waiting, *_] = until("it is retried", log.all)
    assert client.deliveries.cancel(waiting["id"])["status"] == "canceled"
    assert client.webhooks.stats(dead)["endpoint_id"] == dead
    assert [it["event"] for it in client.webhooks.undelivered(dead, since=since)] == ["ticket.created"]
    assert client.webhooks.resend(dead, {"status": ["canceled"], "dry_run": True})["matched"] == 1
    Hooks.status = 204
    client.webhooks.delete(dead)


@step("the audit log is for keys that may read it")
def _():
    if "audit:read" in client.me()["key"]["scopes"]:
        assert client.audit.list().first().data is not None
    else:
        fails(client.audit.list().first, 403, "insufficient_scope")


@step("the export has every ticket, and ends")
def _():
    *lines, end = client.export(types=["tickets", "tags", "inboxes", "agents"])
    assert (end["type"], end["count"]) == ("end", len(lines))
    tickets = {it["data"]["id"] for it in lines if it["type"] == "ticket"}
    assert len(tickets) == client.tickets.list().first().meta["total"]


store = MemoryStore()


def is_same():
    """The store holds what the lists show, word for word."""
    lists = {
        "ticket": client.tickets, "message": client.messages, "tag": client.tags, "inbox": client.inboxes,
        "agent": client.agents,
    }  # fmt: skip
    for type, noun in lists.items():
        ours, theirs = store.all(type), noun.list(per_page=100).all()
        assert sorted(ours, key=lambda it: it["id"]) == sorted(theirs, key=lambda it: it["id"]), type


@step("a mirror is the same as the workspace, though its connection breaks, in asyncio")
def _():
    exported, stop = threading.Event(), threading.Event()

    async def mirrored():
        async with AsyncInboxops(line.url, KEY) as shaky:
            await shaky.mirror(store, stop=stop.is_set, on_exported=exported.set)

    cuts, line.left = line.cuts, 1500
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(lambda: asyncio.run(mirrored()))
        try:
            until("the export is whole", lambda: exported.is_set() or done.done())
            assert line.cuts > cuts, "the export was cut"
            for n in range(4):
                id = create(f"Mirrored {n}")["id"]
                client.tickets.add_tag(id, {"tag_name": f"mirror {n}"})
                line.cut()
                client.tickets.update(id, {"status": "solved"})

                def came(id=id):
                    kept = store.get("ticket", id)
                    return (kept and kept.resource["status"] == "solved") or done.done()

                until("it is mirrored", came)
        finally:
            stop.set()
            # The stream says something, so that the mirror looks.
            create("The end")
    done.result(WAIT_SECS)


@step("a mirror goes on from where it was")
def _():
    before = store.load()
    client.tickets.update(at.ticket["id"], {"subject": "Changed while nobody looked", "status": "closed"})
    client.mirror(store, once=True)
    after = store.load()
    assert after["round"] == before["round"] and after["events_cursor"] != before["events_cursor"]
    is_same()


def main():
    assert len(STEPS) == 40, len(STEPS)
    for number, (text, run) in enumerate(STEPS[: int(os.environ.get("STEPS", "40"))], 1):
        try:
            run()
        except Exception:
            print(f"not ok {number} {text}", file=sys.stderr)
            traceback.print_exc()
            return 1
        print(f"ok {number} {text}", flush=True)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Threads of streams may still wait.
    os._exit(code)
