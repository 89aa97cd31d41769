"""Makes the generated files of the client, or with a folder as argument the same there.

- `_generated/types.py`: the types of openapi.json, by datamodel-code-generator.
- `_generated/async_calls.py`: a method for each operation.
- `_generated/verify.py`: the check of signatures, which the guide for receivers and the pages show as well.
- `_generated/calls.py` and `_sync/`: what waits, rewritten to block.
"""

import json
import keyword
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from datamodel_code_generator import DataModelType, InputFileType, LiteralType, PythonVersion, generate
from datamodel_code_generator.format import Formatter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGE = HERE / "src" / "inboxops"
METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
COLUMNS_MAX = 120

Json = dict[str, Any]


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def capital(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def completed(document: Json) -> Json:
    """The document and what ahead.json adds to it; what the document has of its own wins."""
    ahead = json.loads((HERE / "ahead.json").read_text())
    schemas, done = document["components"]["schemas"], []
    for name, more in ahead["schemas"].items():
        if listed := more.get("$list"):
            more = {"properties": {"data": {"type": "array", "items": ref(listed)}, "meta": ref("CursorMeta")}}
        new = {"type": "object", "properties": {}, "required": more.get("required", list(more["properties"]))}
        schema = schemas.setdefault(name, new)
        missing = {key: value for key, value in more["properties"].items() if key not in schema["properties"]}
        schema["properties"] |= missing
        done += [] if missing else [name]
    for path, item in ahead["paths"].items():
        for method, more in item.items():
            operation = document["paths"].setdefault(path, {}).setdefault(method, {**more, "parameters": []})
            known = {it.get("name") for it in operation["parameters"]}
            missing = [it for it in more["parameters"] if it["name"] not in known]
            operation["parameters"] = operation["parameters"] + missing
            done += [] if missing or operation["responses"] is more.get("responses") else [f"{method} {path}"]
            for part in [*operation["responses"].values(), operation.get("requestBody", {})]:
                if "$schema" in part:
                    part["content"] = {JSON: {"schema": ref(part.pop("$schema"))}}
    if done:
        print("ahead.json: openapi.json has these now:", ", ".join(done), file=sys.stderr)
    return document


def operations(document: Json) -> list[Json]:
    """Every operation that answers JSON or nothing and takes a key, by name."""
    found = []
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if not operation or not path.startswith("/api/v1/") or operation.get("security") == []:
                continue
            good = [it for status, it in operation["responses"].items() if status.startswith("2")]
            if not any(not it.get("content") or JSON in it["content"] for it in good):
                continue
            parameters = [it for it in operation["parameters"] if it.get("in") == "query"]
            # A parameter may stand in a component.
            for it in operation["parameters"]:
                if (whole := part_of(document, it)).get("in") == "query" and whole is not it:
                    parameters.append(whole)
            answer = next((it["content"][JSON]["schema"] for it in good if JSON in it.get("content", {})), None)
            body = operation.get("requestBody")
            found.append(
                {
                    "id": operation["operationId"],
                    "name": snake(operation["operationId"]),
                    "method": method.upper(),
                    "path": path,
                    "summary": operation["summary"],
                    "scope": operation.get("x-required-scope"),
                    "query": parameters,
                    "answer": answer,
                    "values": re.findall(r"\{(\w+)\}", path),
                    "body": body and (next(iter(body["content"].values()))["schema"], body.get("required", False)),
                }
            )
    return sorted(found, key=lambda it: it["id"])


def part_of(document: Json, part: Json) -> Json:
    if "$ref" not in part:
        return part
    found: Any = document
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda it: "_" + it[0], name).lower()


# What a list takes in any case: openapi.json does not say so for every list yet.
PLACE = {"per_page": {"type": "integer"}, "cursor": {"type": "string", "description": "`next_cursor` of a page."}}
# Rules of the server; types do not tell them, and some would make types of their own.
RULES = (
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "example",
    "examples",
)


