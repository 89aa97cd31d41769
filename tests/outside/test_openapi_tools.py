"""What programs make of the OpenAPI documents: validators, linters, and the examples against their schemas."""

import json
import os
import shutil
import subprocess

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV30SpecValidator

from product import Server

ON = ("sqlite",)
NEWER, OLDER = "openapi.json", "openapi-3.0.json"
URL = "https://desk.example"
REDOCLY, SPECTRAL = "@redocly/cli@2.77.0", "@stoplight/spectral-cli@6.16.3"
TOOL_SECS = 300

# What these rules find is none. `oas3-operation-security-defined`: since 3.1 the list of a security requirement may name
# roles for any scheme, and spectral takes them for scopes of OAuth 2.
FALSE = {NEWER: {"oas3-operation-security-defined"}, OLDER: set()}
# A license has no identifier in 3.0, and two licenses have no one URL.
# The schema of a line stands in `x-line-schema`, where redocly does not look.
WARNINGS = {NEWER: {"no-unused-components"}, OLDER: {"info-license-strict", "no-unused-components"}}


@pytest.fixture(scope="module")
def documents(server):
    return {name: httpx.get(f"{server.url}/api/v1/{name}") for name in (NEWER, OLDER)}


def npx(folder, *words):
    """Runs a program from npm and returns what it prints, as JSON."""
    if not shutil.which("npx"):
        pytest.skip("npx is not on this machine")
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(["npx", "--yes", *words], cwd=folder, env=os.environ | quiet, capture_output=True, text=True, timeout=TOOL_SECS)
    assert done.stdout.strip(), done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(params=(NEWER, OLDER))
def file(request, documents, tmp_path):
    """A document in a file of its own."""
    (tmp_path / request.param).write_bytes(documents[request.param].content)
    return tmp_path / request.param


def test_redocly_finds_nothing(file):
    told = npx(file.parent, REDOCLY, "lint", file.name, "--format=json", "--extends=recommended")
    found = [f"{one['ruleId']}: {one['message']} {one['location'][0].get('pointer')}" for one in told["problems"] if one["ruleId"] not in WARNINGS[file.name]]
    assert found == [] and told["totals"]["errors"] == 0


def test_spectral_finds_nothing(file):
    (file.parent / "rules.yaml").write_text('extends: ["spectral:oas"]\n')
    told = npx(file.parent, SPECTRAL, "lint", file.name, "-r", "rules.yaml", "-f", "json", "--quiet")
    found = [f"{one['code']}: {one['message']} {'/'.join(map(str, one['path']))}" for one in told if one["code"] not in FALSE[file.name]]
    assert found == []


def schemas(node, path=""):
    """Every schema with the examples that belong to it."""
    if isinstance(node, dict):
        if isinstance(node.get("examples"), list):
            yield path, node, node["examples"]
        if "schema" in node:
            if "example" in node:
                yield path, node["schema"], [node["example"]]
            if isinstance(node.get("examples"), dict):
                yield path, node["schema"], [one["value"] for one in node["examples"].values()]
        for name, value in node.items():
            if name not in ("examples", "example"):
                yield from schemas(value, f"{path}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from schemas(value, f"{path}/{index}")


def test_every_example_fits_its_schema(documents):
    document = documents[NEWER].json()
    wrong, looked = [], 0
    for path, schema, examples in schemas(document):
        validator = Draft202012Validator(schema | {"components": document["components"]}, format_checker=FormatChecker())
        for example in examples:
            looked += 1
            wrong += [f"{path}: {error.message[:200]}" for error in validator.iter_errors(example)]
    assert not wrong
    assert looked > 300


def test_every_answer_has_an_example_and_every_status_a_description(documents):
    document = documents[NEWER].json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
                where = (method, path, status)
                assert response["description"] and "X-Request-Id" in response["headers"], where
                for media in response.get("content", {}).values():
                    assert "schema" in media and ("examples" in media or "example" in media), where


def test_the_older_rendering_is_valid_and_cached(documents):
    answer = documents[OLDER]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document = answer.json()
    assert document["openapi"].startswith("3.0")
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in OpenAPIV30SpecValidator(document).iter_errors()]
    assert errors == []
    again = httpx.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert documents[NEWER].headers["etag"] != answer.headers["etag"]


def test_both_renderings_have_the_same_operations(documents):
    newer, older = (documents[name].json()["paths"] for name in (NEWER, OLDER))
    told = [{(path, method): sorted(one["responses"]) for path, item in paths.items() for method, one in item.items()} for paths in (newer, older)]
    assert told[0] == told[1]


def test_documents_count_against_no_limit(server, world):
    tenant = world.tenant()
    for name in (NEWER, OLDER, "docs"):
        assert tenant.api.get(f"/{name}").status_code == 200
    limit = server.settings["INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE"]
    assert tenant.api.get("/me").headers["x-ratelimit-remaining"] == str(int(limit) - 1)


def test_servers_is_relative_without_a_public_url(documents):
    for answer in documents.values():
        assert [one["url"] for one in answer.json()["servers"]] == ["/"]


def test_servers_and_the_page_name_the_public_url(place):
    server = Server(place, {"INBOXOPS_PUBLIC_URL": URL})
    try:
        server.start()
        for name in (NEWER, OLDER):
            document = httpx.get(f"{server.url}/api/v1/{name}").json()
            assert [one["url"] for one in document["servers"]] == [URL]
            assert document["info"]["contact"]["name"] and document["info"]["license"]["name"]
        assert f"export INBOXOPS_URL=<span>{URL}</span>" in httpx.get(f"{server.url}/api/v1/docs").text
    finally:
        server.stop()


def test_a_list_in_brackets_gets_a_hint(acme):
    for query in ("status[]=open&status[]=pending", "status[0]=open", "status%5B%5D=open"):
        error = acme.api.get(f"/tickets?{query}").json()["error"]
        assert error["code"] == "unknown_parameter"
        assert {one["message"] for one in error["details"]} == {"is unknown; write `status=open,pending`"}


def test_a_body_that_may_be_empty_may_be_left_out(acme, documents):
    document = documents[NEWER].json()
    optional = [path for path, item in document["paths"].items() for one in item.values() if one.get("requestBody", {}).get("required") is False]
    endpoint = acme.endpoint("http://127.0.0.1:9999/", enabled=False)
    assert sorted(path.rsplit("/", 1)[1] for path in optional) == ["promote-secret", "rotate-secret"]
    for path in ("rotate-secret", "promote-secret"):
        answer = acme.api.post(f"/webhooks/{endpoint['id']}/{path}")
        assert answer.status_code == 200, answer.text
    # `curl -d ''` states a type of its own.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    endpoint = acme.endpoint("http://127.0.0.1:9999/", enabled=False)
    assert acme.api.post(f"/webhooks/{endpoint['id']}/rotate-secret", headers=form).status_code == 200
    assert acme.api.post(f"/webhooks/{endpoint['id']}/rotate-secret", content=b"a=1", headers=form).status_code == 415
    assert acme.api.post("/tickets").json()["error"]["code"] == "malformed_json"
