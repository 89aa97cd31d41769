//! Compares three ledgers: what callers know, what receivers got and what the product wrote. Pure: equal ledgers give
//! equal figures.

use super::{
    behaviour::Behaviour,
    books::{Books, state},
    load::AcknowledgedWrite,
    receiver::Receipt,
};
use inboxops_proto::clock::Timestamp;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use uuid::Uuid;

/// Time overdue after which something counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// Examples kept for each violation.
const EXAMPLES_MAX: usize = 5;

/// An endpoint of the suite; all are subscribed to all events.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub id: Uuid,
    pub tenant: Uuid,
    /// Path of its URL.
    pub path: String,
    pub behaviour: Behaviour,
}

/// The ledgers to compare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    /// The product's records.
    pub books: &'a Books,
    /// The requests that receivers got.
    pub receipts: &'a [Receipt],
    /// The acknowledged writes.
    pub acknowledged: &'a [AcknowledgedWrite],
    /// All endpoints; they existed before the first event.
    pub endpoints: &'a [Endpoint],
    /// Upper bound of requests that may have been answered and not recorded, over all faults.
    pub lost_max: u64,
    /// Time of the audit.
    pub now: Timestamp,
}

/// A figure with its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    pub name: &'static str,
    pub count: u64,
    /// The greatest allowed count.
    pub max: u64,
    /// Some examples.
    pub examples: Vec<String>,
}

impl Figure {
    /// Whether the rule holds.
    pub(super) fn holds(&self) -> bool {
        self.count <= self.max
    }

    pub(super) fn of(name: &'static str) -> Figure {
        Figure { name, count: 0, max: 0, examples: Vec::new() }
    }

