//! What is broken, and when: a deck of faults, shuffled by the seed and dealt again when it is empty, so that each kind
//! comes about equally often. Every fault but an orderly stop ends with the death of a process; the next life of that
//! process is born with the fail point of the fault that is next.

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

/// Longest wait for a fail point to be reached; then the process is killed where it is.
const POINT_MAX: Duration = Duration::from_secs(6);
/// How long a worker is frozen: longer than its leases.
const FREEZE: Duration = Duration::from_secs(64);
/// Size that no file may pass while the disk is full.
const FULL_AT_BYTES: u64 = 4096;

/// A way to break things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// `kill -9` at a random time.
    Kill,
    /// The process ends itself at a named point, at a random one of the times that it is reached.
    Point(&'static str, u64),
    /// `kill -9` when a request has arrived and is not answered.
    Written,
    /// Fifty writes of results fail, one after the other.
    Results,
    /// SIGTERM.
    Terminate,
    /// No file can grow.
    DiskFull,
    /// The database lets nobody in and ends all connections.
    Unreachable,
    /// The database's server is stopped the hard way, and started again.
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

/// The named points, with about how often each is reached in a few seconds.
const COMMITS: [Fault; 2] = [Fault::Point("before_commit", 300), Fault::Point("after_commit", 300)];
const CLAIM: Fault = Fault::Point("after_claim", 4);
const ANSWER: Fault = Fault::Point("after_answer", 400);
const RESULT: Fault = Fault::Point("record_result", 60);

/// The breaker of a run.
pub(super) struct Chaos {
    dice: Dice,
    postgres: Option<Postgres>,
    deck: Vec<(Role, Fault)>,
    together: bool,
    /// Longest outage of the database.
    outage: Duration,
    /// Processes that died, planned or not.
    pub kills: u32,
    /// How often each fault was made.
    pub made: BTreeMap<String, u32>,
    frozen: Option<(Role, Instant)>,
}

impl Chaos {
    /// Breaks by these dice; the database, when it is one that can be broken from outside.
    pub(super) fn new(dice: Dice, postgres: Option<Postgres>, outage: Duration) -> Chaos {
        let (deck, made) = Default::default();
        Chaos { dice, postgres, deck, together: true, outage, kills: 0, made, frozen: None }
    }

    /// From now on the parts are in processes of their own; one of the workers is frozen meanwhile.
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

    /// Thaws the worker when it is time; whether none is frozen any more.
    pub(super) fn thaw(&mut self, fleet: &mut Fleet) -> BoxResult<bool> {
        let Some((role, since)) = self.frozen else { return Ok(true) };
        if since.elapsed() < FREEZE {
            return Ok(false);
        }
        self.frozen = None;
        fleet.signal(role, Signal::CONT)?;
        Ok(true)
    }

    /// Brings all processes back to life, without fail points.
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

    /// One fault, from a fresh life of its process to that life's end and the process running again.
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
