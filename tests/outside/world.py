"""The tests' tenants, each with a key, an inbox and an agent, created on the command line."""

import itertools
import ssl
import uuid
from contextlib import ExitStack
from dataclasses import dataclass

import httpx

TIMEOUT_SECS = 30
# Made once: reading the system's certificates takes longer than any request here.
TLS = ssl.create_default_context()


@dataclass
class Tenant:
    """A tenant and what is in it from the start."""

    id: str
    name: str
    key: dict
    inbox: dict
    agent: dict
    api: httpx.Client
    world: "World"

    def new_key(self, *more):
        """Another key of the tenant, as the command line shows it."""
        return self.world.server.cli("key", "create", "--tenant", self.id, "--name", "Another", *more)

    def ticket(self, **members):
        """Opens a ticket and returns it."""
        body = {"subject": "Where is my order?", "inbox_id": self.inbox["id"]} | members
        answer = self.api.post("/tickets", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]

    def endpoint(self, url, events=("*",), **members):
        """Adds a webhook endpoint and returns it, with its secret."""
        answer = self.api.post("/webhooks", json={"url": url, "events": list(events)} | members)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]


class World:
    """Makes tenants and clients on one server."""

    def __init__(self, server):
        self.server = server
        self.open = ExitStack()
        self.numbers = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.close()

    def client(self, key=None, **more):
        """An HTTP client for `/api/v1`."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(base_url=f"{self.server.url}/api/v1", headers=headers, timeout=TIMEOUT_SECS, verify=TLS, **more)
        return self.open.enter_context(client)

    def tenant(self, name="Tenant", plan="business"):
        cli = self.server.cli
        tenant = cli("tenant", "create", "--name", name, "--plan", plan)["id"]
        number = next(self.numbers)
        inbox = cli("inbox", "create", "--tenant", tenant, "--name", "Support", "--address", f"support{number}@example.com")
        agent = cli("agent", "create", "--tenant", tenant, "--email", "grace@example.com", "--name", "Grace Hopper")
        key = cli("key", "create", "--tenant", tenant, "--name", "Sync job")
        return Tenant(tenant, name, key, inbox, agent, self.client(key["key"]), self)


def random_id():
    """An id that never existed."""
    return str(uuid.uuid4())


def refused(answer, status, code):
    """Checks that an answer is an error of this status and code in the contract's shape, and returns the error."""
    assert (answer.status_code, answer.headers.get("content-type")) == (status, "application/json"), answer.text
    body = answer.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert set(error) == {"code", "message", "request_id", "doc_url", "details"}
    assert error["code"] == code, error
    assert error["message"] and "<" not in error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]
    assert error["doc_url"] == f"/api/v1/docs#errors-{code}"
    assert isinstance(error["details"], list)
    for detail in error["details"]:
        assert {"location", "field", "code", "message"} <= set(detail)
    return error


def violations(answer, status=422, code="validation_failed"):
    """The (field, code) pairs of a refused answer."""
    return [(detail["field"], detail["code"]) for detail in refused(answer, status, code)["details"]]
