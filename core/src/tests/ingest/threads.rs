//! Which ticket a mail joins, and whether it reopens it.

use super::{Client, TestMailbox, letter, on_both};
use crate::tests::support::Came as _;
use inboxops_proto::{
    internal::v1::{self as pb, IngestInboundMessageRequest},
    v1::{self, TicketStatus},
};

async fn a_mail_joins_the_ticket_that_it_answers_or_names(mailbox: TestMailbox) {
    let first = mailbox.mail(letter("first@x", "")).await.ticket.expect("a ticket");
    let other = mailbox.mail(letter("other@x", "")).await.ticket.expect("a ticket");
    assert_ne!(first.id, other.id, "the same subject alone is not the same matter");
    let joined = async |at: usize, header: &str| {
        mailbox.mail(letter(&format!("{at}@y"), header)).await.ticket.expect("a ticket").ticket_number
    };
    for (at, (header, number)) in [
        ("In-Reply-To: <first@x>\r\n", 1),
        ("References: <unknown@x> <other@x>\r\n", 2),
        ("References: <first@x>\r\n <unknown@x>\r\n", 1),
        ("In-Reply-To: <unknown@y>\r\nReferences: <first@x> <other@x>\r\n", 2),
        ("In-Reply-To: <first@x>\r\nReferences: <other@x>\r\nCc: support+t2@acme.example\r\n", 1),
        ("Cc: SUPPORT+T2@acme.example, x@example.com\r\n", 2),
        ("Delivered-To: support+t1@acme.example\r\n", 1),
        ("Cc: somebody+t2@elsewhere.example.com\r\n", 3),
        ("Delivered-To: support+t99@acme.example\r\nX-No: ticket 99\r\n", 4),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(joined(at, header).await, number, "{header}");
    }
    let subject = letter("subject@x", "").replace("Refund for", "Re: [#2] Refund for");
    assert_eq!(mailbox.mail(subject).await.ticket.expect("a ticket").ticket_number, 2);
    let envelope = IngestInboundMessageRequest {
        recipient: "alias+t1@other.example".to_owned(),
        ..mailbox.request(letter("envelope@x", ""))
    };
    assert_eq!(mailbox.take(envelope).await.ticket.expect("a ticket").ticket_number, 1);
}

async fn an_answer_joins_the_ticket_through_another_inbox(mailbox: TestMailbox) {
    let other = mailbox.inbox(&mailbox.tenant.id, "Sales").await;
    let ticket = mailbox.mail(letter("first@x", "")).await.ticket.expect("a ticket");
    let answer = letter("answer@x", "In-Reply-To: <first@x>\r\n");
    let got = mailbox.take(IngestInboundMessageRequest { inbox_id: other, ..mailbox.request(answer) }).await;
    assert_eq!(got.ticket.map(|it| (it.id, it.inbox_id)), Some((ticket.id, mailbox.tenant.inbox.clone())));
}

async fn a_mail_of_another_tenant_joins_nothing(mailbox: TestMailbox) {
    mailbox.mail(letter("first@x", "")).await;
    let away = mailbox.tenant().await;
    let request = IngestInboundMessageRequest {
        tenant_id: away.id.clone(),
        inbox_id: away.inbox.clone(),
        ..mailbox.request(letter("second@x", "In-Reply-To: <first@x>\r\nSubject: [#1]\r\n"))
    };
    let got = mailbox.take(request).await;
    assert!(got.opened);
    assert_eq!(got.ticket.map(|it| it.ticket_number), Some(1), "its own first");
    let foreign = IngestInboundMessageRequest { inbox_id: away.inbox, ..mailbox.request(letter("third@x", "")) };
    let refused = mailbox.ingest().ingest_inbound_message(crate::tests::support::Client::operator().ask(foreign)).await;
    assert!(refused.is_err());
}

