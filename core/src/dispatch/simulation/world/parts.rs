//! What cores and workers do in the simulation: the steps of `dispatch/run_loop`, `dispatch/reports` and of the worker,
//! with the real decisions.

use super::*;

impl World {
    /// A change is committed: its events and their deliveries, leased from the start.
    pub(super) fn commit(&mut self) {
        if !self.troubled() {
            return;
        }
        let burst = match self.dice.below(400) {
            // More than an endpoint's queue in memory takes.
            0 => 3 * QUEUE_PER_ENDPOINT_MAX as u64,
            1..11 => 1 + self.dice.below(300),
            _ => 1 + self.dice.below(3),
        };
        let wait = self.dice.millis(50, 30_000);
        self.later(wait, Step::Commit);
        let slot = usize::try_from(self.dice.below(self.cores.len() as u64)).expect("it is small");
        let Some(incarnation) = self.cores[slot].as_ref().map(|core| core.incarnation) else { return };
        if !self.database {
            return;
        }
        let mut ids = Vec::new();
        for _ in 0..burst {
            self.ids += 1;
            let event = EventId::new(START, spread(self.ids));
            let tenant = self.receivers[usize::try_from(self.dice.below(ENDPOINTS)).expect("it is small")].tenant;
            for receiver in self.receivers.iter().filter(|it| it.tenant == tenant && !it.disabled) {
                let id = crate::store::events::delivery_id(event, receiver.id);
                let row = Row {
                    endpoint: receiver.id,
                    tenant,
                    event,
                    state: State::Leased,
                    attempt: 1,
                    failures: 0,
                    due_at: self.now.plus(LEASE),
                    token: 1,
                    incarnation,
                    fresh: false,
                    attempts: BTreeMap::new(),
                    history: vec![(self.now, "committed")],
                };
                self.memory.insert(id, row);
                ids.push(id);
            }
        }
        if self.troubled() && self.dice.one_in(60) {
            // The core dies after the commit, before the deliveries reach the hub.
            return self.core_dies(slot);
        }
        self.later(Duration::from_micros(50), Step::Leased { core: incarnation, ids });
    }

    pub(super) fn core_starts(&mut self, slot: usize) {
        if self.cores[slot].is_some() {
            return;
        }
        if !self.database {
            self.later(Duration::from_secs(1), Step::CoreStarts { slot });
            return;
        }
        self.ids += 1;
        let incarnation = self.ids;
        if !self.shared {
            self.memory.reap(Which::All, self.now);
        }
        self.memory.cores.insert(incarnation, self.now);
        let hub = Hub::default();
        let streams = BTreeMap::new();
        let mut beats = Beats::default();
        beats.succeeded(self.now);
        let flying = HashMap::new();
        let core = Core {
            incarnation,
            hub,
            streams,
            flying,
            claiming: false,
            paced: None,
            reaped: self.now,
            beats,
            beaten: self.now,
        };
        self.cores[slot] = Some(core);
        for worker in 0..WORKERS {
            self.connect(slot, worker);
        }
    }

    pub(super) fn core_dies(&mut self, slot: usize) {
        let Some(core) = self.cores[slot].take() else { return };
        self.crashes += 1;
        self.queue.remove(&self.ticks[slot]);
        self.ticks[slot] = (START, u64::MAX);
        for (worker, life) in core.streams.into_values() {
            let wait = self.soon();
            self.later(wait, Step::StreamEnded { core: core.incarnation, worker, life });
        }
        let wait = self.dice.millis(100, 30_000);
        self.later(wait, Step::CoreStarts { slot });
    }

    fn connect(&mut self, slot: usize, worker: usize) {
        let life = self.workers[worker].life;
        self.ids += 1;
        let key = self.ids;
        if life == 0 {
            return;
        }
        let Some(core) = &mut self.cores[slot] else { return };
        core.streams.insert(key, (worker, life));
        let incarnation = core.incarnation;
        self.decide(incarnation, |hub| hub.join(key, WINDOW, SLOTS as u32));
    }

    pub(super) fn worker_starts(&mut self, worker: usize) {
        if self.workers[worker].life != 0 {
            return;
        }
        self.ids += 1;
        self.workers[worker] = Worker { life: self.ids, ..Worker::default() };
        (0..self.cores.len()).for_each(|slot| self.connect(slot, worker));
    }

