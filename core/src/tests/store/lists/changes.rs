//! Lists while tickets change: with several writers, with the index at work, through a crash, beside an earlier
//! release.

use super::{Dice, compare, compare_on, helpdesk::Helpdesk, lists};
use crate::tests::support::{NOON, StoredTenant, TestStore, on_both, until};
use crate::{
    list_index::ListIndex,
    store::{
        self, Db, Queue,
        relist::{self, RecountStep},
        subjects,
        tickets::{AssigneeFilter, Filter, Priority, Sort, SortKey, Status, TagRef, Ticket, TicketRef},
    },
    time_and_chance::{Chance, Stamps},
};
use inboxops_proto::{clock::Timestamp, id::AgentId, reason::Reason};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Changes tickets through one core.
#[derive(Clone)]
pub(super) struct Hand {
    db: Db,
    tenant: StoredTenant,
    count: u32,
    agents: Vec<AgentId>,
    tag: TagRef,
}

impl Helpdesk {
    pub(super) fn hand(&self) -> Hand {
        self.hand_on(&self.fresh.db)
    }

    fn hand_on(&self, db: &Db) -> Hand {
        let (tenant, agents, tag) = (self.tenant.clone(), self.agents.clone(), self.tag.clone());
        Hand { db: db.clone(), tenant, count: self.count, agents, tag }
    }
}

impl Hand {
    /// Changes a random number of tickets in status, priority, assignee, subject and tags.
    pub(super) async fn change(&self, dice: &mut Dice, times: usize) {
        for _ in 0..times {
            let change = self.throw(dice);
            let write = async move |tx: &mut store::Tx<'_>| change.apply(tx).await;
            self.db.write(self.tenant.scope.clone(), write).await.unwrap();
        }
    }

    /// The same, but the write is refused.
    async fn change_in_vain(&self, dice: &mut Dice) {
        let (change, ticket) = (self.throw(dice), self.tenant.ticket(NOON));
        let write = async move |tx: &mut store::Tx<'_>| -> store::Result<_> {
            create(tx, &ticket, change.tag.as_ref()).await?;
            change.apply(tx).await?;
            Err::<(), _>(Reason::InboxNotFound.into())
        };
        self.db.write(self.tenant.scope.clone(), write).await.unwrap_err();
    }

    pub(super) async fn create(&self, dice: &mut Dice) {
        let change = self.throw(dice);
        let ticket = Ticket {
            subject: change.subject.clone().unwrap_or_else(|| "A new one".to_owned()),
            status: change.status,
            priority: change.priority,
            assignee: change.agent,
            updated_at: change.at,
            ..self.tenant.ticket(change.at)
        };
        let write = async move |tx: &mut store::Tx<'_>| create(tx, &ticket, change.tag.as_ref()).await;
        self.db.write(self.tenant.scope.clone(), write).await.unwrap();
    }

    pub(super) async fn rename(&self, number: u32, subject: &str) {
        let subject = subject.to_owned();
        let write = async move |tx: &mut store::Tx<'_>| {
            let old = store::tickets::lock(tx, TicketRef::Number(number)).await?.expect("a ticket");
            let new = Ticket { subject: subject.clone(), version: old.version + 1, ..old.clone() };
            store::tickets::update(tx, &old, &new).await
        };
        self.db.write(self.tenant.scope.clone(), write).await.unwrap();
    }

    fn throw(&self, dice: &mut Dice) -> Change {
        Change {
            number: 1 + dice.roll(u64::from(self.count)) as u32,
            status: dice.one(Status::ALL),
            priority: dice.one(Priority::ALL),
            agent: (dice.roll(3) > 0).then(|| dice.one(&self.agents)),
            subject: (dice.roll(3) == 0).then(|| dice.one(&["Refund é zeppelin", "Lost", "#77 order"]).to_owned()),
            tag: (dice.roll(4) == 0).then(|| self.tag.clone()),
            at: NOON.plus(Duration::from_millis(dice.roll(5_000))),
        }
    }
}

#[derive(Clone)]
struct Change {
    number: u32,
    status: Status,
    priority: Priority,
    agent: Option<AgentId>,
    subject: Option<String>,
    tag: Option<TagRef>,
    at: Timestamp,
}

impl Change {
    async fn apply(&self, tx: &mut store::Tx<'_>) -> store::Result<()> {
        let old = store::tickets::lock(tx, TicketRef::Number(self.number)).await?.expect("a ticket");
        let mut new = old.clone();
        (new.status, new.priority, new.assignee) = (self.status, self.priority, self.agent);
        if let Some(subject) = &self.subject {
            new.subject.clone_from(subject);
        }
        if let Some(tag) = &self.tag {
            if old.tags.iter().any(|it| it.id == tag.id) {
                store::tags::detach(tx, old.id, tag.id).await?;
                new.tags.retain(|it| it.id != tag.id);
            } else {
                store::tags::attach(tx, &old, tag.id, self.at).await?;
                new.tags.push(tag.clone());
            }
        }
        (new.updated_at, new.version) = (old.updated_at.max(self.at), old.version + 1);
        store::tickets::update(tx, &old, &new).await
    }
}

