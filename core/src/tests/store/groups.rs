//! How writes run: groups, refusals, replays, panics, effects, a lost database.

use crate::store::{
    self, Db, Error, Queue, Result, Tx,
    tickets::{Filter, Ticket, TicketRef},
};
use crate::tests::support::{StoredTenant, TestStore, on_both};
use inboxops_proto::reason::Reason;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};
use tokio::{sync::Notify, task::JoinSet};

async fn create(tx: &mut Tx<'_>, tenant: &StoredTenant, ticket: &Ticket) -> Result<Ticket> {
    if store::inboxes::state(tx, ticket.inbox).await?.is_none() {
        return Err(Reason::InboxNotFound.into());
    }
    let ticket = Ticket { number: store::tickets::next_number(tx).await?, ..ticket.clone() };
    store::tickets::insert(tx, &ticket);
    tx.emit(tenant.event(ticket.created_at));
    Ok(ticket)
}

async fn write(db: &Db, tenant: &StoredTenant, ticket: Ticket) -> Result<Ticket> {
    let inner = tenant.clone();
    db.write(tenant.scope.clone(), async move |tx| create(tx, &inner, &ticket).await).await
}

async fn total(db: &Db, tenant: &StoredTenant) -> i64 {
    let mut read = db.read(tenant.scope.clone()).await.unwrap();
    let listed = store::tickets::list(&mut read, &Filter::default(), 1000, 0).await.unwrap();
    assert_eq!(listed.total, i64::try_from(listed.tickets.len()).unwrap(), "the cube and the rows agree");
    listed.total
}

async fn concurrent_creates_get_numbers_without_gaps_and_one_delivery_each(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    let mut tasks = JoinSet::new();
    for _ in 0..150 {
        let (db, tenant, ticket) = (fresh.db.clone(), tenant.clone(), tenant.ticket(fresh.now()));
        tasks.spawn(async move { write(&db, &tenant, ticket).await.unwrap() });
    }
    let mut tickets = tasks.join_all().await;
    tickets.sort_by_key(|ticket| ticket.number);
    assert_eq!(tickets.iter().map(|it| it.number).collect::<Vec<_>>(), (1..=150).collect::<Vec<_>>());
    assert_eq!(total(&fresh.db, &tenant).await, 150);
    for ticket in [&tickets[0], &tickets[149]] {
        let found = store::tickets::find(&fresh.db, tenant.scope.clone(), TicketRef::Id(ticket.id)).await.unwrap();
        assert_eq!(found.as_ref(), Some(ticket));
        let named = TicketRef::Number(ticket.number);
        assert_eq!(store::tickets::find(&fresh.db, tenant.scope.clone(), named).await.unwrap().as_ref(), Some(ticket));
    }
    let leased = fresh.leased.lock().unwrap();
    assert_eq!(leased.len(), 150);
    assert!(leased.iter().all(|it| it.endpoint == endpoint && it.token == 1 && it.attempt == 1));
    assert!(leased.iter().all(|it| it.lease_until == fresh.now().plus(store::LEASE) && !it.body.is_empty()));
}

async fn a_refusal_before_a_write_leaves_its_group_alone_and_takes_its_marks_along(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let runs = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for n in 0..60 {
        let (db, tenant, ticket, runs) = (fresh.db.clone(), tenant.clone(), tenant.ticket(fresh.now()), runs.clone());
        tasks.spawn(async move {
            let inner = tenant.clone();
            db.write(tenant.scope, async move |tx| -> Result<_> {
                runs.fetch_add(1, Ordering::SeqCst);
                let made = create(tx, &inner, &ticket).await?;
                // All of its rows so far wait for the end of the group.
                if n % 3 == 0 { Err(Reason::Conflict.into()) } else { Ok(made) }
            })
            .await
        });
    }
    let results = tasks.join_all().await;
    assert_eq!(
        results
            .iter()
            .filter(|it| matches!(it, Err(Error::Refused(failure)) if failure.reason == Reason::Conflict))
            .count(),
        20
    );
    let mut numbers: Vec<_> = results.into_iter().flatten().map(|it| it.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>(), "a refused ticket's number is given again");
    assert_eq!(total(&fresh.db, &tenant).await, 40);
    assert_eq!(runs.load(Ordering::SeqCst), 60, "nobody ran twice");
}

