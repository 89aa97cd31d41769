//! Reads one ticket for many callers at once. A read is a hop to the database's thread and back, which costs more than
//! the read itself; so tickets that are requested while others are being read are read together, in one statement,
//! right after them. A caller that finds no read under way reads at once and does not wait for others.

use super::{TOGETHER, Ticket, TicketRef};
use crate::store::{
    Db, Result, TenantScope,
    db::{
        conn::{Link, on},
        sql::padded,
    },
};
use inboxops_proto::id::{TenantId, TicketId};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// Greatest number of tickets that are read together.
const TOGETHER_MAX: usize = 32;

/// Finds tickets by id.
pub(crate) struct Lookup(Arc<Shared>);

struct Shared {
    db: Db,
    /// Greatest number of reads under way.
    most: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Reads under way.
    running: usize,
    waiting: VecDeque<Waiter>,
}

/// A ticket, and the tenant that it must belong to.
type Key = (TicketId, TenantId);

struct Waiter {
    key: Key,
    turn: oneshot::Sender<Turn>,
}

/// The result of waiting.
enum Turn {
    /// Another caller has read the ticket.
    Found(Option<Box<Ticket>>),
    /// This caller reads, for itself and for others.
    Read(Lead),
}

/// One of the reads under way. When dropped, it goes to the next waiting callers, and to those that it has not
/// answered.
struct Lead {
    shared: Arc<Shared>,
    others: Vec<Waiter>,
}

impl Lookup {
    /// A look-up for this database; some readers stay free for other statements.
    pub(crate) fn new(db: Db) -> Lookup {
        let most = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Lookup(Arc::new(Shared { db, most, queue: Mutex::default() }))
    }

    /// The ticket as of now: everything committed before the call is visible.
    pub(crate) async fn find(&self, scope: TenantScope, named: TicketRef) -> Result<Option<Ticket>> {
        let TicketRef::Id(id) = named else { return super::find(&self.0.db, scope, named).await };
        let key = (id, scope.tenant());
        let turn = match self.0.join(key) {
            Ok(lead) => return lead.read(key).await,
            Err(turn) => turn.await,
        };
        match turn {
            Ok(Turn::Found(ticket)) => Ok(ticket.map(|ticket| *ticket)),
            Ok(Turn::Read(lead)) => lead.read(key).await,
            // The caller that read for this one failed; this one reads for itself.
            Err(_) => super::find(&self.0.db, scope, named).await,
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a read, or waits for a turn.
    fn join(self: &Arc<Shared>, key: Key) -> std::result::Result<Lead, oneshot::Receiver<Turn>> {
        let mut queue = self.queue();
        if queue.running < self.most {
            queue.running += 1;
            return Ok(Lead { shared: self.clone(), others: Vec::new() });
        }
        let (turn, waits) = oneshot::channel();
        queue.waiting.push_back(Waiter { key, turn });
        Err(waits)
    }
}

impl Lead {
    async fn read(mut self, key: Key) -> Result<Option<Ticket>> {
        let keys: Vec<Key> = std::iter::once(key).chain(self.others.iter().map(|other| other.key)).collect();
        let tickets = match self.tickets(&keys).await {
            Ok(tickets) => tickets,
            Err(error) => {
                self.others.clear();
                return Err(error);
            }
        };
        let of = |key: Key| tickets.iter().find(|ticket| (ticket.id, ticket.tenant) == key).cloned();
        for other in self.others.drain(..) {
            // A caller that no longer waits needs no answer.
            let _ = other.turn.send(Turn::Found(of(other.key).map(Box::new)));
        }
        Ok(of(key))
    }

    async fn tickets(&self, keys: &[Key]) -> Result<Vec<Ticket>> {
        let mut reader = self.shared.db.lookup().await?;
        together(reader.link(), keys).await
    }
}

impl Drop for Lead {
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
        // A caller that has just gone away drops the lead, which passes it on again.
        let _ = next.turn.send(Turn::Read(Lead { shared: self.shared.clone(), others }));
    }
}

/// The tickets that exist, each in its own tenant.
async fn together(link: &mut Link, keys: &[Key]) -> Result<Vec<Ticket>> {
    let size = padded(keys.len());
    let sql = TOGETHER.text(size, link.is_pg());
    on!(link, c, D => {
        let mut query = sqlx::query_as::<D, Ticket>(sql);
        for (ticket, tenant) in keys.iter().cycle().take(size) {
            query = query.bind(ticket.0).bind(tenant.0);
        }
        query.fetch_all(c).await
    })
}
