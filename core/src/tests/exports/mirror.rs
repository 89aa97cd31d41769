//! A mirror that takes an export, cut anywhere and continued, and then the events, is the tables in the end, whatever
//! was written meanwhile; no version of a ticket is missing, and on SQLite none comes twice.

use super::{Stream, begin, noted, replied, taken};
use crate::tests::support::{Came as _, TestCore, TestTenant, new_ticket, on_both, until};
use futures_util::StreamExt as _;
use inboxops_proto::{
    reason::Reason,
    v1::{self, ExportType},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

const MICRO: Duration = Duration::from_micros(1);
const WRITERS: usize = 6;
const TURNS: usize = 30;
/// Tickets before the writers begin.
const SEED: usize = 40;

type ById = BTreeMap<String, Value>;

/// The state of a program that mirrors a workspace.
#[derive(Default)]
struct Mirror {
    tickets: ById,
    messages: ById,
    /// Versions of tickets in the snapshot.
    snapshot: BTreeMap<String, u64>,
    /// Versions of tickets in events.
    seen: BTreeMap<String, BTreeSet<u64>>,
    after: Option<String>,
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect("a text").to_owned()
}

fn version(ticket: &Value) -> u64 {
    ticket["version"].as_u64().expect("a version")
}

impl Mirror {
    fn put(&mut self, ticket: &Value) {
        let known = self.tickets.entry(text(ticket, "id")).or_insert_with(|| ticket.clone());
        if version(ticket) > version(known) {
            *known = ticket.clone();
        }
    }

    fn line(&mut self, line: &v1::ExportResponse) {
        let (kind, data) = super::shown(line);
        match kind.as_str() {
            "ticket" => {
                self.snapshot.insert(text(&data, "id"), version(&data));
                self.put(&data);
            }
            "message" => _ = self.messages.insert(text(&data, "id"), data),
            _ => {}
        }
    }

    /// Applies all events that are there; `exact` demands that none is of a state that the snapshot has.
    async fn follow(&mut self, core: &TestCore, tenant: &TestTenant, exact: bool) {
        loop {
            let request = v1::ListEventsRequest { after: self.after.clone(), limit: Some(100), ..Default::default() };
            let page = core.events().list_events(tenant.key.ask(request)).await.answer();
            for body in &page.events {
                let event: Value = serde_json::from_str(body).expect("JSON");
                let ticket = &event["data"]["ticket"];
                let id = text(ticket, "id");
                if exact {
                    let known = self.snapshot.get(&id).copied().unwrap_or_default();
                    assert!(version(ticket) > known, "{id} had {known} in the snapshot: {body}");
                }
                self.seen.entry(id).or_default().insert(version(ticket));
                self.put(ticket);
                if let Some(message) = event["data"].get("message") {
                    self.messages.insert(text(message, "id"), message.clone());
                }
            }
            let meta = page.meta.expect("a meta");
            self.after = Some(meta.next_cursor);
            if !meta.has_more {
                return;
            }
        }
    }

    /// Each version of each ticket after the snapshot's was in an event.
    fn misses_no_version(&self) {
        for (id, ticket) in &self.tickets {
            let from = self.snapshot.get(id).copied().unwrap_or_default();
            let seen = self.seen.get(id).cloned().unwrap_or_default();
            let missing: Vec<u64> = (from + 1..=version(ticket)).filter(|it| !seen.contains(it)).collect();
            assert!(missing.is_empty(), "{id} at {from}, of {}: {missing:?} are missing", version(ticket));
        }
    }
}

/// The tables, through the other calls.
async fn tables(core: &TestCore, tenant: &TestTenant) -> (ById, ById) {
    let (mut tickets, mut messages) = (ById::new(), ById::new());
    for page in 1.. {
        let request = v1::ListTicketsRequest { page: Some(page), per_page: Some(100), ..Default::default() };
        let listed = core.tickets().list_tickets(tenant.key.ask(request)).await.answer();
        for ticket in &listed.tickets {
            tickets.insert(ticket.id.clone(), serde_json::to_value(ticket).expect("JSON"));
            let request = v1::ListTicketMessagesRequest {
                ticket_id: ticket.id.clone(),
                per_page: Some(100),
                ..Default::default()
            };
            let of_ticket = core.messages().list_ticket_messages(tenant.key.ask(request)).await.answer();
            let shown = of_ticket.messages.iter().map(|it| (it.id.clone(), serde_json::to_value(it).expect("JSON")));
            messages.extend(shown);
        }
        if !listed.meta.expect("a meta").has_more {
            break;
        }
    }
    (tickets, messages)
}

/// Writes of every sort that events tell.
async fn write(core: Arc<TestCore>, tenant: Arc<TestTenant>, writer: usize) {
    for turn in 0..TURNS {
        core.clock.advance(MICRO);
        let some = (1 + (writer * 7 + turn * turn) % SEED).to_string();
        let changes = match turn % 5 {
            0 => {
                let new = new_ticket(&tenant.inbox, &format!("{writer} {turn}"));
                core.tickets().create_ticket(tenant.key.ask(new)).await.answer();
                continue;
            }
            1 => {
                let request = v1::AddTicketTagRequest {
                    ticket_id: some,
                    tag_name: Some(format!("tag {}", turn % 7)),
                    ..Default::default()
                };
                core.tags().add_ticket_tag(tenant.key.ask(request)).await.answer();
                continue;
            }
            2 => {
                replied(&core, &tenant.id, &some, 1000 * writer + turn, "It is on its way.").await;
                continue;
            }
            3 => {
                noted(&core, &tenant.key, &some, "canary").await;
                continue;
            }
            _ => v1::TicketChanges { subject: Some(format!("changed by {writer}, {turn}")), ..Default::default() },
        };
        let request = v1::UpdateTicketRequest { ticket_id: some, ticket: Some(changes), update_mask: None };
        core.tickets().update_ticket(tenant.key.ask(request)).await.answer();
    }
}

/// Begins an export as soon as the last one has let go.
async fn begun(core: &TestCore, tenant: &TestTenant, after: Option<&str>) -> Stream {
    let look = async || match begin(core, &tenant.key, &[], after).await {
        Ok(stream) => Some(stream),
        Err(failure) => {
            assert_eq!(failure.reason, Reason::ExportInProgress);
            None
        }
    };
    until("an export", look).await
}

/// An export that is cut after each of these numbers of lines, and continued.
async fn cut(core: &TestCore, tenant: &TestTenant, cuts: &[usize]) -> Mirror {
    let mut mirror = Mirror::default();
    let mut after: Option<String> = None;
    for lines in cuts {
        let mut stream = begun(core, tenant, after.as_deref()).await;
        for _ in 0..*lines {
            let line = stream.next().await.expect("it has an end").expect("it does not fail");
            if line.r#type() == ExportType::End {
                break;
            }
            mirror.line(&line);
            after = line.cursor;
        }
    }
    let rest = taken(begun(core, tenant, after.as_deref()).await).await;
    rest.lines.iter().for_each(|line| mirror.line(line));
    mirror.after = rest.end.events_cursor;
    mirror
}

