"""The code in docs/webhooks.md verifies the published vectors and a real delivery, and refuses others."""

import base64
import email.message
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import time
import types
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
OTHER = "whsec_" + "AB" * 16


def snippets(title):
    """All code under this heading."""
    section = re.search(rf"### {title}\n(.*?)\n##", GUIDE, re.S).group(1)
    return re.findall(r"```\w+\n(.*?)```", section, re.S)


def snippet(title):
    """The first code under this heading."""
    return snippets(title)[0]


def python(_, secrets, headers, body):
    scope = {}
    exec(snippet("Python"), scope)
    return scope["verify"](secrets, headers, body)


def node(folder, secrets, headers, body):
    given = f'{json.dumps(secrets)}, {json.dumps(headers)}, Buffer.from("{body.hex()}", "hex")'
    return in_node(folder, f"verify({given})") == "true"


def in_node(folder, *calls):
    """What these expressions give, by the functions of the guide."""
    (folder / "verify.mjs").write_text(snippet("Node"))
    say = "".join(f"console.log(JSON.stringify({call}));\n" for call in calls)
    (folder / "call.mjs").write_text(f'import {{ verify, why }} from "./verify.mjs";\n{say}')
    return run(folder, "node", "call.mjs")


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
    for name in ("body", "body.json"):
        (folder / name).write_bytes(body)
    standard, older = snippets("openssl")
    sent = {"ID": headers["webhook-id"], "TIMESTAMP": headers["webhook-timestamp"]}
    made = {run(folder, "sh", "-c", standard, SECRET=secret, **sent) for secret in secrets}
    made_older = {run(folder, "sh", "-c", older, SECRET=secret) for secret in secrets}
    fits = bool(made & set(headers["webhook-signature"].split()))
    assert fits == (headers["x-inboxops-signature"] in made_older), "both headers say the same"
    return fits


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

    # What prints a signature looks at no clock.
    verify.dated = request.param != "openssl"
    return verify


# What strangers and frameworks hand over: headers and body of a good request, changed.
GOOD = {"webhook-id": "msg_1"}
BODY = b'{"a": 1}'


def good():
    """Headers of a good request now, and its secret."""
    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    return secret, GOOD | dated(secret, "msg_1", str(int(time.time())), BODY)


STRANGE = {
    "no headers": lambda headers: {},
    "no id": lambda headers: {name: value for name, value in headers.items() if name != "webhook-id"},
    "no time": lambda headers: headers | {"webhook-timestamp": ""},
    "no signature": lambda headers: headers | {"webhook-signature": ""},
    "a byte above ASCII in the signature": lambda headers: headers | {"webhook-signature": "v1,\xe9"},
    "half of a pair in the signature": lambda headers: headers | {"webhook-signature": "v1,\ud800"},
    "signatures joined by a comma": lambda headers: headers | {"webhook-signature": headers["webhook-signature"] + ", v1,x"},
    "another version": lambda headers: headers | {"webhook-signature": headers["webhook-signature"].replace("v1", "v2")},
    "a letter above ASCII in the id": lambda headers: headers | {"webhook-id": "\xe9"},
    "a time in words": lambda headers: headers | {"webhook-timestamp": "now"},
    "a time with a sign": lambda headers: headers | {"webhook-timestamp": "+" + headers["webhook-timestamp"]},
    "a time with a fraction": lambda headers: headers | {"webhook-timestamp": headers["webhook-timestamp"] + ".0"},
    "a time of other digits": lambda headers: headers | {"webhook-timestamp": "\u0661" * 10},
    "a time without end": lambda headers: headers | {"webhook-timestamp": "9" * 5000},
    "a time before all": lambda headers: headers | {"webhook-timestamp": "-1"},
    "a list in place of a value": lambda headers: headers | {"webhook-signature": [headers["webhook-signature"]]},
    "null in place of a value": lambda headers: headers | {"webhook-id": None},
}


def calls(secrets, headers, body):
    """The same call in Python and in Node, with verify and why."""
    given = f"{json.dumps(secrets)}, {json.dumps(headers)}, {body}"
    return [f"verify({given})", f"why({given})"]


