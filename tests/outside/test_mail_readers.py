"""Real mails, parsed by the product and by two independent parsers: Python's `email` and npm's `postal-mime`. Intended
differences are listed here by kind, with the reason; all others fail."""

import datetime
import email
import email.policy
import email.utils
import html.parser
import json
import re
import shutil
import subprocess
import unicodedata

import pytest

import mails
from rpc import ingest

ON = ["sqlite"]
# Those of the packages that Debian's sources may lack are not among them.
MAILS_MIN = 140


class Words(html.parser.HTMLParser):
    """The words of HTML that are for readers."""

    UNSEEN = {"script", "style", "title", "head", "xml"}

    def __init__(self, text):
        super().__init__()
        self.found, self.within = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append(" " if tag not in {"b", "i", "u", "span", "font", "a", "strong", "em"} else "")
        if tag in self.UNSEEN:
            self.within.append(tag)

    def handle_endtag(self, tag):
        self.found.append(" " if tag not in {"b", "i", "u", "span", "font", "a", "strong", "em"} else "")
        if tag in self.within:
            del self.within[self.within.index(tag):]

    def handle_data(self, data):
        if not set(self.within) - {"head"}:
            self.found.append(data)


def words(text):
    return re.findall(r"\w+", unicodedata.normalize("NFC", text))


def by_email(raw):
    """What Python's reader makes of a mail; what it fails on is None."""
    def tried(read):
        try:
            return read()
        except Exception:
            return None

    mail = email.message_from_bytes(raw, policy=email.policy.default)

    def sender():
        mailboxes = mail["from"].addresses
        return (mailboxes[0].display_name, mailboxes[0].addr_spec) if mailboxes else ("", "")

    def body(kind):
        part = mail.get_body(preferencelist=(kind,))
        return part.get_content() if part else ""

    who = tried(sender) if mail["from"] is not None else ("", "")
    files = tried(lambda: [it.get_filename() for it in mail.iter_attachments() if it.get_filename()])
    return {
        "subject": tried(lambda: str(mail["subject"] or "")), "name": who and who[0], "address": who and who[1],
        "text": tried(lambda: body("plain")), "html": tried(lambda: body("html")), "files": files, "sent": tried(lambda: moment(mail)),
    }


