//! Events of mails: whole bodies with a stopped clock, their order in a group, and their greatest size.

use super::{TestMailbox, letter, on_both};
use crate::tests::support::{Came as _, Client};
use inboxops_proto::internal::v1::{RecordSentReplyRequest, ReportInboxErrorRequest};
use inboxops_proto::v1::TicketStatus;
use serde_json::Value;

async fn events(mailbox: &TestMailbox, endpoint: &str) -> Vec<Value> {
    let bodies = mailbox.bodies(&mailbox.tenant.operator, endpoint).await;
    bodies.iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a name")).collect()
}

async fn the_three_events_of_mail_have_these_bodies(mailbox: TestMailbox) {
    let endpoint = mailbox.endpoint(&mailbox.tenant.key, &["message.*", "inbox.error"]).await.id;
    mailbox.mail(letter("first@x", "")).await;
    mailbox.tick();
    let reply = RecordSentReplyRequest {
        tenant_id: mailbox.tenant.id.clone(),
        ticket_id: "1".to_owned(),
        provider_id: Some("ses-1".to_owned()),
        body_text: Some("It is on its way.".to_owned()),
        ..Default::default()
    };
    mailbox.ingest().record_sent_reply(Client::operator().ask(reply)).await.answer();
    mailbox.tick();
    let error = ReportInboxErrorRequest {
        tenant_id: mailbox.tenant.id.clone(),
        inbox_id: mailbox.tenant.inbox.clone(),
        code: Some("auth_failed".to_owned()),
        message: Some("The mail server refused the password.".to_owned()),
        ..Default::default()
    };
    mailbox.ingest().report_inbox_error(Client::operator().ask(error)).await.answer();
    let events = events(&mailbox, &endpoint).await;
    assert_eq!(names(&events), ["message.received", "message.sent", "inbox.error"]);
    let pretty: Vec<String> = events.iter().map(|event| serde_json::to_string_pretty(event).expect("JSON")).collect();
    insta::assert_snapshot!("bodies", pretty.join("\n"));
}

async fn events_of_a_mail_are_one_group_in_the_order_of_the_contract(mailbox: TestMailbox) {
    let endpoint = mailbox.endpoint(&mailbox.tenant.key, &["*"]).await.id;
    mailbox.mail(letter("first@x", "")).await;
    let opened = events(&mailbox, &endpoint).await;
    assert_eq!(names(&opened), ["ticket.created", "message.received"]);
    mailbox.set_status("1", TicketStatus::Closed).await;
    let seen = events(&mailbox, &endpoint).await.len();
    let ticket = mailbox.mail(letter("again@x", "In-Reply-To: <first@x>\r\n")).await.ticket.expect("a ticket");
    let joined = events(&mailbox, &endpoint).await.split_off(seen);
    assert_eq!(names(&joined), ["ticket.updated", "ticket.status_changed", "message.received"]);
    for group in [&opened, &joined] {
        assert!(group.iter().all(|event| event["data"]["group"] == group[0]["data"]["group"]));
        assert!(group.iter().all(|event| event["data"]["actor"]["type"] == "customer"));
    }
    let changes = joined[0]["data"]["changes"].as_object().expect("changes");
    assert_eq!(changes.keys().collect::<Vec<_>>(), ["status", "message_count", "last_message_at"]);
    assert_eq!(changes["message_count"], serde_json::json!({"from": 1, "to": 2}));
    let shown = serde_json::to_value(&ticket).expect("JSON");
    assert!(joined.iter().all(|event| event["data"]["ticket"] == shown), "the REST resource");
    let messages = mailbox.messages("1").await;
    let message = serde_json::to_value(&messages[1]).expect("JSON");
    assert_eq!(joined[2]["data"]["message"], message, "the REST resource");
    let before = events(&mailbox, &endpoint).await.len();
    mailbox.mail(letter("again@x", "In-Reply-To: <first@x>\r\n")).await;
    assert_eq!(events(&mailbox, &endpoint).await.len(), before, "a repeat tells nothing");
}

async fn a_long_mail_is_cut_in_the_row_and_shorter_in_the_event(mailbox: TestMailbox) {
    let endpoint = mailbox.endpoint(&mailbox.tenant.key, &["message.received"]).await.id;
    for (at, (body, kind)) in [
        ("\u{1}\"ä🙂\n".repeat(80_000), "plain"),
        ("<p>ä &amp; 🙂 and more words than one</p>".repeat(4_900), "html"),
        ("<b>".repeat(9_000) + "x", "html"),
    ]
    .into_iter()
    .enumerate()
    {
        let mail = letter(&format!("{at}@x"), &format!("Content-Type: text/{kind}; charset=utf-8\r\n")) + &body;
        let message = mailbox.mail(mail).await.message.expect("a message");
        assert!(message.body_text.len() <= 256 * 1024 && message.body_html.len() <= 256 * 1024);
    }
    let mail = letter("long@x", "Content-Type: text/plain; charset=utf-8\r\n") + &"words ".repeat(100_000);
    let message = mailbox.mail(mail).await.message.expect("a message");
    assert!(message.truncated && message.body_text.len() > 255 * 1024);
    let bodies = mailbox.bodies(&mailbox.tenant.operator, &endpoint).await;
    assert!(bodies.iter().all(|body| body.len() <= 256 * 1024), "{:?}", bodies.iter().map(String::len).max());
    let last: Value = serde_json::from_str(bodies.last().expect("events")).expect("JSON");
    let told = &last["data"]["message"];
    assert_eq!((&told["truncated"], &told["body_html"]), (&Value::Bool(true), &Value::from("")));
    let text = told["body_text"].as_str().expect("a text");
    assert!(serde_json::to_string(text).expect("JSON").len() <= 64 * 1024 + 2 && text.len() > 60 * 1024);
}

async fn an_attachment_of_10_mb_is_a_line(mailbox: TestMailbox) {
    let file = "QUJD"
        .repeat(10 * 1024 * 1024 / 3 / 19)
        .as_bytes()
        .chunks(76)
        .map(|line| [line, b"\r\n"].concat())
        .collect::<Vec<_>>()
        .concat();
    let mut file = file.repeat(19);
    file.truncate(14 * 1024 * 1024);
    let mut mail = letter("big@x", "Content-Type: multipart/mixed; boundary=b\r\n").into_bytes();
    mail.extend(b"--b\r\n\r\nSee the file.\r\n--b\r\nContent-Type: video/mp4; name=film.mp4\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    mail.extend(file);
    mail.extend(b"\r\n--b--\r\n");
    assert!(mail.len() > 13 * 1024 * 1024);
    let message = mailbox.mail(mail).await.message.expect("a message");
    assert!(
        message.body_text.starts_with("See the file.\n\n[Attachment: film.mp4 (video/mp4, 10"),
        "{}",
        message.body_text
    );
}

on_both!(TestMailbox:
    the_three_events_of_mail_have_these_bodies,
    events_of_a_mail_are_one_group_in_the_order_of_the_contract,
    a_long_mail_is_cut_in_the_row_and_shorter_in_the_event,
    an_attachment_of_10_mb_is_a_line,
);