async fn a_person_opens_a_ticket_again_and_a_machine_does_not(mailbox: TestMailbox) {
    let ticket = mailbox.mail(letter("first@x", "")).await.ticket.expect("a ticket").id;
    let machines = [
        "Auto-Submitted: auto-replied\r\n",
        "Auto-Submitted: auto-generated; owner-email=\"x@y\"\r\n",
        "Precedence: bulk\r\n",
        "Precedence: auto_reply\r\n",
        "X-Autoreply: yes\r\n",
        "X-MS-Exchange-Inbox-Rules-Loop: ada@example.com\r\n",
        "Return-Path: <>\r\n",
        "Return-Path: <MAILER-DAEMON@mx.example>\r\n",
        "Content-Type: multipart/report; boundary=x\r\n",
    ];
    let people = [
        "",
        "Auto-Submitted: no\r\n",
        "Precedence: list\r\n",
        "X-Auto-Response-Suppress: All\r\n",
        "List-Id: <x.example>\r\nPrecedence: bulk\r\n",
        "Return-Path: <ada@example.com>\r\n",
    ];
    let mut version = 1;
    for (at, header) in machines.iter().chain(&people).enumerate() {
        let is_machine = at < machines.len();
        for status in [TicketStatus::Pending, TicketStatus::Solved, TicketStatus::Closed] {
            mailbox.set_status(&ticket, status).await;
            let mail = letter(&format!("{at}-{}@x", status as i32), &format!("In-Reply-To: <first@x>\r\n{header}"));
            let got = mailbox.mail(mail).await;
            let now = got.ticket.expect("a ticket");
            assert_eq!((got.automatic, got.reopened), (is_machine, !is_machine), "{header}");
            assert_eq!(now.status(), if is_machine { status } else { TicketStatus::Open }, "{header}");
            let kept = (now.solved_at.is_some(), now.closed_at.is_some());
            let expected = (status == TicketStatus::Solved && is_machine, status == TicketStatus::Closed && is_machine);
            assert_eq!(kept, expected, "{header} {status:?}");
            assert!(now.version > version, "{header}");
            version = now.version;
        }
    }
    let count = mailbox.messages(&ticket).await.len();
    assert_eq!(count, 1 + 3 * (machines.len() + people.len()), "all are recorded");
}

async fn a_null_sender_or_the_inboxs_own_address_opens_nothing_again(mailbox: TestMailbox) {
    let ticket = mailbox.mail(letter("first@x", "")).await.ticket.expect("a ticket").id;
    mailbox.set_status(&ticket, TicketStatus::Solved).await;
    let answer = |id: &str| letter(id, "In-Reply-To: <first@x>\r\n");
    let bounced = IngestInboundMessageRequest { null_sender: true, ..mailbox.request(answer("null@x")) };
    assert_eq!(state(mailbox.take(bounced).await), (true, false, TicketStatus::Solved));
    let loops = answer("loop@x").replace("ada@example.com", "Support@acme.example");
    assert_eq!(state(mailbox.mail(loops).await), (true, false, TicketStatus::Solved));
    let daemon = answer("daemon@x").replace("ada@example.com", "MAILER-DAEMON@mx.example.com");
    assert_eq!(state(mailbox.mail(daemon).await), (true, false, TicketStatus::Solved));
    assert_eq!(state(mailbox.mail(answer("person@x")).await), (false, true, TicketStatus::Open));
}

