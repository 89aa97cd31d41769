//! Sent replies: recorded once by their provider's id, and found by the answers to them.

use super::{TestMailbox, letter, on_both};
use crate::tests::support::{Came as _, Client, NOTHING, violations};
use inboxops_proto::{
    internal::v1::RecordSentReplyRequest,
    reason::Reason,
    v1::{AuthorType, MessageType, TicketStatus},
};

fn reply(mailbox: &TestMailbox, ticket: &str, provider_id: &str) -> RecordSentReplyRequest {
    RecordSentReplyRequest {
        tenant_id: mailbox.tenant.id.clone(),
        ticket_id: ticket.to_owned(),
        provider_id: Some(provider_id.to_owned()),
        message_id: "<reply@acme.example>".to_owned(),
        body_text: Some("It is on its way.".to_owned()),
        ..Default::default()
    }
}

async fn a_reply_is_recorded_once_and_its_answer_finds_the_ticket(mailbox: TestMailbox) {
    let ticket = mailbox.mail(letter("first@x", "")).await.ticket.expect("a ticket").id;
    mailbox.set_status(&ticket, TicketStatus::Solved).await;
    let agent = mailbox.agent(&mailbox.tenant.id, "grace@example.com").await;
    let request = RecordSentReplyRequest { agent_id: Some(agent.id.clone()), ..reply(&mailbox, "1", "ses-1") };
    mailbox.tick();
    let got = mailbox.ingest().record_sent_reply(Client::operator().ask(request.clone())).await.answer();
    let (now, message) = (got.ticket.expect("a ticket"), got.message.expect("a message"));
    assert_eq!((now.message_count, now.status()), (2, TicketStatus::Solved), "a reply does not open");
    assert_eq!(now.last_message_at, message.created_at);
    assert_eq!((message.r#type(), message.body_html.as_str()), (MessageType::Outbound, "<p>It is on its way.</p>"));
    let author = message.author.clone().expect("an author");
    assert_eq!((author.r#type(), author.id, author.name), (AuthorType::Agent, Some(agent.id), agent.name));

    let again = mailbox.ingest().record_sent_reply(Client::operator().ask(request)).await.answer();
    assert!(again.duplicate);
    assert_eq!(again.message, Some(message));
    assert_eq!(again.ticket, Some(now));

    let answer = mailbox.mail(letter("thanks@x", "In-Reply-To: <reply@acme.example>\r\n")).await;
    assert_eq!(answer.ticket.map(|it| (it.status(), it.message_count, it.id)), Some((TicketStatus::Open, 3, ticket)));
    let copy = letter("reply@acme.example", "").replace("ada@example.com", "support@acme.example");
    assert!(mailbox.mail(copy).await.duplicate, "our own mail that comes back is no news");
    mailbox.agent(&mailbox.tenant.id, "hopper@acme.example").await;
    for ours in ["Hopper@ACME.example", "support@acme.example"] {
        let copy = letter("reply@acme.example", "List-Id: <l>\r\n").replace("ada@example.com", ours);
        assert!(mailbox.mail(copy).await.duplicate, "{ours}");
    }
    assert_eq!(mailbox.messages("1").await.len(), 3);
    let stranger = mailbox.mail(letter("reply@acme.example", "")).await;
    assert!(!stranger.duplicate, "somebody else's words under our id are no copy of ours");
    assert_eq!(stranger.ticket.map(|it| (it.ticket_number, it.message_count)), Some((1, 4)));
}

async fn a_reply_without_an_agent_is_the_programs(mailbox: TestMailbox) {
    mailbox.mail(letter("first@x", "")).await;
    let token = Client::key(&mailbox.service_token("mail worker", false).await);
    let got = mailbox.ingest().record_sent_reply(token.ask(reply(&mailbox, "1", "ses-2"))).await.answer();
    let author = got.message.and_then(|it| it.author).expect("an author");
    assert_eq!((author.r#type(), author.name.as_str()), (AuthorType::System, "mail worker"));
}

async fn a_reply_that_cannot_be_recorded_is_refused(mailbox: TestMailbox) {
    mailbox.mail(letter("first@x", "")).await;
    let refused = async |request| mailbox.ingest().record_sent_reply(Client::operator().ask(request)).await.refusal();
    let valid = || reply(&mailbox, "1", "ses-3");
    assert_eq!(refused(reply(&mailbox, "2", "ses-3")).await.reason, Reason::TicketNotFound);
    assert_eq!(refused(reply(&mailbox, "x", "ses-3")).await.reason, Reason::TicketNotFound);
    let nameless = RecordSentReplyRequest { provider_id: None, ..valid() };
    assert_eq!(violations(&refused(nameless).await), [("provider_id", "required")]);
    let silent =
        RecordSentReplyRequest { body_text: Some(" ".into()), body_html: Some("<script>x</script>".into()), ..valid() };
    assert_eq!(violations(&refused(silent).await), [("body_text", "one_of_required")]);
    let stranger = RecordSentReplyRequest { agent_id: Some(NOTHING.to_owned()), ..valid() };
    assert_eq!(violations(&refused(stranger).await), [("agent_id", "not_found")]);
    assert_eq!(mailbox.messages("1").await.len(), 1);
}

on_both!(TestMailbox:
    a_reply_is_recorded_once_and_its_answer_finds_the_ticket,
    a_reply_without_an_agent_is_the_programs,
    a_reply_that_cannot_be_recorded_is_refused,
);
