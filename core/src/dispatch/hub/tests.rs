//! The dispatch decisions: examples, and random sequences of events with checked invariants.

mod room;

use super::{lane::CLAIMED_AHEAD_MAX, *};
use crate::store::dispatch::Room;
use inboxops_proto::{
    id::EventId,
    limits::{DEAD_AFTER, ENDPOINT_IN_FLIGHT_MAX, ENDPOINT_IN_FLIGHT_START},
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);
/// More than any window here, so that only the tests of slots reach the limit.
const SLOTS: u32 = 4000;

fn endpoint(n: u128) -> EndpointId {
    EndpointId::new(NOW, n << 64)
}

fn leased(n: u128, to: u128) -> Leased {
    Leased {
        delivery: DeliveryId::new(NOW, n << 64),
        endpoint: endpoint(to),
        tenant: TenantId::new(NOW, to << 64),
        event: EventId::new(NOW, n << 64),
        kind: 1,
        created_at: NOW,
        body: bytes::Bytes::from_static(b"{}"),
        thin: false,
        endpoint_version: 1,
        token: 1,
        attempt: 1,
        failures: 0,
        fresh: false,
        test: false,
        claimed: false,
        lease_until: NOW.plus(Duration::from_secs(60)),
        since: NOW,
        trace: None,
    }
}

fn route(to: u128) -> Arc<Route> {
    let endpoint_id = endpoint(to).0.as_bytes().to_vec().into();
    let config = EndpointConfig { version: 1, endpoint_id, ..EndpointConfig::default() };
    Arc::new(Route { config, enabled: true, valid_until: None, rate_per_second: None, failures: 0, behind: false })
}

fn plain(to: u128) -> Route {
    Arc::into_inner(route(to)).expect("the only one")
}

/// Loads the route that the hub has requested.
fn loaded(hub: &mut Hub, to: u128, route: Option<Arc<Route>>) -> Vec<Action> {
    let asked = hub.lanes.get(&endpoint(to)).and_then(|lane| lane.loading).unwrap_or_default();
    hub.route(endpoint(to), asked, route)
}

/// Deliveries sent to all workers, in order.
fn sent(actions: &[Action]) -> Vec<Leased> {
    actions
        .iter()
        .flat_map(|action| if let Action::Send(_, deliveries, _) = action { deliveries.clone() } else { Vec::new() })
        .collect()
}

fn parked(actions: &[Action]) -> usize {
    actions.iter().map(|action| if let Action::Park(deliveries) = action { deliveries.len() } else { 0 }).sum()
}

#[test]
fn without_a_worker_everything_is_parked_at_once() {
    assert_eq!(parked(&Hub::default().offer(vec![leased(1, 1), leased(2, 2)])), 2);
}

#[test]
fn a_delivery_waits_for_its_route_and_then_goes_with_it_once() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    assert!(matches!(hub.offer(vec![leased(1, 1)]).as_slice(), [Action::Load(..)]));
    let actions = loaded(&mut hub, 1, Some(route(1)));
    assert!(matches!(actions.as_slice(), [Action::Send(1, batch, routes)] if batch.len() == 1 && routes.len() == 1));
    let again = hub.offer(vec![leased(2, 1)]);
    assert!(matches!(again.as_slice(), [Action::Send(1, batch, routes)] if batch.len() == 1 && routes.is_empty()));
}

#[test]
fn a_changed_endpoint_is_not_sent_to_with_the_old_route() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    hub.offer(vec![leased(1, 1)]);
    loaded(&mut hub, 1, Some(route(1)));
    hub.forget_route(endpoint(1));
    assert!(matches!(hub.offer(vec![leased(2, 1)]).as_slice(), [Action::Load(..)]));
    let newer = Leased { endpoint_version: 2, ..leased(3, 1) };
    loaded(&mut hub, 1, Some(route(1)));
    assert!(matches!(hub.offer(vec![newer]).as_slice(), [Action::Load(..)]), "made for a newer version than the route");
}

#[test]
fn a_route_that_was_asked_for_before_the_change_is_not_taken() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    let asked = |actions: Vec<Action>| match actions.as_slice() {
        [Action::Load(_, asked)] => *asked,
        other => panic!("{other:?}"),
    };
    let before = asked(hub.offer(vec![leased(1, 1)]));
    hub.forget_route(endpoint(1));
    let after = asked(hub.pump());
    let off = Route { enabled: false, ..plain(1) };
    assert_eq!(sent(&hub.route(endpoint(1), after, Some(route(1)))).len(), 1);
    assert!(hub.route(endpoint(1), before, Some(Arc::new(off))).is_empty(), "the late one says how it was before");
    assert_eq!(sent(&hub.offer(vec![leased(2, 1)])).len(), 1);
}

