//! The thin form of an event, for receivers that accept small bodies only: ids and links in place of tickets, messages
//! and inboxes. It is made from the stored event whenever it is sent or shown, so that nothing is stored twice.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Makes thin forms with links to this server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thin {
    /// What precedes the path of a link; empty when the public URL is not configured.
    base: Arc<str>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    event: &'a str,
    event_id: &'a str,
    tenant_id: &'a str,
    created_at: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Serialize, Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    actor: &'a RawValue,
    group: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<Ticket<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inbox: Option<Inbox<'a>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    changes: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

#[derive(Serialize, Deserialize)]
struct Ticket<'a> {
    id: &'a str,
    ticket_number: u32,
    version: u32,
    #[serde(skip_deserializing)]
    url: String,
}

#[derive(Serialize, Deserialize)]
struct Message<'a> {
    id: &'a str,
    #[serde(skip_serializing)]
    ticket_id: &'a str,
    #[serde(skip_deserializing)]
    url: String,
}

#[derive(Serialize, Deserialize)]
struct Inbox<'a> {
    id: &'a str,
    #[serde(skip_deserializing)]
    url: String,
}

impl Thin {
    /// Links begin with `public_url`, which has no slash at its end; without it they are paths.
    pub(crate) fn new(public_url: Option<&str>) -> Thin {
        Thin { base: public_url.unwrap_or_default().trim_end_matches('/').into() }
    }

    /// The thin form of an event's body.
    pub(crate) fn of(&self, body: &str) -> Result<String> {
        let broken = |_| Error::Broken("a stored event is JSON of ours");
        let mut event: Envelope<'_> = serde_json::from_str(body).map_err(broken)?;
        if let Some(ticket) = &mut event.data.ticket {
            ticket.url = self.url(format_args!("tickets/{}", ticket.id));
        }
        if let Some(message) = &mut event.data.message {
            message.url = self.url(format_args!("tickets/{}/messages", message.ticket_id));
        }
        if let Some(inbox) = &mut event.data.inbox {
            inbox.url = self.url(format_args!("inboxes/{}", inbox.id));
        }
        serde_json::to_string(&event).map_err(broken)
    }

    fn url(&self, path: std::fmt::Arguments<'_>) -> String {
        format!("{}/api/v1/{path}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn each_object_is_its_id_and_a_link() {
        let full = r#"{"event":"message.received","event_id":"e","tenant_id":"t","created_at":"2026-11-24T12:00:00.000000Z",
            "data":{"actor":{"type":"customer","id":null,"name":"Ada \"\u00e9\""},"group":"g","ticket":{"id":"tk","ticket_number":7,
            "subject":"long","tags":[{"id":"x"}],"version":3},"message":{"id":"m","ticket_id":"tk","body_text":"long"},
            "inbox":{"id":"i","name":"Support"},"error":{"code":"x"},"changes":{"b":{"from":1.0,"to":null},"a":{}},"test":true}}"#;
        let thin: Value = serde_json::from_str(&Thin::new(Some("https://x.example/")).of(full).unwrap()).unwrap();
        let expected = json!({
            "event": "message.received", "event_id": "e", "tenant_id": "t", "created_at": "2026-11-24T12:00:00.000000Z",
            "data": {
                "actor": {"type": "customer", "id": null, "name": "Ada \"é\""},
                "group": "g",
                "ticket": {"id": "tk", "ticket_number": 7, "version": 3, "url": "https://x.example/api/v1/tickets/tk"},
                "message": {"id": "m", "url": "https://x.example/api/v1/tickets/tk/messages"},
                "inbox": {"id": "i", "url": "https://x.example/api/v1/inboxes/i"},
                "changes": {"b": {"from": 1.0, "to": null}, "a": {}},
                "test": true,
            },
        });
        assert_eq!(thin, expected);
    }

    #[test]
    fn what_an_event_does_not_tell_its_thin_form_does_not_tell_either() {
        let full = r#"{"event":"e","event_id":"e","tenant_id":"t","created_at":"c","data":{"actor":{},"group":"g","ticket":{"id":"k","ticket_number":1,"version":1}}}"#;
        let thin = r#"{"event":"e","event_id":"e","tenant_id":"t","created_at":"c","data":{"actor":{},"group":"g","ticket":{"id":"k","ticket_number":1,"version":1,"url":"/api/v1/tickets/k"}}}"#;
        assert_eq!(Thin::new(None).of(full).unwrap(), thin);
        assert!(Thin::default().of("{}").is_err());
    }
}
