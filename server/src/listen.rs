//! `inboxops listen`: follows a tenant's events with an API key and posts them, signed, to a URL on the developer's own
//! machine. It resumes after a disconnect and never skips an event.

use crate::{
    cli::Listen,
    error::{Error, Result},
    follow::Follower,
    parts,
    print::Output,
    settings::Settings,
};
use bytes::Bytes;
use inboxops_core::{Chance, Stamps, signing_secret};
use inboxops_proto::{
    clock::Clock,
    internal::v1::{Outcome, Payload},
    reason::Reason,
    v1,
};
use inboxops_worker::{Backoff, forward::Forwarder};
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};
use tonic::metadata::{Ascii, MetadataValue};
use uuid::Uuid;

/// The environment variable of the key, if no flag sets it.
pub(crate) const KEY_VARIABLE: &str = "INBOXOPS_API_KEY";
/// Shortest and longest pause before an event without a response is posted again.
const POST_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

struct Listener {
    forwarder: Forwarder,
    json: bool,
}

/// Runs until a signal stops it.
pub(crate) async fn listen(settings: &Settings, command: Listen, json: bool) -> Result<Output> {
    let bearer = bearer(command.key)?;
    let secret = match command.secret {
        Some(secret) => secret,
        None => signing_secret(&Stamps::new(Clock::System, Chance::System)).to_string(),
    };
    let forwarder = Forwarder::new(&command.forward_to, &secret, &parts::trust(settings)?, Clock::System)
        .map_err(|why| Error::Usage(format!("cannot forward: {why}")))?;
    let follower = Follower::new(settings, bearer, command.events, command.after).await?;
    let server = follower.server();
    if json {
        say(&json!({ "server": server, "forward_to": command.forward_to, "secret": secret }).to_string())?;
    } else {
        say(&format!("Following {server}, posting to {}\nSigning secret: {secret}", command.forward_to))?;
    }
    let listener = Listener { forwarder, json };
    let forward = async |message: &v1::StreamEventsResponse| listener.forward(message).await;
    let fail = |source| Error::Io { what: "listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    tokio::select! {
        ended = follower.run(forward) => match ended {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => Ok(Output::Nothing),
            failed => Err(failed),
        },
        _ = terminate.recv() => Ok(Output::Nothing),
        _ = interrupt.recv() => Ok(Output::Nothing),
    }
}

/// The credential for an API key that a flag or the environment gives.
pub(crate) fn bearer(flag: Option<String>) -> Result<MetadataValue<Ascii>> {
    let key = flag.or_else(|| std::env::var(KEY_VARIABLE).ok()).filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| Error::Usage(format!("give an API key with --key, or in {KEY_VARIABLE}")))?;
    let mut bearer: MetadataValue<_> =
        format!("Bearer {key}").parse().map_err(|_| Error::Usage("--key must be an API key, ixk_…".to_owned()))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

impl Listener {
    /// Posts one event until there is a response; whatever its status, that is the developer's concern.
    async fn forward(&self, message: &v1::StreamEventsResponse) -> Result<()> {
        let event: Value = serde_json::from_str(&message.payload).unwrap_or_default();
        let id = event["event_id"].as_str().and_then(|text| text.parse::<Uuid>().ok());
        let id = id.ok_or(Error::Refused(Reason::InternalError.into()))?;
        let mut pause = Backoff::new(POST_PAUSE.0, POST_PAUSE.1);
        for attempt in 1.. {
            let payload = payload(id, &message.event, &message.payload);
            let outcome = self.forwarder.send(payload, id, attempt).await;
            self.tell(message, id, attempt, &outcome)?;
            if outcome.response_status != 0 {
                break;
            }
            tokio::time::sleep(pause.pause()).await;
        }
        Ok(())
    }

    fn tell(&self, message: &v1::StreamEventsResponse, id: Uuid, attempt: u32, outcome: &Outcome) -> Result<()> {
        let status = (outcome.response_status != 0).then_some(outcome.response_status);
        if self.json {
            let error = (!outcome.error.is_empty()).then_some(&outcome.error);
            return say(&json!({
                "event": message.event,
                "event_id": id,
                "attempt": attempt,
                "response_status": status,
                "duration_ms": outcome.duration_ms,
                "error": error,
                "cursor": message.cursor,
            })
            .to_string());
        }
        let told = match status {
            Some(status) => format!("{status} in {} ms", outcome.duration_ms),
            None => format!("no answer, posting it again: {}", outcome.error),
        };
        say(&format!("{} {id}  {told}", message.event))
    }
}

/// An event as the worker's code takes it.
pub(crate) fn payload(event_id: Uuid, event: &str, body: &str) -> Payload {
    Payload {
        event_id: Bytes::copy_from_slice(event_id.as_bytes()),
        event: event.to_owned(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// Prints a line at once. A closed pipe ends the command.
pub(crate) fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    said.map_err(|source| Error::Io { what: "print what was forwarded", source })
}
