//! `inboxops listen`: follows a tenant's events with an API key and posts them, signed, to a URL on the developer's own
//! machine. It resumes after a disconnect and never skips an event.

use crate::{
    admin_client,
    cli::Listen,
    error::{Error, Result},
    parts,
    print::Output,
    settings::Settings,
    telemetry,
};
use inboxops_core::{Chance, Stamps, signing_secret};
use inboxops_proto::{
    clock::Clock,
    failure::Failure,
    internal::v1::{Outcome, Payload},
    reason::Reason,
    v1::{self, StreamSignal, event_service_client::EventServiceClient},
};
use inboxops_worker::{Backoff, forward::Forwarder};
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use uuid::Uuid;

/// The environment variable of the key, if no flag sets it.
pub(crate) const KEY_VARIABLE: &str = "INBOXOPS_API_KEY";
/// Largest message of the stream, in bytes: an event has at most 256 KiB.
const MESSAGE_MAX_BYTES: usize = 1024 * 1024;
/// Longest silence of a live server, which sends something every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// Shortest and longest pause before a reconnect.
const SERVER_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// The same before an event without a response is posted again.
const POST_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

struct Listener {
    events: EventServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
    forwarder: Forwarder,
    types: Vec<String>,
    /// Cursor of the last event that was forwarded.
    cursor: Option<String>,
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
    let (channel, server) = match &settings.server {
        Some(server) => (admin_client::endpoint(server)?.connect_lazy(), server.clone()),
        None => admin_client::follow_local(settings).await?,
    };
    let events = EventServiceClient::new(channel).max_decoding_message_size(MESSAGE_MAX_BYTES);
    if json {
        say(&json!({ "server": server, "forward_to": command.forward_to, "secret": secret }).to_string())?;
    } else {
        say(&format!("Following {server}, posting to {}\nSigning secret: {secret}", command.forward_to))?;
    }
    let listener = Listener { events, bearer, forwarder, types: command.events, cursor: command.after, json };
    let fail = |source| Error::Io { what: "listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    tokio::select! {
        ended = listener.run() => match ended {
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
    /// Follows until it is refused; an unreachable server is retried for ever.
    async fn run(mut self) -> Error {
        let mut pause = Backoff::new(SERVER_PAUSE.0, SERVER_PAUSE.1);
        let mut away = false;
        loop {
            let why = match self.follow(&mut pause, &mut away).await {
                Ok(()) => "the stream ended".to_owned(),
                // A broken connection has no better status.
                Err(Error::Refused(failure)) if failure.reason == Reason::InternalError => {
                    "the connection broke".to_owned()
                }
                Err(Error::Refused(failure)) if passes(&failure) => failure.message.into_owned(),
                Err(error) => return error,
            };
            if !std::mem::replace(&mut away, true) {
                telemetry::tell(&format!("The server is away ({why}); looking for it again."));
            }
            tokio::time::sleep(pause.pause()).await;
        }
    }

    /// Follows one stream to its end.
    async fn follow(&mut self, pause: &mut Backoff, away: &mut bool) -> Result<()> {
        let message = v1::StreamEventsRequest { after: self.cursor.clone(), types: self.types.clone() };
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        let opening = tokio::time::timeout(SILENCE_MAX, self.events.stream_events(request));
        let mut stream = opening.await.map_err(|_| Error::Refused(Reason::Timeout.into()))??.into_inner();
        loop {
            let silence = tokio::time::timeout(SILENCE_MAX, stream.message());
            let message = silence.await.map_err(|_| Error::Refused(Reason::Timeout.into()))??;
            let Some(message) = message else { return Ok(()) };
            if message.signal() == StreamSignal::Subscribed {
                pause.reset();
                if std::mem::take(away) {
                    telemetry::tell("The server is back.");
                }
            }
            if !message.payload.is_empty() {
                self.forward(&message).await?;
            }
            self.cursor = Some(message.cursor);
        }
    }

    /// Posts one event until there is a response; whatever its status, that is the developer's concern.
    async fn forward(&self, message: &v1::StreamEventsResponse) -> Result<()> {
        let event: Value = serde_json::from_str(&message.payload).unwrap_or_default();
        let id = event["event_id"].as_str().and_then(|text| text.parse::<Uuid>().ok());
        let id = id.ok_or(Error::Refused(Reason::InternalError.into()))?;
        let mut pause = Backoff::new(POST_PAUSE.0, POST_PAUSE.1);
        for attempt in 1.. {
            let payload = Payload {
                event_id: bytes::Bytes::copy_from_slice(id.as_bytes()),
                event: message.event.clone(),
                body: bytes::Bytes::copy_from_slice(message.payload.as_bytes()),
            };
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

/// Whether a refusal may be temporary: a rate limit is, a wrong credential is not.
fn passes(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::ServiceUnavailable | Reason::Timeout | Reason::RateLimited)
}

/// Prints a line at once. A closed pipe ends the command.
fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    said.map_err(|source| Error::Io { what: "print what was forwarded", source })
}
