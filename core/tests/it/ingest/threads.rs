//! Which ticket a mail joins, and whether it opens it again.

use super::{Post, letter, on_both};
use inboxops_proto::{
    internal::v1::IngestInboundMessageRequest,
    v1::{self, TicketStatus},
};

on_both! {
    async fn a_mail_joins_the_ticket_that_it_answers_or_names(post: Post) {
        let first = post.mail(letter("first@x", "")).await.ticket.expect("a ticket");
        let other = post.mail(letter("other@x", "")).await.ticket.expect("a ticket");
        assert_ne!(first.id, other.id, "the same subject alone is not the same matter");
        let joined = async |at: usize, header: &str| {
            post.mail(letter(&format!("{at}@y"), header)).await.ticket.expect("a ticket").ticket_number
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
        ].into_iter().enumerate() {
            assert_eq!(joined(at, header).await, number, "{header}");
        }
        let subject = letter("subject@x", "").replace("Refund for", "Re: [#2] Refund for");
        assert_eq!(post.mail(subject).await.ticket.expect("a ticket").ticket_number, 2);
        let envelope = IngestInboundMessageRequest {
            recipient: "alias+t1@other.example".to_owned(),
            ..post.request(letter("envelope@x", ""))
        };
        assert_eq!(post.take(envelope).await.ticket.expect("a ticket").ticket_number, 1);
    }

    async fn an_answer_joins_the_ticket_through_another_inbox(post: Post) {
        let other = post.inbox(&post.home.id, "Sales").await;
        let ticket = post.mail(letter("first@x", "")).await.ticket.expect("a ticket");
        let answer = letter("answer@x", "In-Reply-To: <first@x>\r\n");
        let got = post.take(IngestInboundMessageRequest { inbox_id: other, ..post.request(answer) }).await;
        assert_eq!(got.ticket.map(|it| (it.id, it.inbox_id)), Some((ticket.id, post.home.inbox.clone())));
    }

    async fn a_mail_of_another_tenant_joins_nothing(post: Post) {
        post.mail(letter("first@x", "")).await;
        let away = post.workspace().await;
        let request = IngestInboundMessageRequest {
            tenant_id: away.id.clone(),
            inbox_id: away.inbox.clone(),
            ..post.request(letter("second@x", "In-Reply-To: <first@x>\r\nSubject: [#1]\r\n"))
        };
        let got = post.take(request).await;
        assert!(got.opened);
        assert_eq!(got.ticket.map(|it| it.ticket_number), Some(1), "its own first");
        let foreign = IngestInboundMessageRequest { inbox_id: away.inbox, ..post.request(letter("third@x", "")) };
        let refused = post.ingest().ingest_inbound_message(crate::support::Client::operator().ask(foreign)).await;
        assert!(refused.is_err());
    }

    async fn a_person_opens_a_ticket_again_and_a_machine_does_not(post: Post) {
        let ticket = post.mail(letter("first@x", "")).await.ticket.expect("a ticket").id;
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
        let people = ["", "Auto-Submitted: no\r\n", "Precedence: list\r\n", "X-Auto-Response-Suppress: All\r\n",
            "List-Id: <x.example>\r\nPrecedence: bulk\r\n", "Return-Path: <ada@example.com>\r\n"];
        let mut version = 1;
        for (at, header) in machines.iter().chain(&people).enumerate() {
            let is_machine = at < machines.len();
            for status in [TicketStatus::Pending, TicketStatus::Solved, TicketStatus::Closed] {
                post.set_status(&ticket, status).await;
                let mail = letter(&format!("{at}-{}@x", status as i32), &format!("In-Reply-To: <first@x>\r\n{header}"));
                let got = post.mail(mail).await;
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
        let count = post.messages(&ticket).await.len();
        assert_eq!(count, 1 + 3 * (machines.len() + people.len()), "all are recorded");
    }

    async fn a_null_sender_or_the_inboxs_own_address_opens_nothing_again(post: Post) {
        let ticket = post.mail(letter("first@x", "")).await.ticket.expect("a ticket").id;
        post.set_status(&ticket, TicketStatus::Solved).await;
        let answer = |id: &str| letter(id, "In-Reply-To: <first@x>\r\n");
        let bounced = IngestInboundMessageRequest { null_sender: true, ..post.request(answer("null@x")) };
        assert_eq!(state(post.take(bounced).await), (true, false, TicketStatus::Solved));
        let loops = answer("loop@x").replace("ada@example.com", "Support@acme.example");
        assert_eq!(state(post.mail(loops).await), (true, false, TicketStatus::Solved));
        let daemon = answer("daemon@x").replace("ada@example.com", "MAILER-DAEMON@mx.example.com");
        assert_eq!(state(post.mail(daemon).await), (true, false, TicketStatus::Solved));
        assert_eq!(state(post.mail(answer("person@x")).await), (false, true, TicketStatus::Open));
    }
}

fn state(got: inboxops_proto::internal::v1::IngestInboundMessageResponse) -> (bool, bool, TicketStatus) {
    let ticket: v1::Ticket = got.ticket.expect("a ticket");
    (got.automatic, got.reopened, ticket.status())
}