@pytest.mark.parametrize("name", STRANGE)
def test_whatever_a_stranger_sends_is_refused_with_a_reason_and_nothing_is_raised(name, tmp_path):
    secret, headers = good()
    strange = STRANGE[name](headers)
    scope = {}
    exec(snippet("Python"), scope)
    assert scope["verify"](secret, headers, BODY) is True and scope["why"](secret, headers, BODY) is None
    assert scope["verify"](secret, strange, BODY) is False
    assert scope["why"](secret, strange, BODY).endswith(".")
    body = f'Buffer.from("{BODY.hex()}", "hex")'
    taken, reason, refused, why = in_node(tmp_path, *calls(secret, headers, body), *calls(secret, strange, body)).splitlines()
    assert (taken, reason, refused) == ("true", "null", "false")
    assert json.loads(why) == scope["why"](secret, strange, BODY), "the same words in both"


def test_secrets_are_one_or_a_list_and_none_is_no_key():
    secret, headers = good()
    scope = {}
    exec(snippet("Python"), scope)
    verify, why = scope["verify"], scope["why"]
    for secrets in (secret, [secret], (OTHER, secret), ["", secret], [None, secret], f" {secret}\n", secret.removeprefix("whsec_")):
        assert verify(secrets, headers, BODY), secrets
    # A key of no bytes could be anybody's.
    forged = GOOD | dated("whsec_", "msg_1", str(int(time.time())), BODY)
    for secrets in ("", "whsec_", [], [""], None, [None], ["whsec_", ""], "whsec_="):
        assert why(secrets, forged, BODY) == "There is no secret to check with.", secrets
    assert not verify([OTHER], headers, BODY) and not verify(OTHER, forged, BODY)


def test_secrets_are_one_or_a_list_and_none_is_no_key_in_node(tmp_path):
    secret, headers = good()
    body = f'Buffer.from("{BODY.hex()}", "hex")'
    forged = GOOD | dated("whsec_", "msg_1", str(int(time.time())), BODY)
    taken = [secret, [secret], [OTHER, secret], ["", secret], [None, secret], f" {secret}\n", secret.removeprefix("whsec_")]
    refused = ["", "whsec_", [], [""], None, [None], ["whsec_", ""], OTHER]
    given = [calls(secrets, headers, body)[0] for secrets in taken] + [calls(secrets, forged, body)[0] for secrets in refused]
    assert in_node(tmp_path, *given).split() == ["true"] * len(taken) + ["false"] * len(refused)


def test_headers_may_be_what_a_framework_has(tmp_path):
    secret, headers = good()
    title = {name.title(): value for name, value in headers.items()}
    scope = {}
    exec(snippet("Python"), scope)
    message = email.message.Message()
    for name, value in headers.items():
        message[name] = value
    for given in (headers, title, list(headers.items()), message, types.MappingProxyType(headers)):
        assert scope["verify"](secret, given, BODY), given
    for given in (None, 5, "text", [1, 2], ["abc"]):
        assert scope["why"](secret, given, BODY), given
    for body in ({"a": 1}, None, BODY.decode(), [1]):
        assert scope["why"](secret, headers, body) == "The body must be the bytes that came, not what was made of them."
    for body in (bytearray(BODY), memoryview(BODY)):
        assert scope["verify"](secret, headers, body)
    made, key = json.dumps(headers), json.dumps(secret)
    body = f'Buffer.from("{BODY.hex()}", "hex")'
    taken = [made, json.dumps(title), f"new Headers({made})", f"new Map(Object.entries({made}))", f"Object.assign(Object.create(null), {made})"]
    bodies = [body, BODY.decode().join("''"), f"new Uint8Array({body})", f"new Uint8Array({body}).buffer"]
    refused = [f"verify({key}, {given}, {body})" for given in ("null", "undefined", "5", '"text"', "[1, 2]")]
    refused += [f"verify({key}, {made}, {given})" for given in ("{ a: 1 }", "null", "undefined", "[1]", "5")]
    asked = [f"verify({key}, {given}, {body})" for given in taken] + [f"verify({key}, {made}, {given})" for given in bodies]
    assert in_node(tmp_path, *asked, *refused).split() == ["true"] * len(asked) + ["false"] * len(refused)


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
