//! Ingest through the gate: mails open tickets and join them, once; replies and inbox errors are recorded, once; any
//! mail is accepted, and no active content comes out.

mod corpus;
mod events;
mod hostile;
mod inboxes;
mod replies;
mod threads;
mod world;

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, TestTenant, on_both, violations};
use inboxops_proto::{
    internal::v1::{self as pb, IngestInboundMessageRequest},
    reason::Reason,
    v1,
};

/// A tenant whose inbox has an address.
pub(super) struct TestMailbox {
    pub(crate) core: TestCore,
    pub(crate) tenant: TestTenant,
}

impl std::ops::Deref for TestMailbox {
    type Target = TestCore;

    fn deref(&self) -> &TestCore {
        &self.core
    }
}

impl TestMailbox {
    pub(super) async fn sqlite() -> TestMailbox {
        TestMailbox::at(TestCore::sqlite().await).await
    }

    pub(super) async fn postgres() -> TestMailbox {
        TestMailbox::at(TestCore::postgres().await).await
    }

    async fn at(core: TestCore) -> TestMailbox {
        let tenant = core.tenant().await;
        let request = pb::UpdateInboxRequest {
            tenant_id: tenant.id.clone(),
            inbox_id: tenant.inbox.clone(),
            email_address: Some("support@acme.example".to_owned()),
            ..Default::default()
        };
        core.tenants().update_inbox(Client::operator().ask(request)).await.answer();
        TestMailbox { core, tenant }
    }

    pub(super) fn request(&self, raw: impl AsRef<[u8]>) -> IngestInboundMessageRequest {
        IngestInboundMessageRequest {
            tenant_id: self.tenant.id.clone(),
            inbox_id: self.tenant.inbox.clone(),
            raw: raw.as_ref().to_vec().into(),
            ..Default::default()
        }
    }

    /// Ingests a mail, a millisecond after the previous one.
    pub(super) async fn mail(&self, raw: impl AsRef<[u8]>) -> pb::IngestInboundMessageResponse {
        self.take(self.request(raw)).await
    }

    pub(super) async fn take(&self, request: IngestInboundMessageRequest) -> pb::IngestInboundMessageResponse {
        self.tick();
        self.ingest().ingest_inbound_message(Client::operator().ask(request)).await.answer()
    }

    pub(super) async fn messages(&self, ticket: &str) -> Vec<v1::Message> {
        let request =
            v1::ListTicketMessagesRequest { ticket_id: ticket.to_owned(), per_page: Some(100), ..Default::default() };
        self.core.messages().list_ticket_messages(self.tenant.operator.ask(request)).await.answer().messages
    }

    /// Number of the newest ticket that this address opened.
    pub(super) async fn ticket_of(&self, email: &str) -> u32 {
        let request = v1::ListTicketsRequest { requester_email: Some(email.to_owned()), ..Default::default() };
        let answer = self.tickets().list_tickets(self.tenant.operator.ask(request)).await.answer();
        answer.tickets.first().expect("a ticket").ticket_number
    }

    pub(super) async fn ticket_count(&self) -> u32 {
        let request = v1::ListTicketsRequest::default();
        let answer = self.tickets().list_tickets(self.tenant.operator.ask(request)).await.answer();
        answer.meta.expect("a page says where it stands").total
    }

    pub(super) async fn set_status(&self, ticket: &str, status: v1::TicketStatus) {
        let changes = v1::TicketChanges { status: Some(status.into()), ..Default::default() };
        self.changed(&self.tenant.operator, ticket, changes).await;
    }
}

/// A short mail with these further header lines.
pub(super) fn letter(id: &str, header: &str) -> String {
    format!(
        "Message-ID: <{id}>\r\nFrom: Ada Lovelace <ada@example.com>\r\nTo: support@acme.example\r\n\
         Subject: Refund for order 1042\r\n{header}\r\nPlease refund it.\r\n"
    )
}

