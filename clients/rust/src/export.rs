//! The export: every line of it, also when its stream breaks.

use crate::{
    Client, Error,
    api::{Agent, Inbox, Message, Tag, Ticket},
    http::Request,
    lines::Lines,
    query::Pairs,
    retry::{backoff, random},
    store::{Kind, Resource},
};
use futures_core::Stream;
use futures_util::stream::try_unfold;
use reqwest::{Method, Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PATH: &str = "/api/v1/export";
const IDLE_MAX: Duration = Duration::from_secs(60);
/// The server ends an export that is older than ten minutes; until then another one of the workspace may run.
const TURN_MAX: Duration = Duration::from_secs(11 * 60);
const TURN_POLL: Duration = Duration::from_secs(2);

/// What to export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// By default all that the key may read.
    pub types: Option<Vec<Kind>>,
    /// The cursor of a line to go on from.
    pub after: Option<String>,
}

/// A line of the export.
#[derive(Clone, Debug, PartialEq)]
pub enum ExportLine {
    /// A resource, and the place behind it.
    Resource { resource: Box<Resource>, cursor: String },
    /// The last line. `count` counts the lines of the last part, if the stream broke.
    End { events_cursor: String, count: i64 },
}

/// The lines of the export.
#[derive(Debug)]
pub struct Export {
    client: Client,
    options: ExportOptions,
    lines: Option<Lines>,
    /// Parts in a row that had no line.
    barren: u32,
    has_line: bool,
    pause: Option<Duration>,
    is_over: bool,
}

/// Every kind of line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    r#type: String,
    data: Value,
    cursor: String,
    events_cursor: String,
    count: i64,
}

impl Export {
    pub(crate) fn new(client: Client, options: ExportOptions) -> Export {
        Export { client, options, lines: None, barren: 0, has_line: false, pause: None, is_over: false }
    }

    /// The next line, or `None` behind the end. Lines of a type that this version does not know are left out.
    pub async fn try_next(&mut self) -> Result<Option<ExportLine>, Error> {
        while !self.is_over {
            if let Some(pause) = self.pause {
                sleep(pause).await;
                self.pause = None;
            }
            if self.lines.is_none() {
                let response = opened(&self.client, &self.options).await?;
                self.lines = Some(Lines::new(response, IDLE_MAX));
                self.has_line = false;
            }
            if let Some(line) = self.line().await? {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The lines as a stream, which ends with the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<ExportLine, Error>> + Send {
        try_unfold(
            self,
            |mut export| async move { Ok::<_, Error>(export.try_next().await?.map(|line| (line, export))) },
        )
    }

    /// The next line of this part; `None` if it ended too early.
    async fn line(&mut self) -> Result<Option<ExportLine>, Error> {
        while let Some(lines) = &mut self.lines {
            let Some(text) = lines.next().await? else { break };
            if text.is_empty() {
                continue;
            }
            // What is cut off is no record: no beginning of an object is JSON.
            let Ok(record) = serde_json::from_str::<Record>(&text) else { break };
            self.has_line = true;
            if record.r#type == "end" {
                self.is_over = true;
                let Record { events_cursor, count, .. } = record;
                return Ok(Some(ExportLine::End { events_cursor, count }));
            }
            self.options.after = Some(record.cursor.clone());
            if let Some(resource) = resource_of(&record.r#type, record.data)? {
                return Ok(Some(ExportLine::Resource { resource: Box::new(resource), cursor: record.cursor }));
            }
        }
        self.lines = None;
        self.barren = if self.has_line { 0 } else { self.barren + 1 };
        if self.barren > self.client.http.max_retries {
            return Err(Error::ExportIncomplete);
        }
        self.pause = Some(backoff(self.barren, random()));
        Ok(None)
    }
}

fn resource_of(name: &str, data: Value) -> Result<Option<Resource>, Error> {
    Ok(Some(match name {
        "ticket" => Resource::Ticket(read::<Ticket>(data)?),
        "message" => Resource::Message(read::<Message>(data)?),
        "tag" => Resource::Tag(read::<Tag>(data)?),
        "inbox" => Resource::Inbox(read::<Inbox>(data)?),
        "agent" => Resource::Agent(read::<Agent>(data)?),
        _ => return Ok(None),
    }))
}

fn read<Item: DeserializeOwned>(data: Value) -> Result<Item, Error> {
    serde_json::from_value(data).map_err(|error| Error::Invalid(format!("A line of the export: {error}.")))
}

/// Waits for its turn: a workspace has one export at a time, and after a break ours may still seem to run.
async fn opened(client: &Client, options: &ExportOptions) -> Result<Response, Error> {
    let latest = Instant::now() + TURN_MAX;
    loop {
        let mut query = Pairs::default();
        query.many("types", options.types.as_deref().unwrap_or_default());
        query.one("after", options.after.as_ref());
        let accept = "application/x-ndjson";
        let request =
            Request { method: Method::GET, path: PATH, values: &[], query, body: None, accept, last_event_id: None };
        match client.http.stream(request, &client.options).await {
            Err(error) if error.code() == "export_in_progress" && Instant::now() < latest => {
                sleep(error.retry_after().unwrap_or(TURN_POLL) + backoff(0, random())).await;
            }
            answer => return answer,
        }
    }
}
