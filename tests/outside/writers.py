"""Callers that open tickets while something else happens, and checks of the acknowledged ones."""

import threading

import httpx

from product import until


class Writers:
    """Opens tickets from several threads until told to stop, and remembers those that were acknowledged."""

    def __init__(self, server, tenant, count=4):
        self.server, self.tenant = server, tenant
        self.acknowledged, self.said = {}, []
        self.lock, self.done = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]

    def run(self):
        with httpx.Client(base_url=f"{self.server.url}/api/v1", headers=self.tenant.api.headers, timeout=15) as api:
            while not self.done.is_set():
                try:
                    answer = api.post("/tickets", json={"subject": "x", "inbox_id": self.tenant.inbox["id"]})
                except httpx.TransportError:
                    answer = None
                    self.done.wait(0.02)
                with self.lock:
                    self.said.append(answer)
                    if answer is not None and answer.status_code == 201:
                        self.acknowledged[answer.json()["data"]["id"]] = answer.json()["data"]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def more(self, count=20, secs=20):
        """Waits for so many acknowledged tickets more."""
        goal = len(self.acknowledged) + count
        until("tickets are opened again", lambda: len(self.acknowledged) >= goal, secs)


def everything_arrives(receiver, url, secret, acknowledged):
    def missing():
        return acknowledged.keys() - {hit.json["data"]["ticket"]["id"] for hit in receiver.at(url)}

    # The lease of a worker that died lasts 60 s: it could still be sending.
    until("every acknowledged ticket's event arrives", lambda: not missing(), 90)
    bodies = {}
    for hit in receiver.at(url):
        hit.verify(secret)
        assert bodies.setdefault(hit.header("webhook-id"), hit.body) == hit.body
