"""Requests to the operations of the document. Answers cross off the promises that they keep, and report what is undocumented."""

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from promises import JSON, OF_HTTP

NONE = object()


@dataclass(frozen=True)
class Request:
    """What an operation is asked. `body` is a value, or the bytes as they are."""

    operation: object
    path: dict = field(default_factory=dict)
    query: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    body: object = NONE
    media: str = JSON

    def but(self, path=(), query=(), headers=(), **more):
        """The same with something changed or added."""
        merged = {"path": self.path | dict(path), "query": self.query | dict(query), "headers": self.headers | dict(headers)}
        return replace(self, **merged, **more)

    def with_members(self, **members):
        return self.but(body=self.body | members)


class Walk:
    """Asks, and keeps account."""

    def __init__(self, document):
        self.document = document
        self.done = set()
        self.wrong = defaultdict(set)

    def ask(self, client, request, timeout=30):
        """One request and its answer, whatever it is."""
        operation = request.operation
        path = operation.path
        for name, value in request.path.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        url = client.base_url.copy_with(raw_path=(path + ("?" + urlencode(request.query) if request.query else "")).encode())
        more = {"headers": [(name, value.encode()) for name, value in request.headers.items()]}
        if request.body is not NONE:
            more["content"] = request.body if isinstance(request.body, bytes) else json.dumps(request.body).encode()
            more["headers"].append(("Content-Type", request.media))
        answer = client.request(operation.method, url, timeout=timeout, **more)
        self.see(operation, answer)
        if answer.is_success:
            self._sent(request)
        return answer

    def see(self, operation, answer):
        """Takes account of an answer."""
        response = operation.responses.get(answer.status_code)
        if response is None:
            self.wrong[f"{operation.id} answers {answer.status_code}, which it does not tell"].add(answer.text[:200])
            return
        self.done.add(("status", operation.id, str(answer.status_code)))
        for name, header in response.headers.items():
            if name in answer.headers:
                self.done.add(("header", response.place, name))
                value = answer.headers[name]
                number = header["schema"]["type"] == "integer" and value.isdigit()
                for error in self.document.errors(header["schema"], int(value) if number else value):
                    self.wrong[f"{operation.id} {answer.status_code} has another {name} than it tells"].add(error)
            elif header.get("required"):
                self.wrong[f"{operation.id} {answer.status_code} has no {name}"].add(answer.text[:200])
        for name in answer.headers.keys() - response.headers.keys() - OF_HTTP:
            self.wrong[f"{operation.id} {answer.status_code} has a header {name}, which it does not tell"].add(answer.headers[name])
        media = answer.headers.get("content-type")
        if not response.content:
            if media or answer.content:
                self.wrong[f"{operation.id} {answer.status_code} has a body, which it does not tell"].add(answer.text[:200])
        elif media not in response.content:
            self.wrong[f"{operation.id} {answer.status_code} answers {media}, which it does not tell"].add(answer.text[:200])
        else:
            self.done.add(("media", response.place, media))
            if media == JSON:
                self.read(response.content[media], answer.json(), response.place)
                self._code(operation, response, answer)
            elif media in response.lines:
                for line in answer.text.split("\n")[:-1]:
                    self.read(response.lines[media], json.loads(line), response.place)

    def _code(self, operation, response, answer):
        if answer.is_error:
            code = answer.json()["error"]["code"]
            self.done.add(("code", operation.id, code))
            if code not in response.codes:
                self.wrong[f"{operation.id} answers {code}, which it does not tell"].add(answer.text[:300])

    def read(self, schema, value, at):
        """Takes account of a value that its schema tells."""
        for error in self.document.errors(schema, value):
            self.wrong[f"{at} breaks its schema"].add(error)
        for row in self.document.kept(schema, value, at):
            if row[0] == "member":
                self.done.add(row)
            else:
                self.wrong[f"{row[1]} has a member {row[2]}, which is not told"].add("")

    def _sent(self, request):
        operation = request.operation
        if request.body is not NONE:
            self.done.add(("takes", operation.id, request.media))
            for name, value in request.body.items() if isinstance(request.body, dict) else ():
                self.done.add(("sent", operation.id, name if value is not None else f"{name}: null"))

    def effect(self, operation, *names):
        """A parameter did what it says; who calls this has seen it."""
        self.done |= {("parameter", operation, name) for name in names}

    def left(self):
        """What is told and was not kept, and what was seen and is not told, a line each."""
        rows = sorted(self.document.promises - self.done)
        told = [f"told, and never seen: {' · '.join(row)}" for row in rows]
        return told + [f"{what}: {next(iter(examples))}" for what, examples in sorted(self.wrong.items())]
