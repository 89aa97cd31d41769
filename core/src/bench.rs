//! Operations below the gate that `xtask` benchmarks: reading one ticket, claiming due deliveries, listing many
//! tickets.

mod fill;
mod messages;

pub use fill::{FillSummary, tickets as fill_tickets};
pub use messages::messages as fill_messages;

use crate::store::{
    self, Db, Options, Queue, Result, TenantScope,
    dispatch::{self, Claim},
    tickets::TicketRef,
};
use inboxops_proto::{
    clock::Clock,
    id::{TenantId, TicketId},
    v1,
};
use std::time::{Duration, Instant};

/// Lanes that a timed claim reads.
const LANES: i64 = 16;
/// Greatest number of deliveries that a timed claim takes from each lane.
pub const LANE_ROOM: u32 = 8;
/// Duration of the leases of a timed claim.
const LEASE: Duration = Duration::from_secs(60);

/// The tickets of one tenant, without a gate before them.
pub struct TicketReader {
    db: Db,
    scope: TenantScope,
}

impl TicketReader {
    /// Opens the database at `url`.
    pub async fn open(url: &str, tenant: TenantId) -> Result<TicketReader> {
        let db = Db::open(Options::new(url, Clock::System)).await?;
        let scope = db.system(Queue::Claims, async move |tx| Ok(tx.scope_of(tenant))).await?;
        Ok(TicketReader { db, scope })
    }

    /// The ticket as the API shows it.
    pub async fn get(&self, id: TicketId) -> Result<Option<v1::Ticket>> {
        let found = store::tickets::find(&self.db, self.scope.clone(), TicketRef::Id(id)).await?;
        Ok(found.as_ref().map(v1::Ticket::from))
    }
}

/// Runs `count` claims on the database at `url` and returns how long each takes.
pub async fn claims(url: &str, count: usize) -> Result<Vec<Duration>> {
    let db = Db::open(Options::new(url, Clock::System)).await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let now = Clock::System.now();
        let claim = Claim { now, lease_until: now.plus(LEASE), lanes: LANES };
        let begin = Instant::now();
        db.system(Queue::Claims, async move |tx| dispatch::claim(tx, claim, |_| LANE_ROOM).await).await?;
        times.push(begin.elapsed());
    }
    db.close().await;
    Ok(times)
}