    pub(super) fn note(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

/// Compares the ledgers.
pub(super) fn figures(evidence: Evidence<'_>) -> Vec<Figure> {
    let mut by_delivery: HashMap<Uuid, Vec<&Receipt>> = HashMap::new();
    for receipt in evidence.receipts {
        by_delivery.entry(receipt.delivery).or_default().push(receipt);
    }
    vec![
        unwritten(evidence),
        silent_loss(evidence),
        phantom(evidence),
        lie(evidence, &by_delivery),
        after_success(evidence),
        by_crash(evidence, &by_delivery),
        hidden(evidence, &by_delivery),
        bad_signature(evidence),
        stuck(evidence),
    ]
}

/// Acknowledged actions whose events are not in the outbox exactly once.
fn unwritten(evidence: Evidence<'_>) -> Figure {
    let mut figure = Figure::of("acknowledged action without its events, or with one twice");
    let mut written: HashMap<(Uuid, Uuid, u64, &str), u64> = HashMap::new();
    for event in evidence.books.events.values() {
        *written.entry((event.tenant, event.ticket.0, event.ticket.1, &event.name)).or_default() += 1;
    }
    for action in evidence.acknowledged {
        for name in action.events() {
            let count = written.get(&(action.tenant, action.ticket, action.version, name)).copied();
            if count != Some(1) {
                figure.note(|| format!("{name} of {} version {}: {count:?}", action.ticket, action.version));
            }
        }
    }
    for ((_, ticket, version, name), count) in written {
        if count > 1 {
            figure.note(|| format!("{name} of {ticket} version {version}: {count} times"));
        }
    }
    figure
}

/// Pairs of event and endpoint without a delivery, and deliveries without a success or a visible end.
fn silent_loss(evidence: Evidence<'_>) -> Figure {
    let mut figure = Figure::of("silent loss");
    let books = evidence.books;
    let pairs: HashSet<(Uuid, Uuid)> = books.deliveries.values().map(|it| (it.event, it.endpoint)).collect();
    for (id, event) in &books.events {
        for endpoint in evidence.endpoints.iter().filter(|it| it.tenant == event.tenant && !it.behaviour.ends()) {
            if !pairs.contains(&(*id, endpoint.id)) {
                figure.note(|| format!("event {id} has no delivery to {}", endpoint.path));
            }
        }
    }
    let off: HashSet<Uuid> = books.off.iter().copied().collect();
    for (id, delivery) in &books.deliveries {
        let open = matches!(delivery.state, state::WAITING | state::LEASED) && !off.contains(&delivery.endpoint);
        let told = books.attempts.get(id).is_some_and(|all| !all.is_empty());
        if open || (delivery.state == state::FAILED && !told) {
            figure.note(|| format!("delivery {id} is in state {} since {}", delivery.state, delivery.due_at));
        }
    }
    figure
}

/// Requests that no committed delivery explains, or whose body is not the event's.
fn phantom(evidence: Evidence<'_>) -> Figure {
    let mut figure = Figure::of("phantom");
    let paths: HashMap<Uuid, &str> = evidence.endpoints.iter().map(|it| (it.id, it.path.as_str())).collect();
    for receipt in evidence.receipts {
        let delivery = evidence.books.deliveries.get(&receipt.delivery);
        let event = evidence.books.events.get(&receipt.event);
        let known = delivery.is_some_and(|it| {
            it.event == receipt.event && paths.get(&it.endpoint).is_some_and(|path| *path == receipt.path)
        });
        if !known || event.is_none_or(|it| it.body != receipt.body) {
            figure.note(|| format!("{receipt:?}"));
        }
    }
    figure
}

/// Recorded successes that no receiver gave.
fn lie(evidence: Evidence<'_>, by_delivery: &HashMap<Uuid, Vec<&Receipt>>) -> Figure {
    let mut figure = Figure::of("lie");
    let books = evidence.books;
    for (id, attempts) in &books.attempts {
        let receipts = by_delivery.get(id).map(Vec::as_slice).unwrap_or_default();
        for attempt in attempts.iter().filter(|it| it.succeeded) {
            if !receipts.iter().any(|it| it.succeeded && it.attempt == attempt.n) {
                figure.note(|| format!("attempt {} of {id} never came, or was not answered well", attempt.n));
            }
        }
    }
    for (id, _) in books.deliveries.iter().filter(|(_, it)| it.state == state::DELIVERED) {
        if !books.attempts.get(id).is_some_and(|all| all.iter().any(|it| it.succeeded)) {
            figure.note(|| format!("delivery {id} is delivered without a success"));
        }
    }
    figure
}

/// Requests that arrived after a success was recorded.
fn after_success(evidence: Evidence<'_>) -> Figure {
    let mut figure = Figure::of("duplicate after recorded success");
    for receipt in evidence.receipts {
        let attempts = evidence.books.attempts.get(&receipt.delivery).map(Vec::as_slice).unwrap_or_default();
        if attempts.iter().any(|it| it.succeeded && it.recorded_at < receipt.at.micros()) {
            figure.note(|| format!("{receipt:?}: {attempts:?}"));
        }
    }
    figure
}

/// Requests that succeeded at the receiver beyond the first of their delivery.
fn by_crash(evidence: Evidence<'_>, by_delivery: &HashMap<Uuid, Vec<&Receipt>>) -> Figure {
    let mut figure = Figure { max: evidence.lost_max, ..Figure::of("duplicate by crash") };
    for (id, receipts) in by_delivery {
        let successes = receipts.iter().filter(|it| it.succeeded).count();
        for _ in 1..successes {
            figure.note(|| format!("delivery {id}: {successes} successes"));
        }
    }
    figure
}

/// Requests beyond the recorded attempts, or with a number that was already used.
fn hidden(evidence: Evidence<'_>, by_delivery: &HashMap<Uuid, Vec<&Receipt>>) -> Figure {
    let mut figure = Figure::of("hidden send");
    for (id, receipts) in by_delivery {
        let recorded: HashSet<i64> =
            evidence.books.attempts.get(id).into_iter().flatten().map(|attempt| attempt.n).collect();
        let mut seen = HashSet::new();
        for receipt in receipts {
            if !recorded.contains(&receipt.attempt) || !seen.insert(receipt.attempt) {
                figure.note(|| format!("attempt {} of {id}; on record: {recorded:?}", receipt.attempt));
            }
        }
    }
    figure
}

fn bad_signature(evidence: Evidence<'_>) -> Figure {
    let mut figure = Figure::of("bad signature");
    evidence.receipts.iter().filter(|it| !it.signed).for_each(|it| figure.note(|| format!("{it:?}")));
    figure
}

/// What is overdue although everything works again.
fn stuck(evidence: Evidence<'_>) -> Figure {
    let mut figure = Figure::of("stuck");
    let off: HashSet<Uuid> = evidence.books.off.iter().copied().collect();
    let limit = evidence.now.minus(STUCK_AFTER).micros();
    for (id, delivery) in &evidence.books.deliveries {
        let open = match delivery.state {
            state::WAITING => !off.contains(&delivery.endpoint),
            state::LEASED => true,
            _ => false,
        };
        if open && delivery.due_at < limit {
            figure.note(|| format!("delivery {id} in state {} since {}", delivery.state, delivery.due_at));
        }
    }
    figure
}

#[cfg(test)]
mod tests;
