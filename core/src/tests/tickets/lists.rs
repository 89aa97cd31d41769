//! Lists of tickets: they obey their filters, their pages neither overlap nor leave gaps, and their totals are exact
//! after any changes.

use super::{mask, status};
use crate::tests::support::{Came as _, Client, NOTHING, TestCore, TestTenant, new_ticket, on_both, violations};
use inboxops_proto::{
    clock::Timestamp,
    reason::Reason,
    v1::{
        self,
        TicketPriority::{High, Low, Normal, Urgent},
        TicketStatus::{Closed, Open, Pending, Solved},
    },
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use std::time::Duration;

type List = v1::ListTicketsRequest;

async fn page(core: &TestCore, by: &Client, request: List) -> (Vec<u32>, v1::PageMeta) {
    let answer = core.tickets().list_tickets(by.ask(request)).await.answer();
    (answer.tickets.iter().map(|ticket| ticket.ticket_number).collect(), answer.meta.expect("a meta"))
}

/// Numbers of the tickets in a list, in order; its total must agree.
async fn numbers(core: &TestCore, by: &Client, request: List) -> Vec<u32> {
    let (numbers, meta) = page(core, by, request).await;
    assert_eq!(meta.total as usize, numbers.len());
    numbers
}

fn by_number(filter: List) -> List {
    List { sort: Some("ticket_number".to_owned()), ..filter }
}

async fn lists_keep_what_their_filters_say(core: TestCore) {
    let tenant = core.tenant().await;
    let key = &tenant.key;
    let second = core.inbox(&tenant.id, "Second").await;
    let (grace, ada) =
        (core.agent(&tenant.id, "g@example.com").await.id, core.agent(&tenant.id, "a@example.com").await.id);
    let begin = core.clock.now();
    // Number: inbox, assignee, priority, subject.
    let made = [
        (&tenant.inbox, None, Low, "Refund for order 1"),
        (&tenant.inbox, Some(&grace), Normal, "ÄRGER mit 100%"),
        (&second, Some(&ada), High, "refund_2"),
        (&second, None, Urgent, "Hello"),
        (&tenant.inbox, Some(&grace), Urgent, "REFUND"),
    ];
    for (inbox, assignee, priority, subject) in made {
        let request = v1::CreateTicketRequest {
            priority: Some(priority.into()),
            assignee_id: assignee.cloned(),
            ..new_ticket(inbox, subject)
        };
        core.opened(key, request).await;
        core.clock.advance(Duration::from_secs(60) - Duration::from_millis(1));
    }
    let minute = |n: u32| Some(begin.plus(Duration::from_secs(60) * n).into());
    core.changed(key, "2", status(Solved)).await;
    core.changed(key, "3", status(Pending)).await;
    let tag = |name: &str| v1::AddTicketTagRequest { tag_name: Some(name.to_owned()), ..Default::default() };
    for number in ["1", "5"] {
        let request = v1::AddTicketTagRequest { ticket_id: number.to_owned(), ..tag("Billing") };
        core.tags().add_ticket_tag(key.ask(request)).await.answer();
    }
    let tag_id = core.get_ticket(key, "1").await.tags[0].id.clone();

    let inboxes = |ids: &[&str]| List { inbox_id: ids.iter().map(|id| (*id).to_owned()).collect(), ..List::default() };
    let assignees =
        |ids: &[&str]| List { assignee_id: ids.iter().map(|id| (*id).to_owned()).collect(), ..List::default() };
    let q = |text: &str| List { q: Some(text.to_owned()), ..List::default() };
    let tagged = |text: &str| List { tag: Some(text.to_owned()), ..List::default() };
    let table: Vec<(List, &[u32])> = vec![
        (List::default(), &[1, 2, 3, 4, 5]),
        (List { status: vec![Open.into()], ..List::default() }, &[1, 4, 5]),
        (List { status: vec![Solved.into(), Pending.into()], ..List::default() }, &[2, 3]),
        (List { status: vec![Closed.into()], ..List::default() }, &[]),
        (inboxes(&[&second]), &[3, 4]),
        (inboxes(&[&second, &tenant.inbox, NOTHING]), &[1, 2, 3, 4, 5]),
        (inboxes(&[NOTHING]), &[]),
        (assignees(&["none"]), &[1, 4]),
        (assignees(&[&ada]), &[3]),
        (assignees(&["none", &grace]), &[1, 2, 4, 5]),
        (assignees(&[NOTHING]), &[]),
        (List { priority: vec![Urgent.into(), Low.into()], ..List::default() }, &[1, 4, 5]),
        (List { priority: vec![Urgent.into()], status: vec![Open.into()], ..assignees(&[&grace]) }, &[5]),
        (tagged("billing"), &[1, 5]),
        (tagged(" BILLING "), &[1, 5]),
        (tagged(&tag_id), &[1, 5]),
        (tagged("bill"), &[]),
        (tagged(NOTHING), &[]),
        (q("refund"), &[1, 3, 5]),
        (q("ärger"), &[2]),
        (q("100%"), &[2]),
        (q("%"), &[2]),
        (q("_"), &[3]),
        (q("d_2"), &[3]),
        (List { requester_email: Some("ada@example.com".to_owned()), ..List::default() }, &[]),
        (List { created_since: minute(2), ..List::default() }, &[3, 4, 5]),
        (List { created_since: minute(5), ..List::default() }, &[]),
        (List { updated_since: minute(4), ..List::default() }, &[1, 2, 3, 5]),
        (List { updated_since: minute(5), ..q("refund") }, &[1, 3, 5]),
    ];
    for (filter, expected) in table {
        assert_eq!(numbers(&core, key, by_number(filter.clone())).await, expected, "{filter:?}");
    }
    let sorted =
        async |sort: Option<&str>| numbers(&core, key, List { sort: sort.map(str::to_owned), ..List::default() }).await;
    assert_eq!(sorted(None).await, [5, 4, 3, 2, 1]);
    assert_eq!(sorted(Some("-created_at")).await, [5, 4, 3, 2, 1]);
    assert_eq!(sorted(Some("created_at")).await, [1, 2, 3, 4, 5]);
    assert_eq!(sorted(Some("-ticket_number")).await, [5, 4, 3, 2, 1]);
    assert_eq!(sorted(Some("updated_at")).await[..1], [4], "the only one that was left alone");
    assert_eq!(sorted(Some("-updated_at")).await[4], 4);
}

async fn what_a_list_does_not_take_is_a_bad_parameter(core: TestCore) {
    let tenant = core.tenant().await;
    let table = [
        (List { page: Some(0), ..List::default() }, "page", "out_of_range"),
        (List { page: Some(1_000_001), ..List::default() }, "page", "out_of_range"),
        (List { per_page: Some(0), ..List::default() }, "per_page", "out_of_range"),
        (List { per_page: Some(101), ..List::default() }, "per_page", "out_of_range"),
        (List { status: vec![0], ..List::default() }, "status", "invalid_enum"),
        (List { status: vec![7], ..List::default() }, "status", "invalid_enum"),
        (List { priority: vec![-1], ..List::default() }, "priority", "invalid_enum"),
        (List { inbox_id: vec!["x".to_owned()], ..List::default() }, "inbox_id", "invalid_format"),
        (List { assignee_id: vec!["nobody".to_owned()], ..List::default() }, "assignee_id", "invalid_format"),
        (List { sort: Some("subject".to_owned()), ..List::default() }, "sort", "invalid_enum"),
        (List { q: Some(String::new()), ..List::default() }, "q", "blank"),
        (List { tag: Some(" ".to_owned()), ..List::default() }, "tag", "blank"),
    ];
    for (request, field, code) in table {
        let failure = core.tickets().list_tickets(tenant.key.ask(request.clone())).await.refusal();
        assert_eq!(failure.reason, Reason::InvalidParameter, "{request:?}");
        let found = violations(&failure);
        assert_eq!(found.len(), 1, "{request:?}");
        assert_eq!((found[0].0.split('[').next(), found[0].1), (Some(field), code), "{request:?}");
    }
}

async fn pages_tile_the_list_and_say_how_it_goes_on(core: TestCore) {
    let tenant = core.tenant().await;
    for n in 0..7 {
        // All at one time, so that only the id orders them.
        core.tickets().create_ticket(tenant.key.ask(new_ticket(&tenant.inbox, &format!("Order {n}")))).await.answer();
    }
    let mut walked = Vec::new();
    for at in 1..=3 {
        let request = List { page: Some(at), per_page: Some(3), ..List::default() };
        let (numbers, meta) = page(&core, &tenant.key, request).await;
        walked.extend(numbers);
        assert_eq!(meta.next_cursor.is_some(), at < 3, "also by page");
        let expected = v1::PageMeta {
            page: Some(at),
            per_page: 3,
            total: 7,
            total_pages: Some(3),
            has_more: at < 3,
            next_cursor: meta.next_cursor.clone(),
            safe_since: None,
        };
        assert_eq!(meta, expected);
    }
    walked.sort_unstable();
    assert_eq!(walked, [1, 2, 3, 4, 5, 6, 7], "each once");
    let past = List { page: Some(1_000_000), per_page: Some(100), ..List::default() };
    let (numbers, meta) = page(&core, &tenant.key, past).await;
    assert_eq!((numbers.len(), meta.total, meta.has_more), (0, 7, false), "past the end, with the true total");
    let (_, meta) = page(&core, &core.tenant().await.key, List::default()).await;
    assert_eq!((meta.page, meta.per_page, meta.total, meta.total_pages), (Some(1), 25, 0, Some(0)));
}

async fn totals_stay_exact_through_random_changes(core: TestCore) {
    for changes in walks(4, 40) {
        let tenant = core.tenant().await;
        let second = core.inbox(&tenant.id, "Second").await;
        let agent = core.agent(&tenant.id, "grace@example.com").await.id;
        let mut model: Vec<v1::Ticket> = Vec::new();
        for step in changes {
            step.take(&core, &tenant, [&tenant.inbox, &second], &agent, &mut model).await;
        }
        check_totals(&core, &tenant, [&tenant.inbox, &second], &agent, &model).await;
    }
}

/// One random change; `at` chooses a ticket.
#[derive(Clone, Debug)]
struct Step {
    open: bool,
    at: usize,
    status: Option<i32>,
    priority: Option<i32>,
    second: Option<bool>,
    assign: Option<bool>,
}

fn walks(count: usize, steps: usize) -> Vec<Vec<Step>> {
    let code = || proptest::option::of(1..=4i32);
    let flag = || proptest::option::of(any::<bool>());
    let step = (any::<bool>(), any::<usize>(), code(), code(), flag(), flag())
        .prop_map(|(open, at, status, priority, second, assign)| Step { open, at, status, priority, second, assign });
    let walk = proptest::collection::vec(step, steps);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().rng().clone());
    (0..count).map(|_| walk.new_tree(&mut runner).expect("a walk").current()).collect()
}

