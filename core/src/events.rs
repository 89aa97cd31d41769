//! Events: what a tenant's programs learn about a change. The body is rendered once, in the transaction of the change,
//! and these bytes are stored, signed and sent. The resources in it are the REST resources, made by the same code.

mod feed;
mod tape;
mod thin;

pub(crate) use {feed::Events, thin::Thin};

use crate::{
    caller::Actor,
    error::Result,
    store::{NewEvent, Tx},
    time_and_chance::Ids,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{EventId, GroupId, InboxId, TenantId, TicketId},
    json, v1,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// Greatest size of a text in an event, in bytes of its JSON.
pub(crate) const TEXT_MAX_JSON_BYTES: usize = 64 * 1024;

/// A message as events carry it: long text is cut, long HTML is left out, and both are marked.
pub(crate) fn fitting(mut message: v1::Message) -> v1::Message {
    let end = end_within(&message.body_text, TEXT_MAX_JSON_BYTES);
    if end < message.body_text.len() {
        message.body_text.truncate(end);
        message.truncated = true;
    }
    if end_within(&message.body_html, TEXT_MAX_JSON_BYTES) < message.body_html.len() {
        message.body_html.clear();
        message.truncated = true;
    }
    message
}

/// Length of the longest prefix of `text` whose JSON string, without quotes, has at most `size` bytes.
fn end_within(text: &str, size: usize) -> usize {
    // A letter's bytes become six each at most.
    if text.len() <= size / 6 {
        return text.len();
    }
    let mut left = size;
    for (at, letter) in text.char_indices() {
        let bytes = match letter {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            _ => letter.len_utf8(),
        };
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return at,
        }
    }
    text.len()
}

macro_rules! kinds {
    ($($variant:ident $code:literal $name:literal $group:literal $doc:literal;)*) => {
        /// A type of event. Codes are stored and never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Kind { $(#[doc = $doc] $variant = $code,)* }

        impl Kind {
            /// The catalogue, in the order in which one action emits its events.
            pub(crate) const ALL: &'static [Kind] = &[$(Kind::$variant,)*];

            /// Name on the wire.
            pub(crate) const fn name(self) -> &'static str { match self { $(Kind::$variant => $name,)* } }

            /// Its family: `ticket` for `ticket.*`.
            pub(crate) const fn group(self) -> &'static str { match self { $(Kind::$variant => $group,)* } }

            /// When it happens.
            pub(crate) const fn doc(self) -> &'static str { match self { $(Kind::$variant => $doc,)* } }
        }
    };
}

kinds! {
    TicketCreated 0 "ticket.created" "ticket" "A ticket was created, from any source.";
    TicketUpdated 1 "ticket.updated" "ticket" "A visible field of a ticket changed, such as its status, assignee or tags.";
    TicketAssigned 2 "ticket.assigned" "ticket" "A ticket was assigned, reassigned or unassigned, or created with an assignee.";
    TicketStatusChanged 3 "ticket.status_changed" "ticket" "The status of a ticket changed.";
    TicketClosed 4 "ticket.closed" "ticket" "A ticket was closed.";
    MessageReceived 5 "message.received" "message" "A customer's message arrived.";
    MessageSent 6 "message.sent" "message" "A reply was sent to a customer.";
    InboxError 7 "inbox.error" "inbox" "An inbox stopped working, or its error changed.";
}

impl Kind {
    pub(crate) fn from_code(code: i16) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    pub(crate) fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The stored code.
    pub(crate) const fn code(self) -> i16 {
        self as i16
    }

    /// The kind's bit in a subscription.
    pub(crate) const fn bit(self) -> i64 {
        1 << self as i64
    }
}

/// The events that a subscription names.
pub(crate) mod subscription {
    use super::Kind;

    /// The names in the order of the catalogue, each once; what a wide name covers is not named again.
    pub(crate) fn normal(names: &[String]) -> Vec<String> {
        let given = |name: &str| names.iter().any(|it| it == name);
        if given("*") {
            return vec!["*".to_owned()];
        }
        let wide: Vec<&str> = ["ticket.*", "message.*"].into_iter().filter(|name| given(name)).collect();
        let covered = |kind: &Kind| wide.iter().any(|name| name.strip_suffix(".*") == Some(kind.group()));
        let single = Kind::ALL.iter().filter(|kind| given(kind.name()) && !covered(kind)).map(|kind| kind.name());
        wide.iter().copied().chain(single).map(str::to_owned).collect()
    }

    /// The kinds that the names cover, as bits.
    pub(crate) fn mask(names: &[String]) -> i64 {
        let covers = |name: &str, kind: &Kind| match name.strip_suffix(".*") {
            Some(group) => group == kind.group(),
            None => name == "*" || name == kind.name(),
        };
        let covered = |kind: &&Kind| names.iter().any(|name| covers(name, kind));
        Kind::ALL.iter().filter(covered).fold(0, |bits, kind| bits | kind.bit())
    }
}

