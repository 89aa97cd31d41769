//! Typed ids: UUIDs with a type for each noun, so that a ticket's id cannot be used for an inbox. New ids are version
//! 7; their time and random part come from a `Stamp` of the core, never from the system.

use crate::clock::Timestamp;
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id of this time; `chance` is its random part.
            pub fn new(at: Timestamp, chance: u128) -> $name {
                $name(v7(at, chance))
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            /// Accepts any letter case, but only the hyphenated form of 36 characters.
            fn from_str(text: &str) -> Result<$name, uuid::Error> {
                parse(text).map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    )*};
}

ids! {
    /// Id of a tenant.
    TenantId;
    /// Id of an agent.
    AgentId;
    /// Id of an inbox.
    InboxId;
    /// Id of a ticket.
    TicketId;
    /// Id of a message.
    MessageId;
    /// Id of a tag.
    TagId;
    /// Id of an API key.
    ApiKeyId;
    /// Id of a service token.
    ServiceTokenId;
    /// Id of an event: its `webhook-id`.
    EventId;
    /// Id that the events of one committed action share.
    GroupId;
    /// Id of a webhook endpoint.
    EndpointId;
    /// Id of a delivery.
    DeliveryId;
    /// Id of an entry of the audit log.
    AuditId;
    /// Id of a recovery or resend job.
    RecoveryId;
}

/// Parses the hyphenated form, in any letter case.
pub fn parse(text: &str) -> Result<Uuid, uuid::Error> {
    if text.len() != 36 {
        // The library accepts braced, simple and URN forms; the contract accepts one form only.
        return Uuid::parse_str("").map(|_| Uuid::nil());
    }
    Uuid::parse_str(text)
}

/// A version 7 UUID with the time `at` in milliseconds and 74 bits of `chance`.
fn v7(at: Timestamp, chance: u128) -> Uuid {
    let millis = u64::try_from(at.micros().div_euclid(1000)).unwrap_or(0);
    let mut random = [0u8; 10];
    random.copy_from_slice(&chance.to_be_bytes()[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
