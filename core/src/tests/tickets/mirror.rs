//! A mirror that syncs by `updated_since` ends with the last version of every ticket, whatever was written meanwhile,
//! how slowly, and by how many cores.

use crate::tests::support::{Came as _, Client, TestCore, TestTenant, new_ticket, on_both};
use inboxops_proto::{clock::Timestamp, v1};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

const MICRO: Duration = Duration::from_micros(1);

/// The state of a program that syncs by `updated_since`.
#[derive(Default)]
struct Mirror {
    versions: HashMap<u32, u32>,
    since: Timestamp,
}

impl Mirror {
    /// One sync: every page. With `by_meta` it continues from `meta.safe_since`, otherwise from the newest change that
    /// it saw.
    async fn look(&mut self, core: &TestCore, by: &Client, by_meta: bool) {
        let (mut newest, mut safe) = (self.since, None);
        for page in 1.. {
            let request = v1::ListTicketsRequest {
                updated_since: Some(self.since.into()),
                sort: Some("updated_at".to_owned()),
                page: Some(page),
                per_page: Some(100),
                ..Default::default()
            };
            let listed = core.tickets().list_tickets(by.ask(request)).await.answer();
            let meta = listed.meta.expect("a meta");
            let told = Timestamp::from(&meta.safe_since.expect("with `updated_since` it is told"));
            // From the first page: later pages may report a later time.
            let safe = *safe.get_or_insert(told);
            for ticket in listed.tickets {
                let at = Timestamp::from(&ticket.updated_at.expect("a time"));
                assert!(at < told, "{at:?} is not before {told:?}");
                newest = newest.max(at);
                let seen = self.versions.entry(ticket.ticket_number).or_default();
                *seen = ticket.version.max(*seen);
            }
            if !meta.has_more {
                self.since = if by_meta { safe } else { newest };
                return;
            }
        }
    }
}

/// Writers on these cores, and mirrors of the first beside them; in the end both have everything.
async fn mirrored(cores: &[&TestCore], tenant: &TestTenant) {
    let core = cores[0];
    let over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for number in 0..12 {
        let writer = cores[number % cores.len()];
        let (tickets, key, inbox, clock) =
            (writer.tickets().clone(), tenant.key.clone(), tenant.inbox.clone(), writer.clock.clone());
        writers.spawn(async move {
            for turn in 0..40 {
                clock.advance(MICRO);
                if turn % 10 == 0 {
                    tickets.create_ticket(key.ask(new_ticket(&inbox, &format!("{number} {turn}")))).await.answer();
                }
                let subject = Some(format!("changed by {number}, {turn}"));
                let change = v1::UpdateTicketRequest {
                    // Some tickets change often, others rarely.
                    ticket_id: (1 + (number * 7 + turn * turn) % 10).to_string(),
                    ticket: Some(v1::TicketChanges { subject, ..Default::default() }),
                    update_mask: None,
                };
                clock.advance(MICRO);
                tickets.update_ticket(key.ask(change)).await.answer();
            }
        });
    }
    let (mut plain, mut told) = (Mirror::default(), Mirror::default());
    let reading = async {
        while !over.load(Ordering::Relaxed) {
            plain.look(core, &tenant.key, false).await;
            told.look(core, &tenant.key, true).await;
            core.clock.advance(MICRO);
            tokio::task::yield_now().await;
        }
    };
    let writing = async {
        while let Some(done) = writers.join_next().await {
            done.expect("a writer");
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(reading, writing);
    let mut last = HashMap::new();
    for page in 1.. {
        let request = v1::ListTicketsRequest { page: Some(page), per_page: Some(100), ..Default::default() };
        let listed = core.tickets().list_tickets(tenant.key.ask(request)).await.answer();
        assert_eq!(listed.meta.as_ref().and_then(|meta| meta.safe_since), None, "of what changed nothing was asked");
        last.extend(listed.tickets.iter().map(|ticket| (ticket.ticket_number, ticket.version)));
        if !listed.meta.expect("a meta").has_more {
            break;
        }
    }
    let looks = async {
        while plain.versions != last || told.versions != last {
            core.clock.advance(MICRO);
            plain.look(core, &tenant.key, false).await;
            told.look(core, &tenant.key, true).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Another core reports its settled time every two seconds.
    let settled = tokio::time::timeout(Duration::from_secs(15), looks).await;
    let missing =
        |mirror: &Mirror| last.iter().filter(|(number, version)| mirror.versions.get(number) != Some(version)).count();
    assert!(
        settled.is_ok(),
        "{} and {} of {} are missing or stale for ever",
        missing(&plain),
        missing(&told),
        last.len()
    );
}

async fn seeded(core: &TestCore) -> TestTenant {
    let tenant = core.tenant().await;
    for number in 0..10 {
        core.ticket(&tenant, &format!("Order {number}")).await;
    }
    tenant
}

async fn a_mirror_misses_nothing_beside_writers(core: TestCore) {
    let tenant = seeded(&core).await;
    mirrored(&[&core], &tenant).await;
}

async fn nothing_is_shown_that_is_newer_than_a_write_that_is_open(core: TestCore) {
    let tenant = seeded(&core).await;
    let list = async |since: bool| {
        let request = v1::ListTicketsRequest {
            updated_since: since.then(|| Timestamp::from_micros(0).into()),
            ..Default::default()
        };
        let listed = core.tickets().list_tickets(tenant.key.ask(request)).await.answer();
        let meta = listed.meta.expect("a meta");
        assert_eq!(listed.tickets.len(), meta.total as usize);
        (meta.total, meta.safe_since.map(|at| Timestamp::from(&at)))
    };
    // Like a mail that takes long to parse.
    let slow = core.stamps.stamp();
    let at = slow.at;
    core.tick();
    core.ticket(&tenant, "Newer").await;
    assert_eq!(list(true).await, (10, Some(at)));
    assert_eq!(list(false).await, (11, None), "other lists show what is there");
    drop(slow);
    let (total, safe) = list(true).await;
    assert_eq!(total, 11);
    assert!(safe > Some(at), "{safe:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_mirror_misses_nothing_of_two_cores() {
    let mut core = TestCore::postgres().await;
    let tenant = seeded(&core).await;
    let mut beside = core.beside().await;
    core.run();
    beside.run();
    mirrored(&[&core, &beside], &tenant).await;
    beside.stop().await;
    core.stop().await;
}

on_both!(TestCore: a_mirror_misses_nothing_beside_writers, nothing_is_shown_that_is_newer_than_a_write_that_is_open);