async fn create(tx: &mut store::Tx<'_>, ticket: &Ticket, tag: Option<&TagRef>) -> store::Result<()> {
    let number = store::tickets::next_number(tx).await?;
    let ticket = Ticket { number, tags: tag.into_iter().cloned().collect(), ..ticket.clone() };
    store::tickets::insert(tx, &ticket);
    for tag in &ticket.tags {
        store::tags::attach(tx, &ticket, tag.id, ticket.created_at).await?;
    }
    Ok(())
}

fn lists_on(db: &Db, desk: &Helpdesk) -> ListIndex {
    ListIndex::new(db.clone(), Stamps::new(desk.fresh.clock.clone(), Chance::seeded(3)))
}

/// The pages of one moment contain each ticket once, in order, and as many as the total says.
async fn agrees(db: &Db, tenant: &StoredTenant, filter: Filter, keeps: impl Fn(&Ticket) -> bool) {
    let mut read = db.read(tenant.scope.clone()).await.unwrap();
    let mut all = Vec::new();
    let total = loop {
        let page = store::tickets::list(&mut read, &filter, 1_000, all.len() as i64).await.unwrap();
        if page.tickets.is_empty() {
            break page.total;
        }
        all.extend(page.tickets);
    };
    assert_eq!(all.len() as i64, total, "{filter:?}");
    assert!(all.iter().all(keeps), "{filter:?}");
    assert!(all.is_sorted_by(|one, next| (one.created_at, one.id) > (next.created_at, next.id)), "{filter:?}");
}

