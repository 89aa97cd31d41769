//! Injects faults: a deck of faults is shuffled by the seed and dealt again when it is empty, so that all kinds are
//! about equally frequent. Every fault but an orderly stop ends with the death of a process; the process restarts with
//! the fail point of the next fault.

use super::{
    dice::Dice,
    fleet::{Fleet, Role},
    receiver::Receiver,
};
use inboxops_testkit::Postgres;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit};
use std::{collections::BTreeMap, error::Error, time::Duration};
use tokio::time::{Instant, sleep};

type BoxResult<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Longest wait for a fail point; then the process is killed.
const POINT_MAX: Duration = Duration::from_secs(6);
/// How long a worker is frozen: longer than its leases.
const FREEZE: Duration = Duration::from_secs(64);
/// Limit on the size of files while the disk is full.
const FULL_AT_BYTES: u64 = 4096;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// `kill -9` at a random time.
    Kill,
    /// The process ends itself at a named point, at one of the times that it is reached, chosen at random.
    Point(&'static str, u64),
    /// `kill -9` when a request has arrived and is not answered.
    Written,
    /// Fifty consecutive writes of results fail.
    Results,
    /// SIGTERM.
    Terminate,
    /// No file can grow.
    DiskFull,
    /// The database refuses connections and ends all that exist.
    Unreachable,
    /// The database's server is killed and restarted.
    Restart,
}

impl Fault {
    fn name(self) -> String {
        match self {
            Fault::Kill => "`kill -9` at a random time".to_owned(),
            Fault::Point(name, _) => format!("ended at `{name}`"),
            Fault::Written => "`kill -9` after the request was written".to_owned(),
            Fault::Results => "50 result writes fail in a row".to_owned(),
            Fault::Terminate => "`SIGTERM` under load".to_owned(),
            Fault::DiskFull => "disk full".to_owned(),
            Fault::Unreachable => "database unreachable".to_owned(),
            Fault::Restart => "database server restarted".to_owned(),
        }
    }

    fn points(self, dice: &mut Dice) -> Option<String> {
        match self {
            Fault::Point(name, times) => Some(format!("{name}=abort@{}", dice.between(1, times))),
            Fault::Results => Some("record_result=fail@5+50".to_owned()),
            _ => None,
        }
    }
}

/// The named points, with the approximate number of times that each is reached in a few seconds.
const COMMITS: [Fault; 2] = [Fault::Point("before_commit", 300), Fault::Point("after_commit", 300)];
const CLAIM: Fault = Fault::Point("after_claim", 4);
const ANSWER: Fault = Fault::Point("after_answer", 400);
const RESULT: Fault = Fault::Point("record_result", 60);

/// The fault injector of a run.
pub(super) struct Chaos {
    dice: Dice,
    postgres: Option<Postgres>,
    deck: Vec<(Role, Fault)>,
    together: bool,
    /// Longest outage of the database.
    outage: Duration,
    /// Processes that died, planned or not.
    pub kills: u32,
    /// Number of faults of each kind.
    pub made: BTreeMap<String, u32>,
    frozen: Option<(Role, Instant)>,
}

impl Chaos {
    /// Faults come from this seed; `postgres` is the database, if it can be broken from outside.
    pub(super) fn new(dice: Dice, postgres: Option<Postgres>, outage: Duration) -> Chaos {
        let (deck, made) = Default::default();
        Chaos { dice, postgres, deck, together: true, outage, kills: 0, made, frozen: None }
    }

    /// From now on the parts are separate processes; one of the workers is frozen meanwhile.
    pub(super) fn apart(&mut self, fleet: &mut Fleet) -> BoxResult<()> {
        (self.together, self.deck) = (false, Vec::new());
        self.freeze(fleet)
    }

    fn freeze(&mut self, fleet: &mut Fleet) -> BoxResult<()> {
        let role = Role::Worker(1);
        fleet.signal(role, Signal::STOP)?;
        self.frozen = Some((role, Instant::now()));
        *self.made.entry(format!("worker frozen for {} s", FREEZE.as_secs())).or_default() += 1;
        Ok(())
    }

    /// Thaws the worker when its time has come; returns whether none is frozen any more.
    pub(super) fn thaw(&mut self, fleet: &mut Fleet) -> BoxResult<bool> {
        let Some((role, since)) = self.frozen else { return Ok(true) };
        if since.elapsed() < FREEZE {
            return Ok(false);
        }
        self.frozen = None;
        fleet.signal(role, Signal::CONT)?;
        Ok(true)
    }