    pub(super) fn worker_dies(&mut self, worker: usize) {
        if self.workers[worker].life == 0 {
            return;
        }
        self.crashes += 1;
        self.workers[worker] = Worker::default();
        for slot in 0..self.cores.len() {
            let Some(core) = &mut self.cores[slot] else { continue };
            let keys: Vec<WorkerKey> =
                core.streams.iter().filter(|(_, (it, _))| *it == worker).map(|(key, _)| *key).collect();
            core.streams.retain(|key, _| !keys.contains(key));
            core.flying.retain(|_, (key, _)| !keys.contains(key));
            let incarnation = core.incarnation;
            keys.into_iter().for_each(|key| self.decide(incarnation, |hub| hub.leave(key)));
        }
        let wait = self.dice.millis(100, 120_000);
        self.later(wait, Step::WorkerStarts { worker });
    }

    /// One round of the loops in `run_loop`.
    pub(super) fn tick(&mut self, slot: usize) {
        self.ticks[slot] = (START, u64::MAX);
        let now = self.now;
        let Some(core) = &mut self.cores[slot] else { return };
        core.flying.retain(|_, (_, leased)| leased.lease_until > now);
        let incarnation = core.incarnation;
        self.decide(incarnation, |hub| hub.tick(now));
        let database = self.database;
        let shared = self.shared;
        let Some(core) = &mut self.cores[slot] else { return };
        if now.since(core.reaped) >= REAP {
            core.reaped = now;
            if database {
                self.memory.reap(Which::Ended, now);
                self.memory.cores.insert(incarnation, now);
                core.beats.succeeded(now);
                if shared && core.beats.may_judge(now) {
                    self.memory.reap(Which::OfDeadCores, now);
                }
            } else {
                core.beats.failed();
            }
        }
        if now.since(core.beaten) >= BEAT {
            core.beaten = now;
            if database {
                self.memory.cores.insert(incarnation, now);
                core.beats.succeeded(now);
            } else {
                core.beats.failed();
            }
        }
        self.claim(incarnation);
    }

    fn claim(&mut self, incarnation: u64) {
        let wait = self.soon();
        if self.memory.next_lane().is_none_or(|at| at > self.now.plus(wait)) {
            // The claim would find nothing, and hours without work shall pass quickly.
            return;
        }
        let now = self.now;
        let cores = u32::try_from(self.cores.iter().flatten().count()).unwrap_or(1);
        let Some(core) = self.core(incarnation) else { return };
        let hub = core.hub.at(now, cores);
        let shares = hub.shares(CLAIM_MAX);
        let parks = hub.parks();
        if core.claiming || shares.left() == 0 {
            return;
        }
        core.claiming = true;
        self.later(wait, Step::Claimed { core: incarnation, claim: Claim::Due { shares, parks } });
    }

    /// Claims for endpoints that are known to have more, as soon as that is worth it.
    pub(super) fn claim_wanted(&mut self, incarnation: u64) {
        let wait = self.soon();
        let Some(core) = self.core(incarnation).filter(|core| !core.claiming) else { return };
        let wanted = core.hub.wanted(CLAIM_MAX);
        let parks = core.hub.parks();
        if !wanted.is_empty() {
            core.claiming = true;
            self.later(wait, Step::Claimed { core: incarnation, claim: Claim::Of { wanted, parks } });
        }
    }