async fn a_number_leads_only_those_into_a_ticket_who_have_to_do_with_it(mailbox: TestMailbox) {
    let ticket = mailbox.mail(letter("first@x", "")).await.ticket.expect("a ticket");
    mailbox.agent(&mailbox.tenant.id, "Grace@acme.example").await;
    // Bert is not the requester, but has written in the ticket.
    mailbox.mail(from("bert@example.com", "bert@x", "In-Reply-To: <first@x>\r\n")).await;
    mailbox.set_status(&ticket.id, TicketStatus::Solved).await;
    let named = async |who: &str, at: usize| {
        let by_subject = from(who, &format!("s{at}@y"), "").replace("Subject: ", "Subject: Re: [#1] ");
        let by_address = from(who, &format!("a{at}@y"), "Cc: support+t1@acme.example\r\n");
        let envelope = IngestInboundMessageRequest {
            recipient: "support+t1@acme.example".to_owned(),
            ..mailbox.request(from(who, &format!("e{at}@y"), ""))
        };
        let mut joined = Vec::new();
        for request in [mailbox.request(by_subject), mailbox.request(by_address), envelope] {
            let got = mailbox.take(request).await;
            let number = got.ticket.expect("a ticket").ticket_number;
            assert_eq!(got.opened, number != 1, "{who}");
            joined.push(number == 1);
        }
        joined
    };
    for (at, (who, joins)) in [
        ("desk@vendor.example", false),
        ("ada@example.com.example", false),
        ("xada@example.com", false),
        ("\"\"", false),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(named(who, at).await, [joins; 3], "{who}");
    }
    assert_eq!(
        mailbox.get_ticket(&mailbox.tenant.operator, "1").await.status(),
        TicketStatus::Solved,
        "nobody opened it again"
    );
    for (at, who) in ["ADA@Example.com", "bert@example.com", "grace@ACME.example"].into_iter().enumerate() {
        assert_eq!(named(who, 10 + at).await, [true; 3], "{who}");
    }
    // A former agent no longer writes for the tenant. Another agent, who has not written in this ticket.
    let other = mailbox.agent(&mailbox.tenant.id, "Joan@acme.example").await;
    let gone = pb::UpdateAgentRequest { agent_id: other.id, disabled: Some(true), ..Default::default() };
    mailbox.tenants().update_agent(Client::operator().ask(gone)).await.answer();
    assert_eq!(named("joan@acme.example", 20).await, [false; 3]);
    // The next number is tried if one does not match.
    mailbox.mail(from("carl@example.com", "carl@x", "")).await;
    let carl = from("carl@example.com", "two@y", "Cc: support+t1@acme.example\r\n");
    let number = mailbox.ticket_of("carl@example.com").await;
    let got = mailbox.mail(carl.replace("Subject: ", &format!("Subject: [#{number}] "))).await;
    assert_eq!(got.ticket.map(|it| it.ticket_number), Some(number));
}

async fn mails_that_answer_one_that_never_came_are_one_ticket(mailbox: TestMailbox) {
    let number =
        async |id: &str, header: &str| mailbox.mail(letter(id, header)).await.ticket.expect("a ticket").ticket_number;
    assert_eq!(number("a1@x", "In-Reply-To: <root@x>\r\nReferences: <root@x>\r\n").await, 1);
    assert_eq!(number("a2@x", "In-Reply-To: <root@x>\r\nReferences: <root@x>\r\n").await, 1);
    assert_eq!(number("a3@x", "References: <root@x> <lost@x>\r\n").await, 1, "further down");
    assert_eq!(number("a4@x", "In-Reply-To: <lost@x>\r\n").await, 1, "by what the one before named");
    assert_eq!(number("b1@x", "In-Reply-To: <other@x>\r\n").await, 2, "another");
    assert_eq!(number("b2@x", "In-Reply-To: <a1@x>\r\nReferences: <other@x>\r\n").await, 1, "what came is surer");
    assert_eq!(number("root@x", "").await, 1, "the question comes last");
    assert_eq!(number("c@x", "In-Reply-To: <root@x>\r\n").await, 1);
    assert_eq!(number("other@x", "References: <root@x>\r\n").await, 1, "its own parent is surer than who answered it");
    let sales = mailbox.inbox(&mailbox.tenant.id, "Sales").await;
    let there =
        IngestInboundMessageRequest { inbox_id: sales, ..mailbox.request(letter("d@x", "In-Reply-To: <never@x>\r\n")) };
    let first = mailbox.take(there.clone()).await.ticket.expect("a ticket");
    assert_eq!(number("e@x", "In-Reply-To: <never@x>\r\n").await, first.ticket_number + 1, "each inbox has its own");
    let second = IngestInboundMessageRequest { raw: letter("f@x", "In-Reply-To: <never@x>\r\n").into(), ..there };
    assert_eq!(mailbox.take(second).await.ticket.map(|it| it.ticket_number), Some(first.ticket_number));
}