    /// Restarts all processes without fail points.
    pub(super) async fn heal(&mut self, fleet: &mut Fleet) -> BoxResult<()> {
        for role in fleet.roles() {
            if self.frozen.is_none_or(|(frozen, _)| frozen != role) {
                self.kills += u32::from(fleet.kill(role)?);
            }
        }
        for role in fleet.roles() {
            if self.frozen.is_none_or(|(frozen, _)| frozen != role) {
                fleet.start(role, None).await?;
            }
        }
        Ok(())
    }

    /// One fault: starts its process anew, breaks it, and restarts it.
    pub(super) async fn round(&mut self, fleet: &mut Fleet, receiver: &Receiver) -> BoxResult<()> {
        let (role, fault) = self.draw();
        if let Some(points) = fault.points(&mut self.dice) {
            fleet.kill(role)?;
            self.kills += 1;
            fleet.start(role, Some(&points)).await?;
        }
        let pause = Duration::from_millis(self.dice.between(200, 2500));
        match fault {
            Fault::Kill => sleep(pause).await,
            Fault::Point(..) => self.await_death(fleet, role).await?,
            Fault::Written => {
                sleep(pause / 4).await;
                receiver.trap(fleet.pid(role)?);
                self.await_death(fleet, role).await?;
            }
            Fault::Results => sleep(Duration::from_secs(3) + pause).await,
            Fault::Terminate => {
                sleep(pause).await;
                fleet.stop(role).await?;
            }
            Fault::DiskFull => {
                sleep(pause / 4).await;
                let pid = fleet.pid(role)?;
                let old = getrlimit(Resource::Fsize);
                prlimit(Some(pid), Resource::Fsize, Rlimit { current: Some(FULL_AT_BYTES), ..old })?;
                sleep(Duration::from_secs(2)).await;
                prlimit(Some(pid), Resource::Fsize, old)?;
                sleep(pause).await;
            }
            Fault::Unreachable => {
                let outage = Duration::from_secs(self.dice.between(1, self.outage.as_secs()));
                sleep(pause / 4).await;
                self.database(|it| {
                    it.let_in(false);
                    it.cut();
                })
                .await?;
                sleep(outage).await;
                self.database(|it| it.let_in(true)).await?;
                sleep(pause).await;
            }
            Fault::Restart => {
                sleep(pause / 4).await;
                self.database(Postgres::restart).await?;
                sleep(pause).await;
            }
        }
        if fault != Fault::Terminate {
            fleet.kill(role)?;
            self.kills += 1;
        }
        *self.made.entry(fault.name()).or_default() += 1;
        self.thaw(fleet)?;
        fleet.start(role, None).await
    }

    async fn database(&self, act: impl FnOnce(&Postgres) + Send + 'static) -> BoxResult<()> {
        let Some(postgres) = self.postgres.clone() else { return Ok(()) };
        Ok(tokio::task::spawn_blocking(move || act(&postgres)).await?)
    }

    async fn await_death(&self, fleet: &mut Fleet, role: Role) -> BoxResult<()> {
        let begin = Instant::now();
        while !fleet.dead(role)? && begin.elapsed() < POINT_MAX {
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn draw(&mut self) -> (Role, Fault) {
        if self.deck.is_empty() {
            self.deck = self.deal();
            self.dice.shuffle(&mut self.deck);
        }
        self.deck.pop().unwrap_or((Role::All, Fault::Kill))
    }

    fn deal(&self) -> Vec<(Role, Fault)> {
        let outages = match self.postgres {
            Some(_) => vec![Fault::Unreachable, Fault::Restart],
            None => vec![Fault::DiskFull],
        };
        let store = COMMITS.into_iter().chain([CLAIM, RESULT, Fault::Results, Fault::Kill, Fault::Terminate]);
        if self.together {
            let all = store.chain([ANSWER, Fault::Written, Fault::Kill]).chain(outages);
            return all.map(|fault| (Role::All, fault)).collect();
        }
        let core = store.chain(outages).map(|fault| (Role::Core(0), fault));
        let rest = [
            (Role::Worker(0), Fault::Kill),
            (Role::Worker(0), ANSWER),
            (Role::Worker(0), Fault::Terminate),
            (Role::Edge, Fault::Kill),
            (Role::Edge, Fault::Terminate),
        ];
        let second = self.postgres.iter().map(|_| (Role::Core(1), Fault::Kill));
        core.chain(rest).chain(second).collect()
    }
}
