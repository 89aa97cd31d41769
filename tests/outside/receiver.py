"""A receiver of webhooks: records every request by its path and answers as it is told to."""

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook


@dataclass
class Hit:
    """One request as it came."""

    path: str
    headers: list
    body: bytes
    at: float

    def header(self, name):
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def event(self):
        return self.json["event"]

    def verify(self, secret):
        """By the official library and by hand."""
        Webhook(secret).verify(self.body, {name.lower(): value for name, value in self.headers})
        signed = f"{self.header('webhook-id')}.{self.header('webhook-timestamp')}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert self.header("webhook-signature") == expected
        plain = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        assert self.header("X-InboxOps-Signature") == f"sha256={plain}"


@dataclass
class Answer:
    """What a path answers from now on."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict = field(default_factory=dict)


class Receiver:
    """Listens on a loopback port of its own."""

    def __init__(self):
        self.changed = threading.Condition()
        self.hits = []
        self.answers = {}
        self.paths = 0

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                answer = outer.record(Hit(self.path, list(self.headers.items()), body, time.time()))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_PUT = do_POST

            def log_message(self, *_):
                pass

        class Listener(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self.listener = Listener(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()

    def record(self, hit):
        with self.changed:
            self.hits.append(hit)
            self.changed.notify_all()
            return self.answers.get(hit.path, Answer())

    def path(self, answer=None):
        """A new path of this receiver: its URL."""
        self.paths += 1
        path = f"/hooks/{self.paths}"
        if answer:
            self.answers[path] = answer
        return f"http://127.0.0.1:{self.listener.server_port}{path}"

    @staticmethod
    def path_of(url):
        return "/" + url.split("/", 3)[3]

    def answer(self, url, answer):
        """Changes what a path answers."""
        with self.changed:
            self.answers[self.path_of(url)] = answer

    def at(self, url):
        with self.changed:
            return [hit for hit in self.hits if hit.path == self.path_of(url)]

    def wait(self, url, count, secs=20.0):
        """Waits until so many requests came to the path, and returns them."""
        def enough():
            return sum(hit.path == self.path_of(url) for hit in self.hits) >= count

        with self.changed:
            came = self.changed.wait_for(enough, secs)
        hits = self.at(url)
        assert came, f"{len(hits)} of {count} requests came within {secs:.0f} s: {[hit.event for hit in hits]}"
        return hits