#[test]
fn what_a_claim_took_of_an_endpoint_that_seems_off_has_its_route_read_again() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    hub.offer(vec![leased(1, 1)]);
    loaded(&mut hub, 1, Some(Arc::new(Route { enabled: false, ..plain(1) })));
    // Another core has enabled it.
    let later = NOW.plus(Duration::from_secs(9));
    let claimed = |n| Leased { claimed: true, since: later, ..leased(n, 1) };
    hub.at(later, 2);
    assert!(matches!(hub.offer(vec![claimed(2)]).as_slice(), [Action::Load(..)]));
    assert_eq!(sent(&loaded(&mut hub, 1, Some(route(1)))).len(), 1);
    hub.forget_route(endpoint(1));
    hub.offer(vec![claimed(3)]);
    let off = loaded(&mut hub, 1, Some(Arc::new(Route { enabled: false, ..plain(1) })));
    assert_eq!(parked(&off), 1, "read since, and it is off");
}

#[test]
fn what_commits_hand_over_waits_behind_what_was_parked_before_it() {
    let mut hub = Hub::default();
    hub.join(1, 1000, SLOTS);
    hub.offer(vec![leased(1, 1)]);
    loaded(&mut hub, 1, Some(route(1)));
    let full = hub.offer((100..100 + QUEUE_PER_ENDPOINT_MAX as u128 + 9).map(|n| leased(n, 1)).collect());
    let [Action::Send(..), Action::Park(first)] = full.as_slice() else { panic!("{full:?}") };
    let mut flying = sent(&full);
    assert_eq!((flying.len(), first.len()), (7, 9 - 7 + 7));
    // There is room again, but these would overtake older ones.
    for it in flying.drain(..) {
        hub.answer(it.delivery, it.token, Some((true, Duration::from_millis(5)))).unwrap();
    }
    assert!(!sent(&hub.pump()).is_empty());
    let late = 10_000;
    assert_eq!(parked(&hub.offer(vec![leased(late, 1)])), 1, "while those are on their way to the database");
    hub.parked(first);
    assert_eq!(parked(&hub.offer(vec![leased(late + 1, 1)])), 1, "while they wait there");
    let parks = hub.parks();
    hub.parked(&[leased(late, 1), leased(late + 1, 1)]);
    hub.is_drained(endpoint(1), parks);
    assert_eq!(parked(&hub.offer(vec![leased(late + 2, 1)])), 1, "a claim did not see what was parked while it ran");
    hub.parked(&[leased(late + 2, 1)]);
    hub.is_drained(endpoint(1), hub.parks());
    assert_eq!(parked(&hub.offer(vec![leased(late + 3, 1)])), 0);
}

#[test]
fn a_route_tells_that_older_ones_wait_in_the_database() {
    let mut hub = Hub::default();
    hub.join(1, 1000, SLOTS);
    hub.offer(vec![leased(5, 1)]);
    let actions = loaded(&mut hub, 1, Some(Arc::new(Route { behind: true, ..plain(1) })));
    assert_eq!((sent(&actions).len(), parked(&actions)), (0, 1));
    assert_eq!(hub.wanted(256), [(endpoint(1), ENDPOINT_IN_FLIGHT_START)]);
}

#[test]
fn what_is_claimed_stands_before_what_happened_later() {
    let mut hub = Hub::default();
    hub.join(1, 8, SLOTS);
    hub.offer((0..20).map(|n| leased(n * 10, 1)).collect());
    let mut order = sent(&loaded(&mut hub, 1, Some(route(1))));
    let claimed = |n| Leased { claimed: true, ..leased(n, 1) };
    assert_eq!(parked(&hub.offer(vec![claimed(95), claimed(101)])), 0);
    for at in 0..22 {
        let it = order[at].clone();
        hub.answer(it.delivery, it.token, Some((true, Duration::from_secs(2)))).unwrap();
        order.extend(sent(&hub.pump()));
    }
    assert_eq!(order.len(), 22);
    assert!(order.is_sorted_by_key(|it| it.event), "in the order of events");
}

