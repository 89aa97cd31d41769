//! A worker for one URL without a core: sends events to a developer's own machine. The requests are made by the same
//! code as those of any delivery.

use crate::{
    Error, IN_FLIGHT_MAX, Limits, Resolver, Shared, Trust, WINDOW,
    attempt::{self, Lease, PreparedEndpoint},
    request::{Endpoint, Event, Unusable},
    sender::Sender,
};
use bytes::Bytes;
use inboxops_proto::{
    address::AllowPrivate,
    clock::{Clock, Timestamp},
    internal::v1::{EndpointConfig, Outcome, Payload},
};
use std::{sync::Arc, time::Instant};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Sends to one URL, signed with one secret.
pub struct Forwarder {
    shared: Shared,
    prepared: PreparedEndpoint,
}

/// Why events cannot be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The URL or the secret cannot be used.
    #[error(transparent)]
    Endpoint(#[from] Unusable),
    /// The list of authorities cannot be used.
    #[error(transparent)]
    Tls(#[from] Error),
}

impl Forwarder {
    /// A forwarder to this URL, which may be a loopback address and use `http`. `trust` names the certificate
    /// authorities.
    ///
    /// # Errors
    /// If the URL is refused or the secret cannot sign.
    pub fn new(url: &str, secret: &str, trust: &Trust, clock: Clock) -> Result<Forwarder, Unfit> {
        let allow_private = AllowPrivate::Yes;
        let config =
            EndpointConfig { url: url.to_owned(), secrets: vec![secret.to_owned()], ..EndpointConfig::default() };
        let endpoint = Endpoint::new(&config, allow_private)?;
        let sender = Sender::new(Limits::default(), allow_private, Resolver::System, trust).map_err(Error::Tls)?;
        let slots = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        let worker_id = "forward".to_owned();
        let (window, in_flight_max, traces) = (WINDOW, 1, None);
        let shared = Shared { worker_id, window, in_flight_max, allow_private, clock, sender, slots, traces };
        Ok(Forwarder { shared, prepared: PreparedEndpoint { key: (Uuid::nil(), 0), endpoint: Ok(endpoint) } })
    }

    /// Sends an event once; `delivery` is the same for all its attempts.
    pub async fn send(&self, payload: Payload, delivery: Uuid, attempt: u32) -> Outcome {
        self.shared.sender.close_idle();
        let lease = Lease {
            delivery_id: Bytes::copy_from_slice(delivery.as_bytes()),
            endpoint_id: Uuid::nil(),
            event: Event::new(payload).map(Arc::new),
            attempt,
            token: 0,
            fresh: false,
            traceparent: String::new(),
            until: Timestamp::from_micros(i64::MAX),
        };
        attempt::run(&self.shared, &lease, &self.prepared, self.shared.clock.now(), Instant::now()).await
    }
}