async fn what_names_no_mail_brings_no_strangers_together(mailbox: TestMailbox) {
    for (at, header) in [
        "In-Reply-To: Your mail of Monday\r\n",
        "In-Reply-To: <support@acme.example>\r\n",
        "In-Reply-To: Support <SUPPORT@acme.example>\r\nTo: help@acme.example\r\n",
        "References: <help@acme.example>\r\nTo: help@acme.example\r\n",
        "In-Reply-To: <ada@example.com>\r\n",
        "In-Reply-To: Message from desk@acme.example\r\n",
        "References: <1> <2> <@> <a@>\r\n",
        "In-Reply-To: <>\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        for n in 0..2 {
            let got = mailbox.mail(letter(&format!("{at}-{n}@x"), header)).await;
            assert!(got.opened, "{header}");
        }
    }
}

async fn a_mail_to_two_inboxes_is_a_ticket_of_each_and_so_are_its_answers(mailbox: TestMailbox) {
    let sales = mailbox.inbox(&mailbox.tenant.id, "Sales").await;
    let at = async |inbox: &str, id: &str, header: &str| {
        let request = IngestInboundMessageRequest { inbox_id: inbox.to_owned(), ..mailbox.request(letter(id, header)) };
        mailbox.take(request).await.ticket.expect("a ticket").ticket_number
    };
    let support = mailbox.tenant.inbox.clone();
    assert_eq!(at(&support, "q@x", "").await, 1);
    assert_eq!(at(&sales, "q@x", "").await, 2);
    for (id, header) in [("r1@x", "In-Reply-To: <q@x>\r\n"), ("r2@x", "References: <q@x> <r1@x>\r\n")] {
        assert_eq!(at(&sales, id, header).await, 2, "{header}");
        assert_eq!(at(&support, id, header).await, 1, "{header}");
    }
    // A mail that only one inbox had, answered to both.
    assert_eq!(at(&support, "s@x", "").await, 3);
    assert_eq!(at(&support, "t@x", "In-Reply-To: <s@x>\r\n").await, 3);
    assert_eq!(at(&sales, "t@x", "In-Reply-To: <s@x>\r\n").await, 4, "the other has it already");
    assert_eq!(at(&sales, "u@x", "In-Reply-To: <t@x>\r\n").await, 4);
    assert_eq!(at(&sales, "v@x", "In-Reply-To: <s@x>\r\n").await, 4, "by what its answer named");
    // What only the other inbox knows is better than nothing.
    assert_eq!(at(&support, "w@x", "").await, 5);
    assert_eq!(at(&sales, "y@x", "In-Reply-To: <w@x>\r\n").await, 5);
}

async fn what_an_older_database_answered_is_known_when_it_is_migrated(mailbox: TestMailbox) {
    let first = mailbox.mail(letter("a@x", "In-Reply-To: <lost@x>\r\n")).await.ticket.expect("a ticket");
    mailbox.mail(letter("b@x", "In-Reply-To: <a@x>\r\n")).await;
    // Undoes the step of the migration.
    for undo in [
        "DROP TABLE referred_mails",
        "ALTER TABLE messages DROP COLUMN sent_at",
        "DELETE FROM _sqlx_migrations WHERE version = 12",
    ] {
        mailbox.run_sql(undo).await;
    }
    let TestMailbox { core, tenant } = mailbox;
    let mailbox = TestMailbox { core: core.again(|_| ()).await, tenant };
    let joined = mailbox.mail(letter("c@x", "In-Reply-To: <lost@x>\r\n")).await.ticket.expect("a ticket");
    assert_eq!((joined.id, joined.message_count), (first.id, 3));
    let question = mailbox.mail(letter("lost@x", "")).await;
    assert_eq!(question.ticket.map(|it| it.message_count), Some(4));
}

