//! The world of the simulation: cores with real hubs, workers, receivers and time, all driven by one queue of future
//! steps. Everything that awaits something is two steps, and anything may break between them.

use super::{
    Dice,
    memory::{Memory, Row, State, Which},
};
use crate::{
    dispatch::{
        BEAT, CLAIM_MAX, PACE_MIN, REAP, TICK,
        hub::{
            Action, Hub, IN_FLIGHT_PER_TENANT_MAX, QUEUE_PER_ENDPOINT_MAX, QUEUE_WAIT_MAX, Route, Shares, WorkerKey,
        },
        reports::{SettledBatch, answers},
        timers::Beats,
    },
    store::Leased,
    store::{
        LEASE,
        dispatch::{FULL_PAUSE, STALE_CONNECTION},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, TenantId},
    internal::v1::{EndpointConfig, Outcome},
    limits::{ATTEMPTS_MAX, ENDPOINT_IN_FLIGHT_MAX},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

mod fate;
mod parts;

const START: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);
/// A worker's window and slots. Small, so that limits are reached.
const WINDOW: u32 = 48;
const SLOTS: usize = 8;
/// Part of a lease that must be left for a request to begin, as in the worker.
const LEASE_LEFT_MIN: Duration = Duration::from_secs(25);
const REQUEST_MAX: Duration = Duration::from_secs(15);
const REPORT_AGAIN: Duration = Duration::from_secs(2);
/// Time for all attempts of a delivery, and for what waits behind it, one after the other.
const QUIET_MAX: Duration = Duration::from_secs(14 * 3600);
const ENDPOINTS: u64 = 8;
const WORKERS: usize = 2;

/// How a receiver behaves at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Good,
    Slow,
    Failing,
    Mute,
    Flaky,
    Gone,
}

struct Core {
    incarnation: u64,
    hub: Hub,
    streams: BTreeMap<WorkerKey, (usize, u64)>,
    /// What was sent and not answered, with the worker whose credit it takes.
    flying: HashMap<(DeliveryId, i64), (WorkerKey, Leased)>,
    claiming: bool,
    /// When the hub is pumped for an endpoint that waits for its rate.
    paced: Option<Timestamp>,
    reaped: Timestamp,
    beats: Beats,
    beaten: Timestamp,
}

#[derive(Default)]
struct Worker {
    /// Number of its present life; 0 while it is dead.
    life: u64,
    frozen: bool,
    waiting: VecDeque<(u64, Leased)>,
    /// Cores whose streams ended.
    ended: HashSet<u64>,
    running: usize,
    thawed: Vec<Step>,
}

struct Receiver {
    id: EndpointId,
    tenant: TenantId,
    mood: Mood,
    disabled: bool,
    /// Rises each time the endpoint is disabled or enabled.
    version: u32,
    rate: Option<u32>,
}

/// A future step. `core` and `life` name its addressee; if that has died meanwhile, the step is dropped.
enum Step {
    Commit,
    Trouble,
    Tick { slot: usize },
    Leased { core: u64, ids: Vec<DeliveryId> },
    Parked { core: u64, deliveries: Vec<Leased> },
    Loaded { core: u64, endpoint: EndpointId, asked: u64 },
    Paced { core: u64 },
    Claimed { core: u64, claim: Claim },
    Batch { core: u64, worker: usize, life: u64, deliveries: Vec<Leased> },
    StreamEnded { core: u64, worker: usize, life: u64 },
    Ended { worker: usize, life: u64, core: u64, leased: Leased, outcome: Outcome },
    Reported { worker: usize, life: u64, core: u64, until: Timestamp, outcome: Outcome },
    Recorded { worker: usize, life: u64, core: u64, until: Timestamp, outcome: Outcome, answered: SettledBatch },
    CoreStarts { slot: usize },
    WorkerStarts { worker: usize },
    Thaw { worker: usize },
    DatabaseBack,
}