#[test]
fn what_waits_too_long_is_given_back_from_behind_what_was_claimed_since() {
    let mut hub = Hub::default();
    hub.at(NOW, 1).join(1, 1, SLOTS);
    hub.offer(vec![leased(1, 1), leased(50, 1)]);
    loaded(&mut hub, 1, Some(route(1)));
    let later = NOW.plus(Duration::from_secs(15));
    hub.at(later, 1).offer(vec![Leased { claimed: true, since: later, ..leased(20, 1) }]);
    let over = NOW.plus(QUEUE_WAIT_MAX + Duration::from_secs(1));
    let actions = hub.at(over, 1).tick(over);
    let [Action::Park(deliveries)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(deliveries.iter().map(|it| it.delivery).collect::<Vec<_>>(), [leased(50, 1).delivery]);
}

#[test]
fn a_switched_off_endpoint_gets_tests_only() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    hub.offer(vec![leased(1, 1), Leased { test: true, ..leased(2, 1) }]);
    let off = Route { enabled: false, ..plain(1) };
    let actions = loaded(&mut hub, 1, Some(Arc::new(off)));
    assert_eq!((sent(&actions).len(), parked(&actions)), (1, 1));
}

#[test]
fn endpoints_take_turns() {
    let mut hub = Hub::default();
    hub.join(1, 6, SLOTS);
    let busy: Vec<Leased> = (0..20).map(|n| leased(n, 1)).collect();
    hub.offer(busy);
    hub.offer(vec![leased(100, 2), leased(101, 2)]);
    loaded(&mut hub, 2, Some(route(2)));
    let to_busy = sent(&loaded(&mut hub, 1, Some(route(1))));
    assert_eq!(to_busy.len(), 4, "the rest of the window: the quiet endpoint was served already");
}

#[test]
fn a_dead_endpoint_gets_one_request_at_a_time_until_one_succeeds() {
    let mut hub = Hub::default();
    hub.join(1, 1000, SLOTS);
    hub.offer((0..100).map(|n| leased(n, 1)).collect());
    loaded(&mut hub, 1, Some(route(1)));
    for _ in 0..DEAD_AFTER {
        fail(&mut hub);
    }
    let flying: Vec<(DeliveryId, i64)> =
        hub.held.values().map(|held| (held.leased.delivery, held.leased.token)).collect();
    for (delivery, token) in flying {
        hub.answer(delivery, token, None).unwrap();
    }
    let dead = hub.pump();
    assert_eq!((sent(&dead).len(), parked(&dead)), (1, 100 - 8 - 1));
    let [.., Action::Park(deliveries)] = dead.as_slice() else { panic!("{dead:?}") };
    hub.parked(deliveries);
    assert!(hub.wanted(256).is_empty(), "one is out");
    let probe = &sent(&dead)[0];
    hub.answer(probe.delivery, probe.token, Some((true, Duration::from_secs(5)))).unwrap();
    assert_eq!(hub.wanted(256), [(endpoint(1), ENDPOINT_IN_FLIGHT_START + 1)]);
}

fn fail(hub: &mut Hub) {
    hub.lanes.get_mut(&endpoint(1)).unwrap().settled(false, Duration::ZERO, NOW);
}

#[test]
fn a_dead_endpoint_is_served_in_due_order_only() {
    let mut hub = Hub::default();
    hub.join(1, 1000, SLOTS);
    hub.offer((0..10).map(|n| leased(n, 1)).collect());
    let dead = Route { failures: DEAD_AFTER, ..plain(1) };
    let actions = loaded(&mut hub, 1, Some(Arc::new(dead)));
    assert_eq!((sent(&actions).len(), parked(&actions)), (0, 10), "the record knows what a new process does not");
    assert_eq!(parked(&hub.offer(vec![leased(20, 1)])), 1, "a commit's hand-over would overtake");
    let claimed = (30..38).map(|n| Leased { claimed: true, ..leased(n, 1) }).collect();
    let actions = hub.offer(claimed);
    assert_eq!((sent(&actions).len(), parked(&actions)), (1, 7), "the next is claimed when this one has ended");
    assert_eq!(hub.shares(100).take(endpoint(1)), Room::Free(0));
    let test = Leased { test: true, ..leased(40, 1) };
    assert_eq!(parked(&hub.offer(vec![test])), 0, "a test waits for its turn");
}