def lean(schema: Any) -> Any:
    """A schema without rules, open to members that a newer server has."""
    if isinstance(schema, list):
        return [lean(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in RULES and key != "default"}
    if kept.get("additionalProperties") is False:
        del kept["additionalProperties"]
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {name: lean(it) for name, it in kept["properties"].items()}
        return {key: value if key == "properties" else lean(value) for key, value in kept.items()}
    return {key: lean(value) for key, value in kept.items()}


def typed(document: Json, calls: list[Json]) -> Json:
    """All schemas, and the queries as schemas; those that have no name get one by where they stand."""
    schemas = dict(document["components"]["schemas"])
    for call in calls:
        if not call["query"]:
            continue
        properties = {it["name"]: {"description": it.get("description", ""), **it["schema"]} for it in call["query"]}
        is_list = call["answer"] and "meta" in part_of(document, call["answer"])["properties"]
        more = {} if not is_list or call["id"] == "listEvents" else PLACE
        required = [it["name"] for it in call["query"] if it.get("required")]
        name = f"{capital(call['id'])}Query"
        text = f"The query of `{call['method']} {call['path']}`."
        schemas[name] = {
            "type": "object",
            "description": text,
            "properties": {**more, **properties},
            "required": required,
        }
    found: dict[str, Any] = {}
    waiting = [(name, lean(schema)) for name, schema in schemas.items()]
    while waiting:
        name, schema = waiting.pop(0)
        for member, value in schema.get("properties", {}).items():
            if value.get("type") == "object" and "properties" in value:
                waiting.append((name + capital(member), value))
                schema["properties"][member] = ref(name + capital(member))
        found[name] = schema
    return {
        "openapi": "3.1.0",
        "info": {"title": "InboxOps", "version": "1"},
        "paths": {},
        "components": {"schemas": found},
    }


def types(document: Json, calls: list[Json]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "types.py"
        generate(
            json.dumps(typed(document, calls)),
            input_filename="openapi.json",
            input_file_type=InputFileType.OpenAPI,
            output=made,
            output_model_type=DataModelType.TypingTypedDict,
            target_python_version=PythonVersion.PY_311,
            enum_field_as_literal=LiteralType.All,
            use_union_operator=True,
            use_standard_collections=True,
            use_schema_description=True,
            use_field_description=True,
            disable_timestamp=True,
            keep_model_order=True,
            formatters=[Formatter.BUILTIN],
        )
        code = made.read_text()
    # Python 3.11 has all that this needs.
    return code.replace("from typing_extensions import TypedDict", "from typing import TypedDict")


MADE = "# Made by generate.py; do not edit.\n"


def type_of(schema: Json) -> str:
    return "types." + schema["$ref"].rsplit("/", 1)[1]


def method(call: Json) -> str:
    taken = ["self", *(f"{name}: str | int" for name in call["values"])]
    query = body = "None"
    if call["body"]:
        schema, is_needed = call["body"]
        taken.append(f"body: {type_of(schema)}" + ("" if is_needed else " | None = None"))
        body = "body" if is_needed else "body or {}"
    if call["query"]:
        taken.append(f"query: types.{capital(call['id'])}Query | None = None")
        query = "query"
    answer = type_of(call["answer"]) if call["answer"] else "None"
    name = call["name"] + ("_" if keyword.iskeyword(call["name"]) else "")
    scope = f" Needs the scope `{call['scope']}`." if call["scope"] else ""
    text = f"{call['summary']}: `{call['method']} {call['path']}`.{scope}"
    values = "{" + ", ".join(f'"{name}": {name}' for name in call["values"]) + "}"
    parts = ", ".join([*taken, "**options: Unpack[CallOptions]"])
    head = f"    async def {name}({parts}) -> {answer}:"
    if len(head) > COLUMNS_MAX:
        head = f"    async def {name}(\n        {parts}\n    ) -> {answer}:"
    request = f'Request("{call["method"]}", "{call["path"]}", {values}, {query}, {body})'
    answered = f"return cast({answer}, await self._http.json(request, options))"
    return "\n".join([head, f'        """{text}"""', f"        request = {request}", f"        {answered}"])


def calls_file(calls: list[Json]) -> str:
    methods = "\n\n".join(method(call) for call in calls)
    return f'''{MADE}"""Every operation of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, cast

from .._request import CallOptions, Request
from . import types

if TYPE_CHECKING:
    from .._async.http import AsyncHttp


class AsyncCalls:
    """Every operation of the API by its name in the OpenAPI document, with whole bodies."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

{methods}
'''


BLOCKING = [
    # A store that blocks gives its answer at once.
    (r"await settled\((\S.*?\))\)", r"\1"),
    (r", settled\b", ""),
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit|iter)__", r"__\1__"),
    (r"\ba(close|read|iter_bytes)\(", r"\1("),
    (r"\bAsyncIter(ator|able)\b", r"Iter\1"),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"\bAsync(?=[A-Z])(?!MirrorStore)", ""),
    (r"\b_async\b", "_sync"),
    (r"\basync_calls\b", "calls"),
]


def blocking(code: str) -> str:
    for pattern, replacement in BLOCKING:
        code = re.sub(pattern, replacement, code)
    return code


def main(target: Path) -> None:
    document = completed(json.loads((ROOT / "openapi.json").read_text()))
    calls = operations(document)
    generated, sync = target / "_generated", target / "_sync"
    for folder in (generated, sync):
        folder.mkdir(parents=True, exist_ok=True)
    asynchronous = calls_file(calls)
    verify = (ROOT / "ui" / "src" / "webhooks" / "verify" / "verify.py").read_text()
    (generated / "__init__.py").write_text("")
    (generated / "types.py").write_text(types(document, calls))
    (generated / "async_calls.py").write_text(asynchronous)
    (generated / "calls.py").write_text(blocking(asynchronous))
    (generated / "verify.py").write_text(f"# Made from ui/src/webhooks/verify/verify.py; do not edit.\n\n{verify}")
    for source in (PACKAGE / "_async").glob("*.py"):
        # What waits and what blocks differ here; both are written by hand.
        if source.name not in ("__init__.py", "runtime.py"):
            made = f"# Made from _async/{source.name}; do not edit.\n\n{blocking(source.read_text())}"
            (sync / source.name).write_text(made)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE)