async fn mirrored(cores: &[Arc<TestCore>]) {
    let core = cores[0].clone();
    let tenant = Arc::new(core.tenant().await);
    for number in 0..SEED {
        core.ticket(&tenant, &format!("Order {number}")).await;
    }
    let over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(cores[writer % cores.len()].clone(), tenant.clone(), writer));
    }
    let exporting = async {
        let (mut mirrors, mut dice) = (Vec::new(), 7_u64);
        while !over.load(Ordering::Relaxed) || mirrors.len() < 4 {
            let mut roll = |below: usize| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (dice >> 33) as usize % below
            };
            let cuts: Vec<usize> = (0..mirrors.len() % 3).map(|_| roll(SEED)).collect();
            mirrors.push((cuts.is_empty(), cut(&core, &tenant, &cuts).await));
        }
        mirrors
    };
    let writing = async {
        while let Some(done) = writers.join_next().await {
            done.expect("a writer");
        }
        over.store(true, Ordering::Relaxed);
    };
    let (mirrors, ()) = tokio::join!(exporting, writing);
    let (tickets, messages) = tables(&core, &tenant).await;
    assert!(!messages.is_empty() && messages.values().all(|message| message["type"] != "internal_note"));
    for (number, (whole, mut mirror)) in mirrors.into_iter().enumerate() {
        let exact = whole && core.postgres.is_none();
        let settled = tokio::time::timeout(Duration::from_secs(15), async {
            loop {
                mirror.follow(&core, &tenant, exact).await;
                if mirror.tickets == tickets && mirror.messages == messages {
                    break;
                }
                // On PostgreSQL events are shown when no older transaction runs on the server.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(settled.await.is_ok(), "mirror {number} is not the tables");
        mirror.misses_no_version();
    }
}

async fn an_export_and_its_events_are_the_tables(core: TestCore) {
    mirrored(&[Arc::new(core)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_an_export_and_its_events_are_what_two_cores_write() {
    let core = Arc::new(TestCore::postgres().await);
    let beside = Arc::new(core.beside().await);
    mirrored(&[core, beside]).await;
}

on_both!(TestCore: an_export_and_its_events_are_the_tables);
