//! Ingest through the gate: mails open tickets and join them, once; replies and inbox errors are recorded, once; and
//! whatever a mail holds, it goes in and nothing that runs comes out.

mod corpus;
mod events;
mod hostile;
mod inboxes;
mod replies;
mod threads;
mod world;

use crate::support::{Came as _, Client, Desk, NOTHING, Workspace, on_both, violations};
use inboxops_proto::{
    internal::v1::{self as pb, IngestInboundMessageRequest},
    reason::Reason,
    v1,
};

/// A tenant whose inbox has an address.
pub struct Post {
    pub desk: Desk,
    pub home: Workspace,
}

impl std::ops::Deref for Post {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl Post {
    pub async fn sqlite() -> Post {
        Post::at(Desk::sqlite().await).await
    }

    pub async fn postgres() -> Post {
        Post::at(Desk::postgres().await).await
    }

    async fn at(desk: Desk) -> Post {
        let home = desk.workspace().await;
        let request = pb::UpdateInboxRequest {
            tenant_id: home.id.clone(),
            inbox_id: home.inbox.clone(),
            email_address: Some("support@acme.example".to_owned()),
            ..Default::default()
        };
        desk.tenants().update_inbox(Client::operator().ask(request)).await.answer();
        Post { desk, home }
    }

    pub fn request(&self, raw: impl AsRef<[u8]>) -> IngestInboundMessageRequest {
        IngestInboundMessageRequest {
            tenant_id: self.home.id.clone(),
            inbox_id: self.home.inbox.clone(),
            raw: raw.as_ref().to_vec().into(),
            ..Default::default()
        }
    }

    /// Takes in a mail, a millisecond after the last.
    pub async fn mail(&self, raw: impl AsRef<[u8]>) -> pb::IngestInboundMessageResponse {
        self.take(self.request(raw)).await
    }

    pub async fn take(&self, request: IngestInboundMessageRequest) -> pb::IngestInboundMessageResponse {
        self.tick();
        self.ingest().ingest_inbound_message(Client::operator().ask(request)).await.answer()
    }

    pub async fn messages(&self, ticket: &str) -> Vec<v1::Message> {
        let request =
            v1::ListTicketMessagesRequest { ticket_id: ticket.to_owned(), per_page: Some(100), ..Default::default() };
        self.desk.messages().list_ticket_messages(self.home.operator.ask(request)).await.answer().messages
    }

    pub async fn ticket_count(&self) -> u32 {
        let request = v1::ListTicketsRequest::default();
        let answer = self.tickets().list_tickets(self.home.operator.ask(request)).await.answer();
        answer.meta.expect("a page says where it stands").total
    }