#[test]
fn a_route_that_ran_out_is_loaded_again_and_told_the_worker_again() {
    let mut hub = Hub::default();
    hub.at(NOW, 1).join(1, 10, SLOTS);
    hub.offer(vec![leased(1, 1)]);
    let until = |secs| Some(NOW.plus(Duration::from_secs(secs)));
    assert_eq!(sent(&loaded(&mut hub, 1, Some(Arc::new(Route { valid_until: until(60), ..plain(1) })))).len(), 1);
    hub.at(NOW.plus(Duration::from_micros(59_999_999)), 1);
    assert!(matches!(hub.offer(vec![leased(2, 1)]).as_slice(), [Action::Send(_, _, routes)] if routes.is_empty()));
    hub.at(NOW.plus(Duration::from_secs(60)), 1);
    assert!(matches!(hub.offer(vec![leased(3, 1)]).as_slice(), [Action::Load(..)]));
    let actions = loaded(&mut hub, 1, Some(Arc::new(Route { valid_until: until(120), ..plain(1) })));
    assert!(matches!(actions.as_slice(), [Action::Send(_, batch, routes)] if batch.len() == 1 && routes.len() == 1));
}

#[test]
fn a_limited_endpoint_waits_for_its_rate_and_delays_nobody() {
    let mut hub = Hub::default();
    hub.at(NOW, 1).join(1, 1000, SLOTS);
    hub.offer((0..30).map(|n| leased(n, 1)).collect());
    let first = sent(&loaded(&mut hub, 1, Some(Arc::new(Route { rate_per_second: Some(4), ..plain(1) }))));
    assert_eq!(first.len(), 1);
    let ready = hub.paced_until().expect("it waits");
    assert_eq!(ready.since(NOW), Duration::from_millis(250));
    hub.offer(vec![leased(100, 2)]);
    assert_eq!(sent(&loaded(&mut hub, 2, Some(route(2)))).len(), 1, "another endpoint goes at once");
    assert_eq!(sent(&hub.pump()).len(), 0);
    hub.at(ready, 1);
    assert_eq!(sent(&hub.pump()).len(), 1);
    assert_eq!(hub.paced_until(), Some(ready.plus(Duration::from_millis(250))));
    assert_eq!(
        hub.shares(100).take(endpoint(1)),
        Room::NotBefore(ready.plus(Duration::from_millis(3500))),
        "28 wait: claimed later"
    );
    assert_eq!(parked(&hub.offer((200..300).map(|n| leased(n, 1)).collect())), 88, "what it can send in time stays");
    hub.at(ready, 2);
    assert_eq!(hub.paced_until(), Some(ready.plus(Duration::from_millis(250))));
    hub.pump();
    assert_eq!(hub.paced_until(), Some(ready.plus(Duration::from_millis(500))), "two cores share the rate");
}

#[test]
fn a_late_report_with_an_old_token_takes_nothing() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    hub.offer(vec![leased(1, 1)]);
    let it = sent(&loaded(&mut hub, 1, Some(route(1)))).remove(0);
    assert!(hub.answer(it.delivery, it.token + 1, None).is_none());
    assert!(hub.answer(it.delivery, it.token, None).is_some());
    hub.close([it.delivery]);
    assert!(hub.answer(it.delivery, it.token, None).is_none(), "once only");
}

#[test]
fn a_report_whose_record_failed_can_be_repeated_and_frees_its_slot_once() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    hub.offer(vec![leased(1, 1), leased(2, 1)]);
    let it = sent(&loaded(&mut hub, 1, Some(route(1)))).remove(0);
    for _ in 0..50 {
        assert!(hub.answer(it.delivery, it.token, Some((true, Duration::ZERO))).is_some());
    }
    assert_eq!((hub.lanes[&endpoint(1)].in_flight, hub.workers[&1].unreported), (1, 1), "the other one flies");
    hub.tick(NOW.plus(Duration::from_secs(60)));
    assert!(hub.answer(it.delivery, it.token, None).is_none(), "the lease is over");
}

#[test]
fn what_waits_too_long_or_has_no_worker_left_is_given_back() {
    let mut hub = Hub::default();
    hub.join(1, 10, SLOTS);
    hub.offer(vec![leased(1, 1)]);
    assert_eq!(parked(&hub.tick(NOW.plus(QUEUE_WAIT_MAX))), 0);
    assert_eq!(parked(&hub.tick(NOW.plus(QUEUE_WAIT_MAX + Duration::from_micros(1)))), 1);
    hub.offer(vec![leased(2, 2), leased(3, 3)]);
    assert_eq!(parked(&hub.leave(1)), 2);
}