async fn a_mail_opens_a_ticket_of_its_sender(mailbox: TestMailbox) {
    let got = mailbox.mail(letter("a@x", "")).await;
    let (ticket, message) = (got.ticket.expect("a ticket"), got.message.expect("a message"));
    assert!(got.opened && !got.duplicate && !got.reopened && !got.automatic);
    assert_eq!((ticket.subject.as_str(), ticket.ticket_number), ("Refund for order 1042", 1));
    assert_eq!(ticket.requester, Some(v1::Requester { name: "Ada Lovelace".into(), email: "ada@example.com".into() }));
    assert_eq!((ticket.channel(), ticket.status()), (v1::Channel::Email, v1::TicketStatus::Open));
    assert_eq!((ticket.message_count, ticket.version, ticket.last_message_at), (1, 1, message.created_at));
    assert_eq!(
        (message.body_text.as_str(), message.body_html.as_str()),
        ("Please refund it.", "<p>Please refund it.</p>")
    );
    assert_eq!(message.r#type(), v1::MessageType::Inbound);
    let author = message.author.clone().expect("an author");
    assert_eq!((author.r#type(), author.email.as_deref()), (v1::AuthorType::Customer, Some("ada@example.com")));
    assert_eq!(mailbox.get_ticket(&mailbox.tenant.operator, "1").await, ticket);
    assert_eq!(mailbox.messages("1").await, [message]);
}

async fn parts_say_the_same_as_the_mail(mailbox: TestMailbox) {
    let parts = pb::MailParts {
        message_id: Some("<parts@x>".to_owned()),
        from_name: "Ada Lovelace".to_owned(),
        from_email: Some("ada@example.com".to_owned()),
        subject: "Refund".to_owned(),
        body_html: "<p>rich</p><script>x</script>".to_owned(),
        attachments: vec![pb::MailAttachment { name: "a.pdf".into(), media_type: "application/pdf".into(), size: 7 }],
        ..Default::default()
    };
    let request = IngestInboundMessageRequest { parts: Some(parts), ..mailbox.request("") };
    let message = mailbox.take(request.clone()).await.message.expect("a message");
    assert_eq!(message.body_text, "rich\n\n[Attachment: a.pdf (application/pdf, 7 bytes)]");
    assert_eq!(message.body_html, "<p>rich</p><p>[Attachment: a.pdf (application/pdf, 7 bytes)]</p>");
    assert!(mailbox.take(request).await.duplicate);
    let raw = "Message-ID: <parts@x>\r\nFrom: Ada Lovelace <ada@example.com>\r\nSubject: Refund\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
            <p>rich</p><script>x</script>\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n1234567\r\n--b--\r\n";
    assert!(mailbox.mail(raw).await.duplicate, "the same mail, whatever way it came");
}

async fn every_mail_of_the_corpus_goes_in_and_a_second_run_adds_nothing(mailbox: TestMailbox) {
    let samples = corpus::all();
    assert!(samples.len() >= 100, "{}", samples.len());
    let mut first = Vec::new();
    for sample in &samples {
        let got = mailbox.mail(&sample.raw).await;
        let (ticket, message) = (got.ticket.expect("a ticket"), got.message.expect("a message"));
        let name = &sample.name;
        assert!(got.opened && !got.duplicate, "{name}");
        assert!(sample.subject.as_ref().is_none_or(|it| *it == ticket.subject), "{name}: {:?}", ticket.subject);
        for said in &sample.says {
            assert!(message.body_text.contains(said), "{name} lacks {said:?}: {:?}", message.body_text);
        }
        hostile::assert_harmless(name, &message.body_html);
        assert!(ticket.subject.chars().count() <= 255 && !ticket.subject.is_empty(), "{name}");
        first.push(message.id);
    }
    let count = mailbox.ticket_count().await;
    assert_eq!(count as usize, samples.len(), "no mail is lost in another's ticket");
    for (sample, id) in samples.iter().zip(first) {
        let again = mailbox.mail(&sample.raw).await;
        assert!(again.duplicate, "{}", sample.name);
        assert_eq!(again.message.map(|message| message.id), Some(id), "{}", sample.name);
    }
    assert_eq!(mailbox.ticket_count().await, count);
}

async fn the_same_mail_many_times_at_once_is_recorded_once(mailbox: TestMailbox) {
    let calls = (0..40).map(|_| {
        let request = mailbox.request(letter("once@x", ""));
        async { mailbox.ingest().ingest_inbound_message(Client::operator().ask(request)).await.answer() }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|it| !it.duplicate).count(), 1);
    assert_eq!((mailbox.ticket_count().await, mailbox.messages("1").await.len()), (1, 1));
}

async fn a_mail_is_a_repeat_by_its_id_or_else_by_its_bytes_in_one_inbox(mailbox: TestMailbox) {
    let other = mailbox.inbox(&mailbox.tenant.id, "Sales").await;
    assert!(!mailbox.mail(letter("a@x", "")).await.duplicate);
    assert!(mailbox.mail(letter("a@x", "X-Spam: no\r\n")).await.duplicate, "another hop added a line");
    let elsewhere = IngestInboundMessageRequest { inbox_id: other, ..mailbox.request(letter("a@x", "")) };
    assert!(!mailbox.take(elsewhere).await.duplicate, "each inbox has its own");
    let bare = "From: a@example.com\r\nSubject: x\r\n\r\nhello\r\n";
    assert!(!mailbox.mail(bare).await.duplicate);
    assert!(mailbox.mail(bare).await.duplicate);
    assert!(!mailbox.mail(bare.replace("hello", "hallo")).await.duplicate);
}

async fn a_repeat_says_the_same_and_what_says_something_else_is_recorded(mailbox: TestMailbox) {
    let mail = "Message-ID: <same@x>\r\nFrom: Ada <ada@example.com>\r\nTo: support@acme.example\r\n\
            Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nSubject: Parcel 1\r\n\r\nIt has come.\r\nThanks\r\n";
    assert!(mailbox.mail(mail).await.opened);
    for (what, same) in [
        ("trace", format!("Received: from mx2.example\r\nDKIM-Signature: v=1; d=x\r\nList-Id: <l.x>\r\n{mail}")),
        ("line ends", mail.replace("\r\n", "\n")),
        ("white space at line ends", mail.replace("come.", "come. \t").replace("Thanks\r\n", "Thanks\r\n\r\n")),
        ("a fold", mail.replace("Subject: Parcel 1", "Subject: Parcel\r\n 1")),
        ("an encoded word", mail.replace("Parcel 1", "=?utf-8?q?Parcel_1?=")),
        (
            "a transfer encoding",
            mail.replace("\r\n\r\nIt has", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=49t has"),
        ),
        ("letter case of the address", mail.replace("ada@example.com", "ADA@Example.com")),
        ("the same moment", mail.replace("10:00:00 +0100", "09:00:00 +0000")),
        ("another recipient", mail.replace("support@", "help@")),
    ] {
        let got = mailbox.mail(&same).await;
        assert!(got.duplicate, "{what}: {same}");
    }
    for (what, other) in [
        ("its text", mail.replace("It has come.", "It is lost.")),
        ("its subject", mail.replace("Parcel 1", "Parcel 2")),
        ("its date", mail.replace("10:00:00", "10:00:01")),
        ("its writer", mail.replace("ada@", "bert@")),
        ("its name", mail.replace("Ada <", "Bert <")),
        ("HTML beside", mail.replace("\r\n\r\nIt has come.", "\r\nContent-Type: text/html\r\n\r\n<p>It has come.")),
        ("white space within a line", mail.replace("has come", "has  come")),
    ] {
        let got = mailbox.mail(&other).await;
        assert!(!got.duplicate && !got.opened, "{what}");
        assert_eq!(got.ticket.map(|it| it.ticket_number), Some(1), "{what}: it is in the ticket of its id");
        assert!(mailbox.mail(&other).await.duplicate, "{what}: known from now on");
    }
    assert_eq!(mailbox.messages("1").await.len(), 1 + 7);
    let sales = mailbox.inbox(&mailbox.tenant.id, "Sales").await;
    let elsewhere = |raw: &str| IngestInboundMessageRequest { inbox_id: sales.clone(), ..mailbox.request(raw) };
    assert!(mailbox.take(elsewhere(mail)).await.opened, "each inbox has its own");
    let other = mailbox.take(elsewhere(&mail.replace("come", "gone"))).await;
    assert_eq!(other.ticket.map(|it| it.ticket_number), Some(2));
}

async fn a_mail_that_an_earlier_release_recorded_is_known_by_its_words(mailbox: TestMailbox) {
    let mail = letter("old@x", "");
    assert!(mailbox.mail(&mail).await.opened);
    use sha2::{Digest as _, Sha256};
    let key = Sha256::new().chain_update([1]).chain_update("old@x").finalize();
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    // As an earlier release stored it: the key of the id alone.
    let hex = if mailbox.core.postgres.is_some() { format!("'\\x{digits}'::bytea") } else { format!("x'{digits}'") };
    mailbox.run_sql(&format!("UPDATE messages SET dedup_key = {hex}")).await;
    assert!(mailbox.mail(&mail).await.duplicate);
    assert!(mailbox.mail(mail.replace("refund it.", "refund it. ")).await.duplicate);
    for other in [mail.replace("Please refund", "Never refund"), mail.replace("ada@", "bert@")] {
        let got = mailbox.mail(&other).await;
        assert!(!got.duplicate && !got.opened);
    }
}

async fn a_mail_keeps_when_it_was_sent(mailbox: TestMailbox) {
    let sent = async |header: &str| {
        let id = format!("{}@d", header.len());
        let got = mailbox.mail(letter(&id, header)).await.message.expect("a message");
        assert_eq!(mailbox.messages(&got.ticket_id).await, std::slice::from_ref(&got));
        got.sent_at.map(|at| at.seconds)
    };
    assert_eq!(sent("Date: Mon, 02 Jan 2023 10:00:00 +0100\r\n").await, Some(1_672_650_000));
    assert_eq!(sent("Date: Mon, 02 Jan 2023 09:00:00 Z\r\n").await, Some(1_672_650_000));
    assert_eq!(sent("Date: yesterday\r\n").await, None);
    assert_eq!(sent("").await, None);
    let at = prost_types::Timestamp { seconds: 1_672_650_000, nanos: 250_000_000 };
    let with = pb::MailParts { sent_at: Some(at), ..parts() };
    let request = IngestInboundMessageRequest { parts: Some(with), ..mailbox.request("") };
    assert_eq!(mailbox.take(request).await.message.expect("a message").sent_at, Some(at));
}

async fn who_names_no_inbox_or_tenant_is_told(mailbox: TestMailbox) {
    let refused =
        async |request| mailbox.ingest().ingest_inbound_message(Client::operator().ask(request)).await.refusal();
    let of = |tenant: &str, inbox: &str, address: &str| IngestInboundMessageRequest {
        tenant_id: tenant.to_owned(),
        inbox_id: inbox.to_owned(),
        inbox_address: address.to_owned(),
        ..mailbox.request(letter("a@x", ""))
    };
    let (tenant, inbox) = (mailbox.tenant.id.as_str(), mailbox.tenant.inbox.as_str());
    for (tenant, inbox, address, reason) in [
        (NOTHING, inbox, "", Reason::TenantNotFound),
        ("x", inbox, "", Reason::TenantNotFound),
        ("", inbox, "", Reason::TenantNotFound),
        (tenant, NOTHING, "", Reason::InboxNotFound),
        (tenant, "x", "", Reason::InboxNotFound),
        (tenant, "", "nobody@acme.example", Reason::InboxNotFound),
        (tenant, "", "", Reason::ValidationFailed),
    ] {
        assert_eq!(refused(of(tenant, inbox, address)).await.reason, reason, "{tenant} {inbox} {address}");
    }
    let both = IngestInboundMessageRequest { parts: Some(parts()), ..mailbox.request("x") };
    assert_eq!(violations(&refused(both).await), [("raw", "mutually_exclusive")]);
    assert_eq!(violations(&refused(mailbox.request("")).await), [("raw", "one_of_required")]);
    let unnamed = IngestInboundMessageRequest { parts: Some(pb::MailParts::default()), ..mailbox.request("") };
    assert_eq!(violations(&refused(unnamed).await), [("parts.message_id", "required")]);
    assert_eq!(mailbox.ticket_count().await, 0);
    assert!(mailbox.take(of(tenant, "", "Support@ACME.example")).await.opened);
    assert!(mailbox.take(of(tenant, "", "support+t9@acme.example")).await.duplicate);
}

async fn only_the_operators_programs_may(mailbox: TestMailbox) {
    let token = mailbox.service_token("mail worker", false).await;
    let worker = mailbox.service_token("sender", true).await;
    let request = || mailbox.request(letter("a@x", ""));
    for client in [&mailbox.tenant.key, &Client::key(&worker)] {
        let refused = mailbox.ingest().ingest_inbound_message(client.ask(request())).await.refusal();
        assert_eq!(refused.reason, Reason::RoleRequired);
    }
    let got = mailbox.ingest().ingest_inbound_message(Client::key(&token).ask(request())).await.answer();
    assert!(got.opened);
}

async fn a_disabled_inbox_takes_answers_and_no_new_tickets(mailbox: TestMailbox) {
    mailbox.mail(letter("a@x", "")).await;
    let request = pb::UpdateInboxRequest {
        tenant_id: mailbox.tenant.id.clone(),
        inbox_id: mailbox.tenant.inbox.clone(),
        enabled: Some(false),
        ..Default::default()
    };
    mailbox.tenants().update_inbox(Client::operator().ask(request)).await.answer();
    let refused =
        mailbox.ingest().ingest_inbound_message(Client::operator().ask(mailbox.request(letter("b@x", "")))).await;
    assert_eq!(violations(&refused.refusal()), [("inbox_id", "inbox_disabled")]);
    assert!(!mailbox.mail(letter("c@x", "In-Reply-To: <a@x>\r\n")).await.opened);
}

fn parts() -> pb::MailParts {
    pb::MailParts { message_id: Some("p@x".to_owned()), ..Default::default() }
}

on_both!(TestMailbox:
    a_mail_opens_a_ticket_of_its_sender,
    parts_say_the_same_as_the_mail,
    every_mail_of_the_corpus_goes_in_and_a_second_run_adds_nothing,
    the_same_mail_many_times_at_once_is_recorded_once,
    a_mail_is_a_repeat_by_its_id_or_else_by_its_bytes_in_one_inbox,
    a_repeat_says_the_same_and_what_says_something_else_is_recorded,
    a_mail_that_an_earlier_release_recorded_is_known_by_its_words,
    a_mail_keeps_when_it_was_sent,
    who_names_no_inbox_or_tenant_is_told,
    only_the_operators_programs_may,
    a_disabled_inbox_takes_answers_and_no_new_tickets,
);
