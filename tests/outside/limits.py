"""The limits in a schema, as values at and beyond them."""

from datetime import datetime, timezone

NOW = datetime.now(timezone.utc).isoformat(timespec="seconds")
# Starts of texts with a form, to be filled up to a length.
FORMS = {"url": ("http://127.0.0.1:9999/", "a", ""), "requester_email": ("", "a", "@walk.example"), "response_status": ("4", "0", "")}
TEXTS = {"keep_old_hours": 1, "until": NOW}


def text(name, length):
    """A text of a length that fits a member of this name."""
    head, filling, tail = FORMS.get(name, ("", "a", ""))
    if name == "requester_email":
        # The part before the @ and each label end at 64.
        head, tail = "", "@" + ".".join(["a" * 60] * 3) + ".example"
        tail = tail if length > len(tail) + 64 or length == 254 else "@walk.example"
        head = "a" * min(64, max(1, length - len(tail)))
        return head + tail + ("a" * (length - len(head) - len(tail)))
    return (head + filling * (length - len(head) - len(tail)) + tail)[:length]


def cases(document, name, schema, ids, in_body):
    """Values of a parameter or member: each with the path behind its name, and the code that refuses it or none."""
    if "$ref" in schema:
        yield from cases(document, name, document.resolved(schema), ids, in_body)
        return
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if in_body:
        yield None, "", None if "null" in kinds else "invalid_type"
        yield ("x" if "boolean" in kinds else True), "", "invalid_type"
    if "enum" in schema:
        yield from ((value, "", None) for value in schema["enum"])
        yield "nothing", "", "invalid_enum"
    elif "boolean" in kinds:
        yield from ((value, "", None) for value in (False, True))
    elif "integer" in kinds:
        yield from ((schema[end], "", None) for end in ("minimum", "maximum"))
        yield schema["minimum"] - 1, "", "out_of_range"
        yield schema["maximum"] + 1, "", "out_of_range"
        yield "x", "", "invalid_type"
    elif "array" in kinds:
        yield from _lists(document, name, schema, ids, in_body)
    elif "object" in kinds:
        yield from _objects(document, schema, ids, in_body)
    else:
        yield from _texts(name, schema, ids, in_body)


def _texts(name, schema, ids, in_body):
    form = schema.get("format")
    if form == "date-time":
        yield TEXTS.get(name, "2026-01-31T09:30:00Z"), "", None
        yield "yesterday", "", "invalid_format"
        return
    if form == "uuid" or "0-9A-Fa-f" in schema.get("pattern", ""):
        yield ids[name], "", None
        yield ids[name].upper(), "", None
        yield "x", "", "invalid_format"
        if "none" in schema["pattern"]:
            yield "none", "", None
        return
    if "minLength" in schema:
        yield "", "", "blank"
        yield " ", "", "blank"
    if form not in ("uri", "email"):
        yield text(name, schema.get("minLength", 0)) if in_body or schema.get("minLength") else "a", "", None
    yield text(name, schema["maxLength"]), "", None
    yield text(name, schema["maxLength"] + 1), "", "too_long"
    yield "a\0", "", "invalid_format"


def _lists(document, name, schema, ids, in_body):
    items = document.resolved(schema["items"])
    single = [case for case in cases(document, name, items, ids, in_body) if in_body or case[0] != ""]
    for value, path, code in single:
        yield [value], f"[0]{path}" if in_body else path, code
    good = next(value for value, _, code in single if code is None and value is not None)
    many = [dict(good, name=f"X-{n}") if isinstance(good, dict) else good for n in range(schema["maxItems"] + 1)]
    yield many[1:], "", None
    yield many, "", "limit_exceeded"
    if "minItems" in schema:
        yield [], "", "blank" if not in_body else "required"
    elif in_body:
        yield [], "", None


def _free_objects():
    """Objects whose members are up to the caller."""
    yield {}, "", None
    yield {"any": {"member": [None, 1.5, "x"]}}, "", None
    yield [], "", "invalid_type"
    yield "{}", "", "invalid_type"


def _objects(document, schema, ids, in_body):
    if "properties" not in schema:
        yield from _free_objects()
        return
    good = {name: "X-Walk" for name in schema["properties"]}
    yield good, "", None
    yield good | {"colour": 1}, ".colour", "unknown_field"
    for name in schema.get("required", ()):
        yield {other: value for other, value in good.items() if other != name}, f".{name}", "required"
    for name, member in schema["properties"].items():
        for value, path, code in cases(document, name, member, ids, in_body):
            yield good | {name: value}, f".{name}{path}", code