def moment(mail):
    """Seconds since 1970 of the first `Date`; a date without a zone is one of Greenwich."""
    at = email.utils.parsedate_to_datetime(str(mail.get_all("date")[0]))
    return int((at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp())


def by_postal_mime(paths):
    folder = mails.reader()
    shutil.copy(mails.ROOT / "tests" / "outside" / "readers.mjs", folder / "readers.mjs")
    done = subprocess.run(["node", "readers.mjs"], cwd=folder, input="\n".join(map(str, paths)), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_us(server, tenant, raw):
    """What the product makes of a mail; none when it knows it already."""
    got = ingest(server).ingest_inbound_message(tenant_id=tenant.id, inbox_id=tenant.inbox["id"], raw=raw)
    if got.duplicate:
        return None
    message = got.message
    text, *files = re.split(r"\n?\[Attachment: ", message.body_text)
    return {
        # A mail that joins a ticket leaves its subject as it is.
        "subject": got.ticket.subject if got.opened else None, "name": message.author.name, "address": message.author.email,
        "text": text, "html": message.body_html, "files": [it.rsplit(" (", 1)[0] for it in files], "cut": message.truncated,
        "sent": message.sent_at.seconds if message.HasField("sent_at") else None,
    }


def line(text):
    return " ".join(unicodedata.normalize("NFC", text).split())


def missing(some, all_):
    """The first of the words that does not stand in the others in the same order, with those after it."""
    left = iter(all_)
    for at, word in enumerate(some):
        if word not in left:
            return " ".join(some[at:at + 12])
    return ""


def differences(ours, theirs):
    """What the product reads differently: (field, ours, theirs)."""
    found = []
    subject = theirs["subject"] and line(theirs["subject"])[:255].strip()
    if ours["subject"] is not None and theirs["subject"] is not None and ours["subject"] != (subject or "(no subject)"):
        found.append(("subject", ours["subject"], subject))
    if theirs["address"] is not None and ours["address"] != theirs["address"]:
        found.append(("address", ours["address"], theirs["address"]))
    elif theirs["address"] and theirs["name"] is not None and ours["name"] != line(theirs["name"]):
        found.append(("name", ours["name"], theirs["name"]))
    if theirs.get("sent") is not None and ours["sent"] != theirs["sent"]:
        found.append(("sent", ours["sent"], theirs["sent"]))
    if ours["cut"]:
        return found
    said = theirs["text"] or ("".join(Words(theirs["html"]).found) if theirs["html"] else "")
    if theirs["text"] is not None and missing(words(said), words(ours["text"])):
        found.append(("text", ours["text"], said))
    if theirs["text"] and theirs["html"]:
        rich = "".join(Words(theirs["html"]).found)
        seen = "".join(Words(ours["html"]).found)
        if missing(words(rich), words(seen)):
            found.append(("html", seen, rich))
    for name in theirs["files"] or []:
        if line(name)[:100] not in " ".join(line(it) for it in ours["files"]):
            found.append(("file", ours["files"], name))
    return found


def without_envelopes(text):
    """What `postal-mime` shows of a forwarded mail, without the lines that it puts above it."""
    return re.sub(r"(?s)-{20,}.*?-{20,}|From\s+<.*?\d\d:\d\d:\d\d", " ", text)


def is_lost(text):
    """Whether letters were given up, or taken for those of another charset."""
    return "\ufffd" in text or "ï¿½" in text


# What is read differently on purpose: fields, whether a difference is of this kind, and why.
KINDS = [
    ({"subject", "text", "html", "file", "name"}, lambda ours, theirs, reader, raw: is_lost(theirs),
     "bytes without a right label, or in a header, are UTF-8 or Windows-1252 and no signs of loss"),
    ({"text", "html"}, lambda ours, theirs, reader, raw: any(it in theirs for it in ("锛", "Гі", "â\x80")),
     "what is UTF-8 is UTF-8 whatever the label says"),
    ({"subject", "text"}, lambda ours, theirs, reader, raw: reader == "postal-mime" and re.search(r"\+[A-Za-z0-9/]{3,}-|\+(AD0APQA9){3,}", theirs),
     "UTF-7 is read"),
    ({"file"}, lambda ours, theirs, reader, raw: any(it.replace("\\", "") == theirs for it in ours),
     "the backslashes of a Windows path are no escapes"),
    ({"file"}, lambda ours, theirs, reader, raw: reader == "email"
     and (theirs.endswith(".txt") or re.search(rb"Content-Type: text/plain\s+(Content-.*\s+)*Content-Disposition: inline;\s*filename=\"" + re.escape(theirs.encode()), raw)),
     "a text that is to be shown is shown, and no file"),
    ({"address"}, lambda ours, theirs, reader, raw: "@" not in theirs,
     "what has no domain cannot be answered: it is a name"),
    ({"address"}, lambda ours, theirs, reader, raw: f"{theirs} <{ours}>".encode() in raw,
     "the address is what stands in brackets"),
    ({"address"}, lambda ours, theirs, reader, raw: theirs.startswith("@") and theirs.endswith(":" + ours),
     "a source route is no part of the address"),
    ({"name"}, lambda ours, theirs, reader, raw: not theirs and "@" in ours,
     "a name may be an address, too"),
    ({"name"}, lambda ours, theirs, reader, raw: reader == "email" and not theirs and f"({ours})".encode() in raw,
     "a comment behind a bare address is the name"),
    ({"name"}, lambda ours, theirs, reader, raw: reader == "postal-mime" and theirs.replace(" ", "") == ours.replace(" ", "") and b'"' in raw,
     "quoted words and others have spaces between them"),
    ({"sent"}, lambda ours, theirs, reader, raw: int(ours or 0) - theirs == 57600 and b" PM EDT" in raw,
     "hours of the afternoon and American zones are read"),
    ({"text", "html"}, lambda ours, theirs, reader, raw: reader == "postal-mime"
     and (b"message/rfc822" in raw or b"multipart/digest" in raw) and not missing(words(without_envelopes(theirs)), words(ours)),
     "the lines above a forwarded mail are ours"),
    ({"html"}, lambda ours, theirs, reader, raw: reader == "postal-mime" and b"multipart/report" in raw and "(message/rfc822, " in ours,
     "the mail that a report gives back is a file"),
    ({"text", "html"}, lambda ours, theirs, reader, raw: reader == "postal-mime" and raw.count(b"multipart/alternative") > 2,
     "of alternatives within alternatives each is in the body of its kind"),
    ({"text", "html"}, lambda ours, theirs, reader, raw: re.search(rb"<title>|display: ?none", raw) and b"\n" in raw and seen_part(ours, theirs, raw),
     "titles and what styles hide are no words"),
    ({"subject", "text", "address"}, lambda ours, theirs, reader, raw: raw.startswith(b"Fro :") or b"\nFrom\n :" in raw,
     "a line that went astray does not end the header"),
]


def seen_part(ours, theirs, raw):
    """Whether all words are there but those that stand first, in a title or a hidden line."""
    found = words(theirs)
    return any(not missing(found[at:], words(ours)) for at in range(1, min(len(found), 60)))


def is_deliberate(difference, reader, raw):
    field, ours, theirs = difference
    return any(field in of and holds(ours, theirs, reader, raw) for of, holds, _ in KINDS)


def test_mails_of_the_world_are_read_as_others_read_them(server, acme):
    paths = mails.all_mails()
    assert len(paths) >= MAILS_MIN, len(paths)
    wrong, compared = [], 0
    for path, postal in zip(paths, by_postal_mime(paths), strict=True):
        raw = path.read_bytes()
        ours = by_us(server, acme, raw)
        for reader, theirs in (("email", by_email(raw)), ("postal-mime", postal)):
            if ours is None or theirs is None:
                continue
            compared += 1
            for difference in differences(ours, theirs):
                if not is_deliberate(difference, reader, raw):
                    field, got, wanted = difference
                    lacks = missing(words(wanted), words(got)) if field in {"text", "html"} else wanted
                    wrong.append(f"{path}, {reader}: {field}: {str(got)[:300]!r} and not {lacks!r}")
    assert compared >= MAILS_MIN, compared
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)
