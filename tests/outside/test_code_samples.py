"""The code on the reference page runs as it stands, in each language, once its ids are those of a real workspace."""

import html
import json
import os
import re
import shutil
import subprocess
import sys

import httpx
import pytest

from product import run

ON = ("sqlite",)
SAMPLE = re.compile(
    r'<details class="sample" data-language="(\w+)" name="code-(\w+)"[^>]*><summary>\w+</summary>\s*<div class="box"><pre[^>]*><code>(.*?)</code></pre>', re.S
)
# How a sample runs: the name of its file, and the command before it.
WAYS = {"curl": ("sample.sh", ["sh"]), "TypeScript": ("sample.mjs", ["node"]), "Python": ("sample.py", [sys.executable])}
NEEDS = {"curl": "curl", "TypeScript": "node"}
DOCUMENT = json.loads(run("openapi").stdout)
OPERATIONS = {one["operationId"]: (method, one) for item in DOCUMENT["paths"].values() for method, one in item.items()}
READS = [id for id, (method, _) in OPERATIONS.items() if method == "get"]
WRITES = ["createTicket", "updateTicket", "createTicketNote", "addTicketTag", "rotateSecret"]
TITLE = "From the samples"


@pytest.fixture(scope="module")
def samples(server):
    page = httpx.get(f"{server.url}/api/v1/docs").text
    return {(id, language): html.unescape(text) for language, id, text in SAMPLE.findall(page)}


@pytest.fixture(scope="module")
def ids(acme):
    ticket = acme.ticket(subject=TITLE)
    tag = acme.api.post(f"/tickets/{ticket['id']}/tags", json={"tag_name": "vip"}).json()["data"]
    endpoint = acme.endpoint("http://127.0.0.1:9999/", enabled=False)
    delivery = acme.api.post(f"/webhooks/{endpoint['id']}/test", json={"event": "ticket.created"}).json()["data"]
    recovery = acme.api.post(f"/webhooks/{endpoint['id']}/recover", json={"since": ticket["created_at"]}).json()["data"]
    return {
        "ticket_id": ticket["id"], "inbox_id": acme.inbox["id"], "assignee_id": acme.agent["id"], "tag_id": tag["id"],
        "endpoint_id": endpoint["id"], "delivery_id": delivery["id"], "recovery_id": recovery["id"],
    }


def examples(operation):
    """The ids that a sample has from the document, by parameter or member."""
    found = {one["name"]: str(one["example"]) for one in operation["parameters"] if one.get("in") == "path"}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example", {})
    return found | {name: value for name, value in body.items() if name.endswith("_id")}


def ran(id, language, samples, ids, acme, folder):
    """Runs a sample; returns what it prints."""
    if not shutil.which(NEEDS.get(language, "python3")):
        pytest.skip(f"{NEEDS[language]} is not on this machine")
    text = samples[id, language]
    for name, example in examples(OPERATIONS[id][1]).items():
        assert example in text, f"{name} is not in the sample"
        text = text.replace(example, ids[name])
    file, command = WAYS[language]
    (folder / file).write_text(text)
    env = os.environ | {"INBOXOPS_URL": acme.world.server.url, "INBOXOPS_API_KEY": acme.key["key"]}
    done = subprocess.run([*command, file], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_operation_has_a_sample_in_each_language(samples):
    assert set(samples) == {(id, language) for id in OPERATIONS for language in WAYS}


@pytest.mark.parametrize("language", WAYS)
@pytest.mark.parametrize("id", READS)
def test_a_read_runs(id, language, samples, ids, acme, tmp_path):
    said = ran(id, language, samples, ids, acme, tmp_path)
    assert said.strip(), "it prints the answer"
    if id in ("getTicket", "listTickets"):
        assert TITLE in said


@pytest.mark.parametrize("language", WAYS)
def test_writes_run(language, samples, ids, acme, tmp_path):
    before = acme.api.get("/tickets").json()["meta"]["total"]
    for id in WRITES:
        assert ran(id, language, samples, ids, acme, tmp_path).strip()
    assert acme.api.get("/tickets").json()["meta"]["total"] == before + 1
    acme.api.patch(f"/tickets/{ids['ticket_id']}", json={"subject": TITLE, "status": "open"})


@pytest.mark.parametrize("language", WAYS)
def test_a_removal_runs(language, samples, ids, acme, tmp_path):
    assert acme.api.post(f"/tickets/{ids['ticket_id']}/tags", json={"tag_id": ids["tag_id"]}).is_success
    ran("removeTicketTag", language, samples, ids, acme, tmp_path)
    tags = acme.api.get(f"/tickets/{ids['ticket_id']}").json()["data"]["tags"]
    assert ids["tag_id"] not in [tag["id"] for tag in tags]


def test_a_refused_call_fails(samples, ids, acme, tmp_path):
    """A sample does not take an error for an answer."""
    for language, (file, command) in WAYS.items():
        if not shutil.which(NEEDS.get(language, "python3")):
            continue
        (tmp_path / file).write_text(samples["whoAmI", language])
        env = os.environ | {"INBOXOPS_URL": acme.world.server.url, "INBOXOPS_API_KEY": "ixk_none"}
        done = subprocess.run([*command, file], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode != 0 and ("invalid_api_key" in said or "401" in said), f"{language}: {said}"
