//! `/metrics`: on which listeners it is, and in which format.

use crate::support::TestEdge;
use inboxops_edge::{Counts, Settings, Surface, Text};
use std::sync::Arc;

const PUBLIC: Surface = Surface::Public { internal: true };
const TEXT: &str = "# HELP a_calls Calls.\n# TYPE a_calls counter\na_calls_total 3\n# EOF\n";

fn measured(settings: &mut Settings) {
    let text: Text = Arc::new(|| Box::pin(std::future::ready(TEXT.to_owned())));
    settings.metrics = Some(text);
}

#[tokio::test]
async fn metrics_are_in_the_format_that_is_asked_for() {
    let edge = TestEdge::with(PUBLIC, measured).await;
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let plain = "text/plain; version=0.0.4; charset=utf-8";
    for (headers, kind) in [
        (&[("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")][..], open),
        (&[("accept", "text/plain;version=0.0.4")], plain),
        (&[("accept", "*/*")], plain),
        (&[], plain),
    ] {
        let answer = edge.ask("GET", "/metrics", headers, "").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{headers:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.text() == TEXT, kind == open, "{headers:?}: {}", answer.text());
        assert_eq!(answer.text().contains("# TYPE a_calls_total counter"), kind == plain);
    }
}

#[tokio::test]
async fn a_listener_of_probes_has_nothing_else() {
    let edge = TestEdge::with(Surface::Probes, measured).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(edge.get(path).await.status, 200, "{path}");
    }
    assert_eq!(edge.get("/origin").await.status, 404);
    let call = "/inboxops.v1.TicketService/GetTicket";
    assert_eq!(edge.ask("OPTIONS", call, &[], "").await.status, 404);
    let refused = edge.ask("POST", call, &[("content-type", "application/grpc")], "").await;
    assert_eq!(refused.header("grpc-status"), "12", "{refused:?}");
}

#[tokio::test]
async fn a_listener_without_metrics_has_no_such_path() {
    for surface in [PUBLIC, Surface::Public { internal: false }, Surface::Internal, Surface::Probes] {
        let edge = TestEdge::without_metrics(surface, measured).await;
        let answer = edge.get("/metrics").await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"route_not_found".into()), "{surface:?}");
        assert_eq!(edge.get("/healthz").await.status, 200, "{surface:?}");
    }
}

#[tokio::test]
async fn responses_are_counted_by_class() {
    let counts = Arc::<Counts>::default();
    let kept = counts.clone();
    let edge = TestEdge::with(PUBLIC, move |settings| settings.counts = kept).await;
    edge.get("/healthz").await;
    edge.get("/healthz").await;
    edge.get("/nothing.here").await;
    edge.get("/panic").await;
    let seen: Vec<_> = counts.responses().collect();
    assert_eq!(seen, [("1xx", 0), ("2xx", 2), ("3xx", 0), ("4xx", 1), ("5xx", 1)]);
}
