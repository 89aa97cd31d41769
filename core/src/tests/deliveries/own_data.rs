//! Tests with data of the caller's own: what arrives is what was given, the server's members are the server's, and what
//! cannot be sent is refused before anything else.

use crate::tests::{
    dispatch::TestDispatch,
    support::{Came as _, Client, NOTHING, TestCore, on_both, violations},
};
use inboxops_proto::{limits::EVENT_BODY_MAX_BYTES, reason::Reason, v1};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

type Tested = Result<Response<v1::SendTestEventResponse>, Status>;

fn order(by: &Client, endpoint: &str, data: &str) -> Request<v1::SendTestEventRequest> {
    by.ask(v1::SendTestEventRequest {
        endpoint_id: endpoint.to_owned(),
        event: Some("ticket.closed".to_owned()),
        data: Some(data.to_owned()),
    })
}

async fn test(core: &TestCore, by: &Client, endpoint: &str, data: &str) -> Tested {
    core.tick();
    core.webhooks().send_test_event(order(by, endpoint, data)).await
}

async fn payload(dispatch: &TestDispatch, thin: bool) {
    let payload = if thin { v1::EndpointPayload::Thin } else { v1::EndpointPayload::Full };
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { payload: Some(payload.into()), ..Default::default() }),
        update_mask: None,
    };
    dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
}

async fn own_data_arrives_as_it_was_given_with_the_members_of_the_server(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let given = r#"{ "z": {"total": 1.10, "big": 12345678901234567890123}, "\u0074est": false, "ticket": "none",
        "actor": {"type": "agent", "id": null, "name": "Forged"}, "group": 7, "event": "x", "a": [ "b c", null ] }"#;
    let made = test(&dispatch.core, &dispatch.tenant.key, &dispatch.endpoint.id, given).await.answer();
    let made = made.delivery.expect("a delivery");
    assert_eq!((made.event.as_str(), made.test, made.max_attempts), ("ticket.closed", true, 1));
    let taken = dispatch.worker.next().await;
    assert_eq!((&taken.id, taken.event.as_str()), (&made.id, "ticket.closed"));
    let own = r#","z":{"total":1.10,"big":12345678901234567890123},"ticket":"none","event":"x","a":["b c",null],"test":true}}"#;
    assert!(taken.body.ends_with(own), "{}", taken.body);
    let body: Value = serde_json::from_str(&taken.body).expect("JSON");
    let members = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&body), ["event", "event_id", "tenant_id", "created_at", "data"]);
    assert_eq!(members(&body["data"]), ["actor", "group", "z", "ticket", "event", "a", "test"]);
    let envelope = json!(["ticket.closed", made.event_id, dispatch.tenant.id]);
    assert_eq!(json!([body["event"], body["event_id"], body["tenant_id"]]), envelope);
    let actor = &body["data"]["actor"];
    assert_eq!((&actor["type"], &actor["name"]), (&json!("api_key"), &json!("Sync job")));
    assert!(body["data"]["group"].is_string(), "{}", body["data"]["group"]);
    dispatch.report(&taken, 200).await;
    let shown = dispatch.shown(&taken).await;
    assert_eq!((shown.payload, shown.ticket_id), (taken.body, None));

    // An empty object is own data, not a sample.
    test(&dispatch.core, &dispatch.tenant.key, &dispatch.endpoint.id, "{}").await.answer();
    let taken = dispatch.worker.next().await;
    let body: Value = serde_json::from_str(&taken.body).expect("JSON");
    assert_eq!(members(&body["data"]), ["actor", "group", "test"]);
}

