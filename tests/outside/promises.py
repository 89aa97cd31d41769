"""What an OpenAPI document promises, as rows that can be crossed off, and which of them an answer keeps."""

import json
import re

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

# What every answer over HTTP may have, and no operation has to tell. All others are ours.
OF_HTTP = {
    "cache-control", "connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding", "vary",
    "x-accel-buffering", "x-content-type-options",
}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
JSON = "application/json"
FORMATS = FormatChecker()
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or bool(re.fullmatch(TIME, value)))


class Response:
    """An answer as it is told. `place` is where: an operation and its status, or the component that several share."""

    def __init__(self, document, place, told):
        self.place = place
        self.headers = {name.lower(): document.resolved(header) for name, header in told.get("headers", {}).items()}
        self.content = {media: part["schema"] for media, part in told.get("content", {}).items()}
        lined = {media: part.get("x-line-schema") for media, part in told.get("content", {}).items()}
        self.lines = {media: schema for media, schema in lined.items() if schema}
        examples = told.get("content", {}).get(JSON, {}).get("examples", {})
        self.codes = [example["value"]["error"]["code"] for example in examples.values() if "error" in example["value"]]


class Operation:
    """A method of a path."""

    def __init__(self, document, path, method, told):
        self.id, self.path, self.method, self.told = told["operationId"], path, method.upper(), told
        self.writes = method != "get"
        self.parameters = {one["name"]: one for one in map(document.resolved, told["parameters"])}
        body = document.resolved(told.get("requestBody", {}))
        self.takes = body.get("content", {})
        self.body = document.resolved(self.takes[JSON]["schema"]) if body else None
        self.responses = {}
        for status, response in told["responses"].items():
            place = response["$ref"].rsplit("/", 1)[1] if "$ref" in response else f"{self.id} {status}"
            self.responses[int(status)] = Response(document, place, document.resolved(response))

    def of(self, place):
        """The parameters of a place: `path`, `query` or `header`."""
        return {name: one for name, one in self.parameters.items() if one["in"] == place}


class Document:
    """The document, and all that it promises."""

    def __init__(self, whole):
        self.whole = whole
        self.registry = Registry().with_resource("urn:api", Resource.from_contents(whole, default_specification=DRAFT202012))
        each = ((path, method, told) for path, item in whole["paths"].items() for method, told in item.items())
        self.operations = {one.id: one for one in (Operation(self, *told) for told in each)}
        self.events = {name: item["post"] for name, item in whole["webhooks"].items()}
        self.promises = set()
        known = set()
        for operation in self.operations.values():
            self.promises |= set(self._of(operation, known))
        for name, told in self.events.items():
            self.promises |= {("event", name)} | {("event header", name, one["name"].lower()) for one in told["parameters"]}
            self.promises |= set(self._rows(self.event_body(name), name, known))

    def resolved(self, part):
        while "$ref" in part:
            at = self.whole
            for step in part["$ref"].removeprefix("#/").split("/"):
                at = at[step]
            part = at
        return part

    def event_body(self, name):
        return self.events[name]["requestBody"]["content"][JSON]["schema"]

    def _of(self, operation, known):
        for name in operation.parameters:
            yield "parameter", operation.id, name
        for media in operation.takes:
            yield "takes", operation.id, media
        for name, schema in (operation.body or {}).get("properties", {}).items():
            yield "sent", operation.id, name
            if "null" in schema.get("type", ()):
                yield "sent", operation.id, f"{name}: null"
        for status, response in operation.responses.items():
            yield "status", operation.id, str(status)
            yield from (("header", response.place, name) for name in response.headers)
            yield from (("code", operation.id, code) for code in response.codes)
            for media, schema in response.content.items():
                yield "media", response.place, media
                yield from self._rows(schema, response.place, known)
            for schema in response.lines.values():
                yield from self._rows(schema, response.place, known)

    def _rows(self, schema, at, known):
        """Rows of the values that a schema has. Components are walked once, under their own name."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            if name not in known:
                known.add(name)
                yield from self._rows(self.resolved(schema), name, known)
            return
        if "const" in schema:
            yield "member", at, json.dumps(schema["const"])
            return
        null, others = nullable(schema)
        if null:
            yield from (("member", at, what) for what in ("null", "a value"))
        for other in others:
            yield from self._rows(other, at, known)
        for value in values_of(schema):
            yield "member", at, json.dumps(value)
        for name, member in schema.get("properties", {}).items():
            below = f"{at}.{name}"
            yield "member", below, "there"
            if name not in schema.get("required", ()):
                yield "member", below, "absent"
                # One that may be absent is there to be true.
                member = {"const": True} if member.get("type") == "boolean" else member
            yield from self._rows(member, below, known)
        if "items" in schema:
            yield "member", at, "an item"
            yield from self._rows(schema["items"], f"{at}[]", known)

    def kept(self, schema, value, at):
        """The rows that a value keeps; a member that nobody told is a row of its own kind."""
        if "$ref" in schema:
            yield from self.kept(self.resolved(schema), value, schema["$ref"].rsplit("/", 1)[1])
            return
        if "const" in schema:
            yield "member", at, json.dumps(value)
            return
        null, others = nullable(schema)
        if null:
            yield "member", at, "null" if value is None else "a value"
            if value is None:
                return
        # Of several options, those that the value is.
        fits = others if len(others) < 2 else [other for other in others if not self.errors(other, value)]
        for other in fits:
            yield from self.kept(other, value, at)
        if values_of(schema):
            yield "member", at, json.dumps(value)
        told = schema.get("properties")
        if told and isinstance(value, dict):
            for name in value.keys() - told.keys():
                yield "untold member", at, name
            for name, member in told.items():
                yield "member", f"{at}.{name}", "there" if name in value else "absent"
                if name in value:
                    yield from self.kept(member, value[name], f"{at}.{name}")
        if "items" in schema and value:
            yield "member", at, "an item"
            for item in value:
                yield from self.kept(schema["items"], item, f"{at}[]")

    def errors(self, schema, value):
        """Where a value breaks its schema."""
        text = json.dumps(schema).replace('"#/', '"urn:api#/')
        validator = Draft202012Validator(json.loads(text), registry=self.registry, format_checker=FORMATS)
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}"[:300] for error in validator.iter_errors(value)]


def nullable(schema):
    """Whether null is allowed, and the other options of a choice."""
    options = schema.get("anyOf", [])
    null = {"type": "null"} in options or (isinstance(schema.get("type"), list) and "null" in schema["type"])
    return null, [option for option in options if option != {"type": "null"}]


def values_of(schema):
    """The few values that there are, where they are few."""
    if schema.get("type") == "boolean":
        return [False, True]
    return [value for value in schema.get("enum", ()) if value is not None]
