//! Rows of one kind, for many callers at once. A read is a hop to the database's thread and back, which costs more than the
//! read itself; so what is asked for while others are being read is read together, in one statement, right after them.
//! A caller that finds no read under way reads alone and at once; it does not wait for others.

use super::{Db, Result, conn::Link};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// Greatest number of rows that are read together.
const TOGETHER_MAX: usize = 32;

/// A kind of row that is found by a key.
pub(super) trait Keyed: Clone + Send + 'static {
    /// What it is found by.
    type Key: Clone + Send + Sync + 'static;

    /// Those of the rows that are there.
    fn read(link: &mut Link, keys: &[Self::Key]) -> impl Future<Output = Result<Vec<Self>>> + Send;

    /// Whether it is the row of this key.
    fn is_of(&self, key: &Self::Key) -> bool;
}

/// Finds rows by their keys.
pub(super) struct Together<R: Keyed>(Arc<Shared<R>>);

struct Shared<R: Keyed> {
    db: Db,
    /// Greatest number of reads under way.
    most: usize,
    queue: Mutex<Queue<R>>,
}

struct Queue<R: Keyed> {
    /// Reads under way.
    running: usize,
    waiting: VecDeque<Waiting<R>>,
}

struct Waiting<R: Keyed> {
    key: R::Key,
    turn: oneshot::Sender<Turn<R>>,
}

/// What comes of waiting.
enum Turn<R: Keyed> {
    /// Another caller has read it.
    Found(Option<Box<R>>),
    /// This caller is to read, for itself and for others.
    Read(Lead<R>),
}

/// One of the reads under way. Dropped, it hands itself on to the next who wait, with those that it has not answered.
struct Lead<R: Keyed> {
    shared: Arc<Shared<R>>,
    others: Vec<Waiting<R>>,
}

impl<R: Keyed> Together<R> {
    /// In this database, with so many reads under way as there are readers to spare.
    pub(super) fn new(db: Db) -> Together<R> {
        let most = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        let queue = Mutex::new(Queue { running: 0, waiting: VecDeque::new() });
        Together(Arc::new(Shared { db, most, queue }))
    }

    /// The row as of now: what was committed before the call is seen.
    pub(super) async fn find(&self, key: R::Key) -> Result<Option<R>> {
        let turn = match self.0.join(&key) {
            Ok(lead) => return lead.read(key).await,
            Err(turn) => turn.await,
        };
        match turn {
            Ok(Turn::Found(row)) => Ok(row.map(|row| *row)),
            Ok(Turn::Read(lead)) => lead.read(key).await,
            // Whoever read for this caller failed: it finds out by itself.
            Err(_) => Ok(self.0.rows(std::slice::from_ref(&key)).await?.pop()),
        }
    }
}

impl<R: Keyed> Shared<R> {
    fn queue(&self) -> MutexGuard<'_, Queue<R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to read, or waits for a turn.
    fn join(self: &Arc<Self>, key: &R::Key) -> std::result::Result<Lead<R>, oneshot::Receiver<Turn<R>>> {
        let mut queue = self.queue();
        if queue.running < self.most {
            queue.running += 1;
            return Ok(Lead { shared: self.clone(), others: Vec::new() });
        }
        let (turn, waits) = oneshot::channel();
        queue.waiting.push_back(Waiting { key: key.clone(), turn });
        Err(waits)
    }

    async fn rows(&self, keys: &[R::Key]) -> Result<Vec<R>> {
        let mut reader = self.db.lookup().await?;
        R::read(reader.link(), keys).await
    }
}

impl<R: Keyed> Lead<R> {
    async fn read(mut self, key: R::Key) -> Result<Option<R>> {
        let keys: Vec<R::Key> =
            std::iter::once(&key).chain(self.others.iter().map(|other| &other.key)).cloned().collect();
        let rows = match self.shared.rows(&keys).await {
            Ok(rows) => rows,
            Err(error) => {
                self.others.clear();
                return Err(error);
            }
        };
        let of = |key: &R::Key| rows.iter().find(|row| row.is_of(key)).cloned();
        for other in self.others.drain(..) {
            // Who does not wait any more needs no answer.
            let _ = other.turn.send(Turn::Found(of(&other.key).map(Box::new)));
        }
        Ok(of(&key))
    }
}

impl<R: Keyed> Drop for Lead<R> {
    fn drop(&mut self) {
        let (next, others) = {
            let mut queue = self.shared.queue();
            for other in self.others.drain(..).rev() {
                queue.waiting.push_front(other);
            }
            queue.waiting.retain(|waiting| !waiting.turn.is_closed());
            let Some(next) = queue.waiting.pop_front() else {
                queue.running -= 1;
                return;
            };
            let together = queue.waiting.len().min(TOGETHER_MAX - 1);
            (next, queue.waiting.drain(..together).collect())
        };
        // Who went away in this moment drops the lead, which hands it on again.
        let _ = next.turn.send(Turn::Read(Lead { shared: self.shared.clone(), others }));
    }
}
