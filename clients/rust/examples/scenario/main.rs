//! Forty steps against a real server: `cargo run --example scenario`, with INBOXOPS_URL and INBOXOPS_API_KEY of a
//! workspace that nobody else changes meanwhile. STEPS ends it earlier. It prints a line for each step, and fails at
//! the first that does not hold.

mod around;
mod events;
mod hooks;
mod tickets;

use around::{Line, Receiver};
use inboxops_client::{
    Client, Error, List,
    api::{Agent, CreateTicketRequest, Delivery, Inbox, ListEventsQuery, Tag, Ticket, TicketPriority, WebhookEndpoint},
};
use serde::de::DeserializeOwned;
use std::{env, future::Future, process, time::Duration};
use tokio::time::{Instant, sleep};

type Outcome<Value = ()> = Result<Value, Box<dyn std::error::Error + Send + Sync>>;

const WAIT_MAX: Duration = Duration::from_secs(60);
const STEPS: usize = 40;

/// What earlier steps made.
struct World {
    client: Client,
    /// Its connections break when they are told to.
    shaky: Client,
    line: Line,
    receiver: Receiver,
    base_url: String,
    inbox: Inbox,
    agent: Agent,
    ticket: Ticket,
    tag: Tag,
    endpoint: WebhookEndpoint,
    secret: String,
    delivery: Delivery,
    /// Where the log of events ended before all.
    start: String,
    opened: Vec<Ticket>,
    done: usize,
    last: usize,
}

#[tokio::main]
async fn main() -> Outcome {
    let (base_url, key) = (env::var("INBOXOPS_URL")?, env::var("INBOXOPS_API_KEY")?);
    let line = Line::open(&base_url).await?;
    let mut world = World {
        client: Client::builder(&base_url, &key).build()?,
        shaky: Client::builder(&line.url, &key).build()?,
        line,
        receiver: Receiver::open().await?,
        base_url,
        inbox: Inbox::default(),
        agent: Agent::default(),
        ticket: Ticket::default(),
        tag: Tag::default(),
        endpoint: WebhookEndpoint::default(),
        secret: String::new(),
        delivery: Delivery::default(),
        start: String::new(),
        opened: Vec::new(),
        done: 0,
        last: env::var("STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(STEPS),
    };
    world.begin().await?;
    world.tickets().await?;
    world.lists().await?;
    world.hooks().await?;
    world.log().await?;
    world.events().await?;
    world.mirrors().await?;
    assert_eq!(world.done, STEPS);
    Ok(())
}

impl World {
    fn step(&mut self, name: &str) {
        self.done += 1;
        println!("ok {} {name}", self.done);
        if self.done == self.last {
            process::exit(0);
        }
    }

    async fn begin(&mut self) -> Outcome {
        let me = self.client.me().await?;
        assert!(!me.tenant.id.is_empty());
        assert!(me.key.is_some_and(|key| key.scopes.iter().any(|scope| scope == "tickets:read")));
        self.step("the key tells whose it is");

        self.inbox = first(self.client.inboxes().list(&Default::default())).await?;
        assert_eq!(self.client.inboxes().get(&self.inbox.id).await?, self.inbox);
        self.step("inboxes are listed and read");

        self.agent = first(self.client.agents().list(&Default::default())).await?;
        assert!(!self.agent.email.is_empty());
        self.step("agents are listed");

        self.start = self.newest().await?;
        assert!(!self.start.is_empty());
        self.step("the log of events has an end");
        Ok(())
    }

    /// Where the log of events ends.
    async fn newest(&self) -> Outcome<String> {
        let query = ListEventsQuery { after: Some("latest".into()), ..Default::default() };
        Ok(self.client.calls().list_events(&query).await?.meta.next_cursor)
    }

    fn order(&self, subject: &str) -> CreateTicketRequest {
        CreateTicketRequest { subject: subject.to_owned(), inbox_id: self.inbox.id.clone(), ..Default::default() }
    }

    async fn create(&mut self, subject: &str) -> Outcome<Ticket> {
        let order = CreateTicketRequest { priority: Some(TicketPriority::High), ..self.order(subject) };
        let made = self.client.tickets().create(&order).await?;
        self.opened.push(made.clone());
        Ok(made)
    }
}

async fn first<Item: DeserializeOwned>(mut list: List<Item>) -> Outcome<Item> {
    Ok(list.try_next().await?.ok_or("the list is empty")?)
}

/// The failure of a call, which has this status and code.
fn failure<Value>(answer: Result<Value, Error>, status: u16, code: &str) -> Error {
    let error = answer.err().unwrap_or_else(|| panic!("no {code}"));
    assert_eq!((error.status(), error.code()), (Some(status), code), "{error}");
    assert!(error.request_id().is_some(), "the request has a name");
    error
}

/// What a condition gives, as soon as it gives something.
async fn until<Value, Looking>(what: &str, mut condition: impl FnMut() -> Looking) -> Outcome<Value>
where
    Looking: Future<Output = Outcome<Option<Value>>>,
{
    let end = Instant::now() + WAIT_MAX;
    loop {
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        assert!(Instant::now() < end, "not within {WAIT_MAX:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