/// What the events of one committed action have in common.
pub(crate) struct Group<'a> {
    pub(crate) tenant: TenantId,
    /// When the action happened.
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a Actor,
    pub(crate) id: GroupId,
}

/// What an event shows beside its group.
#[derive(Default, Serialize)]
pub(crate) struct Subject<'a> {
    /// The ticket after the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ticket: Option<&'a v1::Ticket>,
    /// The message that was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<&'a v1::Message>,
    /// The inbox that fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inbox: Option<&'a v1::Inbox>,
    /// Why it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a v1::InboxError>,
    /// Fields that changed, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changes: Option<&'a Map<String, Value>>,
    /// True on a test event; absent on others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) test: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RenderedEvent {
    pub(crate) id: EventId,
    pub(crate) kind: Kind,
    /// The id that the events of one action share.
    pub(crate) group: GroupId,
    /// The inbox that the ticket left by this event.
    pub(crate) left: Option<InboxId>,
    /// The ticket that it is about; a test has none, since the ticket of its sample does not exist.
    pub(crate) ticket: Option<TicketId>,
    /// The body as it is stored, signed and sent.
    pub(crate) body: String,
}

#[derive(Serialize)]
struct Envelope<'a, M> {
    event: &'static str,
    event_id: String,
    tenant_id: String,
    created_at: String,
    data: Data<'a, M>,
}

#[derive(Serialize)]
struct Data<'a, M> {
    actor: &'a Actor,
    group: String,
    #[serde(flatten)]
    members: &'a M,
}

impl Group<'_> {
    pub(crate) fn render(&self, kind: Kind, subject: &Subject<'_>, ids: &mut Ids) -> Result<RenderedEvent> {
        let id = ids.next(EventId::new);
        let body = self.body(kind, id, subject)?;
        let ticket = subject.ticket.filter(|_| !subject.test).and_then(|ticket| ticket.id.parse().ok());
        Ok(RenderedEvent { id, kind, group: self.id, left: None, ticket, body })
    }

    /// A test whose `data` has these members beside `actor` and `group`; `test` is one of them.
    pub(crate) fn render_test<M: Serialize>(&self, kind: Kind, members: &M, ids: &mut Ids) -> Result<RenderedEvent> {
        let id = ids.next(EventId::new);
        let body = self.body(kind, id, members)?;
        Ok(RenderedEvent { id, kind, group: self.id, left: None, ticket: None, body })
    }

    fn body<M: Serialize>(&self, kind: Kind, id: EventId, members: &M) -> Result<String> {
        let envelope = Envelope {
            event: kind.name(),
            event_id: id.to_string(),
            tenant_id: self.tenant.to_string(),
            created_at: json::time::Text::of(&self.at.into()).as_str().to_owned(),
            data: Data { actor: self.actor, group: self.id.to_string(), members },
        };
        serde_json::to_string(&envelope).map_err(|_| crate::error::Error::Broken("an event renders"))
    }
}

/// Adds the events of one action to its transaction.
pub(crate) fn emit(tx: &mut Tx<'_>, events: Vec<RenderedEvent>, inbox: InboxId, at: Timestamp) {
    for event in events {
        let tenant = tx.tenant();
        tx.emit(event.row(tenant, Some(inbox), at));
    }
}

impl RenderedEvent {
    /// The row of the event.
    pub(crate) fn row(self, tenant: TenantId, inbox: Option<InboxId>, at: Timestamp) -> NewEvent {
        NewEvent {
            id: self.id,
            tenant,
            kind: self.kind.code(),
            group: self.group,
            inbox,
            left: self.left,
            ticket: self.ticket,
            at,
            body: self.body,
            test_of: None,
            trace: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_log_of_deliveries_knows_every_kind() {
        let mut codes: Vec<i16> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        codes.sort_unstable();
        assert_eq!(codes, crate::store::deliveries::KINDS);
    }

    #[test]
    fn a_subscription_is_shown_as_it_was_given_without_repeats() {
        for names in [&["*"][..], &["ticket.*"], &["ticket.*", "inbox.error"], &["ticket.created", "message.sent"]] {
            assert_eq!(subscription::normal(&owned(names)), names);
        }
        let both = owned(&["ticket.closed", "ticket.*", "ticket.*"]);
        assert_eq!(subscription::normal(&both), ["ticket.*"], "the wide one covers the other");
    }

    #[test]
    fn a_wide_name_covers_its_group_and_no_other() {
        let bits = subscription::mask(&owned(&["message.*"]));
        let covered: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| bits & kind.bit() != 0).collect();
        assert_eq!(covered, [Kind::MessageReceived, Kind::MessageSent]);
        assert_eq!(subscription::mask(&owned(&["*"])), 0xff);
    }
}
