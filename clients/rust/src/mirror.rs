//! A mirror of a workspace: the export, then the events. Changes come at least once; `version` drops what is stale.

use crate::{
    Client, Error, Events, EventsOptions, ExportLine, ExportOptions, Kind, List, MirrorState, Resource, Store,
    Transport, WebhookEvent,
    api::{ListAgentsQuery, ListInboxesQuery, ListMessagesQuery, ListTagsQuery, Message, Ticket},
};
use serde::de::DeserializeOwned;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const LINES_UNSAVED_MAX: u32 = 500;
const FRESH: Duration = Duration::from_secs(60);
const LOOKS_MAX: u32 = 10;
const LOOK: Duration = Duration::from_secs(1);

/// What to mirror, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorOptions {
    /// By default all that the key may read. Another choice than before begins again.
    pub types: Option<Vec<Kind>>,
    /// Ends it when it has caught up with the events of now, as for a nightly run.
    pub once: bool,
    pub transport: Transport,
    /// The time between two questions of a poll that found nothing; 5 seconds by default.
    pub poll: Option<Duration>,
}

pub(crate) async fn keep(client: &Client, store: &mut impl Store, options: MirrorOptions) -> Result<(), Error> {
    let mut types = options.types.clone();
    if let Some(types) = &mut types {
        types.sort_unstable();
        types.dedup();
    }
    let begun = |round: u64| MirrorState { round, types: types.clone(), ..MirrorState::default() };
    let kept = store.load().await.map_err(store_failed)?;
    let (mut state, mut is_new) = match kept {
        Some(kept) if kept.types == types => (kept, false),
        kept => (begun(kept.map_or(0, |kept| kept.round) + 1), true),
    };
    loop {
        let round = state.round;
        let mut mirror = Mirror::new(client, &mut *store, state, &options);
        let Err(error) = mirror.run().await else { return Ok(()) };
        if error.code() != "cursor_expired" || (is_new && mirror.is_fresh()) {
            return Err(error);
        }
        // Events that are no longer kept, or a server that was restored from a backup: only a new export heals it.
        state = begun(round + 1);
        is_new = true;
        store.save(&state).await.map_err(store_failed)?;
    }
}

fn store_failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Store(error.into())
}

struct Mirror<'a, Place> {
    client: &'a Client,
    store: &'a mut Place,
    state: MirrorState,
    options: &'a MirrorOptions,
    exported_at: Option<Instant>,
    /// Ids that lists were searched for, so that one that is gone is not searched for with every event.
    sought: HashSet<String>,
    /// What the key may not list.
    denied: HashSet<Kind>,
}

impl<'a, Place: Store> Mirror<'a, Place> {
    fn new(client: &'a Client, store: &'a mut Place, state: MirrorState, options: &'a MirrorOptions) -> Self {
        let (sought, denied) = (HashSet::new(), HashSet::new());
        Mirror { client, store, state, options, exported_at: None, sought, denied }
    }

    /// Whether its cursors are so new that a server which calls them too old would do so for ever.
    fn is_fresh(&self) -> bool {
        self.state.export_cursor.is_none() && self.exported_at.is_none_or(|at| at.elapsed() < FRESH)
    }

    async fn run(&mut self) -> Result<(), Error> {
        if self.state.events_cursor.is_none() {
            self.export().await?;
        }
        self.exported_at = Some(Instant::now());
        let options = EventsOptions {
            after: self.state.events_cursor.clone(),
            types: self.event_types(),
            transport: self.options.transport,
            poll: self.options.poll,
        };
        let client = self.client.clone();
        let mut events =
            if self.options.once { Events::until_now(client, options) } else { Events::new(client, options) };
        while let Some(received) = events.step().await? {
            self.take(received.event).await?;
            self.state.events_cursor = Some(received.cursor);
            self.save().await?;
        }
        Ok(())
    }

    async fn export(&mut self) -> Result<(), Error> {
        let mut unsaved = 0;
        let done = self.export_lines(&mut unsaved).await;
        if unsaved > 0 {
            self.save().await?;
        }
        done
    }

