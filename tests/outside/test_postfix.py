"""The steps of docs/ingest.md with a real Postfix: its mails become tickets, and no mail is returned to its sender because
of a fault that the operator can correct."""

import smtplib

import pytest

from postfix import IS_ROOT, Postfix, block
from product import until

ON = ["sqlite"]
EXAMPLE_TENANT = "019ab5f0-0000-7000-8000-000000000001"


def mail(subject, more=""):
    return f"Message-ID: <{subject}@example.net>\nFrom: Ada <ada@example.net>\nTo: support@example.com\nSubject: {subject}\n{more}\nHello.\n"


class Desk:
    """A tenant with the document's two inboxes, and a Postfix before it."""

    def __init__(self, server, acme):
        self.server, self.acme = server, acme
        for name in ("support", "billing", "gone"):
            server.cli("inbox", "create", "--tenant", acme.id, "--name", name, "--address", f"{name}@example.com")
        self.token = server.cli("token", "create", "--name", "postfix")["token"]
        self.mta = Postfix([(EXAMPLE_TENANT, acme.id)])
        self.reach(self.token)

    def reach(self, token):
        text = block("toml").replace("http://10.0.0.5:9090", self.server.url)
        assert "ixs_…" in text
        self.mta.reach(text.replace("ixs_…", token))

    def tickets(self):
        answer = self.acme.api.get("/tickets", params={"per_page": 100})
        return {ticket["subject"]: ticket for ticket in answer.json()["data"]}

    def ticket(self, subject):
        return until(f"the ticket {subject}", lambda: self.tickets().get(subject))

    def messages(self, ticket):
        return self.acme.api.get(f"/tickets/{ticket['id']}/messages").json()["data"]


@pytest.fixture(scope="module")
def desk(server, acme):
    desk = Desk(server, acme)
    try:
        if not IS_ROOT:
            # As far as it goes: the blocks are good, and the addresses lead where they should.
            maps = desk.mta.run("postconf", "-h", "transport_maps").strip()
            assert desk.mta.run("postmap", "-q", "support@example.com", maps.replace("$default_database_type", "hash")) == "inboxops:\n"
            assert "inboxops" in desk.mta.run("postconf", "-M", "inboxops/unix")
            pytest.skip("Postfix and the user of its pipe need root: only the configuration was checked")
        desk.mta.start()
        yield desk
    finally:
        desk.mta.stop()


def test_mail_becomes_tickets_of_the_inboxes_that_it_is_for(desk):
    desk.mta.send(mail("first"), "support@example.com")
    first = desk.ticket("first")
    assert first["inbox_id"] != desk.acme.inbox["id"]
    assert "status=sent" in desk.mta.outcome("support@example.com")
    desk.mta.send(mail("invoice"), "Billing@Example.com")
    assert desk.ticket("invoice")["inbox_id"] not in (first["inbox_id"], desk.acme.inbox["id"])
    # The number in the address, and nothing of the words, brings this one to its ticket.
    tagged = f"support+t{first['ticket_number']}@example.com"
    desk.mta.send(mail("tagged"), tagged)
    assert "status=sent" in desk.mta.outcome(tagged)
    until("both mails are in one ticket", lambda: len(desk.messages(first)) == 2)
    assert "tagged" not in desk.tickets()
    assert desk.mta.waiting() == 0


def test_what_a_machine_sends_opens_no_ticket_again(desk):
    desk.mta.send(mail("question"), "support@example.com")
    ticket = desk.ticket("question")
    desk.acme.api.patch(f"/tickets/{ticket['id']}", json={"status": "solved"})
    report = mail("report", "In-Reply-To: <question@example.net>\n")
    desk.mta.send(report, "support@example.com", sender="")
    until("the report is in the ticket", lambda: len(desk.messages(ticket)) == 2)
    assert desk.tickets()["question"]["status"] == "solved"
    desk.mta.send(mail("again", "In-Reply-To: <question@example.net>\n"), "support@example.com")
    until("the answer is in the ticket", lambda: len(desk.messages(ticket)) == 3)
    assert desk.tickets()["question"]["status"] == "open"


def test_an_address_that_is_not_listed_is_refused_at_once(desk):
    # There is an inbox for one of them; Postfix does not know.
    for address, expected in (("suport@example.com", 550), ("gone@example.com", 550), ("someone@elsewhere.example", 454)):
        assert refusal(desk, address)[0] == expected
    assert "lost" not in desk.tickets()


def refusal(desk, address):
    """The code and the words by which Postfix refuses an address."""
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        desk.mta.send(mail("lost"), address)
    return caught.value.recipients[address]


def deferred(desk, subject, says, to="support@example.com"):
    """A mail that Postfix keeps, with the reason in its log."""
    desk.mta.forget()
    desk.mta.send(mail(subject), to)
    line = desk.mta.outcome(to)
    assert "status=deferred" in line and says in line, line
    assert desk.mta.waiting() == 1, "kept, and not given back"


def mended(desk, subject):
    desk.mta.flush()
    desk.ticket(subject)
    assert "status=bounced" not in desk.mta.log, desk.mta.log


def test_a_refused_token_keeps_mail_waiting_until_it_is_mended(desk):
    desk.reach("ixs_wrong")
    deferred(desk, "token", "service token is not valid")
    desk.reach(desk.token)
    mended(desk, "token")


def test_wrong_settings_keep_mail_waiting(desk):
    desk.mta.reach("serve = 'http://127.0.0.1'\n")
    deferred(desk, "setting", "no setting has this name")
    desk.reach(desk.token)
    mended(desk, "setting")


def test_a_pipe_that_is_killed_or_missing_keeps_mail_waiting(desk):
    whole = desk.mta.binary.with_suffix(".whole")
    desk.mta.binary.rename(whole)
    deferred(desk, "missing", "temporary failure")
    desk.mta.binary.write_text("#!/bin/sh\nkill -9 $$\n")
    desk.mta.binary.chmod(0o755)
    desk.mta.forget()
    desk.mta.run("postqueue", "-f")
    assert "status=deferred" in desk.mta.outcome("support@example.com")
    desk.mta.binary.unlink()
    whole.rename(desk.mta.binary)
    mended(desk, "missing")


def test_a_listed_address_without_an_inbox_keeps_mail_waiting(desk):
    path = desk.mta.config / "inboxops"
    path.write_text(path.read_text() + "new@example.com  inboxops:\n")
    desk.mta.run("postmap", str(path))
    desk.mta.run("postfix", "reload")
    until("the address is known", lambda: _accepted(desk, "new@example.com"))
    assert "status=deferred" in desk.mta.outcome("new@example.com")
    assert "has no inbox new@example.com" in desk.mta.outcome("new@example.com")
    desk.server.cli("inbox", "create", "--tenant", desk.acme.id, "--name", "new", "--address", "new@example.com")
    mended(desk, "unknown")


def _accepted(desk, address):
    try:
        desk.mta.send(mail("unknown"), address)
    except smtplib.SMTPRecipientsRefused:
        return False
    return True


def test_a_server_that_is_away_loses_nothing(desk):
    for process in desk.server.processes:
        process.stop()
    deferred(desk, "away", "no answer from")
    desk.server.start()
    mended(desk, "away")


def test_addresses_of_a_domain_that_has_mailboxes_here(desk):
    desk.mta.in_class("mydestination")
    until("the other class counts", lambda: b"local recipient table" in refusal(desk, "suport@example.com")[1])
    desk.mta.send(mail("local"), "support+x@example.com")
    desk.ticket("local")
    assert refusal(desk, "suport@example.com")[0] == 550

