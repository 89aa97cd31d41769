//! Finds the ticket of a mail by the ids of mails. Rows of `messages` have the mails that were received or sent; rows
//! of `referred_mails` the ids that mails refer to and that their inbox never received.

use super::{
    Result, Scoped as _, Tx,
    db::{
        conn::on,
        row::from_row,
        sql::{Rows, Type, padded, row_statements, write_rows},
    },
    messages::{MailIdentity, message_kind},
};
use inboxops_proto::id::{InboxId, MessageId, TicketId};
use uuid::Uuid;

/// What the store knows of a mail that is to be recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MailFacts {
    /// The message that is this mail.
    pub(crate) same: Option<MessageId>,
    /// A message that an earlier release recorded with this mail's id, whatever its content.
    pub(crate) same_id: Option<MessageId>,
    /// A reply of the tenant with this mail's id.
    pub(crate) sent: Option<MessageId>,
    /// The ticket in which the inbox has this mail's id or one that it answers.
    pub(crate) ticket: Option<TicketId>,
    /// Ids that it answers and that the inbox does not know.
    pub(crate) unknown: Vec<String>,
}

/// What the store knows of one id.
struct IdFacts {
    at: i16,
    recorded: Option<TicketId>,
    referred: Option<TicketId>,
    same: Option<MessageId>,
    same_id: Option<MessageId>,
    sent: Option<MessageId>,
}

from_row!(IdFacts in "messages", row => Ok(IdFacts {
    at: row.get("place")?,
    recorded: row.opt("recorded", TicketId)?,
    referred: row.of("referred_mails").opt("referred", TicketId)?,
    same: row.opt("same", MessageId)?,
    same_id: row.opt("same_id", MessageId)?,
    sent: row.opt("sent", MessageId)?,
}));

impl IdFacts {
    fn ticket(&self) -> Option<TicketId> {
        self.recorded.or(self.referred)
    }
}

row_statements! {
    // Any message with the id names the ticket: a sender who gives all mails one id must not make each look-up slower
    // than the one before.
    LOOK = Rows {
        head: "WITH asked (place, mail, owner, box, content, earlier) AS (VALUES",
        row: &[Type::Small, Type::Text, Type::Uuid, Type::Uuid, Type::Bytes, Type::Bytes],
        tail: concat!(
            ") SELECT place, \
             (SELECT ticket_id FROM messages WHERE tenant_id = owner AND message_id = mail AND inbox_id = box \
             LIMIT 1) AS recorded, \
             (SELECT ticket_id FROM referred_mails WHERE tenant_id = owner AND inbox_id = box AND message_id = mail) \
             AS referred, \
             (SELECT id FROM messages WHERE tenant_id = owner AND inbox_id = box AND dedup_key = content) AS same, \
             (SELECT id FROM messages WHERE tenant_id = owner AND inbox_id = box AND dedup_key = earlier) AS same_id, \
             (SELECT id FROM messages WHERE tenant_id = owner AND message_id = mail \
             AND kind = ", message_kind!(outbound), " AND place = 0 LIMIT 1) AS sent FROM asked"
        ),
        tail_pg: None,
    };
    // A mail to two inboxes is in a ticket of each: a ticket that already has it belongs to the other inbox.
    ELSEWHERE = Rows {
        head: "WITH asked (place, mail, owner, own) AS (VALUES",
        row: &[Type::Small, Type::Text, Type::Uuid, Type::Text],
        tail: ") SELECT place, (SELECT m.ticket_id FROM messages m WHERE m.tenant_id = owner AND m.message_id = mail \
               AND NOT EXISTS (SELECT 1 FROM messages o WHERE o.tenant_id = owner AND o.message_id = own \
               AND o.ticket_id = m.ticket_id) ORDER BY m.created_at, m.id LIMIT 1) FROM asked",
        tail_pg: None,
    };
    REFER = Rows {
        head: "INSERT INTO referred_mails (tenant_id, inbox_id, message_id, ticket_id) VALUES",
        row: &[Type::Uuid, Type::Uuid, Type::Text, Type::Uuid],
        tail: "ON CONFLICT DO NOTHING",
        tail_pg: None,
    };
}

/// Looks up a mail and those that it answers, the nearest first; `earlier` is its key in earlier releases.
pub(crate) async fn look(
    tx: &mut Tx<'_>,
    mailed: &MailIdentity,
    parents: &[String],
    earlier: Option<[u8; 32]>,
) -> Result<MailFacts> {
    let tenant = tx.tenant();
    let link = tx.link();
    let places: Vec<i16> = (0..).take(1 + parents.len()).collect();
    let size = padded(places.len());
    let sql = LOOK.text(size, link.is_pg());
    let found = on!(link, c, D => {
        let mut query = sqlx::query_as::<D, IdFacts>(sql);
        for place in places.iter().cycle().take(size) {
            let own = *place == 0;
            let mail = if own { mailed.message_id.as_ref() } else { parents.get(usize::from(place.unsigned_abs()) - 1) };
            query = query
                .bind(*place)
                .bind(mail)
                .bind(tenant.0)
                .bind(mailed.inbox.0)
                .bind(mailed.dedup_key.as_ref().filter(|_| own).map(|key| &key[..]))
                .bind(earlier.as_ref().filter(|_| own).map(|key| &key[..]));
        }
        query.fetch_all(c).await
    })?;
    let first = |of: fn(&IdFacts) -> Option<TicketId>| {
        found.iter().filter_map(|it| Some((it.at, of(it)?))).min_by_key(|(at, _)| *at).map(|(_, ticket)| ticket)
    };
    let knows = |place: usize| found.iter().any(|it| usize::try_from(it.at) == Ok(place) && it.ticket().is_some());
    Ok(MailFacts {
        same: found.iter().find_map(|it| it.same),
        same_id: found.iter().find_map(|it| it.same_id),
        sent: found.iter().find_map(|it| it.sent),
        ticket: first(|it| it.recorded).or_else(|| first(|it| it.referred)),
        unknown: (1..).zip(parents).filter(|(place, _)| !knows(*place)).map(|(_, parent)| parent.clone()).collect(),
    })
}

/// The ticket, in any inbox, that has one of the mails that this one answers, except tickets that have the mail itself.
pub(crate) async fn elsewhere(tx: &mut Tx<'_>, own: Option<&str>, parents: &[String]) -> Result<Option<TicketId>> {
    if parents.is_empty() {
        return Ok(None);
    }
    let tenant = tx.tenant();
    let link = tx.link();
    let size = padded(parents.len());
    let sql = ELSEWHERE.text(size, link.is_pg());
    let found = on!(link, c, D => {
        let mut query = sqlx::query_as::<D, (i16, Option<Uuid>)>(sql);
        for (place, parent) in (0_i16..).zip(parents).cycle().take(size) {
            query = query.bind(place).bind(parent).bind(tenant.0).bind(own);
        }
        query.fetch_all(c).await
    })?;
    let known = found.into_iter().filter_map(|(place, ticket)| Some((place, ticket?)));
    Ok(known.min_by_key(|(place, _)| *place).map(|(_, ticket)| TicketId(ticket)))
}

/// Records that a mail of this inbox, in this ticket, refers to these mails. Existing records stay.
pub(crate) async fn refer(tx: &mut Tx<'_>, inbox: InboxId, ticket: TicketId, mails: &[String]) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    write_rows!(link, REFER, mails, |query, mail| query.bind(tenant.0).bind(inbox.0).bind(mail).bind(ticket.0));
    Ok(())
}