    async fn export_lines(&mut self, unsaved: &mut u32) -> Result<(), Error> {
        let (types, after) = (self.state.types.clone(), self.state.export_cursor.clone());
        let mut export = self.client.export(ExportOptions { types, after });
        while let Some(line) = export.try_next().await? {
            match line {
                ExportLine::End { events_cursor, .. } => {
                    self.store.remove_before(self.state.round).await.map_err(store_failed)?;
                    *unsaved = 0;
                    self.state.export_cursor = None;
                    self.state.events_cursor = Some(events_cursor);
                    return self.save().await;
                }
                ExportLine::Resource { resource, cursor } => {
                    self.put(*resource).await?;
                    self.state.export_cursor = Some(cursor);
                    *unsaved += 1;
                    if *unsaved == LINES_UNSAVED_MAX {
                        *unsaved = 0;
                        self.save().await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Tickets name tags, inboxes and agents, so their events come in any case.
    fn event_types(&self) -> Vec<String> {
        let mut names = vec!["ticket.created", "ticket.updated"];
        if self.has(Kind::Messages) {
            names.push("message.*");
        }
        if self.has(Kind::Inboxes) {
            names.push("inbox.error");
        }
        names.into_iter().map(str::to_owned).collect()
    }

    fn has(&self, kind: Kind) -> bool {
        self.state.types.as_ref().is_none_or(|types| types.contains(&kind))
    }

    async fn take(&mut self, event: WebhookEvent) -> Result<(), Error> {
        if let Some(ticket) = event.data.ticket {
            self.companions(&ticket).await?;
            if self.has(Kind::Tickets) {
                self.put(Resource::Ticket(ticket)).await?;
            }
        }
        if let Some(message) = event.data.message.filter(|_| self.has(Kind::Messages)) {
            let whole = self.whole(message).await?;
            self.put(Resource::Message(whole)).await?;
        }
        if let Some(inbox) = event.data.inbox.filter(|_| self.has(Kind::Inboxes)) {
            self.put(Resource::Inbox(inbox)).await?;
        }
        Ok(())
    }

    /// What a ticket names and no event tells of: tags, inboxes and agents that came after the export.
    async fn companions(&mut self, ticket: &Ticket) -> Result<(), Error> {
        let client = self.client;
        for tag in &ticket.tags {
            if self.is_missing(Kind::Tags, &tag.id).await? {
                self.put_all(Kind::Tags, client.tags().list(&ListTagsQuery::default()), Resource::Tag).await?;
            }
        }
        if self.is_missing(Kind::Inboxes, &ticket.inbox_id).await? {
            let list = client.inboxes().list(&ListInboxesQuery::default());
            self.put_all(Kind::Inboxes, list, Resource::Inbox).await?;
        }
        if let Some(id) = &ticket.assignee_id
            && self.is_missing(Kind::Agents, id).await?
        {
            let list = client.agents().list(&ListAgentsQuery::default());
            self.put_all(Kind::Agents, list, Resource::Agent).await?;
        }
        Ok(())
    }

    /// Whether one has to be searched for. It is searched for once.
    async fn is_missing(&mut self, kind: Kind, id: &str) -> Result<bool, Error> {
        if !self.has(kind) || self.sought.contains(id) {
            return Ok(false);
        }
        if self.store.get(kind, id).await.map_err(store_failed)?.is_some() {
            return Ok(false);
        }
        self.sought.insert(id.to_owned());
        Ok(true)
    }

    async fn put_all<Item: DeserializeOwned>(
        &mut self,
        kind: Kind,
        mut list: List<Item>,
        wrap: fn(Item) -> Resource,
    ) -> Result<(), Error> {
        while let Some(item) = self.listed(kind, &mut list).await? {
            self.put(wrap(item)).await?;
        }
        Ok(())
    }

    /// The next of a list, or nothing if the key may not read it.
    async fn listed<Item: DeserializeOwned>(
        &mut self,
        kind: Kind,
        list: &mut List<Item>,
    ) -> Result<Option<Item>, Error> {
        if self.denied.contains(&kind) {
            return Ok(None);
        }
        match list.try_next().await {
            Err(error) if error.status() == Some(403) => {
                self.denied.insert(kind);
                Ok(None)
            }
            answer => answer,
        }
    }

    /// Events cut long texts. The message as the list of them has it, once it does, if the key may read it.
    async fn whole(&mut self, message: Message) -> Result<Message, Error> {
        if !message.truncated {
            return Ok(message);
        }
        let known = self.store.get(Kind::Messages, &message.id).await.map_err(store_failed)?;
        if let Some(known) = known.filter(|known| known.round == self.state.round)
            && let Resource::Message(known) = known.resource
            && !known.truncated
        {
            return Ok(known);
        }
        let query = ListMessagesQuery {
            ticket_id: vec![message.ticket_id.clone()],
            created_since: Some(message.created_at.clone()),
            ..Default::default()
        };
        // A message is listed when all older writes have ended, which may be a little after its event.
        for number in 0..LOOKS_MAX {
            if self.denied.contains(&Kind::Messages) {
                break;
            }
            if number > 0 {
                sleep(LOOK).await;
            }
            let mut list = self.client.messages().list(&query);
            while let Some(one) = self.listed(Kind::Messages, &mut list).await? {
                if one.id == message.id {
                    return Ok(one);
                }
            }
        }
        Ok(message)
    }

    async fn put(&mut self, resource: Resource) -> Result<(), Error> {
        let known = self.store.get(resource.kind(), resource.id()).await.map_err(store_failed)?;
        // What an earlier round left may come from another history of the server: it never wins.
        let is_known =
            known.is_some_and(|known| known.round == self.state.round && is_stale(&resource, &known.resource));
        if is_known {
            return Ok(());
        }
        self.store.put(resource, self.state.round).await.map_err(store_failed)
    }

    async fn save(&mut self) -> Result<(), Error> {
        self.store.save(&self.state).await.map_err(store_failed)
    }
}

/// Whether the one that is kept is at least as new.
fn is_stale(resource: &Resource, known: &Resource) -> bool {
    match (resource, known) {
        (Resource::Ticket(resource), Resource::Ticket(known)) => known.version >= resource.version,
        // A message never changes, but an event may have cut it.
        (Resource::Message(resource), Resource::Message(known)) => !known.truncated || resource.truncated,
        (Resource::Inbox(resource), Resource::Inbox(known)) => known.updated_at > resource.updated_at,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Tag;

    #[test]
    fn only_what_is_newer_replaces() {
        let ticket = |version| Resource::Ticket(Ticket { version, ..Default::default() });
        assert!(is_stale(&ticket(2), &ticket(3)) && is_stale(&ticket(2), &ticket(2)));
        assert!(!is_stale(&ticket(3), &ticket(2)));
        let message = |truncated| Resource::Message(Message { truncated, ..Default::default() });
        assert!(is_stale(&message(true), &message(false)) && is_stale(&message(true), &message(true)));
        assert!(!is_stale(&message(false), &message(true)));
        let tag = Resource::Tag(Tag::default());
        assert!(!is_stale(&tag, &tag), "tags have no version");
    }
}