    pub(super) fn claimed(&mut self, incarnation: u64, claim: Claim) {
        let now = self.now;
        let database = self.database;
        let Some(core) = self.core(incarnation) else { return };
        core.claiming = false;
        if !database {
            return;
        }
        let (deliveries, looked, unseen, parks) = match claim {
            Claim::Due { shares, parks } => {
                let (deliveries, looked) = self.memory.claim(shares, incarnation, now);
                (deliveries, looked, Vec::new(), parks)
            }
            Claim::Of { wanted, parks } => {
                let (deliveries, looked) = self.memory.claim_of(&wanted, incarnation, now);
                let seen = |endpoint| looked.iter().any(|(it, _)| *it == endpoint);
                let unseen = wanted.iter().map(|(endpoint, _)| *endpoint).filter(|it| !seen(*it)).collect();
                (deliveries, looked, unseen, parks)
            }
        };
        if !deliveries.is_empty() && self.troubled() && self.dice.one_in(300) {
            let slot = self.cores.iter().position(|it| it.as_ref().is_some_and(|it| it.incarnation == incarnation));
            return self.core_dies(slot.expect("it lives"));
        }
        let again = !deliveries.is_empty();
        let tenant = |endpoint| self.receivers.iter().find(|it| it.id == endpoint).expect("it was made").tenant;
        let looked: Vec<_> = looked.into_iter().map(|(endpoint, more)| (endpoint, tenant(endpoint), more)).collect();
        self.decide(incarnation, |hub| {
            let actions = hub.offer(deliveries);
            let drained = looked.iter().filter(|(_, _, more)| !more).map(|(endpoint, ..)| *endpoint);
            drained.chain::<Vec<EndpointId>>(unseen).for_each(|endpoint| hub.is_drained(endpoint, parks));
            for (endpoint, tenant, _) in looked.iter().filter(|(_, _, more)| *more) {
                hub.has_more(*endpoint, *tenant);
            }
            actions
        });
        if again {
            self.claim(incarnation);
        }
    }

    /// Starts as many requests as there are free slots.
    pub(super) fn fill(&mut self, worker: usize) {
        while self.workers[worker].running < SLOTS {
            let Some((core, leased)) = self.workers[worker].waiting.pop_front() else { return };
            let life = self.workers[worker].life;
            if leased.lease_until.since(self.now) < LEASE_LEFT_MIN {
                self.give_back(worker, life, core, &leased);
                continue;
            }
            self.workers[worker].running += 1;
            self.request(worker, life, core, leased);
        }
    }

    fn give_back(&mut self, worker: usize, life: u64, core: u64, leased: &Leased) {
        let outcome = Outcome { not_sent: true, ..outcome(leased, self.now) };
        self.report(worker, life, core, leased.lease_until, outcome);
    }

    /// A core is gone with its leases: the worker gives up what it has not begun.
    pub(super) fn stream_ended(&mut self, core: u64, worker: usize) {
        let life = self.workers[worker].life;
        let (gone, kept) =
            std::mem::take(&mut self.workers[worker].waiting).into_iter().partition(|(it, _)| *it == core);
        self.workers[worker].waiting = kept;
        let gone: VecDeque<(u64, Leased)> = gone;
        gone.iter().for_each(|(_, leased)| self.give_back(worker, life, core, leased));
    }

    /// A request leaves: here the promises are checked.
    fn request(&mut self, worker: usize, life: u64, core: u64, leased: Leased) {
        let receiver = self.receivers.iter().find(|it| it.id == leased.endpoint).expect("it was made with the world");
        let mood = match receiver.mood {
            Mood::Flaky if self.dice.one_in(2) => Mood::Good,
            Mood::Flaky => Mood::Failing,
            mood => mood,
        };
        let took = match mood {
            Mood::Good | Mood::Flaky | Mood::Failing | Mood::Gone => self.dice.millis(2, 400),
            Mood::Slow => self.dice.millis(1000, 14_500),
            Mood::Mute => REQUEST_MAX,
        };
        let gave_up = !leased.fresh && self.dice.one_in(25);
        let took = if gave_up { self.dice.millis(1, 5) } else { took };
        let mut outcome = outcome(&leased, self.now);
        outcome.duration_ms = u32::try_from(took.as_millis()).expect("it is short");
        let (status, code) = match mood {
            _ if gave_up => (0, STALE_CONNECTION),
            Mood::Good | Mood::Slow | Mood::Flaky => (200, ""),
            Mood::Failing => (503, "http_5xx"),
            Mood::Gone => (410, "http_4xx"),
            Mood::Mute => (0, "timeout"),
        };
        (outcome.response_status, outcome.error_code) = (status, code.to_owned());
        if status == 503 && self.dice.one_in(4) {
            outcome.retry_after_secs = u32::try_from(self.dice.below(3000)).expect("it is small");
        }
        let row = self.memory.rows.get_mut(&leased.delivery).expect("it is committed");
        row.history.push((self.now, "requested"));
        // A worker that was frozen when the core died cannot know in time.
        let stale = row.token != leased.token && self.orphans.contains(&(life, core));
        self.stale += u64::from(stale);
        assert!(
            stale || !row.attempts.values().any(|it| *it == Some(true)),
            "a request after a success was on record: {row:?}"
        );
        assert!(
            stale || self.not_before.get(&leased.delivery).is_none_or(|at| *at <= self.now),
            "a retry before its time: {leased:?} {row:?}"
        );
        assert!(leased.failures < ATTEMPTS_MAX, "an eleventh attempt");
        let before = self.received.insert((leased.delivery, leased.attempt), status == 200);
        assert_eq!(before, None, "two requests with the same number: {row:?}");
        self.later(took, Step::Ended { worker, life, core, leased, outcome });
    }

