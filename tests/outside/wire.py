"""Plain sockets, for requests that no HTTP client would send."""

import socket
from dataclasses import dataclass


@dataclass
class RawAnswer:
    """An answer as it came."""

    status: int
    headers: dict
    body: bytes


def send(port, data, secs=15):
    """Sends bytes, closes the sending side when all are gone, and reads one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=secs) as peer:
        try:
            peer.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read(peer)


def read(peer):
    """Reads one answer with a Content-Length, or to the end."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = peer.recv(65536)
        if not more:
            raise AssertionError(f"the connection ended before an answer: {got!r}")
        got += more
    head, body = got.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict((name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines))
    while len(body) < int(headers.get("content-length", 0)):
        more = peer.recv(65536)
        if not more:
            break
        body += more
    return RawAnswer(int(first.split()[1]), headers, body)


def request(method, path, key=None, body=b"", headers=()):
    """The bytes of a request over HTTP/1.1."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
