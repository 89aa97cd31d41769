//! `include=messages`: the newest messages of each ticket of a page, in two statements whatever their number.

use crate::{
    error::Result,
    listing::answer_size::{self, ROOM, item_bytes},
    store::{self, ReadTx, messages::list::MessageSize, tickets::Ticket},
};
use inboxops_proto::{id::TicketId, v1};
use std::collections::HashMap;

/// Greatest number of messages of a ticket.
const EACH: i64 = 25;
/// JSON of the two members of a ticket without any message.
const EMPTY_BYTES: usize = r#""messages":[],"messages_truncated":false,"#.len();

/// The tickets with their messages, as many as fit: by cursor the page ends earlier, by page the longest bodies are
/// cut.
pub(super) async fn with_messages(read: &mut ReadTx, tickets: &[Ticket], by_cursor: bool) -> Result<Vec<v1::Ticket>> {
    let ids: Vec<TicketId> = tickets.iter().map(|ticket| ticket.id).collect();
    let sizes = store::messages::list::newest(read, &ids, EACH).await?;
    let of = |ticket: &Ticket| sizes.get(&ticket.id).map(Vec::as_slice).unwrap_or_default();
    let tickets = if by_cursor { &tickets[..first_that_fit(tickets, of)] } else { tickets };
    let wanted: Vec<MessageSize> = tickets.iter().flat_map(of).copied().collect();
    let mut by_ticket: HashMap<String, Vec<v1::Message>> = HashMap::new();
    for message in answer_size::read(read, &wanted).await? {
        by_ticket.entry(message.ticket_id.clone()).or_default().push(message);
    }
    let mut bare = Vec::with_capacity(tickets.len());
    let mut shown = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        let mut ticket = v1::Ticket::from(ticket);
        bare.push(item_bytes(&ticket) + EMPTY_BYTES);
        let messages = by_ticket.remove(&ticket.id).unwrap_or_default();
        ticket.messages_truncated = Some(i64::from(ticket.message_count) > EACH);
        ticket.messages = Some(v1::TicketMessages { messages });
        shown.push(ticket);
    }
    Ok(fitted(shown, &bare, by_cursor))
}

/// Cuts the page to what an answer holds; `bare` is the JSON of each ticket without its messages.
fn fitted(mut shown: Vec<v1::Ticket>, bare: &[usize], by_cursor: bool) -> Vec<v1::Ticket> {
    if by_cursor {
        let mut used = 0;
        let fitting = shown.iter().take_while(|ticket| {
            used += item_bytes(*ticket);
            used <= ROOM
        });
        let fitting = fitting.count().max(1);
        shown.truncate(fitting);
    }
    // Of those that are left alone: room for the others would cut bodies that fit.
    let bare: usize = bare.iter().take(shown.len()).sum();
    let messages = shown.iter_mut().filter_map(|ticket| ticket.messages.as_mut());
    let mut messages: Vec<&mut v1::Message> = messages.flat_map(|of| of.messages.iter_mut()).collect();
    answer_size::fit(&mut messages, ROOM.saturating_sub(bare));
    shown
}

/// The number of tickets, from the first on, whose bodies may fit; at least one, if there is any.
fn first_that_fit<'a>(tickets: &[Ticket], of: impl Fn(&Ticket) -> &'a [MessageSize]) -> usize {
    let mut used = 0;
    let fitting = tickets.iter().take_while(|ticket| {
        used += of(ticket).iter().map(|it| it.text + it.html).sum::<usize>();
        used <= ROOM
    });
    fitting.count().max(1).min(tickets.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_by_cursor_ends_earlier_and_cuts_no_body_that_fits() {
        let ticket = |subject: usize, body: usize| {
            let bare = v1::Ticket { subject: "s".repeat(subject), ..Default::default() };
            let bytes = item_bytes(&bare) + EMPTY_BYTES;
            let message = v1::Message { body_text: "a".repeat(body), ..Default::default() };
            let messages = Some(v1::TicketMessages { messages: vec![message] });
            (v1::Ticket { messages, messages_truncated: Some(false), ..bare }, bytes)
        };
        // The first one nearly fills the answer; the others, without their bodies, would not fit beside it.
        let first = ticket(9, ROOM - 4096);
        let others = (0..20).map(|_| ticket(255, 5000));
        let (all, bare): (Vec<_>, Vec<_>) = std::iter::once(first).chain(others).unzip();
        let by_cursor = fitted(all.clone(), &bare, true);
        let of = |ticket: &v1::Ticket| ticket.messages.clone().expect("messages").messages;
        assert_eq!(by_cursor.len(), 1, "the page ends earlier");
        assert!(!of(&by_cursor[0])[0].truncated, "a body that fits is whole");
        let by_page = fitted(all, &bare, false);
        assert_eq!(by_page.len(), 21, "a page by number has all of its tickets");
        assert!(of(&by_page[0])[0].truncated && !of(&by_page[1])[0].truncated, "the longest body is cut");
    }
}