async fn own_data_is_sent_whole_to_an_endpoint_for_thin_events_each_time(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    payload(&dispatch, true).await;
    let given = r#"{"ticket":{"id":7},"more":"kept"}"#;
    test(&dispatch.core, &dispatch.tenant.key, &dispatch.endpoint.id, given).await.answer();
    let first = dispatch.worker.next().await;
    assert!(first.body.ends_with(r#","ticket":{"id":7},"more":"kept","test":true}}"#), "{}", first.body);
    dispatch.report(&first, 500).await;
    for thin in [true, false, true] {
        payload(&dispatch, thin).await;
        let resend = v1::ResendDeliveryRequest { delivery_id: first.id.clone() };
        dispatch.core.deliveries().resend_delivery(dispatch.tenant.key.ask(resend)).await.answer();
        let again = dispatch.worker.next().await;
        assert_eq!((&again.id, &again.body), (&first.id, &first.body));
        dispatch.report(&again, 500).await;
        assert_eq!(dispatch.shown(&again).await.payload, first.body);
    }
}

async fn what_cannot_be_sent_is_refused_with_its_field(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let nested = |depth: usize| format!("{}{}", "{\"a\":".repeat(depth - 1) + "{", "}".repeat(depth));
    let deep = nested(32);
    let table = [
        ("[]", "invalid_type"),
        ("\"{}\"", "invalid_type"),
        ("null", "invalid_type"),
        ("7", "invalid_type"),
        ("", "invalid_format"),
        ("{", "invalid_format"),
        ("{} {}", "invalid_format"),
        (r#"{"a":{"b":1,"b":1}}"#, "invalid_format"),
        (r#"{"test":true,"\u0074est":true}"#, "invalid_format"),
        (deep.as_str(), "invalid_format"),
    ];
    for (data, code) in table {
        let failure = test(&core, &tenant.key, &endpoint, data).await.refusal();
        assert_eq!((failure.reason, violations(&failure)), (Reason::ValidationFailed, vec![("data", code)]), "{data}");
    }
    test(&core, &tenant.key, &endpoint, &nested(31)).await.answer();
    let long = |letters: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(letters));
    let made = test(&core, &tenant.key, &endpoint, &long(0)).await.answer().delivery.expect("a delivery");
    let free = EVENT_BODY_MAX_BYTES - core.delivery(&tenant.key, &made.id).await.payload.len();
    let fits = test(&core, &tenant.key, &endpoint, &long(free)).await.answer().delivery.expect("a delivery");
    assert_eq!(core.delivery(&tenant.key, &fits.id).await.payload.len(), EVENT_BODY_MAX_BYTES);
    // White space is not sent and does not count.
    let spaced = format!("{}{}", " ".repeat(1000), long(free));
    test(&core, &tenant.key, &endpoint, &spaced).await.answer();
    for at in [endpoint.as_str(), NOTHING] {
        let failure = test(&core, &tenant.key, at, &long(free + 1)).await.refusal();
        assert_eq!(violations(&failure), [("data", "too_long")], "before the endpoint is looked up");
    }
    assert_eq!(core.deliveries_of(&tenant.key, &endpoint).await.len(), 4, "what was refused left nothing");
}

async fn a_repetition_is_told_from_other_data_but_not_by_white_space(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let ask = async |data: &str| {
        let mut request = order(&tenant.key, &endpoint, data);
        request.metadata_mut().insert("idempotency-key", "once".parse().expect("ASCII"));
        core.tick();
        core.webhooks().send_test_event(request).await
    };
    let first = ask(r#"{"a":1}"#).await.answer();
    assert_eq!(ask("{ \"a\" : 1 }\n").await.answer(), first);
    assert_eq!(ask(r#"{"a":2}"#).await.refusal().reason, Reason::IdempotencyKeyReused);
    assert_eq!(core.deliveries_of(&tenant.key, &endpoint).await.len(), 1);
}

on_both!(TestCore:
    own_data_arrives_as_it_was_given_with_the_members_of_the_server,
    own_data_is_sent_whole_to_an_endpoint_for_thin_events_each_time,
    what_cannot_be_sent_is_refused_with_its_field,
    a_repetition_is_told_from_other_data_but_not_by_white_space,
);