async fn lists_are_right_while_others_write_and_the_index_follows(fresh: TestStore) {
    let desk = Helpdesk::open(fresh, 5_000).await;
    assert!(lists(&desk).settle().await.unwrap());
    // PostgreSQL has two cores.
    let mut dbs = vec![desk.fresh.db.clone()];
    if desk.fresh.postgres.is_some() {
        let other = desk.fresh.again().await;
        assert!(lists_on(&other, &desk).settle().await.unwrap());
        dbs.push(other);
    }
    let (mut writers, mut others, done) = (JoinSet::new(), JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for seed in 0..4u64 {
        let hand = desk.hand_on(&dbs[seed as usize % dbs.len()]);
        writers.spawn(async move {
            let mut dice = Dice(seed);
            for _ in 0..150 {
                match dice.roll(4) {
                    0 => hand.change_in_vain(&mut dice).await,
                    1 => hand.create(&mut dice).await,
                    _ => hand.change(&mut dice, 1).await,
                }
            }
        });
    }
    for db in &dbs {
        let (lists, ended) = (lists_on(db, &desk), done.clone());
        others.spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                lists.pass(false, &CancellationToken::new()).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let (db, tenant, tag, ended) = (db.clone(), desk.tenant.clone(), desk.tag.clone(), done.clone());
        others.spawn(async move {
            let all = Filter::default;
            while !ended.load(Ordering::Relaxed) {
                let filter = Filter { status: vec![Status::Open], ..all() };
                agrees(&db, &tenant, filter, |it| it.status == Status::Open).await;
                let filter = Filter { tag: Some("few".to_owned()), ..all() };
                agrees(&db, &tenant, filter, |it| it.tags.iter().any(|of| of.id == tag.id)).await;
                let filter = Filter { subject_contains: Some("zeppelin".to_owned()), ..all() };
                agrees(&db, &tenant, filter, |it| it.subject.contains("zeppelin")).await;
                let filter = Filter { updated_since: Some(NOON), ..all() };
                agrees(&db, &tenant, filter, |it| it.updated_at >= NOON).await;
                let filter = Filter { assignee: vec![AssigneeFilter::Nobody], ..all() };
                agrees(&db, &tenant, filter, |it| it.assignee.is_none()).await;
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    while let Some(ended) = others.join_next().await {
        ended.unwrap();
    }
    let mut dice = Dice(99);
    for db in &dbs {
        lists_on(db, &desk).pass(true, &CancellationToken::new()).await.unwrap();
        compare_on(db, &desk, &mut dice, 80).await;
    }
    assert_eq!(desk.fresh.count("subject_changes").await, 0);
    assert_eq!(relist::look(&desk.fresh.db, desk.fresh.now()).await.unwrap(), RecountStep::Nothing);
}

async fn what_a_core_left_behind_is_followed_by_the_next(fresh: TestStore) {
    let desk = Helpdesk::open(fresh, 16_900).await;
    let (lists, mut dice, tenant) = (lists(&desk), Dice(5), desk.tenant.id);
    assert!(lists.settle().await.unwrap());
    let lane = Queue::Tenant(tenant);
    // The process ended in the middle of a segment's lists.
    for _ in 0..16 {
        let pack = async move |tx: &mut store::SystemTx<'_>| subjects::pack(&mut tx.enter(tenant)).await;
        assert!(desk.fresh.db.system(lane, pack).await.unwrap());
    }
    let full = Arc::new(subjects::full(&desk.fresh.db, tenant).await.unwrap().expect("a segment"));
    let (some, of) = (full.lists().split_off(300), full.clone());
    let seal = async move |tx: &mut store::SystemTx<'_>| subjects::seal(&mut tx.enter(tenant), &of, &some, false).await;
    assert!(desk.fresh.db.system(lane, seal).await.unwrap());
    compare(&desk, &mut dice, 30).await;
    // Commits reported changes, but the process died before it indexed them.
    desk.hand().rename(9, "Refund zeppelin").await;
    desk.hand().rename(10, "Lost").await;
    assert!(desk.fresh.db.behind().take().contains(&tenant));
    compare(&desk, &mut dice, 30).await;
    lists.pass(true, &CancellationToken::new()).await.unwrap();
    assert_eq!(desk.fresh.count("subject_changes").await, 0);
    assert_eq!(desk.fresh.count("subject_index WHERE segments = 1 AND blocks = 16").await, 1);
    compare(&desk, &mut dice, 60).await;
    // Lists built from the old texts are not stored for the new ones.
    let late = async move |tx: &mut store::SystemTx<'_>| subjects::seal(&mut tx.enter(tenant), &full, &[], true).await;
    assert!(!desk.fresh.db.system(lane, late).await.unwrap());
}

async fn a_start_after_an_update_counts_and_folds_what_is_there(fresh: TestStore) {
    let desk = Helpdesk::open(fresh, 1_030).await;
    // As an earlier release leaves them: one in a full block, one in none.
    desk.fresh.run("UPDATE tickets SET subject = 'Große', subject_folded = 'große' WHERE number IN (7, 1029)").await;
    let lists = lists(&desk);
    assert!(lists.settle().await.unwrap());
    lists.pass(true, &CancellationToken::new()).await.unwrap();
    let filter = Filter {
        subject_contains: Some("GROSSE".to_owned()),
        sort: Sort { key: SortKey::Number, descending: false },
        ..Filter::default()
    };
    let mut read = desk.fresh.db.read(desk.tenant.scope.clone()).await.unwrap();
    let listed = store::tickets::list(&mut read, &filter, 10, 0).await.unwrap();
    assert_eq!(listed.tickets.iter().map(|it| it.number).collect::<Vec<_>>(), [7, 1029]);
    assert_eq!(relist::look(&desk.fresh.db, desk.fresh.now()).await.unwrap(), RecountStep::Nothing);
}

/// Cores of the earlier release run until they are stopped, and maintain no counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_right_beside_a_core_of_an_earlier_release_and_after_it() {
    let desk = Helpdesk::open(TestStore::postgres().await, 3_000).await;
    assert!(lists(&desk).settle().await.unwrap());
    let (mut dice, now) = (Dice(11), desk.fresh.now().micros());
    desk.fresh.run(&format!("INSERT INTO cores (slot, started_at, seen_at) VALUES (77, {now}, {now})")).await;
    let next = desk.fresh.again().await;
    let (lists, shutdown) = (lists_on(&next, &desk), CancellationToken::new());
    let (mut running, ended) = (JoinSet::new(), shutdown.clone());
    running.spawn(async move { lists.run(&ended).await });
    until("it waits for the core to go", async || (desk.fresh.clock.asleep() > 0).then_some(())).await;
    desk.hand_on(&next).change(&mut dice, 50).await;
    // As that release does it: a subject without a note for the index, tags and times without a count.
    desk.fresh
        .run(
            "UPDATE tickets SET subject = 'Großer zeppelin', subject_folded = 'großer zeppelin', \
             updated_at = updated_at + 1, version = version + 1 WHERE number IN (3, 1500, 2999); \
             DELETE FROM ticket_tags WHERE ticket_id IN (SELECT id FROM tickets WHERE number % 7 = 0)",
        )
        .await;
    desk.fill(3_000, 3_100).await;
    compare_on(&next, &desk, &mut dice, 60).await;
    assert_eq!(desk.fresh.count("subject_index").await, 0, "the index waits as well");
    desk.fresh.run("DELETE FROM cores WHERE slot = 77").await;
    desk.fresh.clock.advance(Duration::from_secs(60));
    until("all is counted and indexed", async || {
        (desk.fresh.count("subject_index WHERE blocks = 3").await == 1).then_some(())
    })
    .await;
    compare_on(&next, &desk, &mut dice, 80).await;
    let filter = Filter { subject_contains: Some("GROSSER".to_owned()), ..Filter::default() };
    let mut read = next.read(desk.tenant.scope.clone()).await.unwrap();
    assert_eq!(store::tickets::list(&mut read, &filter, 10, 0).await.unwrap().total, 3);
    drop(read);
    shutdown.cancel();
    running.join_next().await.unwrap().unwrap();
    assert_eq!(relist::look(&next, desk.fresh.now()).await.unwrap(), RecountStep::Nothing);
}

on_both!(TestStore:
    lists_are_right_while_others_write_and_the_index_follows,
    what_a_core_left_behind_is_followed_by_the_next,
    a_start_after_an_update_counts_and_folds_what_is_there,
);
