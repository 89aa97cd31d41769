//! A worker for tests: it takes what the core sends and reports what the test decides.

use super::{Came as _, Client, PATIENCE, TestCore};
use futures_util::{FutureExt as _, StreamExt as _};
use inboxops_proto::{
    gate::BoxStream,
    internal::v1::{self as pb, EndpointConfig, LeasedDelivery, Outcome, ReportResponse},
};
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use uuid::Uuid;

/// Requests that it makes at once, as the real worker does.
const SLOTS: u32 = 256;

/// The answer to a report of one outcome that was recorded.
pub(crate) const ACCEPTED: ReportResponse = ReportResponse { accepted: 1, refused: 0 };
pub(crate) const REFUSED: ReportResponse = ReportResponse { accepted: 0, refused: 1 };

/// A stream of work, and what it has brought so far.
pub(crate) struct Worker {
    stream: BoxStream<pb::WorkResponse>,
    taken: VecDeque<TakenDelivery>,
    endpoints: HashMap<Vec<u8>, EndpointConfig>,
    client: Client,
}

/// A delivery with everything needed to send it.
#[derive(Clone, Debug)]
pub(crate) struct TakenDelivery {
    pub(crate) lease: LeasedDelivery,
    pub(crate) id: String,
    pub(crate) endpoint: EndpointConfig,
    pub(crate) event: String,
    pub(crate) body: String,
}

impl Worker {
    pub(crate) async fn join(core: &TestCore, window: u32) -> Worker {
        let client = Client::key(&core.service_token("worker", true).await);
        let request = pb::WorkRequest { worker_id: "test".to_owned(), window, slots: SLOTS };
        let stream = core.dispatch().work(client.ask(request)).await.answer();
        Worker { stream, taken: VecDeque::new(), endpoints: HashMap::new(), client }
    }

    /// The next delivery; the test fails if there is none.
    pub(crate) async fn next(&mut self) -> TakenDelivery {
        while self.taken.is_empty() {
            let batch = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            self.keep(batch.expect("work comes").expect("the stream lives").expect("no refusal"));
        }
        self.taken.pop_front().expect("not empty")
    }

    /// The next delivery, if one has already arrived.
    pub(crate) fn try_next(&mut self) -> Option<TakenDelivery> {
        while let Some(batch) = self.stream.next().now_or_never() {
            self.keep(batch.expect("the stream lives").expect("no refusal"));
        }
        self.taken.pop_front()
    }

    /// Waits for work, at most this long; it is kept for the next call.
    pub(crate) async fn comes_within(&mut self, most: Duration) -> bool {
        if self.taken.is_empty() {
            match tokio::time::timeout(most, self.stream.next()).await {
                Ok(batch) => self.keep(batch.expect("the stream lives").expect("no refusal")),
                Err(_) => return false,
            }
        }
        true
    }

    /// What has already arrived.
    pub(crate) fn at_hand(&mut self) -> Vec<TakenDelivery> {
        while let Some(batch) = self.stream.next().now_or_never() {
            self.keep(batch.expect("the stream lives").expect("no refusal"));
        }
        self.taken.drain(..).collect()
    }

    fn keep(&mut self, batch: pb::WorkResponse) {
        for endpoint in batch.endpoints {
            self.endpoints.insert(endpoint.endpoint_id.to_vec(), endpoint);
        }
        for lease in batch.deliveries {
            let payload = &batch.payloads[lease.payload as usize];
            let endpoint = self.endpoints[&lease.endpoint_id.to_vec()].clone();
            assert!(endpoint.version >= lease.endpoint_version, "never sent with settings older than the event");
            self.taken.push_back(TakenDelivery {
                id: Uuid::from_slice(&lease.delivery_id).expect("an id").to_string(),
                endpoint,
                event: payload.event.clone(),
                body: String::from_utf8(payload.body.to_vec()).expect("UTF-8"),
                lease,
            });
        }
    }

    pub(crate) async fn report(&self, core: &TestCore, outcomes: Vec<Outcome>) -> ReportResponse {
        self.try_report(core, outcomes).await.answer()
    }

    pub(crate) async fn try_report(
        &self,
        core: &TestCore,
        outcomes: Vec<Outcome>,
    ) -> Result<tonic::Response<ReportResponse>, tonic::Status> {
        let request = pb::ReportRequest { worker_id: "test".to_owned(), outcomes };
        core.dispatch().report(self.client.ask(request)).await
    }
}

impl TakenDelivery {
    /// An answer with this status, now.
    pub(crate) fn answered(&self, core: &TestCore, status: u32) -> Outcome {
        let code = match status {
            200..300 => "",
            300..400 => "http_3xx",
            400..500 => "http_4xx",
            _ => "http_5xx",
        };
        let header = |name: &str, value: &str| pb::RecordedHeader { name: name.to_owned(), value: value.to_owned() };
        Outcome {
            delivery_id: self.lease.delivery_id.clone(),
            token: self.lease.token,
            started_at_us: core.clock.now().micros(),
            duration_ms: 12,
            response_status: status,
            response_body: Some("ok".to_owned()),
            response_headers: vec![header("content-type", "text/plain")],
            request_headers: vec![header("webhook-id", "x")],
            error_code: code.to_owned(),
            error: if code.is_empty() { String::new() } else { "The receiver refused it.".to_owned() },
            ..Default::default()
        }
    }
}