async fn a_thread_is_one_ticket_in_whatever_order_it_comes(mailbox: TestMailbox) {
    // A tree: the n-th mail answers the one at n / 2 and refers to all on the path to the first.
    let header = |n: usize| {
        let above: Vec<String> = std::iter::successors(Some(n), |n| Some(n / 2))
            .skip(1)
            .take_while(|n| *n > 0)
            .map(|n| format!("<{n}@t>"))
            .collect();
        let mut named = above.clone();
        named.reverse();
        match above.first() {
            Some(parent) => format!("In-Reply-To: {parent}\r\nReferences: {}\r\n", named.join("\r\n ")),
            None => String::new(),
        }
    };
    for (run, step) in [1_usize, 5, 7, 11, 13, 18].into_iter().enumerate() {
        let mut tickets = std::collections::HashSet::new();
        for place in 1..=18 {
            // The numbers from 1 to 18, in a different order for each step, since 19 is prime.
            let n = place * step % 19;
            let mail = letter(&format!("{n}@t"), &header(n)).replace("@t>", &format!("@t{run}>"));
            tickets.insert(mailbox.mail(mail).await.ticket.expect("a ticket").id);
        }
        assert_eq!(tickets.len(), 1, "step {step}");
    }
}

/// The letter with another sender.
fn from(who: &str, id: &str, header: &str) -> String {
    letter(id, header).replace("Ada Lovelace <ada@example.com>", who)
}

/// Two cores of which neither sees what the other is about to commit.
#[tokio::test]
async fn answers_that_two_cores_take_at_once_are_one_ticket() {
    let mailbox = TestMailbox::postgres().await;
    let beside = mailbox.beside().await;
    for round in 0..10 {
        let calls = (0..8).map(|n| {
            let header = format!("In-Reply-To: <lost{round}@x>\r\n");
            let mail =
                if n == 3 { letter(&format!("lost{round}@x"), "") } else { letter(&format!("{round}-{n}@x"), &header) };
            let one = if n % 2 == 0 { &mailbox.core } else { &beside };
            let request = mailbox.request(mail);
            async { one.ingest().ingest_inbound_message(Client::operator().ask(request)).await.answer() }
        });
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|it| it.opened).count(), 1, "round {round}");
        let tickets: std::collections::HashSet<_> =
            answers.into_iter().map(|it| it.ticket.expect("a ticket").id).collect();
        assert_eq!(tickets.len(), 1, "round {round}");
    }
    assert_eq!(mailbox.ticket_count().await, 10);
}

fn state(got: inboxops_proto::internal::v1::IngestInboundMessageResponse) -> (bool, bool, TicketStatus) {
    let ticket: v1::Ticket = got.ticket.expect("a ticket");
    (got.automatic, got.reopened, ticket.status())
}

on_both!(TestMailbox:
    a_mail_joins_the_ticket_that_it_answers_or_names,
    an_answer_joins_the_ticket_through_another_inbox,
    a_mail_of_another_tenant_joins_nothing,
    a_person_opens_a_ticket_again_and_a_machine_does_not,
    a_null_sender_or_the_inboxs_own_address_opens_nothing_again,
    a_number_leads_only_those_into_a_ticket_who_have_to_do_with_it,
    mails_that_answer_one_that_never_came_are_one_ticket,
    what_names_no_mail_brings_no_strangers_together,
    a_mail_to_two_inboxes_is_a_ticket_of_each_and_so_are_its_answers,
    what_an_older_database_answered_is_known_when_it_is_migrated,
    a_thread_is_one_ticket_in_whatever_order_it_comes,
);
