//! Where a mirror keeps what it reads.

use crate::api::{Agent, Inbox, Message, Tag, Ticket};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    future::{Future, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What can be exported and mirrored, by its name in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Tickets,
    Messages,
    Tags,
    Inboxes,
    Agents,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Tickets, Kind::Messages, Kind::Tags, Kind::Inboxes, Kind::Agents];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Tickets => "tickets",
            Kind::Messages => "messages",
            Kind::Tags => "tags",
            Kind::Inboxes => "inboxes",
            Kind::Agents => "agents",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One of what is mirrored. As JSON it is what the API shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Resource {
    Ticket(Ticket),
    Message(Message),
    Tag(Tag),
    Inbox(Inbox),
    Agent(Agent),
}

impl Resource {
    pub fn kind(&self) -> Kind {
        match self {
            Resource::Ticket(_) => Kind::Tickets,
            Resource::Message(_) => Kind::Messages,
            Resource::Tag(_) => Kind::Tags,
            Resource::Inbox(_) => Kind::Inboxes,
            Resource::Agent(_) => Kind::Agents,
        }
    }

    pub fn id(&self) -> &str {
        match self {
            Resource::Ticket(it) => &it.id,
            Resource::Message(it) => &it.id,
            Resource::Tag(it) => &it.id,
            Resource::Inbox(it) => &it.id,
            Resource::Agent(it) => &it.id,
        }
    }

    /// From the JSON that a store has kept.
    pub fn from_json(kind: Kind, text: &str) -> Result<Resource, serde_json::Error> {
        Ok(match kind {
            Kind::Tickets => Resource::Ticket(serde_json::from_str(text)?),
            Kind::Messages => Resource::Message(serde_json::from_str(text)?),
            Kind::Tags => Resource::Tag(serde_json::from_str(text)?),
            Kind::Inboxes => Resource::Inbox(serde_json::from_str(text)?),
            Kind::Agents => Resource::Agent(serde_json::from_str(text)?),
        })
    }
}

/// How far a mirror is. A store keeps it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorState {
    /// Grows each time that the mirror has to begin again, from 1.
    pub round: u64,
    /// What is mirrored; `None` for all that the key may read.
    pub types: Option<Vec<Kind>>,
    /// The last line of the export that is kept, while the export is not whole.
    pub export_cursor: Option<String>,
    /// The last event that is kept; `None` while the export is not whole.
    pub events_cursor: Option<String>,
}

/// What a store has kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub resource: Resource,
    /// The round in which it was put.
    pub round: u64,
}

/// What a mirror needs of a store; implementations may write `async fn`. Calls come one after the other. `save` follows
/// the `put`s that its state tells of, so that a store with transactions begins one with the first `put` and commits it
/// in `save`; one without them keeps the order of the calls. After a crash the mirror goes on from the state that was
/// saved last and puts some things again.
pub trait Store: Send {
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// The state that was saved last; `None` at first.
    fn load(&mut self) -> impl Future<Output = Result<Option<MirrorState>, Self::Error>> + Send;

    /// Keeps the state, and with it all that was put before.
    fn save(&mut self, state: &MirrorState) -> impl Future<Output = Result<(), Self::Error>> + Send;

    fn get(&mut self, kind: Kind, id: &str) -> impl Future<Output = Result<Option<Kept>, Self::Error>> + Send;

    /// Adds or replaces one. The mirror has compared versions already.
    fn put(&mut self, resource: Resource, round: u64) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Removes what was put in an earlier round and not since: the server does not have it any more.
    fn remove_before(&mut self, round: u64) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Keeps a mirror in memory. Clones share it, so that one can be read while another is filled.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    state: Option<MirrorState>,
    kept: HashMap<(Kind, String), Kept>,
}

impl MemoryStore {
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    pub fn state(&self) -> Option<MirrorState> {
        self.locked().state.clone()
    }

    pub fn one(&self, kind: Kind, id: &str) -> Option<Resource> {
        Some(self.locked().kept.get(&(kind, id.to_owned()))?.resource.clone())
    }

    /// All of a kind, by id.
    pub fn all(&self, kind: Kind) -> Vec<Resource> {
        let mut found: Vec<Resource> = self
            .locked()
            .kept
            .values()
            .map(|kept| &kept.resource)
            .filter(|resource| resource.kind() == kind)
            .cloned()
            .collect();
        found.sort_by(|left, right| left.id().cmp(right.id()));
        found
    }

    /// Nothing is done under the lock that could leave it half done.
    fn locked(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn load(&mut self) -> impl Future<Output = Result<Option<MirrorState>, Infallible>> + Send {
        ready(Ok(self.state()))
    }

    fn save(&mut self, state: &MirrorState) -> impl Future<Output = Result<(), Infallible>> + Send {
        self.locked().state = Some(state.clone());
        ready(Ok(()))
    }

    fn get(&mut self, kind: Kind, id: &str) -> impl Future<Output = Result<Option<Kept>, Infallible>> + Send {
        let kept = self.locked().kept.get(&(kind, id.to_owned())).cloned();
        ready(Ok(kept))
    }

    fn put(&mut self, resource: Resource, round: u64) -> impl Future<Output = Result<(), Infallible>> + Send {
        let place = (resource.kind(), resource.id().to_owned());
        self.locked().kept.insert(place, Kept { resource, round });
        ready(Ok(()))
    }

    fn remove_before(&mut self, round: u64) -> impl Future<Output = Result<(), Infallible>> + Send {
        self.locked().kept.retain(|_, kept| kept.round >= round);
        ready(Ok(()))
    }
}
