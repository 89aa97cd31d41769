//! How many requests an endpoint, a tenant and all slow endpoints may have, and what is claimed ahead of them.

use super::*;

#[test]
fn claims_run_ahead_of_an_endpoint_that_answers_fast_and_not_of_another() {
    let answered = |took: Duration| {
        let mut hub = Hub::default();
        hub.join(1, 512, 256);
        hub.has_more(endpoint(1), TenantId::new(NOW, 1 << 64));
        assert_eq!(hub.wanted(1000), [(endpoint(1), ENDPOINT_IN_FLIGHT_START)]);
        assert!(hub.wanted(1000).is_empty(), "one claim at a time");
        hub.offer((0..8).map(|n| Leased { claimed: true, ..leased(n, 1) }).collect());
        let first = sent(&loaded(&mut hub, 1, Some(route(1))));
        hub.has_more(endpoint(1), TenantId::new(NOW, 1 << 64));
        assert!(!hub.is_hungry(), "full");
        for it in first {
            hub.answer(it.delivery, it.token, Some((true, took))).unwrap();
        }
        hub.wanted(1000)
    };
    assert_eq!(answered(Duration::from_millis(5)), [(endpoint(1), 16 + CLAIMED_AHEAD_MAX)]);
    assert_eq!(answered(Duration::from_millis(500)), [(endpoint(1), 32)], "what it sends in half a second");
    assert_eq!(answered(Duration::from_secs(10)), [(endpoint(1), 16)], "its free slots");
}

#[test]
fn a_failing_endpoint_has_nothing_claimed_ahead() {
    let mut hub = Hub::default();
    hub.join(1, 512, 256);
    hub.offer(vec![leased(1, 1), leased(2, 1)]);
    let all = sent(&loaded(&mut hub, 1, Some(route(1))));
    for (it, succeeded) in all.iter().zip([true, false]) {
        hub.answer(it.delivery, it.token, Some((succeeded, Duration::ZERO))).unwrap();
    }
    hub.has_more(endpoint(1), TenantId::new(NOW, 1 << 64));
    assert_eq!(hub.wanted(1000), [(endpoint(1), 4)]);
}

#[test]
fn slow_endpoints_together_leave_half_of_the_slots_to_others() {
    let mut hub = Hub::default();
    hub.at(NOW, 1).join(1, 64, 32);
    let mut flying = Vec::new();
    for to in 1..=8 {
        hub.offer(vec![leased(to * 1000, to)]);
        flying.extend(sent(&loaded(&mut hub, to, Some(route(to)))));
    }
    assert_eq!(flying.len(), 8);
    for it in flying.drain(..) {
        hub.answer(it.delivery, it.token, Some((true, Duration::from_secs(10)))).unwrap();
    }
    let busy = (1..=8).flat_map(|to| (1..100).map(move |n| leased(to * 1000 + n, to))).collect();
    let slow = sent(&hub.offer(busy));
    assert_eq!(slow.len(), 16);
    hub.offer(vec![leased(90_000, 9)]);
    assert_eq!(sent(&loaded(&mut hub, 9, Some(route(9)))).len(), 1, "a new one shows what it is");
    let it = hub.held[&leased(90_000, 9).delivery].leased.clone();
    hub.answer(it.delivery, it.token, Some((true, Duration::from_millis(3)))).unwrap();
    assert_eq!(
        sent(&hub.offer((1..30).map(|n| leased(90_000 + n, 9)).collect())).len(),
        9,
        "and has its own limit then"
    );
}

#[test]
fn an_endpoint_from_which_no_answer_comes_counts_as_slow_after_a_second() {
    let mut hub = Hub::default();
    hub.at(NOW, 1).join(1, 64, 32);
    hub.offer((0..2).map(|n| leased(n, 1)).collect());
    let first = sent(&loaded(&mut hub, 1, Some(route(1))));
    hub.answer(first[0].delivery, first[0].token, Some((true, Duration::from_millis(3)))).unwrap();
    assert!(!hub.lanes[&endpoint(1)].slow);
    let later = NOW.plus(Duration::from_millis(1001));
    hub.at(later, 1).tick(later);
    assert!(hub.lanes[&endpoint(1)].slow);
    hub.answer(first[1].delivery, first[1].token, Some((true, Duration::from_millis(1002)))).unwrap();
    assert!(!hub.lanes[&endpoint(1)].slow, "on the whole it is fast");
}

#[test]
fn a_tenant_leaves_half_of_the_slots_to_others_that_have_work() {
    let mut hub = Hub::default();
    hub.join(1, 64, 32);
    let of = |n: u128, to: u128, tenant: u128| Leased { tenant: TenantId::new(NOW, tenant << 64), ..leased(n, to) };
    let mut flying = Vec::new();
    for to in 1..=4 {
        hub.offer(vec![of(to, to, 1)]);
        flying.extend(sent(&loaded(&mut hub, to, Some(route(to)))));
    }
    for it in flying.drain(..) {
        hub.answer(it.delivery, it.token, Some((true, Duration::from_millis(3)))).unwrap();
    }
    let alone = sent(&hub.offer((1..=4).flat_map(|to| (1..7).map(move |n| of(to * 1000 + n, to, 1))).collect()));
    assert_eq!(alone.len(), 24, "alone it has what it can use");
    hub.offer(vec![of(5, 5, 2)]);
    assert!(sent(&hub.offer(vec![of(9000, 1, 1)])).is_empty(), "somebody else waits, if only for its route");
    let other = sent(&loaded(&mut hub, 5, Some(route(5))));
    assert!(other.iter().any(|it| it.endpoint == endpoint(5)));
    assert_eq!(other.len(), 2, "and then nobody waits any more");
}

#[test]
fn an_endpoint_gets_twice_as_much_with_each_round_of_good_answers_however_long_they_take() {
    for took in [Duration::from_millis(5), Duration::from_secs(10)] {
        let mut hub = Hub::default();
        hub.join(1, 1000, SLOTS);
        hub.offer((0..400).map(|n| leased(n, 1)).collect());
        let mut flying = sent(&loaded(&mut hub, 1, Some(route(1))));
        for round in [ENDPOINT_IN_FLIGHT_START, 16, 32, ENDPOINT_IN_FLIGHT_MAX, ENDPOINT_IN_FLIGHT_MAX] {
            assert_eq!(flying.len(), round as usize);
            for it in std::mem::take(&mut flying) {
                hub.answer(it.delivery, it.token, Some((true, took))).unwrap();
                flying.extend(sent(&hub.pump()));
            }
        }
    }
}

#[test]
fn a_failure_halves_what_an_endpoint_has_at_once_and_it_grows_by_one_a_round_from_there() {
    let mut hub = Hub::default();
    hub.join(1, 1000, SLOTS);
    hub.offer(vec![leased(1, 1)]);
    let lane = hub.lanes.get_mut(&endpoint(1)).unwrap();
    (0..100).for_each(|_| lane.settled(true, Duration::ZERO, NOW));
    assert_eq!(lane.limit, ENDPOINT_IN_FLIGHT_MAX);
    lane.settled(false, Duration::from_secs(15), NOW);
    assert_eq!(lane.limit, 32);
    (0..32).for_each(|_| lane.settled(true, Duration::ZERO, NOW));
    assert_eq!(lane.limit, 33);
    (0..8).for_each(|_| lane.settled(false, Duration::ZERO, NOW));
    assert_eq!(lane.limit, 1);
    (0..7).for_each(|_| lane.settled(true, Duration::ZERO, NOW));
    assert_eq!(lane.limit, ENDPOINT_IN_FLIGHT_START, "what everybody begins with comes back soon");
}
