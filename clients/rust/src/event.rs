//! An event: the body of a webhook, and what `/events` gives.

use crate::api::{EventActor, Inbox, InboxError, Message, Ticket};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something that happened in the workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookEvent {
    /// Its type, such as `ticket.created`.
    pub event: String,
    /// Its id. An event may come more than once: drop ids that you have seen.
    pub event_id: String,
    pub tenant_id: String,
    pub created_at: String,
    pub data: EventData,
}

/// What happened. Which members there are depends on the type of the event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventData {
    pub actor: EventActor,
    /// The id that all events of one action share.
    pub group: String,
    /// The ticket after the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox: Option<Inbox>,
    /// What is wrong with the inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<InboxError>,
    /// The fields that changed, each with `from` and `to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Map<String, Value>>,
    /// Whether it is a test.
    #[serde(skip_serializing_if = "is_false")]
    pub test: bool,
    /// Members that this version of the client does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_newer_server_says_is_kept_or_ignored_and_what_an_older_one_leaves_out_is_empty() {
        let event: WebhookEvent = serde_json::from_value(json!({
            "event": "ticket.split", "event_id": "a", "shard": 7,
            "data": { "ticket": { "id": "b", "status": "lost", "mood": "good" }, "twin": { "id": "c" } },
        }))
        .unwrap();
        let ticket = event.data.ticket.unwrap();
        assert_eq!((ticket.id.as_str(), ticket.status.as_str(), ticket.version), ("b", "lost", 0));
        assert_eq!(Value::from(event.data.other), json!({ "twin": { "id": "c" } }));
        assert!(!event.data.test && event.data.message.is_none());
    }
}
