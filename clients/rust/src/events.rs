//! Events as they happen, without a gap: each is given at least once.

use crate::{
    Client, Error, WebhookEvent,
    api::ListEventsQuery,
    http::Request,
    lines::Lines,
    query::{Pairs, Query as _},
    retry::{FOR_EVER, backoff, random},
    sse::Parser,
};
use futures_core::Stream;
use futures_util::stream::try_unfold;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap},
};
use std::{collections::VecDeque, time::Duration};
use tokio::time::sleep;

/// The server says something every 15 seconds.
const IDLE_MAX: Duration = Duration::from_secs(45);
const POLL: Duration = Duration::from_secs(5);
const PAGE_EVENTS: i64 = 100;
/// So many streams in a row that say nothing, and [`Transport::Auto`] polls.
const SILENT_MAX: u32 = 3;

/// How events come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A connection is held open.
    #[default]
    Stream,
    /// The server is asked again and again.
    Poll,
    /// Polls once streams turn out not to get through, as behind proxies that hold answers back.
    Auto,
}

/// Which events, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsOptions {
    /// The cursor to go on from; by default only what happens from now on.
    pub after: Option<String>,
    /// Names such as `ticket.created`, `ticket.*`, `message.*`; all by default.
    pub types: Vec<String>,
    pub transport: Transport,
    /// The time between two questions of a poll that found nothing; 5 seconds by default.
    pub poll: Option<Duration>,
}

/// An event, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedEvent {
    /// Store it once the event is dealt with, and pass it as `after` to go on from there.
    pub cursor: String,
    pub event: WebhookEvent,
}

/// Events as they happen. Dropping a future of it loses nothing.
#[derive(Debug)]
pub struct Events {
    client: Client,
    options: EventsOptions,
    polls: bool,
    /// Ends where the log of events ends now.
    ends: bool,
    /// Read and not given yet.
    page: VecDeque<ReceivedEvent>,
    /// There was no more behind the last page.
    is_drained: bool,
    stream: Option<Following>,
    has_streamed: bool,
    /// Streams in a row that said nothing.
    silent: u32,
    /// Before the next stream is opened.
    pause: Option<Duration>,
}

#[derive(Debug)]
struct Following {
    lines: Lines,
    parser: Parser,
    has_spoken: bool,
}

impl Events {
    pub(crate) fn new(client: Client, options: EventsOptions) -> Events {
        Events {
            client,
            polls: options.transport == Transport::Poll,
            options,
            ends: false,
            page: VecDeque::new(),
            is_drained: false,
            stream: None,
            has_streamed: false,
            silent: 0,
            pause: None,
        }
    }

    /// Those that happened until now.
    pub(crate) fn until_now(client: Client, options: EventsOptions) -> Events {
        Events { polls: true, ends: true, ..Events::new(client, options) }
    }

    /// Waits for the next event.
    pub async fn next(&mut self) -> Result<ReceivedEvent, Error> {
        loop {
            if let Some(received) = self.step().await? {
                return Ok(received);
            }
        }
    }

