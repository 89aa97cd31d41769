//! Lists of tickets equal the result of a plain query, whichever plan finds them, and no plan examines more than a few
//! thousand tickets, whatever their number and the statistics. `LISTS_TICKETS` sets the number.

mod changes;
mod cursors;
mod helpdesk;
mod plans;

use crate::tests::support::{TestStore, on_both};
use crate::{
    list_index::ListIndex,
    store::{
        self, Db,
        tickets::{After, AssigneeFilter, Filter, Priority, Sort, SortKey, Status, TicketRef},
    },
    time_and_chance::{Chance, Stamps},
};
use helpdesk::Helpdesk;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pseudo-random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % of
    }

    fn some<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        let mask = 1 + self.roll((1 << all.len()) - 1);
        all.iter().enumerate().filter(|(at, _)| mask & 1 << at != 0).map(|(_, it)| it.clone()).collect()
    }

    fn one<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize].clone()
    }
}

/// A filter of one part, or of several.
fn filter(dice: &mut Dice, desk: &Helpdesk) -> Filter {
    let mut filter = Filter {
        sort: Sort {
            key: dice.one(&[SortKey::CreatedAt, SortKey::UpdatedAt, SortKey::Number]),
            descending: dice.roll(2) == 0,
        },
        ..Filter::default()
    };
    let parts = [1, 1, 1, 2, 2, 3, 0][dice.roll(7) as usize];
    for _ in 0..parts {
        match dice.roll(10) {
            0 => filter.status = dice.some(Status::ALL),
            1 => filter.inbox = dice.some(&desk.inboxes),
            2 => {
                let agent = |it: &inboxops_proto::id::AgentId| AssigneeFilter::Agent(*it);
                let all: Vec<_> = desk.agents.iter().map(agent).chain([AssigneeFilter::Nobody]).collect();
                filter.assignee = dice.some(&all);
            }
            3 => filter.priority = dice.some(Priority::ALL),
            4 => filter.tag = Some(dice.one(&desk.tags)),
            5 => {
                filter.requester_email =
                    Some(dice.one(&["ADA1@example.com", "ada2@example.com", "x@example.com"]).to_owned())
            }
            6 => {
                let needles = [
                    "refund",
                    "e",
                    "re",
                    "Lost parcel",
                    "ordER",
                    "#1",
                    "0 ",
                    "zeppelin",
                    "und",
                    "%",
                    "#77",
                    "é",
                    "xyzzy",
                    "é É",
                    "ﬁnd",
                    "t i",
                ];
                filter.subject_contains = Some(dice.one(&needles).to_owned());
            }
            7 => filter.created_since = Some(desk.at(dice.roll(11), 10)),
            8 => filter.updated_until = Some(desk.at(dice.roll(12), 10)),
            _ => filter.updated_since = Some(desk.at(dice.roll(11), 10)),
        }
    }
    filter
}

/// Compares lists of many filters with the results of plain queries.
async fn compare(desk: &Helpdesk, dice: &mut Dice, filters: usize) {
    compare_on(&desk.fresh.db, desk, dice, filters).await;
}

async fn compare_on(db: &Db, desk: &Helpdesk, dice: &mut Dice, filters: usize) {
    for _ in 0..filters {
        let filter = filter(dice, desk);
        let all = desk.plain(&filter).await;
        let pages = [0, 25, 1_500, all.len() / 2, all.len().saturating_sub(30), all.len() + 5];
        let (limit, offset) = (1 + dice.roll(40) as usize, dice.one(&pages));
        let expected: Vec<_> = all.iter().skip(offset).take(limit).copied().collect();
        let mut read = db.read(desk.tenant.scope.clone()).await.unwrap();
        let asked = store::tickets::list_and_tell(&mut read, &filter, limit as i64, offset as i64);
        let (listed, asked) = asked.await.unwrap();
        assert_eq!(listed.total, all.len() as i64, "{filter:?} by {asked:?}");
        let ids: Vec<_> = listed.tickets.iter().map(|it| it.id).collect();
        assert_eq!(ids, expected, "{limit} after {offset} of {} {filter:?} by {asked:?}", all.len());
        // By cursor the same page follows the ticket before it.
        let Some(before) = offset.checked_sub(1).and_then(|at| all.get(at)) else { continue };
        let before = store::tickets::read(&mut read, TicketRef::Id(*before)).await.unwrap().expect("a ticket");
        let after = After { key: filter.sort.key_of(&before), id: before.id.0 };
        let asked = store::tickets::list_after_and_tell(&mut read, &filter, limit as i64, after);
        let (listed, asked) = asked.await.unwrap();
        assert_eq!(listed.total, all.len() as i64, "{filter:?} by {asked:?}");
        let ids: Vec<_> = listed.tickets.iter().map(|it| it.id).collect();
        assert_eq!(ids, expected, "{limit} after {before:?} of {} {filter:?} by {asked:?}", all.len());
    }
}

