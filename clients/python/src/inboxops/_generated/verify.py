# Made from ui/src/webhooks/verify/verify.py; do not edit.

import base64, hashlib, hmac, re, time


def verify(secrets, headers, body):
    """Whether InboxOps sent this: secrets are one or a list, body the bytes that came, before any parsing."""
    return why(secrets, headers, body) is None


def why(secrets, headers, body):
    """Why it is not taken for a request of InboxOps, as a sentence; None if it is one."""
    if not isinstance(body, (bytes, bytearray, memoryview)):
        return "The body must be the bytes that came, not what was made of them."
    try:
        got = {str(name).lower(): value for name, value in dict(headers).items()}
    except (TypeError, ValueError):
        return "The headers must be a mapping of names to values."
    event, sent, signatures = (got.get("webhook-" + it) for it in ("id", "timestamp", "signature"))
    if not all(isinstance(it, str) and it for it in (event, sent, signatures)):
        return "webhook-id, webhook-timestamp or webhook-signature is missing."
    if not re.fullmatch("[0-9]{1,12}", sent):
        return "webhook-timestamp is not a number of seconds."
    if abs(time.time() - int(sent)) > 300:
        return "webhook-timestamp is more than 300 seconds away from this machine's clock."
    offered = signatures.encode("utf-8", "replace").split(b" ")
    usable = False
    for secret in [secrets] if isinstance(secrets, str) else secrets or []:
        try:
            key = base64.b64decode(secret.strip().removeprefix("whsec_"))
        except (AttributeError, ValueError):
            continue
        mac = hmac.new(key, f"{event}.{sent}.".encode("utf-8", "replace") + bytes(body), hashlib.sha256)
        want = b"v1," + base64.b64encode(mac.digest())
        if key and any(hmac.compare_digest(want, one) for one in offered):
            return None
        usable = usable or key != b""
    return "No signature fits: another secret, or not the bytes that came." if usable else "There is no secret to check with."
