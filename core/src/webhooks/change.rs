//! A requested change of an endpoint: parsed without the database, applied to the row.

use super::headers::{self, Headers};
use crate::{
    error::{Error, Result},
    events::subscription,
    store::endpoints::{Endpoint, SealedBytes},
};
use inboxops_proto::{
    clock::Timestamp,
    failure::{Failure, Violation},
    id::InboxId,
    reason::{DetailCode, Reason},
    v1,
};

/// New values of an endpoint; `None` keeps a value.
#[derive(Default)]
pub(crate) struct Change {
    /// The URL, not checked yet.
    pub(crate) url: Option<String>,
    /// Custom headers, not sealed yet.
    pub(crate) headers: Option<Headers>,
    /// Inboxes whose events it gets.
    pub(crate) inboxes: Option<Vec<InboxId>>,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
    description: Option<Option<String>>,
    rate_per_second: Option<Option<u32>>,
    thin: Option<bool>,
}

impl Change {
    /// Reads the members that the mask names; without a mask, those that are set. Violations of rules that the gate
    /// does not know go to `broken`.
    pub(crate) fn parse(
        changes: v1::WebhookEndpointChanges,
        mask: Option<prost_types::FieldMask>,
        broken: &mut Vec<Violation>,
    ) -> Result<Change> {
        let named =
            |name: &str, set: bool| mask.as_ref().map_or(set, |mask| mask.paths.iter().any(|path| path == name));
        let known = ["url", "events", "enabled", "description", "headers", "inbox_ids", "rate_per_second", "payload"];
        if let Some(path) = mask.iter().flat_map(|mask| &mask.paths).find(|path| !known.contains(&path.as_str())) {
            let message = "is not a member that can be changed";
            return Err(Failure::invalid(Violation::new(path, DetailCode::UnknownField, message)).into());
        }
        let required = |name: &'static str| Error::from(Failure::invalid(Violation::required(name)));
        let mut change = Change::default();
        if named("url", changes.url.is_some()) {
            change.url = Some(changes.url.ok_or_else(|| required("url"))?);
        }
        if named("events", !changes.events.is_empty()) {
            if changes.events.is_empty() {
                return Err(required("events"));
            }
            change.events = Some(subscription::normal(&changes.events));
        }
        if named("enabled", changes.enabled.is_some()) {
            change.enabled = Some(changes.enabled.ok_or_else(|| required("enabled"))?);
        }
        if named("description", changes.description.is_some()) {
            change.description = Some(changes.description.filter(|text| !text.is_empty()));
        }
        if named("headers", !changes.headers.is_empty()) {
            change.headers = Some(headers::parse(changes.headers, broken));
        }
        if named("inbox_ids", !changes.inbox_ids.is_empty()) {
            change.inboxes = Some(inbox_ids(&changes.inbox_ids)?);
        }
        if named("rate_per_second", changes.rate_per_second.is_some()) {
            change.rate_per_second = Some(changes.rate_per_second);
        }
        if named("payload", changes.payload.is_some()) {
            change.thin = match changes.payload.and_then(|it| v1::EndpointPayload::try_from(it).ok()) {
                Some(payload) => Some(payload == v1::EndpointPayload::Thin),
                None => return Err(required("payload")),
            };
        }
        Ok(change)
    }

    /// The endpoint after the change, or `None` if the change has no effect. `sealed` are its headers.
    pub(crate) fn apply(
        &self,
        old: &Endpoint,
        sealed: Option<&Option<SealedBytes>>,
        at: Timestamp,
    ) -> Option<Endpoint> {
        let mut new = old.clone();
        if let Some(url) = &self.url {
            new.url.clone_from(url);
        }
        if let Some(events) = &self.events {
            new.mask = subscription::mask(events);
            new.events.clone_from(events);
        }
        if let Some(description) = &self.description {
            new.description.clone_from(description);
        }
        if let Some(sealed) = sealed {
            new.headers.clone_from(sealed);
        }
        if let Some(inboxes) = &self.inboxes {
            new.inboxes.clone_from(inboxes);
        }
        if let Some(rate) = self.rate_per_second {
            new.rate_per_second = rate;
        }
        if let Some(thin) = self.thin {
            new.thin = thin;
        }
        if let Some(enabled) = self.enabled {
            // Setting `enabled` clears the reason why InboxOps disabled it.
            (new.enabled, new.disabled_reason) = (enabled, None);
        }
        if new == *old {
            return None;
        }
        new.version += 1;
        new.updated_at = new.updated_at.max(at);
        Some(new)
    }

    /// Whether the change enables a disabled endpoint: its earlier failures no longer count.
    pub(crate) fn revives(&self, old: &Endpoint) -> bool {
        self.enabled == Some(true) && (!old.enabled || old.disabled_reason.is_some())
    }
}

/// Inboxes of a filter, each once, in the order given.
pub(crate) fn inbox_ids(texts: &[String]) -> Result<Vec<InboxId>> {
    let mut inboxes = Vec::with_capacity(texts.len());
    for text in texts {
        let inbox: InboxId = text.parse().map_err(|_| Error::Broken("the gate checks UUIDs"))?;
        if !inboxes.contains(&inbox) {
            inboxes.push(inbox);
        }
    }
    Ok(inboxes)
}

/// The refusal, if there are violations.
pub(crate) fn refusal(broken: Vec<Violation>) -> Result<()> {
    if broken.is_empty() { Ok(()) } else { Err(Failure::violations(Reason::ValidationFailed, broken).into()) }
}
