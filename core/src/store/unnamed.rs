//! Events that do not say which ticket they are about, although their bodies do: those of releases that did not write
//! it. They have an index of their own, which is empty otherwise.

use super::{
    Db, Result, SystemTx,
    db::{
        conn::on,
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
};
use inboxops_proto::id::TicketId;
use serde::Deserialize;
use uuid::Uuid;

/// Events in one transaction.
const BATCH_MAX: i64 = 256;

statements! {
    FIRST = Sql::both(
        "SELECT seq, body FROM events WHERE ticket_id IS NULL AND NOT test AND kind <> 7 ORDER BY seq LIMIT $1",
    );
}

row_statements! {
    NAME = Rows {
        head: "WITH v (key, ticket) AS (VALUES",
        row: &[Type::Big, Type::Uuid],
        tail: ") UPDATE events SET ticket_id = v.ticket FROM v WHERE events.seq = v.key",
        tail_pg: None,
    };
}

/// As much of a body as is needed.
#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    ticket: Ticket,
}

#[derive(Deserialize)]
struct Ticket {
    id: String,
}

/// The ticket of a body; the nil UUID if it names none, so that the event is not looked at again.
fn ticket_of(body: &str) -> TicketId {
    let read = || serde_json::from_str::<Body>(body).ok()?.data.ticket.id.parse().ok();
    read().unwrap_or(TicketId(Uuid::nil()))
}

/// Whether there are any.
pub(crate) async fn any(db: &Db) -> Result<bool> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = FIRST.on(link);
    let first = on!(link, c, D => sqlx::query_as::<D, (i64, String)>(sql).bind(1_i64).fetch_optional(c).await)?;
    Ok(first.is_some())
}

/// Writes the tickets of the next few; returns whether there may be more.
pub(crate) async fn name(tx: &mut SystemTx<'_>) -> Result<bool> {
    let link = tx.writing();
    let sql = FIRST.on(link);
    let events = on!(link, c, D =>
        sqlx::query_as::<D, (i64, String)>(sql).bind(BATCH_MAX).fetch_all(c).await)?;
    let named: Vec<(i64, TicketId)> = events.iter().map(|(seq, body)| (*seq, ticket_of(body))).collect();
    write_rows!(link, NAME, &named, |query, (seq, ticket)| query.bind(*seq).bind(ticket.0));
    Ok(i64::try_from(named.len()).is_ok_and(|read| read == BATCH_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_ticket_or_none() {
        let id = "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51";
        let body =
            format!("{{\"event\":\"x\",\"data\":{{\"actor\":{{}},\"ticket\":{{\"id\":\"{id}\",\"version\":1}}}}}}");
        assert_eq!(ticket_of(&body).to_string(), id);
        for body in ["", "{}", "{\"data\":{}}", "{\"data\":{\"ticket\":{\"id\":\"x\"}}}"] {
            assert!(ticket_of(body).0.is_nil(), "{body}");
        }
    }
}
