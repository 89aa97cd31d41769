import base64
import json
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from inboxops import WebhookVerificationError, verify_webhook
from inboxops._generated import verify

ROOT = Path(__file__).resolve().parents[3]
VECTORS = json.loads((ROOT / "worker" / "tests" / "signatures.json").read_text())["vectors"]
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
BODY = '{"event":"ticket.created","data":{"subject":"Größe 🚀"}}'.encode()


def signed(secret=SECRET, body=BODY, at=None):
    """Headers of a request that the official library signed."""
    at = at or datetime.now(UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


@pytest.mark.parametrize("vector", VECTORS, ids=lambda it: it["name"])
def test_vectors_are_verified(vector, monkeypatch):
    monkeypatch.setattr(verify.time, "time", lambda: vector["webhook_timestamp"])
    headers = {name.replace("_", "-"): str(vector[name]) for name in vector if name.startswith("webhook_")}
    body = vector["body"].encode()
    for one in vector["secrets"]:
        assert verify.why(one["secret"], headers, body) is None
        assert not verify.verify(one["secret"], headers, body + b" ")
        if body:
            assert verify_webhook(one["secret"], headers, body) == json.loads(body)
    with pytest.raises(WebhookVerificationError, match="No signature fits"):
        verify_webhook(SECRET, headers, body)


def test_the_vectors_have_those_of_the_official_libraries():
    assert len(VECTORS) >= 4
    assert any("Standard Webhooks" in it["name"] for it in VECTORS)


def test_what_the_official_library_signs_is_verified_and_its_event_returned():
    message = Message()
    for name, value in signed().items():
        message[name] = value
    for headers in (signed(), {name.title(): it for name, it in signed().items()}, list(signed().items()), message):
        for body in (BODY, bytearray(BODY), memoryview(BODY)):
            assert verify_webhook(["whsec_AAAA", SECRET], headers, body) == json.loads(BODY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"body": BODY + b" "}, "No signature fits"),
        ({"secrets": "whsec_" + base64.b64encode(b"x" * 24).decode()}, "No signature fits"),
        ({"minutes": -6}, "300 seconds"),
        ({"minutes": 6}, "300 seconds"),
        ({"body": json.loads(BODY)}, "bytes that came"),
        ({"body": BODY.decode()}, "bytes that came"),
        ({"headers": {}}, "missing"),
        ({"secrets": ""}, "no secret"),
        ({"secrets": []}, "no secret"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_a_forgery_an_old_request_and_what_was_parsed_are_refused_with_a_reason(change, reason):
    at = datetime.now(UTC) + timedelta(minutes=change.get("minutes", 0))
    with pytest.raises(WebhookVerificationError, match=reason):
        verify_webhook(change.get("secrets", SECRET), change.get("headers", signed(at=at)), change.get("body", BODY))


def test_the_check_is_the_one_that_the_guide_shows():
    shown = (ROOT / "ui" / "src" / "webhooks" / "verify" / "verify.py").read_text()
    ours = Path(verify.__file__).read_text()
    assert ours.partition("\n\n")[2] == shown
    assert shown.strip() in (ROOT / "docs" / "webhooks.md").read_text()
