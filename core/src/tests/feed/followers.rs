//! Many followers of one tenant that share reads: each gets exactly the events that it wants, in order, however the
//! others come, go and lag.

use super::*;
use futures_util::FutureExt as _;

/// Creates tickets from many tasks at once and closes each: four events a ticket.
async fn closing_storm(core: &TestCore, tenant: &TestTenant, tickets: usize) {
    let each = async |n: usize| {
        for m in 0..tickets {
            let ticket = core.ticket(tenant, &format!("Order {n} {m}")).await;
            let changes = v1::TicketChanges { status: Some(v1::TicketStatus::Closed.into()), ..Default::default() };
            core.changed(&tenant.key, &ticket.id, changes).await;
        }
    };
    futures_util::future::join_all((0..WRITERS / 4).map(each)).await;
}

/// The next `count` events, by id.
async fn take(follower: &mut Follower, count: usize) -> Vec<String> {
    let mut seen = Vec::with_capacity(count);
    while seen.len() < count {
        seen.push(member(&follower.event().await.payload, "event_id"));
    }
    seen
}

/// The events in the pages of the list.
async fn listed(core: &TestCore, by: &Client, after: &str, types: &[&str]) -> Vec<String> {
    let (bodies, _) = walk(core, by, Some(after), types, 100).await;
    bodies.iter().map(|body| member(body, "event_id")).collect()
}

async fn each_follower_has_its_kinds_in_order_while_many_write(mut core: TestCore) {
    const TICKETS: usize = 4;
    core.run();
    let tenant = core.tenant().await;
    let begin = page(&core, &tenant.key, None, &[], 1).await.next;
    let all = WRITERS / 4 * TICKETS;
    let wanted: [(&[&str], usize); 4] = [
        (&[], 4 * all),
        (&["ticket.created"], all),
        (&["ticket.closed", "ticket.updated"], 2 * all),
        (&["ticket.*", "message.*"], 4 * all),
    ];
    let mut none = follow(&core, &tenant.key, None, &["message.*"]).await;
    // Some follow from the start; others join while events are written, and start at the beginning as well.
    let early =
        futures_util::future::join_all(wanted.iter().map(async |(types, count)| {
            take(&mut follow(&core, &tenant.key, Some(&begin), types).await, *count).await
        }));
    let late = async {
        closing_storm(&core, &tenant, TICKETS / 2).await;
        let rest = closing_storm(&core, &tenant, TICKETS / 2);
        let late = futures_util::future::join_all(wanted.iter().map(async |(types, count)| {
            take(&mut follow(&core, &tenant.key, Some(&begin), types).await, *count).await
        }));
        tokio::join!(rest, late).1
    };
    let (early, late) = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(early, late) })
        .await
        .expect("every event is seen");
    for (((types, count), early), late) in wanted.iter().zip(early).zip(late) {
        let listed = listed(&core, &tenant.key, &begin, types).await;
        assert_eq!(listed.len(), *count, "{types:?}");
        assert_eq!(early, listed, "{types:?}, from the start");
        assert_eq!(late, listed, "{types:?}, by those who came late");
    }
    assert!(none.stream.next().now_or_never().is_none(), "nothing came of a kind that did not happen");
}

async fn one_that_does_not_read_holds_nobody_up_and_misses_nothing(mut core: TestCore) {
    const TICKETS: usize = 6;
    core.run();
    let tenant = core.tenant().await;
    let begin = page(&core, &tenant.key, None, &[], 1).await.next;
    let mut slow = follow(&core, &tenant.key, None, &[]).await;
    let mut quick = follow(&core, &tenant.key, None, &[]).await;
    let all = WRITERS / 4 * TICKETS * 4;
    assert!(all > 256, "more than is kept for those who come a little later");
    let ((), seen) = tokio::time::timeout(Duration::from_secs(60), async {
        tokio::join!(closing_storm(&core, &tenant, TICKETS), take(&mut quick, all))
    })
    .await
    .expect("the quick one sees every event");
    let listed = listed(&core, &tenant.key, &begin, &[]).await;
    assert_eq!(seen, listed);
    assert_eq!(take(&mut slow, all).await, listed, "what is kept no more it reads for itself");
    core.ticket(&tenant, "After all").await;
    let last = take(&mut quick, 1).await;
    assert_eq!(take(&mut slow, 1).await, last, "and then they are together again");
}

async fn a_tenant_that_is_not_followed_any_more_can_be_followed_again(mut core: TestCore) {
    core.run();
    let tenant = core.tenant().await;
    for n in 0..3 {
        let mut one = follow(&core, &tenant.key, None, &[]).await;
        let mut other = follow(&core, &tenant.key, None, &[]).await;
        let ticket = core.ticket(&tenant, &format!("Order {n}")).await;
        for follower in [&mut one, &mut other] {
            // On PostgreSQL events without followers may appear late: a poll finds them.
            while !follower.event().await.payload.contains(&ticket.id) {}
        }
        drop((one, other));
        core.ticket(&tenant, "Unseen").await;
    }
}

on_both!(TestCore:
    each_follower_has_its_kinds_in_order_while_many_write,
    one_that_does_not_read_holds_nobody_up_and_misses_nothing,
    a_tenant_that_is_not_followed_any_more_can_be_followed_again,
);
