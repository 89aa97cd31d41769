"""The configurations of docs/proxies.md with the real proxies: all that the port serves passes, streams live through
silence, and no client passes for another."""

import struct
import threading
import time
import uuid

import grpc
import pytest

import rpc
from proxies import CLIENT, HOST, PACKAGES, Proxy, absent, found
from receiver import Answer
from world import refused

ON = ["sqlite"]
SETTINGS = {"INBOXOPS_BEHIND_PROXY": "127.0.0.1", "INBOXOPS_PUBLIC_URL": f"https://{HOST}"}
SOON_SECS = 5
# Longer than the minute after which proxies cut what is silent.
IDLE_SECS = 70
BODY_MAX_BYTES = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def running(server):
    """Proxies before the module's server, each started when it is first asked for."""
    started = {}

    def get(name):
        if name not in started:
            started[name] = Proxy(name, server)
            started[name].start()
        return started[name]

    yield get
    for proxy in started.values():
        proxy.stop()


@pytest.fixture(params=list(PACKAGES))
def proxy(request, running):
    if not found(request.param):
        pytest.skip(absent(request.param))
    return running(request.param)


@pytest.fixture(scope="module")
def desk(acme, receiver):
    """The tenant, with an endpoint that takes all events."""
    acme.endpoint(receiver.path(Answer()))
    return acme


class Stream:
    """What arrives on a stream, read by a thread of its own."""

    def __init__(self, what, proxy, open_it):
        self.what, self.proxy, self.open_it = what, proxy, open_it
        self.bytes, self.end, self.changed = b"", None, threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for part in self.open_it():
                with self.changed:
                    self.bytes += part
                    self.changed.notify_all()
            end = "it ended"
        except Exception as error:  # noqa: BLE001 - whatever ends it is told where it is missed
            end = repr(error)
        with self.changed:
            self.end = end
            self.changed.notify_all()

    def lacks(self, part, secs=SOON_SECS):
        """Why the part does not arrive in time; nothing if it does."""
        with self.changed:
            self.changed.wait_for(lambda: part in self.bytes or self.end, secs)
            if part in self.bytes:
                return None
            return f"{self.what} through {self.proxy.name}: no {part!r} in {self.bytes[-200:]!r}; {self.end or 'still open'}"


def server_sent_events(proxy, key):
    def read():
        with proxy.client(key) as client, client.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}) as answer:
            assert answer.status_code == 200, answer.read()
            yield from answer.iter_raw()

    return Stream("server-sent events", proxy, read)


def channel(proxy):
    options = [("grpc.ssl_target_name_override", HOST), ("grpc.default_authority", HOST)]
    credentials = grpc.ssl_channel_credentials(proxy.certificate.chain.read_bytes())
    return grpc.secure_channel(f"127.0.0.1:{proxy.port}", credentials, options)


def native_grpc(proxy, key):
    def read():
        messages, stubs = rpc.module("inboxops.v1.events_pb2"), rpc.module("inboxops.v1.events_pb2_grpc")
        with channel(proxy) as open_channel:
            stub = stubs.EventServiceStub(open_channel)
            for message in stub.StreamEvents(messages.StreamEventsRequest(), metadata=rpc.bearer(key)):
                yield message.SerializeToString()

    return Stream("gRPC", proxy, read)


def framed(message):
    """A message of grpc-web."""
    body = message.SerializeToString()
    return b"\0" + struct.pack(">I", len(body)) + body


def grpc_web(proxy, key):
    """The live log, as the pages follow it."""
    def read():
        messages = rpc.module("inboxops.v1.deliveries_pb2")
        headers = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
        path, body = "/inboxops.v1.DeliveryService/WatchDeliveries", framed(messages.WatchDeliveriesRequest())
        with proxy.client(key) as client, client.stream("POST", path, content=body, headers=headers) as answer:
            assert answer.headers["content-type"] == "application/grpc-web+proto", answer.read()
            yield from answer.iter_raw()

    return Stream("grpc-web", proxy, read)


# With what each begins: a comment, or the message that says that the stream is live.
STREAMS = {server_sent_events: b": ", native_grpc: b"\x08\x01", grpc_web: b"\x08\x01"}