fn lists(desk: &Helpdesk) -> ListIndex {
    ListIndex::new(desk.fresh.db.clone(), Stamps::new(desk.fresh.clock.clone(), Chance::seeded(3)))
}

async fn a_list_is_what_a_plain_query_finds(fresh: TestStore) {
    let desk = Helpdesk::open(fresh, 21_000).await;
    let mut dice = Dice(7);
    // There are no counts: the rows were written without the store.
    compare(&desk, &mut dice, 20).await;
    let lists = lists(&desk);
    assert!(lists.settle().await.unwrap());
    compare(&desk, &mut dice, 20).await;
    lists.pass(true, &CancellationToken::new()).await.unwrap();
    compare(&desk, &mut dice, 40).await;
    desk.hand().change(&mut dice, 200).await;
    compare(&desk, &mut dice, 20).await;
    lists.pass(false, &CancellationToken::new()).await.unwrap();
    compare(&desk, &mut dice, 20).await;
    desk.fresh.clock.advance(Duration::from_secs(100 * 24 * 3600));
    lists.delete_seconds(desk.at(0, 1), desk.fresh.now()).await.unwrap();
    compare(&desk, &mut dice, 20).await;
    // All counts still add up.
    assert!(lists.settle().await.unwrap());
    assert_eq!(desk.fresh.count("meta WHERE key = 'relist'").await, 0);
}

async fn a_subject_is_found_as_it_is_now(fresh: TestStore) {
    let desk = Helpdesk::open(fresh, 17_500).await;
    let lists = lists(&desk);
    lists.pass(true, &CancellationToken::new()).await.unwrap();
    let found = async |needle: &str| {
        let filter = Filter {
            subject_contains: Some(needle.to_owned()),
            sort: Sort { key: SortKey::Number, descending: false },
            ..Filter::default()
        };
        let mut read = desk.fresh.db.read(desk.tenant.scope.clone()).await.unwrap();
        let listed = store::tickets::list(&mut read, &filter, 10, 0).await.unwrap();
        assert_eq!(listed.total, listed.tickets.len() as i64);
        listed.tickets.iter().map(|it| it.number).collect::<Vec<_>>()
    };
    // In a segment with lists, in a block without, and in neither.
    for number in [1, 1024, 1025, 16_384, 16_385, 17_400, 17_500] {
        desk.hand().rename(number, "Ünverwechselbar").await;
    }
    for _ in 0..2 {
        assert_eq!(found("UNVERWECHSEL").await, [1, 1024, 1025, 16_384, 16_385, 17_400, 17_500]);
        assert_eq!(found("LB").await.len(), 7, "shorter than what lists know");
        lists.pass(false, &CancellationToken::new()).await.unwrap();
        assert_eq!(desk.fresh.count("subject_changes").await, 0);
    }
    desk.hand().rename(1024, "Gone").await;
    desk.hand().rename(16_385, "Gone").await;
    for _ in 0..2 {
        assert_eq!(found("Unverwechselbar").await, [1, 1025, 16_384, 17_400, 17_500]);
        assert_eq!(found("gone").await, [1024, 16_385]);
        lists.pass(false, &CancellationToken::new()).await.unwrap();
    }
}

on_both!(TestStore: a_list_is_what_a_plain_query_finds, a_subject_is_found_as_it_is_now);
