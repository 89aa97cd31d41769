//! The gate's time limits: deadlines of calls, and streams whose caller loses the permission. Time is stopped and
//! advances when every task waits for it.

use crate::support::{Client, setup};
use futures_util::{StreamExt as _, stream};
use inboxops_proto::{
    failure::Failure,
    gate::{self, Admission, AnyScope, DEADLINE, Gate, Rpc, STREAM_RECHECK},
    internal::v1 as internal,
    reason::Reason,
    services,
    trace::{Sampler, TRACEPARENT, Tracer},
    v1, wire,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tonic::{
    Extensions, Request, Response,
    metadata::{MetadataMap, MetadataValue},
};

/// Admits everybody; a stream only this many times.
struct Open {
    rechecks: AtomicU32,
}

#[tonic::async_trait]
impl Gate for Open {
    async fn admit(&self, _: &'static Rpc, _: &[AnyScope], _: &MetadataMap, _: &mut Extensions) -> Admission {
        Admission { headers: MetadataMap::new(), verdict: Ok(()) }
    }

    async fn still_admitted(&self, _: &'static Rpc, _: &Extensions) -> Result<(), Failure> {
        match self.rechecks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Ok(()),
            Err(_) => Err(Reason::RevokedApiKey.into()),
        }
    }
}

fn open(rechecks: u32) -> Open {
    Open { rechecks: AtomicU32::new(rechecks) }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline() {
    for (asked, expected) in [(None, DEADLINE), (Some("2S"), Duration::from_secs(2)), (Some("1H"), DEADLINE)] {
        let mut request = Request::new(v1::WhoAmIRequest {});
        if let Some(asked) = asked {
            request.metadata_mut().insert("grpc-timeout", asked.parse().expect("ascii"));
        }
        let start = Instant::now();
        let never = |_| std::future::pending::<Result<Response<v1::WhoAmIResponse>, _>>();
        let answer = gate::unary(&open(0), &services::IDENTITY_SERVICE_WHO_AM_I, request, never).await;
        assert_eq!(Failure::of(&answer.expect_err("a timeout")).reason, Reason::Timeout);
        assert_eq!(start.elapsed().as_secs(), expected.as_secs(), "{asked:?}");
    }
}

/// An authentication that never ends.
struct Silent;

#[tonic::async_trait]
impl Gate for Silent {
    async fn admit(&self, _: &'static Rpc, _: &[AnyScope], _: &MetadataMap, _: &mut Extensions) -> Admission {
        std::future::pending().await
    }

    async fn still_admitted(&self, _: &'static Rpc, _: &Extensions) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_gate_is_told_at_the_deadline_too() {
    let start = Instant::now();
    let call = |_| async { Ok(Response::new(v1::WhoAmIResponse::default())) };
    let request = Request::new(v1::WhoAmIRequest {});
    let answer = gate::unary(&Silent, &services::IDENTITY_SERVICE_WHO_AM_I, request, call).await;
    assert_eq!(Failure::of(&answer.expect_err("a timeout")).reason, Reason::Timeout);
    assert_eq!(start.elapsed().as_secs(), DEADLINE.as_secs());
    let work = |_| async {
        let stream: gate::BoxStream<internal::WorkResponse> = Box::pin(stream::pending());
        Ok(Response::new(stream))
    };
    let request = Request::new(internal::WorkRequest::default());
    let answer = gate::streaming(Arc::new(Silent), &services::DISPATCH_SERVICE_WORK, request, work).await;
    assert_eq!(Failure::of(&answer.err().expect("a timeout")).reason, Reason::Timeout);
    assert_eq!(start.elapsed().as_secs(), DEADLINE.as_secs() * 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_caller_may_no_longer_have_it() {
    let work = |_| async {
        let one = stream::iter([Ok(internal::WorkResponse::default())]);
        let stream: gate::BoxStream<internal::WorkResponse> = Box::pin(one.chain(stream::pending()));
        Ok(Response::new(stream))
    };
    let request = Request::new(internal::WorkRequest::default());
    let start = Instant::now();
    let answer = gate::streaming(Arc::new(open(2)), &services::DISPATCH_SERVICE_WORK, request, work).await;
    let items: Vec<_> = answer.expect("a stream").into_inner().collect().await;
    assert_eq!(start.elapsed().as_secs(), STREAM_RECHECK.as_secs() * 3);
    let [Ok(_), Err(status)] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(Failure::of(status).reason, Reason::RevokedApiKey);
}

#[tokio::test]
async fn what_a_service_logs_can_name_the_request() {
    let mut request = Request::new(v1::WhoAmIRequest {});
    let request_id = "mine-1".to_owned();
    let origin = wire::Origin { peer: None, way: wire::Way::Rest, request_id, same_origin: false, secure: false };
    request.extensions_mut().insert(origin);
    let tell = |_| async {
        let gate::Current { rpc, request_id, .. } = gate::current();
        assert_eq!((rpc, request_id.as_str()), ("/inboxops.v1.IdentityService/WhoAmI", "mine-1"));
        Ok(Response::new(v1::WhoAmIResponse::default()))
    };
    gate::unary(&open(0), &services::IDENTITY_SERVICE_WHO_AM_I, request, tell).await.expect("an answer");
    assert_eq!(gate::current().rpc, "", "outside of a call there is none");
}

#[tokio::test]
async fn a_call_is_a_span_below_what_it_follows() {
    let (tracer, mut queue) = Tracer::new(Sampler::default(), || 7, 4);
    let mut request = Request::new(v1::WhoAmIRequest {});
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.extensions_mut().insert(tracer.follow(Some(given)));
    let tell = |_| async {
        assert!(gate::current_trace().is_some_and(|trace| trace.sampled && trace.span == 7));
        Ok(Response::new(v1::WhoAmIResponse::default()))
    };
    gate::unary(&open(0), &services::IDENTITY_SERVICE_WHO_AM_I, request, tell).await.expect("an answer");
    let span = queue.try_recv().expect("a span");
    assert_eq!((&*span.name, span.context.span), ("inboxops.v1.IdentityService/WhoAmI", 7));
    assert_eq!((span.parent, span.of_another), (0xb7ad_6b71_6920_3331, true));
}

#[test]
fn a_core_is_told_the_edges_place_in_a_trace_and_never_the_clients() {
    let client = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let token = MetadataValue::from_static("token");
    let mut request = Request::new(());
    request.metadata_mut().insert(TRACEPARENT, MetadataValue::from_static(client));
    wire::outgoing(&mut request, &token);
    assert!(request.metadata().get(TRACEPARENT).is_none());

    let (tracer, _queue) = Tracer::new(Sampler::default(), || 7, 4);
    let (parent, _span) = tracer.accept(Some(client), "GET".into());
    request.metadata_mut().insert(TRACEPARENT, MetadataValue::from_static(client));
    request.extensions_mut().insert(parent);
    wire::outgoing(&mut request, &token);
    let told = request.metadata().get(TRACEPARENT).and_then(|value| value.to_str().ok());
    assert_eq!(told, Some("00-0af7651916cd43dd8448eb211c80319c-0000000000000007-01"));
}

#[tokio::test]
async fn headers_that_a_client_adds_end_at_the_edge() {
    let setup = setup().await;
    let client = Client::new(&setup.remote);
    let request = crate::support::request(http::Method::GET, "/api/v1/tickets/7")
        .header("connection", "keep-alive")
        .header("grpc-timeout", "1n")
        .header(wire::EDGE_TOKEN, "mine");
    let reply = client.send(request.body(axum::body::Body::empty()).expect("a request")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}