async fn a_refusal_after_a_write_undoes_that_write_alone(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let mut tasks = JoinSet::new();
    for n in 0..40u32 {
        let (db, tenant, ticket) = (fresh.db.clone(), tenant.clone(), tenant.ticket(fresh.now()));
        tasks.spawn(async move {
            let inner = tenant.clone();
            db.write(tenant.scope, async move |tx| -> Result<_> {
                let made = create(tx, &inner, &ticket).await?;
                // Reading the table inserts the rows that wait for it.
                let found = store::tickets::lock(tx, TicketRef::Id(made.id)).await?;
                assert_eq!(found.as_ref(), Some(&made));
                if n % 4 == 0 { Err(Reason::Conflict.into()) } else { Ok(made) }
            })
            .await
        });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 30);
    assert_eq!(total(&fresh.db, &tenant).await, 30);
}

async fn a_panic_is_answered_and_costs_nobody_else_anything(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let mut tasks = JoinSet::new();
    for n in 0..30 {
        let (db, tenant, ticket) = (fresh.db.clone(), tenant.clone(), tenant.ticket(fresh.now()));
        tasks.spawn(async move {
            let inner = tenant.clone();
            db.write(tenant.scope, async move |tx| {
                let made = create(tx, &inner, &ticket).await?;
                assert!(n != 7, "as the test wants");
                Ok(made)
            })
            .await
        });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|it| matches!(it, Err(Error::Panic))).count(), 1);
    assert_eq!(total(&fresh.db, &tenant).await, 29);
}

async fn effects_follow_the_commit_even_when_the_caller_has_gone(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let (told, hear) = tokio::sync::oneshot::channel();
    let told = Arc::new(Mutex::new(Some(told)));
    let (inner, ticket) = (tenant.clone(), tenant.ticket(fresh.now()));
    let entered = Arc::new(tokio::sync::Notify::new());
    let (enter, go) = (entered.clone(), Arc::new(tokio::sync::Notify::new()));
    let wait = go.clone();
    let mut write = Box::pin(fresh.db.write(tenant.scope.clone(), async move |tx| -> Result<_> {
        create(tx, &inner, &ticket).await?;
        let told = told.clone();
        tx.after(move || {
            let _ = told.lock().unwrap().take().map(|told| told.send(()));
        });
        enter.notify_one();
        wait.notified().await;
        Ok(())
    }));
    tokio::select! {
        _ = &mut write => panic!("it waits"),
        () = entered.notified() => {}
    }
    drop(write);
    go.notify_one();
    hear.await.expect("the effect ran");
    assert_eq!(total(&fresh.db, &tenant).await, 1);
}

async fn a_refused_write_has_no_effects(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let ran = Arc::new(AtomicU32::new(0));
    let (inner, ticket, counted) = (tenant.clone(), tenant.ticket(fresh.now()), ran.clone());
    let refused: Result<()> = fresh
        .db
        .write(tenant.scope.clone(), async move |tx| {
            create(tx, &inner, &ticket).await?;
            let counted = counted.clone();
            tx.after(move || {
                counted.fetch_add(1, Ordering::SeqCst);
            });
            Err(Reason::Conflict.into())
        })
        .await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!(fresh.leased.lock().unwrap().len(), 0);
}