def padded(desk, size):
    """A new ticket in a body of this size."""
    body = f'{{"subject": "Large", "inbox_id": "{desk.inbox["id"]}"}}'.encode()
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_rest_passes(desk, proxy, http2):
    with proxy.client(desk.key["key"], http2) as client:
        answer = client.get("/api/v1/me")
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2" if http2 else "HTTP/1.1"), answer.text
        for size in (1000, 1_500_000, BODY_MAX_BYTES):
            headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
            answer = client.post("/api/v1/tickets", content=padded(desk, size), headers=headers)
            assert answer.status_code == 201, answer.text
            tag = answer.headers["etag"]
        path = f"/api/v1/tickets/{answer.json()['data']['id']}"
        assert client.patch(path, json={"priority": "low"}, headers={"If-Match": tag}).status_code == 200
        refused(client.patch(path, json={"priority": "high"}, headers={"If-Match": tag}), 412, "precondition_failed")
        # Also what is refused comes from the product and not from the proxy.
        refused(client.get("/api/v1/tickets/nothing%2Felse"), 404, "ticket_not_found")
        large = padded(desk, BODY_MAX_BYTES + 1)
        refused(client.post("/api/v1/tickets", content=large, headers={"Content-Type": "application/json"}), 413, "payload_too_large")
        assert client.get("/healthz").status_code == 200


def test_grpc_passes_with_its_errors(desk, proxy):
    messages, stubs = rpc.module("inboxops.v1.tickets_pb2"), rpc.module("inboxops.v1.tickets_pb2_grpc")
    ticket = desk.ticket(subject="By gRPC")
    with channel(proxy) as open_channel:
        stub = stubs.TicketServiceStub(open_channel)

        def get(ticket_id, key):
            return stub.GetTicket(messages.GetTicketRequest(ticket_id=ticket_id), metadata=rpc.bearer(key), timeout=20)

        assert get(ticket["id"], desk.key["key"]).ticket.subject == "By gRPC"
        with pytest.raises(grpc.RpcError) as missing:
            get(str(uuid.uuid4()), desk.key["key"])
        assert missing.value.code() == grpc.StatusCode.NOT_FOUND
        assert rpc.details(missing.value)["ErrorInfo"].reason
        with pytest.raises(grpc.RpcError) as nobody:
            get(ticket["id"], "ixk_" + "a" * 42)
        assert nobody.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("follow", list(STREAMS), ids=lambda follow: follow.__name__)
def test_a_stream_passes_at_once(desk, proxy, follow):
    stream = follow(proxy, desk.key["key"])
    assert not (why := stream.lacks(STREAMS[follow])), why
    subject = f"At once {uuid.uuid4()}"
    desk.ticket(subject=subject)
    assert not (why := stream.lacks(subject.encode())), why


def test_no_client_passes_for_another(desk, proxy):
    for number, forged in enumerate(["203.0.113.9", "203.0.113.9, 127.0.0.1", "nonsense", '"[2001:db8::7]:1"']):
        with proxy.client(desk.key["key"]) as client:
            body = {"url": f"https://example.com/{proxy.name}/{number}", "events": ["ticket.created"], "enabled": False}
            answer = client.post("/api/v1/webhooks", json=body, headers={"X-Forwarded-For": forged})
            assert answer.status_code == 201, answer.text
            made = answer.json()["data"]["id"]
            assert client.delete(f"/api/v1/webhooks/{made}").status_code == 204
        log = desk.api.get("/audit", params={"action": "endpoint.created", "per_page": 100}).json()["data"]
        assert [entry["address"] for entry in log if entry["target_id"] == made] == [CLIENT], forged


def test_streams_live_through_silence(desk, running):
    names = [name for name in PACKAGES if found(name)]
    if not names:
        pytest.skip("; ".join(absent(name) for name in PACKAGES))
    streams = [(follow(running(name), desk.key["key"]), begins) for name in names for follow, begins in STREAMS.items()]
    assert not [why for stream, begins in streams if (why := stream.lacks(begins))]
    # Time is what the proxies count here.
    time.sleep(IDLE_SECS)
    subject = f"After a silence {uuid.uuid4()}"
    desk.ticket(subject=subject)
    assert not [why for stream, _ in streams if (why := stream.lacks(subject.encode()))]
