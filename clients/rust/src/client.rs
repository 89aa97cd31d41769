//! The client: one value for a server and a key. Clones are cheap and share connections.

use crate::{
    Calls, Error, Events, EventsOptions, Export, ExportOptions, MirrorOptions, Store,
    api::Identity,
    http::Http,
    mirror,
    nouns::{Agents, Audit, Deliveries, Inboxes, Messages, Tags, Tickets, Webhooks},
};
use std::{sync::Arc, time::Duration};

/// The API of a server, by a key.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: Arc<Http>,
    pub(crate) options: CallOptions,
}

/// How calls are made. All that is not given is as the client has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// The key of a write. Without it every call makes one of its own, which all of its attempts share.
    pub idempotency_key: Option<String>,
    /// A write takes place only if the ticket still has this version; else it fails with 412.
    pub if_version: Option<i64>,
    /// The longest time of one attempt. Streams are not limited by it once they are open.
    pub timeout: Option<Duration>,
    /// How often a failed attempt is repeated.
    pub max_retries: Option<u32>,
    /// The id by which the server's log and answer name the request.
    pub request_id: Option<String>,
}

/// Makes a [`Client`].
pub struct ClientBuilder {
    base_url: String,
    api_key: String,
    timeout: Duration,
    max_retries: u32,
    inner: Option<reqwest::Client>,
}

impl ClientBuilder {
    /// The longest time of one attempt; 30 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = timeout;
        self
    }

    /// How often a failed attempt is repeated; 4 by default.
    pub fn max_retries(mut self, max_retries: u32) -> ClientBuilder {
        self.max_retries = max_retries;
        self
    }

    /// Used in place of a client of our own, for proxies and certificates. It should follow no redirects and have no
    /// limit of time, which would end streams.
    pub fn http_client(mut self, client: reqwest::Client) -> ClientBuilder {
        self.inner = Some(client);
        self
    }

    /// Fails if the address is no URL or the key has characters that no key has. Sends nothing.
    pub fn build(self) -> Result<Client, Error> {
        let http = Http::new(&self.base_url, &self.api_key, self.timeout, self.max_retries, self.inner)?;
        Ok(Client { http: Arc::new(http), options: CallOptions::default() })
    }
}

impl Client {
    /// Where the server is, such as `https://desk.example.com`, and a key (`ixk_…`).
    pub fn builder(base_url: impl Into<String>, api_key: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.into(),
            api_key: api_key.into(),
            timeout: Duration::from_secs(30),
            max_retries: 4,
            inner: None,
        }
    }

    /// The same client with other options for its calls.
    pub fn with(&self, options: CallOptions) -> Client {
        Client { http: Arc::clone(&self.http), options }
    }

    /// The same client, whose next write has this key: give it to one call only.
    pub fn idempotency_key(&self, key: impl Into<String>) -> Client {
        self.with(CallOptions { idempotency_key: Some(key.into()), ..self.options.clone() })
    }

    /// The same client, whose next write takes place only if the ticket still has this version.
    pub fn if_version(&self, version: i64) -> Client {
        self.with(CallOptions { if_version: Some(version), ..self.options.clone() })
    }

    /// Every operation of the API by its name in the OpenAPI document, with whole bodies.
    pub fn calls(&self) -> Calls<'_> {
        Calls(self)
    }

    pub fn tickets(&self) -> Tickets<'_> {
        Tickets(self)
    }

    pub fn messages(&self) -> Messages<'_> {
        Messages(self)
    }

    pub fn tags(&self) -> Tags<'_> {
        Tags(self)
    }

    pub fn inboxes(&self) -> Inboxes<'_> {
        Inboxes(self)
    }

    pub fn agents(&self) -> Agents<'_> {
        Agents(self)
    }

    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks(self)
    }

    pub fn deliveries(&self) -> Deliveries<'_> {
        Deliveries(self)
    }

    pub fn audit(&self) -> Audit<'_> {
        Audit(self)
    }

    /// The key, its workspace, and what they may do.
    pub async fn me(&self) -> Result<Identity, Error> {
        Ok(self.calls().who_am_i().await?.data)
    }

    /// Events as they happen, each at least once. It reconnects by itself and goes on where it was. A cursor that is
    /// too old fails with 410 `cursor_expired`.
    pub fn events(&self, options: EventsOptions) -> Events {
        Events::new(self.clone(), options)
    }

    /// All resources, line by line; the last line is the end. A stream that breaks off is gone on with by itself.
    pub fn export(&self, options: ExportOptions) -> Export {
        Export::new(self.clone(), options)
    }

    /// Keeps a store like the workspace: reads the export, then follows the events. When it is called again, it goes on
    /// where the store's state says. It ends when its future is dropped, or by [`MirrorOptions::once`].
    pub async fn mirror(&self, store: &mut impl Store, options: MirrorOptions) -> Result<(), Error> {
        mirror::keep(self, store, options).await
    }
}
