//! Messages through the gate: notes are accepted, cleaned and hidden from the public list; nothing else can be written.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, on_both, violations};
use inboxops_proto::{
    reason::Reason,
    v1::{self, AuthorType, MessageType},
};

type Note = v1::CreateTicketNoteRequest;

fn note(ticket: &str, text: Option<&str>, html: Option<&str>) -> Note {
    Note {
        ticket_id: ticket.to_owned(),
        body_text: text.map(str::to_owned),
        body_html: html.map(str::to_owned),
        ..Default::default()
    }
}

async fn left(core: &TestCore, by: &Client, note: Note) -> v1::Message {
    core.messages().create_ticket_note(by.ask(note)).await.answer().message.expect("a message")
}

async fn a_note_is_answered_whole_and_shown_in_no_list(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let at = core.clock.now();
    let message = left(&core, &tenant.key, note("1", Some(" Asked the warehouse.\nTwice. "), None)).await;
    let author = message.author.clone().expect("an author");
    assert_eq!((author.r#type(), author.name.as_str(), author.email), (AuthorType::ApiKey, "Sync job", None));
    let expected = v1::Message {
        id: message.id.clone(),
        ticket_id: ticket.id.clone(),
        r#type: MessageType::InternalNote.into(),
        author: message.author.clone(),
        body_text: "Asked the warehouse.\nTwice.".to_owned(),
        body_html: "<p>Asked the warehouse.<br>Twice.</p>".to_owned(),
        created_at: Some(at.into()),
        truncated: false,
        sent_at: None,
    };
    assert_eq!(message, expected);
    let after = core.get_ticket(&tenant.key, "1").await;
    let touched = v1::Ticket { version: 2, updated_at: Some(at.into()), ..ticket };
    assert_eq!(after, touched, "a note moves the version and nothing else: no count, no time of a message");
    let list = v1::ListTicketMessagesRequest { ticket_id: "1".to_owned(), ..Default::default() };
    let answer = core.messages().list_ticket_messages(tenant.key.ask(list)).await.answer();
    let meta = answer.meta.expect("a meta");
    assert_eq!((answer.messages.len(), meta.total, meta.has_more), (0, 0, false), "neither in data nor in total");
}

async fn html_is_cleaned_and_the_missing_body_is_derived(core: TestCore) {
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Hello").await;
    let hostile = "<p onclick=\"x()\">Hi <b>there</b><script>alert(1)</script></p><p>1 &lt; 2</p>";
    let message = left(&core, &tenant.key, note("1", None, Some(hostile))).await;
    assert_eq!(message.body_html, "<p>Hi <b>there</b></p><p>1 &lt; 2</p>");
    assert_eq!(message.body_text, "Hi there\n1 < 2");
    let message = left(&core, &tenant.key, note("1", Some("a < b & \"c\""), None)).await;
    assert_eq!(message.body_html, "<p>a &lt; b &amp; &quot;c&quot;</p>");
    let message = left(&core, &tenant.key, note("1", Some("text"), Some("<i>html</i>"))).await;
    assert_eq!((message.body_text.as_str(), message.body_html.as_str()), ("text", "<i>html</i>"));
}

async fn a_note_must_say_something(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let long = "x".repeat(100_001);
    let table = [
        (note("1", None, None), "body_text", "one_of_required"),
        (note("1", Some(" \n"), None), "body_text", "blank"),
        (note("1", None, Some("<script>x</script><!-- -->")), "body_html", "blank"),
        (note("1", Some(""), Some("")), "body_text", "blank"),
        (note("1", Some(&long), None), "body_text", "too_long"),
        (note("1", None, Some(&long)), "body_html", "too_long"),
    ];
    for (request, field, code) in table {
        let failure = core.messages().create_ticket_note(tenant.key.ask(request)).await.refusal();
        assert_eq!((failure.reason, violations(&failure)), (Reason::ValidationFailed, vec![(field, code)]));
    }
    left(&core, &tenant.key, note("1", Some(&"ä".repeat(100_000)), None)).await;
    assert_eq!(core.get_ticket(&tenant.key, &ticket.id).await.version, 2, "only the last one was written");
}

async fn an_outbound_reply_is_refused_alone_and_before_all_rules(core: TestCore) {
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Hello").await;
    for (kind, ticket) in
        [("outbound", "1"), ("inbound", "1"), ("", "1"), ("INTERNAL_NOTE", "1"), ("outbound", NOTHING)]
    {
        let request = Note { r#type: Some(kind.to_owned()), ..note(ticket, None, None) };
        let failure = core.messages().create_ticket_note(tenant.key.ask(request)).await.refusal();
        assert_eq!((failure.reason, failure.violations.len()), (Reason::OutboundReplyNotAllowed, 0), "{kind}");
    }
    let request = Note { r#type: Some("internal_note".to_owned()), ..note("1", Some("Hi"), None) };
    left(&core, &tenant.key, request).await;
}

async fn rules_come_before_the_look_for_the_ticket(core: TestCore) {
    let tenant = core.tenant().await;
    for (ticket, request) in [(NOTHING, note(NOTHING, Some("Hi"), None)), ("01", note("01", Some("Hi"), None))] {
        let failure = core.messages().create_ticket_note(tenant.key.ask(request)).await.refusal();
        assert_eq!(failure.reason, Reason::TicketNotFound);
        let failure = core.messages().create_ticket_note(tenant.key.ask(note(ticket, None, None))).await.refusal();
        assert_eq!(failure.reason, Reason::ValidationFailed);
        let list = v1::ListTicketMessagesRequest { ticket_id: ticket.to_owned(), ..Default::default() };
        let failure = core.messages().list_ticket_messages(tenant.key.ask(list)).await.refusal();
        assert_eq!(failure.reason, Reason::TicketNotFound);
    }
}

async fn a_note_of_the_operators_side_is_of_the_system(core: TestCore) {
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Hello").await;
    let service = Client::key(&core.service_token("mail worker", false).await).for_tenant(&tenant.id);
    for (client, name) in [(&service, "mail worker"), (&tenant.operator, "InboxOps")] {
        let author = left(&core, client, note("1", Some("Hi"), None)).await.author.expect("an author");
        assert_eq!((author.r#type(), author.id, author.name.as_str()), (AuthorType::System, None, name));
    }
}

on_both!(TestCore:
    a_note_is_answered_whole_and_shown_in_no_list,
    html_is_cleaned_and_the_missing_body_is_derived,
    a_note_must_say_something,
    an_outbound_reply_is_refused_alone_and_before_all_rules,
    rules_come_before_the_look_for_the_ticket,
    a_note_of_the_operators_side_is_of_the_system,
);