/// What a claim asks for.
enum Claim {
    /// Whatever is due.
    Due { shares: Shares, parks: u64 },
    /// Endpoints that are known to have more.
    Of { wanted: Vec<(EndpointId, u32)>, parks: u64 },
}

pub(super) struct World {
    dice: Dice,
    now: Timestamp,
    queue: BTreeMap<(Timestamp, u64), Step>,
    steps: u64,
    ticks: Vec<(Timestamp, u64)>,
    memory: Memory,
    database: bool,
    /// Whether several cores share the store, as on PostgreSQL.
    shared: bool,
    cores: Vec<Option<Core>>,
    workers: Vec<Worker>,
    receivers: Vec<Receiver>,
    ids: u64,
    trouble_until: Timestamp,
    /// Requests that receivers got: by delivery and attempt, and whether the answer was a success.
    received: HashMap<(DeliveryId, u32), bool>,
    not_before: HashMap<DeliveryId, Timestamp>,
    crashes: u64,
    /// Lives of workers that were frozen while a core died, with that core.
    orphans: HashSet<(u64, u64)>,
    /// Requests that such workers made.
    stale: u64,
    /// Requests that were sent again at once.
    again: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut dice = Dice(seed);
        let shared = dice.one_in(2);
        let receivers = (0..ENDPOINTS).map(|n| Receiver {
            id: EndpointId::new(START, spread(n + 1000)),
            tenant: TenantId::new(START, spread(n / 3 + 1)),
            mood: Mood::Good,
            disabled: false,
            version: 1,
            rate: (n == 2).then_some(2),
        });
        World {
            now: START,
            queue: BTreeMap::new(),
            steps: 0,
            ticks: vec![(START, u64::MAX); if shared { 2 } else { 1 }],
            memory: Memory::default(),
            database: true,
            shared,
            cores: if shared { vec![None, None] } else { vec![None] },
            workers: (0..WORKERS).map(|_| Worker::default()).collect(),
            receivers: receivers.collect(),
            ids: 0,
            trouble_until: START,
            received: HashMap::new(),
            not_before: HashMap::new(),
            crashes: 0,
            orphans: HashSet::new(),
            stale: 0,
            again: 0,
            dice,
        }
    }

    /// Runs with faults for a time, then heals everything and checks the final state.
    pub(super) fn run(mut self, trouble: Duration) -> String {
        self.trouble_until = START.plus(trouble);
        (0..self.cores.len()).for_each(|slot| self.core_starts(slot));
        (0..WORKERS).for_each(|worker| self.worker_starts(worker));
        self.later(Duration::ZERO, Step::Commit);
        self.later(Duration::from_secs(20), Step::Trouble);
        while self.now < self.trouble_until {
            self.step();
        }
        self.heal();
        let end = self.now.plus(QUIET_MAX);

        while self.memory.open() > 0 {
            assert!(self.now < end, "{} deliveries are open hours after all was healed", self.memory.open());
            self.step();
        }
        self.account()
    }

    fn later(&mut self, wait: Duration, step: Step) -> (Timestamp, u64) {
        self.steps += 1;
        let key = (self.now.plus(wait), self.steps);
        self.queue.insert(key, step);
        key
    }

    fn soon(&mut self) -> Duration {
        self.dice.millis(1, 20)
    }

    fn troubled(&self) -> bool {
        self.now < self.trouble_until
    }

    fn step(&mut self) {
        let Some(((at, _), step)) = self.queue.pop_first() else { panic!("nothing happens any more") };
        let idle = at.since(self.now) > BEAT;
        self.now = at;
        if idle && self.database {
            // Nothing happened but the cores' beats.
            for core in self.cores.iter_mut().flatten() {
                core.beaten = at;
                core.beats.succeeded(at);
                self.memory.cores.insert(core.incarnation, at);
            }
        }
        self.happen(step);
        self.plan_ticks();
        self.check();
    }

    /// Cores look again soon while something may be due, and otherwise when the next thing is due.
    fn plan_ticks(&mut self) {
        for slot in 0..self.cores.len() {
            if self.cores[slot].is_none() {
                continue;
            }
            let is_tick = |step: &Step| matches!(step, Step::Tick { .. });
            let next = self.queue.iter().find(|(_, step)| !is_tick(step)).map(|((at, _), _)| *at);
            let next = next.into_iter().chain(self.memory.next()).min().unwrap_or(self.now);
            let at = self.now.plus(TICK).max(if next.since(self.now) > BEAT { next } else { self.now });
            if self.ticks[slot].1 == u64::MAX || self.ticks[slot].0 > at {
                self.queue.remove(&self.ticks[slot]);
                self.ticks[slot] = self.later(at.since(self.now), Step::Tick { slot });
            }
        }
    }

    fn check(&self) {
        self.cores.iter().flatten().for_each(|core| core.hub.assert_invariants());
        for receiver in &self.receivers {
            let Some(lane) = self.memory.lanes.get(&receiver.id) else { continue };
            let Some(head) = self.memory.head(receiver.id) else { continue };
            let Some(due) = lane.due_at else { panic!("a delivery waits and its lane is never due") };
            let pause = if receiver.rate.is_some() { QUEUE_WAIT_MAX } else { FULL_PAUSE };
            assert!(due <= head.max(self.now.plus(pause)), "a lane is due at {due:?}, its first delivery at {head:?}");
        }
    }

    fn core(&mut self, incarnation: u64) -> Option<&mut Core> {
        self.cores.iter_mut().flatten().find(|core| core.incarnation == incarnation)
    }

    fn act(&mut self, incarnation: u64, actions: Vec<Action>) {
        for action in actions {
            let wait = self.soon();
            match action {
                Action::Send(key, deliveries, _) => {
                    let Some((worker, life)) = self.core(incarnation).and_then(|it| it.streams.get(&key).copied())
                    else {
                        continue;
                    };
                    self.fly(incarnation, key, &deliveries);
                    self.later(wait, Step::Batch { core: incarnation, worker, life, deliveries });
                }
                Action::Park(deliveries) => drop(self.later(wait, Step::Parked { core: incarnation, deliveries })),
                Action::Load(endpoint, asked) => {
                    self.later(wait, Step::Loaded { core: incarnation, endpoint, asked });
                }
            }
        }
    }

    /// Records what was sent and checks it against the limits.
    fn fly(&mut self, incarnation: u64, key: WorkerKey, deliveries: &[Leased]) {
        let Some(core) = self.core(incarnation) else { return };
        core.flying.extend(deliveries.iter().map(|leased| ((leased.delivery, leased.token), (key, leased.clone()))));
        let count =
            |of: &dyn Fn(&WorkerKey, &Leased) -> bool| core.flying.values().filter(|(key, it)| of(key, it)).count();
        assert!(count(&|it, _| *it == key) <= WINDOW as usize, "more than a worker's credit");
        for leased in deliveries {
            assert!(
                count(&|_, it| it.endpoint == leased.endpoint) <= ENDPOINT_IN_FLIGHT_MAX as usize,
                "an endpoint has too much"
            );
            assert!(
                count(&|_, it| it.tenant == leased.tenant) <= IN_FLIGHT_PER_TENANT_MAX as usize,
                "a tenant has too much"
            );
        }
    }

    /// Lets the hub decide and carries out its actions.
    fn decide(&mut self, incarnation: u64, decide: impl FnOnce(&mut Hub) -> Vec<Action>) {
        let now = self.now;
        let cores = u32::try_from(self.cores.iter().flatten().count()).unwrap_or(1);
        let Some(core) = self.core(incarnation) else { return };
        core.hub.at(now, cores);
        let actions = decide(&mut core.hub);
        let paced = core.hub.paced_until().map(|at| at.max(now.plus(PACE_MIN)));
        if let Some(at) = paced.filter(|at| core.paced.is_none_or(|before| *at < before)) {
            core.paced = Some(at);
            self.later(at.since(now), Step::Paced { core: incarnation });
        }
        self.act(incarnation, actions);
        self.claim_wanted(incarnation);
    }

    fn happen(&mut self, step: Step) {
        match step {
            Step::Commit => self.commit(),
            Step::Trouble => self.trouble(),
            Step::Tick { slot } => self.tick(slot),
            Step::Leased { core, ids } => {
                let now = self.now;
                let deliveries = ids.into_iter().map(|id| self.memory.delivery(id, now)).collect();
                self.decide(core, |hub| hub.offer(deliveries));
            }
            Step::Parked { core, deliveries } => {
                // A failed one is forgotten; the leases expire.
                if self.database && self.core(core).is_some() {
                    self.memory.park(&deliveries, self.now);
                }
                self.decide(core, |hub| {
                    hub.parked(&deliveries);
                    Vec::new()
                });
            }
            Step::Loaded { core, endpoint, asked } => {
                let receiver = self.receivers.iter().find(|it| it.id == endpoint);
                let route = receiver.filter(|_| self.database).map(|receiver| {
                    Arc::new(Route {
                        config: EndpointConfig { version: receiver.version, ..EndpointConfig::default() },
                        enabled: !receiver.disabled,
                        valid_until: None,
                        rate_per_second: receiver.rate,
                        failures: self.memory.failing.get(&endpoint).copied().unwrap_or_default(),
                        behind: self
                            .memory
                            .lanes
                            .get(&endpoint)
                            .and_then(|it| it.due_at)
                            .is_some_and(|at| at <= self.now),
                    })
                });
                self.decide(core, |hub| hub.route(endpoint, asked, route));
            }
            Step::Paced { core } => {
                if let Some(core) = self.core(core) {
                    core.paced = None;
                }
                self.decide(core, Hub::pump);
            }
            Step::Claimed { core, claim } => self.claimed(core, claim),
            Step::Batch { core, worker, life, deliveries } => {
                if self.is_alive(worker, life) {
                    if self.workers[worker].frozen {
                        self.workers[worker].thawed.push(Step::Batch { core, worker, life, deliveries });
                        return;
                    }
                    let over = self.workers[worker].ended.contains(&core);
                    self.workers[worker].waiting.extend(deliveries.into_iter().map(|leased| (core, leased)));
                    if over {
                        // A stream keeps its order: its deliveries arrived before its end.
                        self.stream_ended(core, worker);
                    }
                    self.fill(worker);
                }
            }
            Step::StreamEnded { core, worker, life } => {
                if self.is_alive(worker, life) {
                    if self.workers[worker].frozen {
                        self.orphans.insert((life, core));
                        self.workers[worker].thawed.push(Step::StreamEnded { core, worker, life });
                        return;
                    }
                    self.workers[worker].ended.insert(core);
                    self.stream_ended(core, worker);
                }
            }
            Step::Ended { worker, life, core, leased, outcome } => {
                if self.is_alive(worker, life) {
                    if self.workers[worker].frozen {
                        self.workers[worker].thawed.push(Step::Ended { worker, life, core, leased, outcome });
                        return;
                    }
                    self.workers[worker].running -= 1;
                    self.report(worker, life, core, leased.lease_until, outcome);
                    self.fill(worker);
                }
            }
            Step::Reported { worker, life, core, until, outcome } => self.reported(worker, life, core, until, outcome),
            Step::Recorded { worker, life, core, until, outcome, answered } => {
                self.recorded((worker, life, core, until), outcome, answered);
            }
            Step::CoreStarts { slot } => self.core_starts(slot),
            Step::WorkerStarts { worker } => self.worker_starts(worker),
            Step::Thaw { worker } => {
                self.workers[worker].frozen = false;
                for step in std::mem::take(&mut self.workers[worker].thawed) {
                    self.happen(step);
                }
            }
            Step::DatabaseBack => self.database = true,
        }
    }

    fn is_alive(&self, worker: usize, life: u64) -> bool {
        self.workers[worker].life == life
    }
}

/// A number over all bits, so that ids that are made of others differ.
fn spread(n: u64) -> u128 {
    u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}
