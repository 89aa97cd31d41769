//! Every figure counts its own violation, and nothing else.

use super::*;
use crate::faults::books::{Attempt, Delivery, Event};

const TENANT: Uuid = Uuid::from_u128(1);
const ENDPOINT: Uuid = Uuid::from_u128(2);
const TICKET: Uuid = Uuid::from_u128(3);
const EVENT: Uuid = Uuid::from_u128(4);
const DELIVERY: Uuid = Uuid::from_u128(5);
const NOW: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);

/// One ticket, one event, one delivery, one good request.
struct World {
    books: Books,
    receipts: Vec<Receipt>,
    acknowledged: Vec<AcknowledgedWrite>,
}

fn world() -> World {
    let event = Event { tenant: TENANT, name: "ticket.created".to_owned(), ticket: (TICKET, 1), body: [7; 32] };
    let delivery = Delivery { endpoint: ENDPOINT, event: EVENT, state: state::DELIVERED, due_at: 0 };
    let attempt = Attempt { n: 1, succeeded: true, lost: false, recorded_at: NOW.micros() };
    let receipt = Receipt {
        path: "red/ok".to_owned(),
        delivery: DELIVERY,
        event: EVENT,
        attempt: 1,
        at: NOW.minus(Duration::from_secs(1)),
        signed: true,
        body: [7; 32],
        succeeded: true,
    };
    World {
        books: Books {
            events: [(EVENT, event)].into(),
            deliveries: [(DELIVERY, delivery)].into(),
            attempts: [(DELIVERY, vec![attempt])].into(),
            off: Vec::new(),
        },
        receipts: vec![receipt],
        acknowledged: vec![AcknowledgedWrite { tenant: TENANT, ticket: TICKET, version: 1, closed: false }],
    }
}

/// Names of the figures that are not zero after a change of the world.
fn noticed(change: impl FnOnce(&mut World)) -> Vec<&'static str> {
    let mut world = world();
    change(&mut world);
    let endpoint = Endpoint { id: ENDPOINT, tenant: TENANT, path: "red/ok".to_owned(), behaviour: Behaviour::Ok };
    let evidence = Evidence {
        books: &world.books,
        receipts: &world.receipts,
        acknowledged: &world.acknowledged,
        endpoints: &[endpoint],
        lost_max: 1,
        now: NOW,
    };
    figures(evidence).into_iter().filter(|figure| figure.count > 0).map(|figure| figure.name).collect()
}

fn delivery(world: &mut World) -> &mut Delivery {
    world.books.deliveries.get_mut(&DELIVERY).expect("it is there")
}

fn attempts(world: &mut World) -> &mut Vec<Attempt> {
    world.books.attempts.get_mut(&DELIVERY).expect("they are there")
}

#[test]
fn a_good_world_has_no_figure() {
    assert!(noticed(|_| {}).is_empty());
}

#[test]
fn each_offence_is_noticed() {
    const UNWRITTEN: &str = "acknowledged action without its events, or with one twice";
    assert_eq!(noticed(|it| it.acknowledged[0].version = 2), [UNWRITTEN]);
    let twice = |it: &mut World| {
        let event = it.books.events[&EVENT].clone();
        it.books.events.insert(Uuid::from_u128(40), event);
    };
    assert_eq!(noticed(twice), [UNWRITTEN, "silent loss"]);
    assert_eq!(noticed(|it| it.books.deliveries.clear()), ["silent loss", "phantom"]);
    let waits = |it: &mut World| {
        delivery(it).state = state::WAITING;
        delivery(it).due_at = NOW.micros();
    };
    assert_eq!(noticed(waits), ["silent loss"]);
    let late = |it: &mut World| {
        delivery(it).state = state::LEASED;
        delivery(it).due_at = NOW.minus(Duration::from_secs(61)).micros();
    };
    assert_eq!(noticed(late), ["silent loss", "stuck"]);
    assert_eq!(noticed(|it| it.receipts[0].body = [8; 32]), ["phantom"]);
    assert_eq!(noticed(|it| it.receipts[0].path = "blue/ok".to_owned()), ["phantom"]);
    assert_eq!(noticed(|it| it.receipts[0].succeeded = false), ["lie"]);
    assert_eq!(noticed(|it| it.receipts.clear()), ["lie"]);
    assert_eq!(noticed(|it| attempts(it)[0].succeeded = false), ["lie"]);
    assert_eq!(
        noticed(|it| it.receipts[0].at = NOW.plus(Duration::from_secs(1))),
        ["duplicate after recorded success"]
    );
    assert_eq!(noticed(|it| it.receipts[0].signed = false), ["bad signature"]);
}

#[test]
fn a_second_success_is_a_crash_s_and_a_second_request_of_one_attempt_is_hidden() {
    let again = |it: &mut World| {
        let second = Receipt { attempt: 2, ..it.receipts[0].clone() };
        it.receipts.push(second);
        attempts(it).push(Attempt { n: 2, succeeded: true, lost: false, recorded_at: NOW.micros() });
    };
    assert_eq!(noticed(again), ["duplicate by crash"]);
    assert_eq!(noticed(|it| it.receipts.push(it.receipts[0].clone())), ["duplicate by crash", "hidden send"]);
}

#[test]
fn what_waits_for_an_endpoint_that_is_off_is_neither_lost_nor_stuck() {
    let paused = |it: &mut World| {
        delivery(it).state = state::WAITING;
        it.books.off.push(ENDPOINT);
    };
    assert!(noticed(paused).is_empty());
}