    pub async fn set_status(&self, ticket: &str, status: v1::TicketStatus) {
        let changes = v1::TicketChanges { status: Some(status.into()), ..Default::default() };
        self.changed(&self.home.operator, ticket, changes).await;
    }
}

/// A short mail with these further header lines.
pub fn letter(id: &str, header: &str) -> String {
    format!(
        "Message-ID: <{id}>\r\nFrom: Ada Lovelace <ada@example.com>\r\nTo: support@acme.example\r\n\
         Subject: Refund for order 1042\r\n{header}\r\nPlease refund it.\r\n"
    )
}

on_both! {
    async fn a_mail_opens_a_ticket_of_its_sender(post: Post) {
        let got = post.mail(letter("a@x", "")).await;
        let (ticket, message) = (got.ticket.expect("a ticket"), got.message.expect("a message"));
        assert!(got.opened && !got.duplicate && !got.reopened && !got.automatic);
        assert_eq!((ticket.subject.as_str(), ticket.ticket_number), ("Refund for order 1042", 1));
        assert_eq!(ticket.requester, Some(v1::Requester { name: "Ada Lovelace".into(), email: "ada@example.com".into() }));
        assert_eq!((ticket.channel(), ticket.status()), (v1::Channel::Email, v1::TicketStatus::Open));
        assert_eq!((ticket.message_count, ticket.version, ticket.last_message_at), (1, 1, message.created_at));
        assert_eq!((message.body_text.as_str(), message.body_html.as_str()), ("Please refund it.", "<p>Please refund it.</p>"));
        assert_eq!(message.r#type(), v1::MessageType::Inbound);
        let author = message.author.clone().expect("an author");
        assert_eq!((author.r#type(), author.email.as_deref()), (v1::AuthorType::Customer, Some("ada@example.com")));
        assert_eq!(post.get_ticket(&post.home.operator, "1").await, ticket);
        assert_eq!(post.messages("1").await, [message]);
    }

    async fn parts_say_the_same_as_the_mail(post: Post) {
        let parts = pb::MailParts {
            message_id: Some("<parts@x>".to_owned()),
            from_name: "Ada Lovelace".to_owned(),
            from_email: Some("ada@example.com".to_owned()),
            subject: "Refund".to_owned(),
            body_html: "<p>rich</p><script>x</script>".to_owned(),
            attachments: vec![pb::MailAttachment { name: "a.pdf".into(), media_type: "application/pdf".into(), size: 7 }],
            ..Default::default()
        };
        let request = IngestInboundMessageRequest { parts: Some(parts), ..post.request("") };
        let message = post.take(request.clone()).await.message.expect("a message");
        assert_eq!(message.body_text, "rich\n\n[Attachment: a.pdf (application/pdf, 7 bytes)]");
        assert_eq!(message.body_html, "<p>rich</p><p>[Attachment: a.pdf (application/pdf, 7 bytes)]</p>");
        assert!(post.take(request).await.duplicate);
        assert!(post.mail(letter("parts@x", "")).await.duplicate, "the same id, whatever way it came");
    }

    async fn every_mail_of_the_corpus_goes_in_and_a_second_run_adds_nothing(post: Post) {
        let samples = corpus::all();
        assert!(samples.len() >= 100, "{}", samples.len());
        let mut first = Vec::new();
        for sample in &samples {
            let got = post.mail(&sample.raw).await;
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
        let count = post.ticket_count().await;
        assert_eq!(count as usize, samples.len(), "no mail is lost in another's ticket");
        for (sample, id) in samples.iter().zip(first) {
            let again = post.mail(&sample.raw).await;
            assert!(again.duplicate, "{}", sample.name);
            assert_eq!(again.message.map(|message| message.id), Some(id), "{}", sample.name);
        }
        assert_eq!(post.ticket_count().await, count);
    }

    async fn the_same_mail_many_times_at_once_is_recorded_once(post: Post) {
        let calls = (0..40).map(|_| {
            let request = post.request(letter("once@x", ""));
            async { post.ingest().ingest_inbound_message(Client::operator().ask(request)).await.answer() }
        });
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|it| !it.duplicate).count(), 1);
        assert_eq!((post.ticket_count().await, post.messages("1").await.len()), (1, 1));
    }

    async fn a_mail_is_a_repeat_by_its_id_or_else_by_its_bytes_in_one_inbox(post: Post) {
        let other = post.inbox(&post.home.id, "Sales").await;
        assert!(!post.mail(letter("a@x", "")).await.duplicate);
        assert!(post.mail(letter("a@x", "X-Spam: no\r\n")).await.duplicate, "another hop added a line");
        let elsewhere = IngestInboundMessageRequest { inbox_id: other, ..post.request(letter("a@x", "")) };
        assert!(!post.take(elsewhere).await.duplicate, "each inbox has its own");
        let bare = "From: a@example.com\r\nSubject: x\r\n\r\nhello\r\n";
        assert!(!post.mail(bare).await.duplicate);
        assert!(post.mail(bare).await.duplicate);
        assert!(!post.mail(bare.replace("hello", "hallo")).await.duplicate);
    }

    async fn who_names_no_inbox_or_tenant_is_told(post: Post) {
        let refused = async |request| {
            post.ingest().ingest_inbound_message(Client::operator().ask(request)).await.refusal()
        };
        let of = |tenant: &str, inbox: &str, address: &str| IngestInboundMessageRequest {
            tenant_id: tenant.to_owned(),
            inbox_id: inbox.to_owned(),
            inbox_address: address.to_owned(),
            ..post.request(letter("a@x", ""))
        };
        let (tenant, inbox) = (post.home.id.as_str(), post.home.inbox.as_str());
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
        let both = IngestInboundMessageRequest { parts: Some(parts()), ..post.request("x") };
        assert_eq!(violations(&refused(both).await), [("raw", "mutually_exclusive")]);
        assert_eq!(violations(&refused(post.request("")).await), [("raw", "one_of_required")]);
        let unnamed = IngestInboundMessageRequest { parts: Some(pb::MailParts::default()), ..post.request("") };
        assert_eq!(violations(&refused(unnamed).await), [("parts.message_id", "required")]);
        assert_eq!(post.ticket_count().await, 0);
        assert!(post.take(of(tenant, "", "Support@ACME.example")).await.opened);
        assert!(post.take(of(tenant, "", "support+t9@acme.example")).await.duplicate);
    }

    async fn only_the_operators_programs_may(post: Post) {
        let token = post.service_token("mail worker", false).await;
        let worker = post.service_token("sender", true).await;
        let request = || post.request(letter("a@x", ""));
        for client in [&post.home.key, &Client::key(&worker)] {
            let refused = post.ingest().ingest_inbound_message(client.ask(request())).await.refusal();
            assert_eq!(refused.reason, Reason::RoleRequired);
        }
        let got = post.ingest().ingest_inbound_message(Client::key(&token).ask(request())).await.answer();
        assert!(got.opened);
    }

    async fn a_disabled_inbox_takes_answers_and_no_new_tickets(post: Post) {
        post.mail(letter("a@x", "")).await;
        let request = pb::UpdateInboxRequest {
            tenant_id: post.home.id.clone(),
            inbox_id: post.home.inbox.clone(),
            enabled: Some(false),
            ..Default::default()
        };
        post.tenants().update_inbox(Client::operator().ask(request)).await.answer();
        let refused = post.ingest().ingest_inbound_message(Client::operator().ask(post.request(letter("b@x", "")))).await;
        assert_eq!(violations(&refused.refusal()), [("inbox_id", "inbox_disabled")]);
        assert!(!post.mail(letter("c@x", "In-Reply-To: <a@x>\r\n")).await.opened);
    }
}

fn parts() -> pb::MailParts {
    pb::MailParts { message_id: Some("p@x".to_owned()), ..Default::default() }
}
