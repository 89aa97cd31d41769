"""For the test of the whole document: a tenant with one of every resource, and valid requests of every operation."""

import itertools
import uuid

from receiver import Answer
from product import until
from walk import NONE, Request

NUMBERS = itertools.count(1)
SPARES_MAX = 30


class Ground:
    """Makes valid requests: the document's own example of each body, with ids that exist here."""

    def __init__(self, walk, tenant, receiver):
        self.walk, self.tenant, self.receiver, self.api = walk, tenant, receiver, tenant.api
        self.operations = walk.document.operations
        self.ids = {"inbox_id": tenant.inbox["id"], "assignee_id": tenant.agent["id"], "actor_id": tenant.key["id"]}
        self.url, self.spares = receiver.path(), []
        self.ids["ticket_id"] = self.made("createTicket")["id"]
        self.ids["tag_id"] = self.made("addTicketTag")["id"]
        self.ids["endpoint_id"] = self.made("createWebhookEndpoint", enabled=False)["id"]
        self.ids["delivery_id"] = self.made("sendTestEvent")["id"]
        self.ids["event_id"] = self.settled(self.ids["delivery_id"])["event_id"]
        self.ids["recovery_id"] = self.made("recoverDeliveries")["id"]

    def request(self, operation, **ids):
        """A request that is in order."""
        operation = self.operations[operation]
        ids = self.ids | ids
        body = NONE
        if operation.body:
            example = next(iter(operation.takes.values()))["example"]
            body = {name: self.url if name == "url" else ids.get(name, value) for name, value in example.items()}
        return Request(operation, {name: ids[name] for name in operation.of("path")}, body=body)

    def fresh(self, operation):
        """A request that is in order and works though others came before, since what it uses up is its own."""
        return getattr(self, f"_{operation}", lambda: self.request(operation))()

    def made(self, operation, ids=(), **members):
        """What an operation makes or answers."""
        request = self.request(operation, **dict(ids))
        answer = self.walk.ask(self.api, request.with_members(**members) if members else request)
        assert answer.is_success, f"{operation}: {answer.text}"
        return answer.json()["data"]

    def got(self, operation, **ids):
        return self.made(operation, ids)

    def settled(self, delivery, status="delivered"):
        """Waits until a delivery has ended so."""
        def has():
            shown = self.got("getDelivery", delivery_id=delivery)
            return shown if shown["status"] == status else None

        return until(f"the delivery is {status}", has)

    def endpoint(self, answer=None, **members):
        """A new endpoint whose receiver answers so."""
        url = self.receiver.path(answer or Answer())
        return self.made("createWebhookEndpoint", url=url, **({"events": ["ticket.created"]} | members))

    def spare(self):
        """A new endpoint that may be used up. A tenant has room for a hundred endpoints, so the oldest of these goes."""
        self.spares.append(self.endpoint(enabled=False)["id"])
        if len(self.spares) > SPARES_MAX:
            self.walk.ask(self.api, self.request("deleteWebhookEndpoint", endpoint_id=self.spares.pop(0)))
        return self.spares[-1]

    def _createTicketNote(self):
        return self.request("createTicketNote").with_members(body_html="<p>Asked.</p>")

    def failed(self):
        """A delivery that failed for good, on an endpoint of its own."""
        endpoint = self.endpoint(Answer(500), enabled=False)
        delivery = self.made("sendTestEvent", {"endpoint_id": endpoint["id"]})
        return self.settled(delivery["id"], "failed")

    def _addTicketTag(self):
        return self.request("addTicketTag").with_members(tag_name=f"tag {next(NUMBERS)}")

    def _removeTicketTag(self):
        tag = self.made("addTicketTag", tag_name=f"tag {next(NUMBERS)}")
        return self.request("removeTicketTag", tag_id=tag["id"])

    def _deleteWebhookEndpoint(self):
        return self.request("deleteWebhookEndpoint", endpoint_id=self.spare())

    def _updateWebhookEndpoint(self):
        return self.request("updateWebhookEndpoint", endpoint_id=self.spare())

    def _rotateSecret(self):
        return self.request("rotateSecret", endpoint_id=self.spare())

    def _promoteSecret(self):
        rotated = self.walk.ask(self.api, self._rotateSecret()).json()["data"]
        return self.request("promoteSecret", endpoint_id=rotated["id"])

    def _recoverDeliveries(self):
        return self.request("recoverDeliveries", endpoint_id=self.spare())

    def _resendEndpointDeliveries(self):
        return self.request("resendEndpointDeliveries", endpoint_id=self.spare())

    def _cancelDelivery(self):
        """A delivery that waits: its endpoint answered 500."""
        endpoint = self.endpoint(Answer(500))
        self.made("createTicket")
        path = self.request("listDeliveries", endpoint_id=endpoint["id"])
        waits = lambda: self.walk.ask(self.api, path.but(query={"status": "retrying"})).json()["data"]  # noqa: E731
        return self.request("cancelDelivery", delivery_id=until("a delivery waits", waits)[0]["id"])

    def _resendDelivery(self):
        return self.request("resendDelivery", delivery_id=self.failed()["id"])


def nowhere():
    """An id that never existed."""
    return str(uuid.uuid4())
