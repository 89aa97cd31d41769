//! The OpenAPI documents and the probes.

use crate::support::{OPENAPI, OPENAPI_3_0, TestEdge};
use inboxops_edge::{Settings, Surface};
use std::sync::{Arc, atomic::Ordering};

#[tokio::test]
async fn the_openapi_document_is_revalidated_by_its_tag() {
    let edge = TestEdge::open().await;
    for (path, document) in [("/api/v1/openapi.json", OPENAPI), ("/api/v1/openapi-3.0.json", OPENAPI_3_0)] {
        let first = edge.get(path).await;
        assert_eq!((first.status, first.header("content-type")), (200, "application/json"));
        assert_eq!(first.text(), document);
        let tag = first.header("etag").to_owned();
        for given in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = edge.ask("GET", path, &[("if-none-match", &given)], "").await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{given}");
            assert_eq!(again.header("etag"), tag);
        }
        assert_eq!(edge.ask("GET", path, &[("if-none-match", "\"other\"")], "").await.status, 200);
        let packed = edge.ask("GET", path, &[("accept-encoding", "gzip")], "").await;
        assert_eq!(packed.unpacked(), document);
    }
}

#[tokio::test]
async fn documents_refuse_other_methods_and_say_which_they_take() {
    let edge = TestEdge::open().await;
    for path in ["/healthz", "/readyz", "/api/v1/openapi.json", "/api/v1/openapi-3.0.json"] {
        let answer = edge.ask("DELETE", path, &[], "").await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS", "{path}");
        assert_eq!(answer.json()["error"]["code"], "method_not_allowed", "{path}");
        let options = edge.ask("OPTIONS", path, &[], "").await;
        assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, OPTIONS"), "{path}");
    }
}

#[tokio::test]
async fn a_house_that_is_not_ready_lives_but_says_so() {
    let details = |settings: &mut Settings| settings.ready_details = Arc::new(|| "of the core\n".to_owned());
    let edge = TestEdge::with(Surface::Public { internal: true }, details).await;
    let answer = edge.get("/readyz").await;
    assert_eq!((answer.status, answer.text()), (200, "ready\nof the core\n".to_owned()));
    edge.ready.store(false, Ordering::SeqCst);
    let answer = edge.get("/readyz").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"service_unavailable".into()));
    assert_eq!(edge.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn an_internal_listener_has_probes_but_no_rest() {
    let edge = TestEdge::with(Surface::Internal, |_| {}).await;
    assert_eq!(edge.get("/healthz").await.status, 200);
    assert_eq!(edge.get("/origin").await.status, 404);
}
