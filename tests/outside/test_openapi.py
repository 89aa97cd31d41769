"""The OpenAPI document is valid, self-contained, and describes the server."""

import json
import re

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from product import run
from world import random_id

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document(server):
    answer = httpx.get(f"{server.url}/api/v1/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["etag"]
    again = httpx.get(f"{server.url}/api/v1/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    return answer.json()


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def resolved(document, part):
    while "$ref" in part:
        at = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            at = at[step.replace("~1", "/").replace("~0", "~")]
        part = at
    return part


def test_the_document_is_valid(document):
    assert document["openapi"].startswith("3.1")
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert errors == []


def test_the_command_prints_the_same_document(document):
    assert json.loads(run("openapi").stdout) == document


def test_every_operation_is_answered(document, server, acme):
    prefix = "" if next(iter(document["paths"])).startswith("/api/v1") else "/api/v1"
    wrong = []
    for path, method, _ in operations(document):
        url = server.url + prefix + re.sub(r"\{[^}]+\}", random_id(), path)
        more = {"content": b"{", "headers": {"Content-Type": "application/json"}} if method in ("post", "patch", "put") else {}
        answer = acme.api.request(method.upper(), url, **more)
        code = answer.json()["error"]["code"] if answer.status_code >= 400 else ""
        if answer.status_code == 405 or code == "route_not_found" or answer.status_code >= 500:
            wrong.append((method, path, answer.status_code))
    assert not wrong


def test_every_route_of_the_contract_is_in_it(document):
    from test_transport import ROUTES

    known = {re.sub(r"\{[^}]+\}", "{id}", path.removeprefix("/api/v1")): item for path, item in document["paths"].items()}
    for route, methods in ROUTES.items():
        documented = {method.upper() for method in METHODS if method in known[route]}
        assert documented == set(methods.split()) - {"HEAD", "OPTIONS"}


def test_every_operation_documents_its_errors(document):
    missing = []
    for path, method, operation in operations(document):
        if operation.get("security") == []:
            continue
        wanted = {"401", "403", "429", "500"}
        wanted |= {"404"} if "{" in path else set()
        wanted |= {"413", "415", "400", "422"} if "requestBody" in operation else set()
        missing += [(method, path, status) for status in sorted(wanted - set(operation["responses"]))]
    assert not missing


def test_every_operation_is_described(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for path, method, operation in operations(document):
        assert operation["summary"] and operation["tags"], (method, path)
        assert any(status.startswith("2") for status in operation["responses"]), (method, path)
        for name in re.findall(r"\{([^}]+)\}", path):
            assert any((p := resolved(document, one))["name"] == name and p["in"] == "path" for one in operation.get("parameters", []))


def test_errors_have_schema_and_headers(document):
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            response = resolved(document, response)
            headers = {name.lower() for name in response.get("headers", {})}
            assert "x-request-id" in headers, (method, path, status)
            if status == "429":
                assert "retry-after" in headers
            if status not in ("204", "304"):
                assert all("schema" in media for media in response["content"].values()), (method, path, status)


def test_bodies_are_closed(document):
    for path, method, operation in operations(document):
        if "requestBody" in operation:
            body = resolved(document, operation["requestBody"])
            schema = resolved(document, body["content"]["application/json"]["schema"])
            assert schema["additionalProperties"] is False, (method, path)


def test_the_webhooks_section_has_the_eight_events(document):
    from test_endpoints import EVENTS

    assert sorted(document["webhooks"]) == sorted(EVENTS)


def test_it_refers_to_nothing_elsewhere(document):
    references = re.findall(r'"\$ref":\s*"([^"]+)"', json.dumps(document))
    assert references and all(reference.startswith("#/") for reference in references)


def test_what_the_server_answers_fits_the_schemas(document, acme):
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    registry = Registry().with_resource("urn:api", Resource.from_contents(document, default_specification=DRAFT202012))
    ticket = acme.ticket()
    acme.api.post(f"/tickets/{ticket['id']}/tags", json={"tag_name": "x"})
    endpoint = acme.endpoint("http://127.0.0.1:9999/", enabled=False)
    delivery = acme.api.post(f"/webhooks/{endpoint['id']}/test", json={"event": "ticket.created"}).json()["data"]
    recovery = acme.api.post(f"/webhooks/{endpoint['id']}/recover", json={"since": ticket["created_at"]}).json()["data"]
    ids = {"ticket_id": ticket["id"], "inbox_id": acme.inbox["id"], "endpoint_id": endpoint["id"], "delivery_id": delivery["id"]}
    ids["recovery_id"] = recovery["id"]
    checked = 0
    for path, method, operation in operations(document):
        if method != "get" or operation.get("security") == []:
            continue
        content = resolved(document, operation["responses"]["200"])["content"]
        if "application/json" not in content:
            continue
        answer = acme.api.get(re.sub(r"\{([^}]+)\}", lambda part: ids[part[1]], path).removeprefix("/api/v1"))
        schema = content["application/json"]["schema"]
        text = json.dumps(schema).replace('"#/', '"urn:api#/')
        errors = list(Draft202012Validator(json.loads(text), registry=registry).iter_errors(answer.json()))
        assert not errors, (path, errors[0].message)
        checked += 1
    assert checked >= 12
