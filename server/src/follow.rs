//! Follows a tenant's events with an API key: it resumes after a disconnect and never skips an event.

use crate::{
    admin_client,
    error::{Error, Result},
    settings::Settings,
    telemetry,
};
use inboxops_proto::{
    failure::Failure,
    reason::Reason,
    v1::{self, StreamSignal, event_service_client::EventServiceClient},
};
use inboxops_worker::Backoff;
use std::time::Duration;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

/// Largest message of the stream, in bytes: an event has at most 256 KiB.
const MESSAGE_MAX_BYTES: usize = 1024 * 1024;
/// Longest silence of a live server, which sends something every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// Shortest and longest pause before a reconnect.
const SERVER_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// A reader of the stream of events.
pub(crate) struct Follower {
    events: EventServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
    types: Vec<String>,
    /// Cursor of the last event that was taken.
    cursor: Option<String>,
    /// What to call the server.
    server: String,
}

impl Follower {
    /// A reader of these types, of all if there are none, after a cursor or from the next event on. The server is the
    /// one that `--server` names, or the one whose socket is in the data folder.
    pub(crate) async fn new(
        settings: &Settings,
        bearer: MetadataValue<Ascii>,
        types: Vec<String>,
        cursor: Option<String>,
    ) -> Result<Follower> {
        let (channel, server) = match &settings.server {
            Some(server) => (admin_client::endpoint(server)?.connect_lazy(), server.clone()),
            None => admin_client::follow_local(settings).await?,
        };
        let events = EventServiceClient::new(channel).max_decoding_message_size(MESSAGE_MAX_BYTES);
        Ok(Follower { events, bearer, types, cursor, server })
    }

    /// What to call the server.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Gives each event to `take` until the reader is refused or `take` fails; an unreachable server is retried for
    /// ever.
    pub(crate) async fn run(mut self, mut take: impl AsyncFnMut(&v1::StreamEventsResponse) -> Result<()>) -> Error {
        let mut pause = Backoff::new(SERVER_PAUSE.0, SERVER_PAUSE.1);
        let mut away = false;
        loop {
            let why = match self.follow(&mut pause, &mut away, &mut take).await {
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
    async fn follow(
        &mut self,
        pause: &mut Backoff,
        away: &mut bool,
        take: &mut impl AsyncFnMut(&v1::StreamEventsResponse) -> Result<()>,
    ) -> Result<()> {
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
                take(&message).await?;
            }
            self.cursor = Some(message.cursor);
        }
    }
}

/// Whether a refusal may be temporary: a rate limit is, a wrong credential is not.
fn passes(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::ServiceUnavailable | Reason::Timeout | Reason::RateLimited)
}