    pub(super) fn report(&mut self, worker: usize, life: u64, core: u64, until: Timestamp, outcome: Outcome) {
        let wait = self.dice.millis(1, 10);
        self.later(wait, Step::Reported { worker, life, core, until, outcome });
    }

    pub(super) fn reported(&mut self, worker: usize, life: u64, core: u64, until: Timestamp, outcome: Outcome) {
        if !self.is_alive(worker, life) {
            return;
        }
        let now = self.now;
        let wait = self.soon();
        let chance = u16::try_from(self.dice.below(1 << 16)).expect("it fits");
        // Another core, or a later life, does not know the lease and refuses.
        let Some(its) = self.core(core) else { return };
        if let Ok(id) = uuid::Uuid::from_slice(&outcome.delivery_id) {
            its.flying.remove(&(DeliveryId(id), outcome.token));
        }
        let answered = answers(&mut its.hub, vec![outcome.clone()], now, || chance);
        self.decide(core, Hub::pump);
        if !answered.reports.is_empty() {
            self.later(wait, Step::Recorded { worker, life, core, until, outcome, answered });
        }
    }

    pub(super) fn recorded(&mut self, of: (usize, u64, u64, Timestamp), outcome: Outcome, answered: SettledBatch) {
        let (worker, life, core, until) = of;
        if self.core(core).is_none() {
            return;
        }
        if !self.database || (self.troubled() && self.dice.one_in(200)) {
            // The worker retries until no core wants the report.
            if self.now < until && self.is_alive(worker, life) {
                self.later(REPORT_AGAIN, Step::Reported { worker, life, core, until, outcome });
            }
            return;
        }
        let reported: Vec<DeliveryId> = answered.reports.iter().map(|report| report.lease.delivery).collect();
        let accepted = self.memory.report(answered.reports, self.now);
        for id in &accepted {
            let row = &self.memory.rows[id];
            if row.state == State::Waiting && row.attempts.contains_key(&row.attempt) {
                self.not_before.insert(*id, row.due_at);
            }
        }
        let held = self.core(core).map(|its| its.hub.close(reported)).unwrap_or_default();
        let now = self.now;
        let goes_on = |leased: &Leased| {
            let row = &self.memory.rows[&leased.delivery];
            (accepted.contains(&leased.delivery) && row.state == State::Leased).then_some(row.due_at)
        };
        let again: Vec<Leased> =
            held.into_iter().filter_map(|it| goes_on(&it).map(|until| it.again(until, now))).collect();
        if !again.is_empty() {
            self.again += again.len() as u64;
            self.decide(core, |hub| hub.again(again));
        }
        for (id, (endpoint, version)) in answered.gone {
            let same = |it: &&Receiver| it.id == endpoint && it.version == version;
            if accepted.contains(&id) && self.receivers.iter().any(|it| same(&it)) {
                self.disable(endpoint, true);
            }
        }
        self.claim(core);
    }

    /// Disables or enables an endpoint and informs all cores.
    pub(super) fn disable(&mut self, endpoint: EndpointId, disabled: bool) {
        for receiver in self.receivers.iter_mut().filter(|it| it.id == endpoint) {
            receiver.disabled = disabled;
            receiver.version += 1;
        }
        self.memory.lanes.entry(endpoint).or_default().paused = disabled;
        let incarnations: Vec<u64> = self.cores.iter().flatten().map(|core| core.incarnation).collect();
        for incarnation in incarnations {
            self.decide(incarnation, |hub| {
                hub.forget_route(endpoint);
                hub.pump()
            });
        }
    }
}

/// An empty outcome.
fn outcome(leased: &Leased, now: Timestamp) -> Outcome {
    Outcome {
        delivery_id: leased.delivery.0.as_bytes().to_vec().into(),
        token: leased.token,
        started_at_us: now.micros(),
        ..Outcome::default()
    }
}