    /// The events as a stream, which ends with the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<ReceivedEvent, Error>> + Send {
        try_unfold(self, |mut events| async move {
            let received = events.next().await?;
            Ok::<_, Error>(Some((received, events)))
        })
    }

    /// The next event; `None` only if it ends.
    pub(crate) async fn step(&mut self) -> Result<Option<ReceivedEvent>, Error> {
        loop {
            if let Some(received) = self.page.pop_front() {
                return Ok(Some(received));
            }
            let after = match &self.options.after {
                Some(after) => after.clone(),
                None => {
                    let newest = newest(&self.client).await?;
                    self.options.after.insert(newest).clone()
                }
            };
            if !self.polls {
                if let Some(received) = self.followed(&after).await? {
                    return Ok(Some(received));
                }
                continue;
            }
            if self.is_drained {
                if self.ends {
                    return Ok(None);
                }
                sleep(self.options.poll.unwrap_or(POLL)).await;
            }
            self.read(&after).await?;
        }
    }

    /// Reads a page.
    async fn read(&mut self, after: &str) -> Result<(), Error> {
        let query = ListEventsQuery {
            after: Some(after.to_owned()),
            types: self.options.types.clone(),
            limit: Some(PAGE_EVENTS),
        };
        let page = self.client.calls().list_events(&query).await?;
        let count = page.data.len();
        for (at, value) in page.data.into_iter().enumerate() {
            // Only the page has a cursor: before its last event one goes on from its beginning.
            let cursor = if at + 1 < count { after.to_owned() } else { page.meta.next_cursor.clone() };
            let event = serde_json::from_value(value).map_err(no_event)?;
            self.page.push_back(ReceivedEvent { cursor, event });
        }
        self.options.after = Some(page.meta.next_cursor);
        self.is_drained = !page.meta.has_more;
        Ok(())
    }

    /// The next event of the stream, which is opened if there is none; `None` when it ended, or to poll from now on.
    async fn followed(&mut self, after: &str) -> Result<Option<ReceivedEvent>, Error> {
        if let Some(pause) = self.pause {
            sleep(pause).await;
            self.pause = None;
        }
        if self.stream.is_none() {
            self.stream = opened(&self.client, &self.options, after, self.has_streamed).await?;
            self.has_streamed = true;
        }
        let Some(stream) = &mut self.stream else {
            self.polls = true;
            return Ok(None);
        };
        while let Some(line) = stream.lines.next().await? {
            stream.has_spoken = true;
            let Some(block) = stream.parser.line(&line) else { continue };
            if block.id.is_some() {
                self.options.after = block.id;
            }
            if let Some(data) = block.data {
                let event = serde_json::from_str(&data).map_err(no_event)?;
                let cursor = self.options.after.clone().unwrap_or_default();
                return Ok(Some(ReceivedEvent { cursor, event }));
            }
        }
        self.silent = if stream.has_spoken { 0 } else { self.silent + 1 };
        self.pause = Some(backoff(self.silent, random()));
        self.stream = None;
        self.polls = self.options.transport == Transport::Auto && self.silent >= SILENT_MAX;
        Ok(None)
    }
}

/// Where the log of events ends.
async fn newest(client: &Client) -> Result<String, Error> {
    let query = ListEventsQuery { after: Some("latest".to_owned()), ..Default::default() };
    Ok(client.calls().list_events(&query).await?.meta.next_cursor)
}

/// A stream; `None` if the answer is another one and polling may help.
async fn opened(
    client: &Client,
    options: &EventsOptions,
    after: &str,
    goes_on: bool,
) -> Result<Option<Following>, Error> {
    let query = ListEventsQuery { types: options.types.clone(), ..Default::default() };
    let mut calls = client.options.clone();
    if goes_on {
        // Who follows wants to go on, however long the server is away; who begins may have a wrong address.
        calls.max_retries = Some(FOR_EVER);
    }
    let response = client.http.stream(stream_of(query.pairs(), after), &calls).await?;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/event-stream") {
        let lines = Lines::new(response, IDLE_MAX);
        return Ok(Some(Following { lines, parser: Parser::default(), has_spoken: false }));
    }
    if options.transport == Transport::Auto {
        return Ok(None);
    }
    let status = response.status().as_u16();
    Err(Error::unexpected(status, response.headers(), "The answer is no stream of events."))
}

fn stream_of(query: Pairs, after: &str) -> Request<'_> {
    Request {
        method: Method::GET,
        path: ListEventsQuery::PATH,
        values: &[],
        query,
        body: None,
        accept: "text/event-stream",
        last_event_id: Some(after),
    }
}

fn no_event(error: serde_json::Error) -> Error {
    Error::unexpected(200, &HeaderMap::new(), format!("That is no event: {error}."))
}
