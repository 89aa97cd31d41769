"""Receivers that hang, send byte by byte, disconnect or send rubbish, all at once."""

import socket
import socketserver
import threading
import time
from pathlib import Path

from product import until

ON = ("split",)
# Receivers that never end their answers, all at once.
ENDLESS = 60
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def hang(peer, stop):
    stop.wait()


def drip_head(peer, stop):
    for byte in HEAD * 100:
        peer.sendall(bytes([byte]))
        if stop.wait(1):
            return


def drip_body(peer, stop):
    peer.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
    while not stop.wait(1):
        peer.sendall(b"x")


def reset(peer, stop):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def rubbish(peer, stop):
    peer.sendall(b"hello there\r\n\r\n")


def half_a_body(peer, stop):
    peer.sendall(HEAD + b"Content-Length: 100\r\n\r\nten bytes.")


def endless(peer, stop):
    peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while not stop.is_set():
        peer.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def nul_and_bad_utf8(peer, stop):
    peer.sendall(HEAD + b"Content-Length: 5\r\n\r\na\0b\xffc")


def odd_header(peer, stop):
    peer.sendall(HEAD + b"X-Odd: caf\xe9\r\nContent-Length: 0\r\n\r\n")


def nothing(peer, stop):
    peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def ten_gigabytes(peer, stop):
    peer.sendall(HEAD + b"Content-Length: 10000000000\r\n\r\n")
    while not stop.is_set():
        peer.sendall(b"x" * 0x10000)


# What a receiver does: state of the delivery, its codes, the status that is recorded.
RECEIVERS = {
    hang: ("retrying", {"timeout"}, None),
    drip_head: ("retrying", {"timeout"}, None),
    reset: ("retrying", {"connection_reset"}, None),
    rubbish: ("retrying", {"invalid_response"}, None),
    drip_body: ("delivered", {None}, 200),
    half_a_body: ("delivered", {None}, 200),
    endless: ("delivered", {None}, 200),
    ten_gigabytes: ("delivered", {None}, 200),
    nul_and_bad_utf8: ("delivered", {None}, 200),
    odd_header: ("delivered", {None}, 200),
    nothing: ("delivered", {None}, 204),
}


class Odd:
    """One receiver on a port of its own; counts its connections that sent a request."""

    def __init__(self, act):
        self.requests, self.stop = 0, threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                got = b""
                while b"\r\n\r\n" not in got:
                    more = self.request.recv(65536)
                    if not more:
                        return
                    got += more
                outer.requests += 1
                try:
                    act(self.request, outer.stop)
                except OSError:
                    pass

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}/"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def close(self):
        self.stop.set()
        self.listener.shutdown()
        self.listener.server_close()


def test_each_ends_as_documented_and_none_holds_another(world, receiver):
    tenant = world.tenant("Odd")
    odd = {act: Odd(act) for act in RECEIVERS}
    try:
        endpoints = {act: tenant.endpoint(one.url, ["ticket.created"]) for act, one in odd.items()}
        good = receiver.path()
        tenant.endpoint(good, ["ticket.created"])
        began = time.monotonic()
        tenant.ticket()
        receiver.wait(good, 1, 5)

        def ended(act):
            listed = tenant.api.get(f"/webhooks/{endpoints[act]['id']}/deliveries").json()["data"]
            return listed and listed[0]["status"] != "pending" and listed[0]

        ends = {act: until(f"{act.__name__} ends", lambda act=act: ended(act), 25) for act in RECEIVERS}
        assert time.monotonic() - began < 25
        wrong = []
        for act, (status, codes, answered) in RECEIVERS.items():
            full = tenant.api.get(f"/deliveries/{ends[act]['id']}").json()["data"]
            [attempt] = full["attempts"]
            said = (full["status"], full["error_code"], full["response_status"], odd[act].requests)
            if said[0] != status or said[1] not in codes or said[2] != answered or said[3] != 1:
                wrong.append(f"{act.__name__}: {said}")
            if status == "retrying" and not attempt["error"]:
                wrong.append(f"{act.__name__}: no sentence")
            if "timeout" in codes and not 15_000 <= attempt["duration_ms"] <= 15_500:
                wrong.append(f"{act.__name__}: ended after {attempt['duration_ms']} ms")
            if act is nul_and_bad_utf8 and not (attempt["response_body"].startswith("a") and attempt["response_body"].endswith("c")):
                wrong.append(f"body {attempt['response_body']!r}")
            if act is odd_header and "x-odd" not in [header["name"] for header in attempt["response_headers"]]:
                wrong.append(f"headers {attempt['response_headers']}")
            if act is endless and len(attempt["response_body"]) != 4096:
                wrong.append(f"endless: {len(attempt['response_body'])} characters kept")
        assert not wrong, "\n".join(wrong)
    finally:
        for one in odd.values():
            one.close()


def most_memory(process):
    """Greatest resident memory of a process so far, in bytes."""
    status = Path(f"/proc/{process.child.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_endless_answers_cost_little_memory(world, server):
    tenant = world.tenant("Endless")
    one = Odd(ten_gigabytes)
    try:
        made = [tenant.endpoint(one.url, ["ticket.created"])["id"] for _ in range(ENDLESS)]
        worker = server.processes[-1]
        before = most_memory(worker)
        tenant.ticket()

        def all_ended():
            states = [tenant.api.get(f"/webhooks/{id}/deliveries").json()["data"] for id in made]
            return all(listed and listed[0]["status"] == "delivered" for listed in states)

        until("all are delivered", all_ended, 30)
        assert one.requests == ENDLESS
        each = (most_memory(worker) - before) / ENDLESS
        assert each < 4_000_000, f"{each:.0f} bytes for each request"
    finally:
        one.close()