impl Step {
    async fn take(
        self,
        core: &TestCore,
        tenant: &TestTenant,
        inboxes: [&String; 2],
        agent: &str,
        model: &mut Vec<v1::Ticket>,
    ) {
        let inbox = self.second.map(|second| inboxes[usize::from(second)].clone());
        let assignee = self.assign.map(|assign| assign.then(|| agent.to_owned()));
        if self.open || model.is_empty() {
            let request = v1::CreateTicketRequest {
                priority: self.priority,
                assignee_id: assignee.flatten(),
                ..new_ticket(inbox.as_ref().unwrap_or(inboxes[0]), "Walk")
            };
            model.push(core.opened(&tenant.key, request).await);
            return;
        }
        let at = self.at % model.len();
        let mut paths: Vec<&str> = Vec::new();
        let changes = v1::TicketChanges {
            subject: None,
            status: self.status.inspect(|_| paths.push("status")),
            priority: self.priority.inspect(|_| paths.push("priority")),
            assignee_id: assignee.inspect(|_| paths.push("assignee_id")).flatten(),
            inbox_id: inbox.inspect(|_| paths.push("inbox_id")),
        };
        let request = v1::UpdateTicketRequest {
            ticket_id: model[at].id.clone(),
            ticket: Some(changes),
            update_mask: mask(&paths),
        };
        model[at] = core.tickets().update_ticket(tenant.key.ask(request)).await.answer().ticket.expect("a ticket");
    }
}

