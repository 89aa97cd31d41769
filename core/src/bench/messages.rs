//! Gives messages to the tickets of a filled database.

use super::fill::mixed;
use crate::store::{
    self, Db, Options, Queue, Result,
    messages::{Author, AuthorKind, Message, MessageKind},
    tickets::Ticket,
};
use inboxops_proto::{
    clock::Clock,
    id::{MessageId, TenantId},
};
use std::time::Duration;

/// Time between two messages of a ticket.
const EVERY: Duration = Duration::from_secs(600);
/// Text of a message, about as long as mails are.
const SENTENCES: usize = 8;

/// Writes `each` messages for each ticket of the tenant into the database at `url`. No server may use that database.
pub async fn messages(url: &str, id: TenantId, each: u32) -> crate::Result<()> {
    let db = Db::open(Options::new(url, Clock::System)).await?;
    let scope = db.system(Queue::Claims, async move |tx| Ok(tx.scope_of(id))).await?;
    let mut after = 0;
    loop {
        let mut read = db.read(scope.clone()).await?;
        let tickets = store::exports::tickets(&mut read, after).await?;
        drop(read);
        let Some(last) = tickets.last() else { break };
        after = i64::from(last.number);
        let messages: Vec<Message> =
            tickets.iter().flat_map(|ticket| (0..each).map(|number| message(ticket, number, each))).collect();
        let write = async move |tx: &mut store::Tx<'_>| -> Result<()> {
            for message in &messages {
                store::messages::insert(tx, message).await?;
            }
            Ok(())
        };
        db.write(scope.clone(), write).await?;
    }
    db.close().await;
    Ok(())
}

fn message(ticket: &Ticket, number: u32, each: u32) -> Message {
    let n = ticket.number * each + number;
    let at = ticket.created_at.plus(EVERY * number);
    let sentence =
        format!("Where is my order {n}? I have waited for it since last week, and nobody answers the phone. ");
    let text = sentence.repeat(SENTENCES);
    Message {
        id: MessageId::new(at, u128::from(mixed(n, 51)) << 64 | u128::from(mixed(n, 52))),
        ticket: ticket.id,
        kind: if number.is_multiple_of(2) { MessageKind::Inbound } else { MessageKind::Outbound },
        author: Author {
            kind: AuthorKind::Customer,
            id: None,
            name: "Ada".to_owned(),
            email: Some("ada@example.com".to_owned()),
        },
        html: format!("<p>{text}</p>"),
        text,
        truncated: false,
        created_at: at,
        sent_at: None,
    }
}
