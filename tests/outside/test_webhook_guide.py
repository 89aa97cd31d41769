"""docs/webhooks.md tells the truth: its snippets verify the published vectors and a real delivery, and refuse others."""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
OTHER = "whsec_" + "A" * 32


def snippet(title):
    """The code under this heading."""
    return re.search(rf"### {title}\n.*?```\w+\n(.*?)```", GUIDE, re.S).group(1)


def python(_, secrets, headers, body):
    scope = {}
    exec(snippet("Python"), scope)
    return scope["verify"](secrets, headers, body)


def node(folder, secrets, headers, body):
    (folder / "verify.mjs").write_text(snippet("Node"))
    call = f"""import {{ verify }} from "./verify.mjs";
const body = Buffer.from("{body.hex()}", "hex");
console.log(verify({json.dumps(secrets)}, {json.dumps(headers)}, body));"""
    (folder / "call.mjs").write_text(call)
    return run(folder, "node", "call.mjs") == "true"


def go(folder, secrets, headers, body):
    source = snippet("Go").replace("package hooks", "package main").replace("import (", 'import (\n\t"encoding/hex"\n\t"fmt"')
    pairs = "".join(f"header.Set({json.dumps(name)}, {json.dumps(value)})\n" for name, value in headers.items())
    quoted = ", ".join(json.dumps(secret) for secret in secrets)
    main = f"""
func main() {{
    header := http.Header{{}}
    {pairs}
    body, _ := hex.DecodeString("{body.hex()}")
    fmt.Println(Verify([]string{{{quoted}}}, header, body))
}}"""
    (folder / "main.go").write_text(source + main)
    return run(folder, "go", "run", "main.go") == "true"


def openssl(folder, secrets, headers, body):
    (folder / "body").write_bytes(body)
    made = [run(folder, "sh", "-c", snippet("openssl"), SECRET=secret) for secret in secrets]
    return headers["x-inboxops-signature"] in made


def dated(secret, event, sent, body):
    """The headers of a request of another time, signed well."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{event}.{sent}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-timestamp": sent, "webhook-signature": "v1," + base64.b64encode(mac).decode()}


def run(folder, *words, **env):
    done = subprocess.run(words, cwd=folder, env=os.environ | env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


WAYS = {"python3": python, "node": node, "go": go, "openssl": openssl}


@pytest.fixture(params=WAYS)
def verify(request, tmp_path):
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not on this machine")

    def verify(*words):
        return WAYS[request.param](tmp_path, *words)

    # The older header has no time in it.
    verify.dated = request.param != "openssl"
    return verify


def test_a_snippet_verifies_a_real_delivery_and_no_forgery(acme, receiver, verify):
    url = receiver.path()
    secret = acme.endpoint(url, ["ticket.created"])["secret"]
    acme.ticket(subject="Größe 42")
    [hit] = receiver.wait(url, 1)
    headers = {name.lower(): value for name, value in hit.headers}
    assert verify([secret], headers, hit.body)
    assert verify([OTHER, secret], headers, hit.body)
    assert not verify([OTHER], headers, hit.body)
    assert not verify([secret], headers, hit.body + b" ")
    if not verify.dated:
        return
    for late, good in ((-290, True), (-310, False), (310, False)):
        sent = str(int(headers["webhook-timestamp"]) + late)
        assert verify([secret], headers | dated(secret, headers["webhook-id"], sent, hit.body), hit.body) is good, late