#[test]
fn the_slots_of_a_lost_worker_are_free_when_its_leases_end() {
    let mut hub = Hub::default();
    hub.join(1, 8, SLOTS);
    hub.offer((0..8).map(|n| leased(n, 1)).collect());
    assert_eq!(sent(&loaded(&mut hub, 1, Some(route(1)))).len(), 8);
    hub.leave(1);
    hub.join(2, 8, SLOTS);
    assert_eq!(sent(&hub.offer(vec![leased(9, 1)])).len(), 0, "the endpoint is still full");
    assert_eq!(sent(&hub.tick(NOW.plus(Duration::from_secs(60)))).len(), 0, "and this one waited too long by then");
    hub.parked(&[leased(9, 1)]);
    hub.is_drained(endpoint(1), hub.parks());
    let fresh = Leased { since: NOW.plus(Duration::from_secs(60)), ..leased(10, 1) };
    assert_eq!(sent(&hub.offer(vec![fresh])).len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Offer(u8),
    Answer(bool),
    Join,
    Leave,
    Route(u8),
    Tick,
    Parked,
    Drained(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u8..4).prop_map(Step::Offer),
        any::<bool>().prop_map(Step::Answer),
        Just(Step::Join),
        Just(Step::Leave),
        (0u8..4).prop_map(Step::Route),
        Just(Step::Tick),
        Just(Step::Parked),
        (0u8..4).prop_map(Step::Drained),
    ]
}

proptest! {
    /// Whatever happens, each delivery is in exactly one place: waiting, held by a worker, parked or answered; and no
    /// limit is exceeded.
    #[test]
    fn nothing_is_lost_sent_twice_or_over_a_limit(steps in proptest::collection::vec(step(), 1..300)) {
        let (mut hub, mut offered, mut workers) = (Hub::default(), 0u128, 0u64);
        let (mut flying, mut parking, mut gone) = (Vec::<Leased>::new(), Vec::<Leased>::new(), 0usize);
        for step in steps {
            let actions = match step {
                Step::Offer(to) => {
                    let deliveries = (0..5).map(|n| leased(offered + n, u128::from(to))).collect();
                    offered += 5;
                    hub.offer(deliveries)
                }
                Step::Answer(succeeded) => {
                    if let Some(it) = flying.pop() {
                        prop_assert!(hub.answer(it.delivery, it.token, Some((succeeded, Duration::ZERO))).is_some());
                        hub.close([it.delivery]);
                        gone += 1;
                    }
                    hub.pump()
                }
                Step::Join => { workers += 1; hub.join(workers, 12, SLOTS) }
                Step::Leave => hub.leave(workers),
                Step::Route(to) => loaded(&mut hub, u128::from(to), Some(route(u128::from(to)))),
                Step::Tick => hub.tick(NOW),
                Step::Parked => {
                    hub.parked(&std::mem::take(&mut parking));
                    Vec::new()
                }
                Step::Drained(to) => {
                    hub.is_drained(endpoint(to.into()), hub.parks());
                    Vec::new()
                }
            };
            for action in &actions {
                if let Action::Park(deliveries) = action {
                    parking.extend(deliveries.iter().cloned());
                }
            }
            gone += parked(&actions);
            flying.extend(sent(&actions));
            let waiting: usize = hub.lanes.values().map(|lane| lane.queue.len()).sum();
            prop_assert_eq!(waiting, hub.load.queued);
            let on_their_way: usize = hub.lanes.values().map(|lane| lane.parking).sum();
            prop_assert_eq!(on_their_way, parking.len());
            hub.assert_invariants();
            prop_assert_eq!(hub.held.len(), flying.len());
            prop_assert_eq!(offered as usize, waiting + flying.len() + gone);
            for lane in hub.lanes.values() {
                prop_assert!(lane.in_flight <= ENDPOINT_IN_FLIGHT_MAX);
                prop_assert!(lane.queue.is_empty() || lane.in_turn || lane.route.is_none(), "a waiting endpoint has its turn");
            }
            for worker in hub.workers.values() {
                prop_assert!(worker.unreported <= worker.window);
            }
        }
    }
}
