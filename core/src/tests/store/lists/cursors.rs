//! A walk by cursor beside writers returns each ticket that they leave alone exactly once, in every order.

use super::{Dice, helpdesk::Helpdesk, lists};
use crate::store::{
    self,
    tickets::{After, Filter, Sort, SortKey, Status, Ticket},
};
use crate::tests::support::{TestStore, on_both};
use inboxops_proto::id::TicketId;
use std::collections::{HashMap, HashSet};
use tokio::task::JoinSet;

/// Tickets at the beginning; the environment may set another number.
const COUNT: u32 = 3_000;
const COUNT_VARIABLE: &str = "INBOXOPS_TEST_LISTED_TICKETS";
/// Writers beside a walk, and the writes of each.
const WRITERS: (u64, u64) = (3, 40);

/// The filters of the walks: read from an index, merged from cells, and examined one by one.
fn filters(desk: &Helpdesk) -> Vec<Filter> {
    let all = Filter::default;
    vec![
        all(),
        Filter { status: vec![Status::Open, Status::Solved], ..all() },
        Filter { inbox: vec![desk.inboxes[0]], ..all() },
        Filter { tag: Some("many".to_owned()), subject_contains: Some("e".to_owned()), ..all() },
    ]
}

/// How often each ticket came in a walk.
async fn walk(desk: &Helpdesk, filter: &Filter, limit: i64) -> HashMap<TicketId, u32> {
    let mut seen: HashMap<TicketId, u32> = HashMap::new();
    let mut after = None;
    loop {
        let mut read = desk.fresh.db.read(desk.tenant.scope.clone()).await.unwrap();
        let page = match after {
            None => store::tickets::list(&mut read, filter, limit, 0).await.unwrap(),
            Some(after) => store::tickets::list_after(&mut read, filter, limit, after).await.unwrap(),
        };
        let Some(last) = page.tickets.last() else { return seen };
        after = Some(After { key: filter.sort.key_of(last), id: last.id.0 });
        page.tickets.iter().for_each(|ticket| *seen.entry(ticket.id).or_default() += 1);
    }
}

/// The tickets that nobody has changed since the beginning.
async fn untouched(desk: &Helpdesk, versions: &HashMap<TicketId, u32>) -> HashSet<TicketId> {
    let now = tickets(desk).await;
    now.iter().filter(|it| versions.get(&it.id) == Some(&it.version)).map(|it| it.id).collect()
}

async fn tickets(desk: &Helpdesk) -> Vec<Ticket> {
    let mut read = desk.fresh.db.read(desk.tenant.scope.clone()).await.unwrap();
    let mut all = Vec::new();
    loop {
        let page = store::tickets::list(&mut read, &Filter::default(), 1_000, all.len() as i64).await.unwrap();
        if page.tickets.is_empty() {
            return all;
        }
        all.extend(page.tickets);
    }
}

async fn a_walk_beside_writers_returns_each_untouched_ticket_once(fresh: TestStore) {
    let count = std::env::var(COUNT_VARIABLE).map_or(COUNT, |count| count.parse().expect("a number of tickets"));
    let desk = Helpdesk::open(fresh, count).await;
    assert!(lists(&desk).settle().await.unwrap());
    let keys = [SortKey::CreatedAt, SortKey::UpdatedAt, SortKey::Number];
    let sorts = keys.into_iter().flat_map(|key| [true, false].map(|descending| Sort { key, descending }));
    for (round, sort) in sorts.enumerate() {
        for filter in filters(&desk) {
            let filter = Filter { sort, ..filter };
            let before: HashMap<TicketId, u32> =
                tickets(&desk).await.into_iter().map(|it| (it.id, it.version)).collect();
            let listed: HashSet<TicketId> = desk.plain(&filter).await.into_iter().collect();
            let mut writers = JoinSet::new();
            for seed in 0..WRITERS.0 {
                let hand = desk.hand();
                writers.spawn(async move {
                    let mut dice = Dice(seed + 10 * round as u64);
                    for _ in 0..WRITERS.1 {
                        match dice.roll(4) {
                            0 => hand.create(&mut dice).await,
                            _ => hand.change(&mut dice, 1).await,
                        }
                    }
                });
            }
            let seen = walk(&desk, &filter, 97).await;
            while let Some(ended) = writers.join_next().await {
                ended.unwrap();
            }
            let untouched = untouched(&desk, &before).await;
            assert!(untouched.len() > count as usize / 3, "{} of the tickets are left", untouched.len());
            for id in listed.intersection(&untouched) {
                assert_eq!(seen.get(id), Some(&1), "{id} by {filter:?}");
            }
            let strange: Vec<_> = untouched.iter().filter(|id| seen.contains_key(id) && !listed.contains(id)).collect();
            assert!(strange.is_empty(), "{strange:?} by {filter:?}");
        }
    }
}

on_both!(TestStore: a_walk_beside_writers_returns_each_untouched_ticket_once);
