//! Fills a database with the tickets of a helpdesk that is some months old. The store itself writes them, so that all
//! counts and indexes of lists exist. Some values are common and some are rare.

use crate::{
    list_index::ListIndex,
    store::{
        self, Db, Options, Queue, Result,
        tags::Tag,
        tickets::{Priority, Requester, Status, TagRef, Ticket},
    },
    time_and_chance::{Chance, Stamps},
};
use inboxops_proto::{
    clock::{Clock, Timestamp},
    id::{AgentId, InboxId, TagId, TenantId, TicketId},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Tickets in one transaction.
const BATCH: u32 = 2_000;
/// Time between two tickets.
const EVERY: Duration = Duration::from_secs(20);
/// Number of the tenant's agents.
const AGENTS: u32 = 20;
/// Words of subjects; the rare word is elsewhere.
const WORDS: &[&str] = &[
    "refund",
    "order",
    "parcel",
    "lost",
    "invoice",
    "question",
    "delivery",
    "address",
    "change",
    "cancel",
    "subscription",
    "payment",
    "failed",
    "login",
    "problem",
    "help",
    "return",
    "broken",
    "item",
    "size",
    "color",
    "discount",
    "voucher",
    "account",
    "password",
    "missing",
    "late",
    "wrong",
    "shipping",
    "cost",
    "receipt",
    "export",
    "crash",
    "slow",
    "upgrade",
    "plan",
    "team",
    "invite",
    "about",
    "with",
];

/// Values that benchmark queries need.
pub struct FillSummary {
    /// An inbox with few tickets.
    pub rare_inbox: InboxId,
    pub agent: AgentId,
}

/// A pseudo-random number that is the same in every run.
pub(super) fn mixed(n: u32, salt: u64) -> u64 {
    let mut x = u64::from(n).wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Writes `count` tickets, most of them in `inbox`, into the database at `url`. No server may use that database.
pub async fn tickets(url: &str, id: TenantId, inbox: InboxId, count: u32) -> crate::Result<FillSummary> {
    let db = Db::open(Options::new(url, Clock::System)).await?;
    let scope = db.system(Queue::Claims, async move |tx| Ok(tx.scope_of(id))).await?;
    let now = Clock::System.now();
    let begin = now.minus(EVERY * count);
    let chance = |n: u32, salt: u64| u128::from(mixed(n, salt)) << 64 | u128::from(mixed(n, salt + 1));
    let tag = |name: &str, n: u32| Tag {
        id: TagId::new(begin, chance(n, 1)),
        name: name.to_owned(),
        color: None,
        created_at: begin,
    };
    let world = World {
        tenant: id,
        begin,
        now,
        count,
        inboxes: [inbox, InboxId::new(begin, chance(1, 3))],
        agents: (0..AGENTS).map(|n| AgentId::new(begin, chance(n, 5))).collect(),
        tags: [tag("billing", 1), tag("vip", 2)],
    };
    for first in (0..count).step_by(BATCH as usize) {
        let tickets: Vec<Ticket> = (first..count.min(first + BATCH)).map(|n| world.ticket(n, chance(n, 7))).collect();
        let tags = world.tags.clone();
        let write = async move |tx: &mut store::Tx<'_>| -> Result<()> {
            for tag in &tags {
                store::tags::get_or_insert(tx, tag, &store::fold(&tag.name)).await?;
            }
            for ticket in &tickets {
                let ticket = Ticket { number: store::tickets::next_number(tx).await?, ..ticket.clone() };
                store::tickets::insert(tx, &ticket);
                for tag in &ticket.tags {
                    store::tags::attach(tx, &ticket, tag.id, ticket.created_at).await?;
                }
            }
            Ok(())
        };
        db.write(scope.clone(), write).await?;
    }
    let lists = ListIndex::new(db.clone(), Stamps::new(Clock::System, Chance::seeded(1)));
    lists.pass(true, &CancellationToken::new()).await?;
    db.close().await;
    Ok(FillSummary { rare_inbox: world.inboxes[1], agent: world.agents[3] })
}

struct World {
    tenant: TenantId,
    begin: Timestamp,
    now: Timestamp,
    count: u32,
    inboxes: [InboxId; 2],
    agents: Vec<AgentId>,
    tags: [Tag; 2],
}

impl World {
    fn ticket(&self, n: u32, chance: u128) -> Ticket {
        let at = self.begin.plus(EVERY * n).plus(Duration::from_micros(mixed(n, 11) % 20_000_000));
        let roll = |salt: u64, of: u64| mixed(n, salt) % of;
        // A few of all tickets, however many there are.
        let rare = |salt: u64| roll(salt, u64::from(self.count / 10).max(1)) == 0;
        let newest = n + self.count / 50 >= self.count;
        let status = match (newest, roll(12, 100)) {
            (true, 0..60) => Status::Open,
            (true, 60..80) => Status::Pending,
            (false, 0..1) => Status::Pending,
            _ => Status::Solved,
        };
        let tags = [(roll(13, 10) < 3).then_some(&self.tags[0]), rare(14).then_some(&self.tags[1])];
        let words = (0..3 + roll(15, 4)).map(|at| WORDS[roll(16 + at, WORDS.len() as u64) as usize]);
        let words = words.chain((roll(30, 2_000) == 0).then_some("zeppelin")).collect::<Vec<_>>().join(" ");
        let updated_at = at.plus(Duration::from_secs(roll(31, 432_000))).min(self.now);
        Ticket {
            id: TicketId::new(at, chance),
            tenant: self.tenant,
            subject: format!("{words} #{}", n + 1),
            status,
            priority: match roll(32, 100) {
                _ if rare(33) => Priority::Urgent,
                0..10 => Priority::High,
                _ => Priority::Normal,
            },
            inbox: self.inboxes[usize::from(rare(34))],
            assignee: (status == Status::Solved || roll(35, 2) == 0)
                .then(|| self.agents[roll(36, u64::from(AGENTS)) as usize]),
            requester: Some(Requester {
                name: "Ada".to_owned(),
                email: format!("customer{}@example.com", roll(37, u64::from(self.count / 50).max(8))),
            }),
            tags: tags.into_iter().flatten().map(|tag| TagRef { id: tag.id, name: tag.name.clone() }).collect(),
            solved_at: (status == Status::Solved).then_some(updated_at),
            updated_at: updated_at.max(at),
            ..Ticket::blank(at)
        }
    }
}