async fn a_closed_store_finishes_what_waits_and_refuses_what_comes(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (db, tenant, ticket) = (fresh.db.clone(), tenant.clone(), tenant.ticket(fresh.now()));
        tasks.spawn(async move { write(&db, &tenant, ticket).await });
    }
    let first = tasks.join_next().await.unwrap().unwrap();
    assert!(first.is_ok());
    fresh.db.close().await;
    let results = tasks.join_all().await;
    let kept = 1 + results.iter().filter(|it| it.is_ok()).count();
    assert!(results.iter().all(|it| matches!(it, Ok(_) | Err(Error::Closed))));
    assert!(matches!(write(&fresh.db, &tenant, tenant.ticket(fresh.now())).await, Err(Error::Closed)));
    let again = fresh.again().await;
    assert_eq!(total(&again, &tenant).await, i64::try_from(kept).unwrap());
}

async fn system_jobs_and_writes_take_turns(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let (db, tenant, ticket) = (fresh.db.clone(), tenant.clone(), tenant.ticket(fresh.now()));
        tasks.spawn(async move {
            if n % 2 == 0 {
                write(&db, &tenant, ticket).await.unwrap();
            } else {
                let name = format!("n{n}");
                db.system(Queue::Outcomes, async move |tx| store::meta::put(tx, &name, "x").await).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(total(&fresh.db, &tenant).await, 50);
    assert_eq!(store::meta::get(&fresh.db, "n99").await.unwrap().as_deref(), Some("x"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_and_readers_outlive_a_lost_postgres() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    write(&fresh.db, &tenant, tenant.ticket(fresh.now())).await.unwrap();
    assert_eq!(total(&fresh.db, &tenant).await, 1);
    let postgres = fresh.postgres.as_ref().unwrap();
    postgres.let_in(false);
    postgres.cut();
    for _ in 0..3 {
        let away = write(&fresh.db, &tenant, tenant.ticket(fresh.now())).await;
        assert!(matches!(away, Err(Error::Unavailable)), "{away:?}");
        assert!(fresh.db.read(tenant.scope.clone()).await.is_err());
    }
    postgres.let_in(true);
    // The writer pauses before it reconnects.
    let mut ticket = tenant.ticket(fresh.now());
    while let Err(error) = write(&fresh.db, &tenant, ticket.clone()).await {
        assert!(matches!(error, Error::Unavailable), "{error:?}");
        tokio::task::yield_now().await;
        ticket = tenant.ticket(fresh.now());
    }
    assert_eq!(total(&fresh.db, &tenant).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_takes_no_writes_is_away_until_it_takes_them() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    write(&fresh.db, &tenant, tenant.ticket(fresh.now())).await.unwrap();
    fresh.db.ping().await.expect("it takes writes");
    let postgres = fresh.postgres.as_ref().unwrap();
    postgres.take_writes(false);
    for _ in 0..3 {
        let away = write(&fresh.db, &tenant, tenant.ticket(fresh.now())).await;
        assert!(matches!(away, Err(Error::Unavailable)), "{away:?}");
    }
    // The first may meet a session that has ended.
    let _ = fresh.db.ping().await;
    let away = fresh.db.ping().await;
    assert!(matches!(away, Err(Error::ReadOnly)), "{away:?}");
    assert_eq!(total(&fresh.db, &tenant).await, 1, "it is read as before");

    // Sessions from before stay read-only: only new ones can write.
    postgres.take_writes(true);
    write(&fresh.db, &tenant, tenant.ticket(fresh.now())).await.expect("the writer has a new session");
    // A reader that is still the old session's is given up by the first.
    let _ = fresh.db.ping().await;
    fresh.db.ping().await.expect("it takes writes again");
    assert_eq!(total(&fresh.db, &tenant).await, 2);
}

#[tokio::test]
async fn of_several_servers_one_that_takes_writes_is_found() {
    let fresh = TestStore::postgres().await;
    // Nothing listens on the first.
    let url = fresh.url.replacen("127.0.0.1", "127.0.0.1:1,127.0.0.1", 1);
    if url == fresh.url {
        // A server of your own, elsewhere.
        return;
    }
    let open = async || Db::open(store::Options::new(&url, fresh.clock.clone())).await;
    open().await.expect("the second answers").close().await;
    let postgres = fresh.postgres.as_ref().unwrap();
    postgres.take_writes(false);
    let away = open().await;
    assert!(matches!(away, Err(Error::Unavailable)), "{away:?}");
    postgres.take_writes(true);
    open().await.expect("it takes writes again").close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_another_core_holds_too_long_is_a_conflict() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    let ticket = write(&fresh.db, &tenant, tenant.ticket(fresh.now())).await.unwrap();
    let other = fresh.again().await;
    let held = Arc::new(tokio::sync::Notify::new());
    let (release, wait) = (Arc::new(tokio::sync::Notify::new()), held.clone());
    let (released, scope) = (release.clone(), tenant.scope.clone());
    let mut holder = JoinSet::new();
    holder.spawn(async move {
        other
            .write(scope, async move |tx| -> Result<_> {
                let found = store::tickets::lock(tx, TicketRef::Id(ticket.id)).await?;
                wait.notify_one();
                released.notified().await;
                Ok(found.is_some())
            })
            .await
    });
    held.notified().await;
    let refused = fresh
        .db
        .write(tenant.scope.clone(), async move |tx| store::tickets::lock(tx, TicketRef::Id(ticket.id)).await)
        .await;
    let Err(Error::Refused(failure)) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.reason, Reason::Conflict);
    assert_eq!(failure.retry_after_secs, Some(1));
    release.notify_one();
    assert!(holder.join_next().await.unwrap().unwrap().unwrap());
}

/// This many writes while a job of the system runs.
async fn write_behind_the_system(fresh: &TestStore, tenant: &StoredTenant, count: usize) {
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (db, runs, goes_on) = (fresh.db.clone(), started.clone(), go_on.clone());
    let mut system = JoinSet::new();
    system.spawn(async move {
        let hold = async move |_: &mut store::SystemTx<'_>| {
            runs.notify_one();
            goes_on.notified().await;
            Ok(())
        };
        db.system(Queue::Claims, hold).await.unwrap();
    });
    started.notified().await;
    let mut writes: Vec<_> =
        (0..count).map(|_| Box::pin(write(&fresh.db, tenant, tenant.ticket(fresh.now())))).collect();
    // After one poll each is in the queue.
    for write in &mut writes {
        assert!(futures_util::poll!(write).is_pending());
    }
    go_on.notify_one();
    system.join_all().await;
    for write in writes {
        write.await.unwrap();
    }
}

/// The system's transactions are short while this returns true (`dispatch::claims`, `dispatch::reports`).
#[tokio::test]
async fn few_writes_that_wait_for_the_system_are_a_trickle_and_many_are_none() {
    let fresh = TestStore::sqlite().await;
    let tenant = fresh.tenant().await;
    assert!(!fresh.db.writes_trickle());
    write_behind_the_system(&fresh, &tenant, 3).await;
    assert!(fresh.db.writes_trickle());
    write_behind_the_system(&fresh, &tenant, 40).await;
    assert!(!fresh.db.writes_trickle(), "these want throughput");
    write_behind_the_system(&fresh, &tenant, 1).await;
    assert!(fresh.db.writes_trickle());
    for _ in 0..32 {
        fresh.db.system(Queue::Claims, async |_| Ok(())).await.unwrap();
    }
    assert!(!fresh.db.writes_trickle(), "it is forgotten");
}

on_both!(TestStore:
    concurrent_creates_get_numbers_without_gaps_and_one_delivery_each,
    a_refusal_before_a_write_leaves_its_group_alone_and_takes_its_marks_along,
    a_refusal_after_a_write_undoes_that_write_alone,
    a_panic_is_answered_and_costs_nobody_else_anything,
    effects_follow_the_commit_even_when_the_caller_has_gone,
    a_refused_write_has_no_effects,
    a_closed_store_finishes_what_waits_and_refuses_what_comes,
    system_jobs_and_writes_take_turns,
);
