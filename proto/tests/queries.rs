//! Query strings and path parameters.

use crate::support::{Client, setup};
use inboxops_proto::v1;

#[tokio::test]
async fn all_that_is_wrong_with_a_query_comes_in_one_answer() {
    let setup = setup().await;
    let (direct, remote) = (Client::new(&setup.direct), Client::new(&setup.remote));
    let table = [
        ("pages=1", "400 unknown_parameter; pages unknown_field"),
        (
            "page=0&pages=1&status=gone",
            "400 unknown_parameter; pages unknown_field; status invalid_enum; page out_of_range",
        ),
        ("page=1&page=2", "400 invalid_parameter; page limit_exceeded"),
        ("page=0&per_page=101", "400 invalid_parameter; page out_of_range; per_page out_of_range"),
        ("page=4294967296", "400 invalid_parameter; page out_of_range"),
        ("page=-1", "400 invalid_parameter; page out_of_range"),
        ("page=1.5&per_page=%2B1", "400 invalid_parameter; page invalid_type; per_page invalid_type"),
        ("page=", "400 invalid_parameter; page blank"),
        ("status", "400 invalid_parameter; status blank"),
        ("status=open,,closed", "400 invalid_parameter; status blank"),
        ("q=%20", "400 invalid_parameter; q blank"),
        ("q=%ff", "400 invalid_parameter; q invalid_format"),
        ("q=%4", "400 invalid_parameter; q invalid_format"),
        ("q=a%00", "400 invalid_parameter; q invalid_format"),
        ("status=unspecified", "400 invalid_parameter; status invalid_enum"),
        ("sort=subject", "400 invalid_parameter; sort invalid_enum"),
        ("inbox_id=none", "400 invalid_parameter; inbox_id invalid_format"),
        ("created_since=yesterday", "400 invalid_parameter; created_since invalid_format"),
    ];
    for (query, expected) in table {
        let path = format!("/api/v1/tickets?{query}");
        let reply = direct.get(&path).await;
        assert_eq!(reply.outline(), expected, "{query}");
        assert_eq!(remote.get(&path).await.json(), reply.json(), "{query}");
    }
}

#[tokio::test]
async fn parameters_arrive_decoded() {
    let setup = setup().await;
    let query = "page=2&status=open,closed&status=solved&assignee_id=none%2C019AB5F0-0000-7000-8000-0000000000a1\
                 &q=a+b%2Bc&created_since=2026-01-31T11:30:00%2B02:00&tag=%20billing%20&sort=-updated_at&";
    let reply = Client::new(&setup.remote).get(&format!("/api/v1/tickets?{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let listed = setup.services.listed.lock().expect("no panic").clone().expect("a request");
    let expected = v1::ListTicketsRequest {
        page: Some(2),
        status: vec![v1::TicketStatus::Open.into(), v1::TicketStatus::Closed.into(), v1::TicketStatus::Solved.into()],
        assignee_id: vec!["none".to_owned(), "019AB5F0-0000-7000-8000-0000000000a1".to_owned()],
        q: Some("a b+c".to_owned()),
        created_since: Some(prost_types::Timestamp { seconds: 1_769_851_800, nanos: 0 }),
        tag: Some("billing".to_owned()),
        sort: Some("-updated_at".to_owned()),
        ..v1::ListTicketsRequest::default()
    };
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn unknown_parameters_are_told_which_there_are() {
    let client = Client::new(&setup().await.direct);
    let reply = client.get("/api/v1/tickets/1?include=tags").await;
    assert_eq!(reply.json()["error"]["details"][0]["message"], "is unknown; this call takes no parameters");
    assert_eq!(reply.json()["error"]["details"][0]["location"], "query");
    for query in ["status%5B%5D=open&status%5B%5D=pending", "status[]=open", "status[0]=open&status[1]=pending"] {
        let reply = client.get(&format!("/api/v1/tickets?{query}")).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]["code"]),
            (400, &"unknown_parameter".into()),
            "{query}"
        );
        for detail in reply.json()["error"]["details"].as_array().expect("details") {
            assert_eq!(detail["message"], "is unknown; write `status=open,pending`", "{query}");
        }
    }
    for (query, message) in [
        ("inbox_id[]=x", "is unknown; write `inbox_id=A,B`"),
        ("page[]=1", "is unknown; write `page`, without brackets"),
    ] {
        let reply = client.get(&format!("/api/v1/tickets?{query}")).await;
        assert_eq!(reply.json()["error"]["details"][0]["message"], message);
    }
    for query in ["status[a]=open", "filter[]=open", "[]=open", "status[=open"] {
        let reply = client.get(&format!("/api/v1/tickets?{query}")).await;
        let message = reply.json()["error"]["details"][0]["message"].to_string();
        assert!(message.contains("this call takes "), "{query}: {message}");
    }
    let reply = client.get("/api/v1/tags?limit=5").await;
    assert_eq!(reply.json()["error"]["details"][0]["message"], "is unknown; this call takes page, per_page, cursor");
}

#[tokio::test]
async fn path_parameters_are_decoded_and_never_refused() {
    let client = Client::new(&setup().await.direct);
    assert_eq!(client.get("/api/v1/tickets/4%32").await.json()["data"]["subject"], "42");
    assert_eq!(client.get("/api/v1/tickets/1%2F2").await.json()["data"]["subject"], "1/2");
    for path in ["/api/v1/tickets/%ff", "/api/v1/tickets/x%00", "/api/v1/tickets/%zz"] {
        assert_eq!(client.get(path).await.outline(), "404 ticket_not_found", "{path}");
    }
    for path in ["/api/v1/tickets/", "/api/v1/tickets/1/", "/api/v1", "/"] {
        assert_eq!(client.get(path).await.outline(), "404 route_not_found", "{path}");
    }
}