/// Compares every cell of `counts` with the tickets themselves, and with the total of a filter that counts rows.
async fn check_totals(core: &TestCore, tenant: &TestTenant, inboxes: [&String; 2], agent: &str, model: &[v1::Ticket]) {
    let total =
        async |request: List| page(core, &tenant.key, List { per_page: Some(1), ..request }).await.1.total as usize;
    let none = || "none".to_owned();
    for code in 1..=4 {
        for inbox in inboxes {
            let expected = model.iter().filter(|it| it.status == code && it.inbox_id == *inbox).count();
            let filter = List { status: vec![code], inbox_id: vec![inbox.clone()], ..List::default() };
            assert_eq!(total(filter).await, expected);
        }
        for (assignee, is) in [(agent.to_owned(), Some(agent)), (none(), None)] {
            let expected = model.iter().filter(|it| it.priority == code && it.assignee_id.as_deref() == is).count();
            let filter = List { priority: vec![code], assignee_id: vec![assignee], ..List::default() };
            assert_eq!(total(filter.clone()).await, expected);
            let counted = List { created_since: Some(Timestamp::from_micros(0).into()), ..filter };
            assert_eq!(total(counted).await, expected, "rows and cube agree");
        }
        let one = model.iter().filter(|it| it.status == code).count();
        assert_eq!(total(List { status: vec![code], ..List::default() }).await, one);
    }
    assert_eq!(total(List { assignee_id: vec![none(), agent.to_owned()], ..List::default() }).await, model.len());
    assert_eq!(total(List::default()).await, model.len());
}

on_both!(TestCore:
    lists_keep_what_their_filters_say,
    what_a_list_does_not_take_is_a_bad_parameter,
    pages_tile_the_list_and_say_how_it_goes_on,
    totals_stay_exact_through_random_changes,
);
