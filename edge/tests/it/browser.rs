//! Cross-site requests of browsers are refused on real sockets; requests of programs are not.

use crate::support::TestEdge;
use inboxops_edge::Surface;
use tokio::io::AsyncWriteExt as _;

/// Sends an empty grpc-web message to gRPC health; returns the HTTP status, and the gRPC status if the call was
/// admitted.
async fn grpc_web(edge: &TestEdge, headers: &[(&str, &str)]) -> (u16, String) {
    let mut head = "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nconnection: close\r\ncontent-length: 5\r\n\
        content-type: application/grpc-web+proto\r\n"
        .to_owned();
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = edge.connect().await;
    stream.write_all(format!("{head}\r\n").as_bytes()).await.expect("a head");
    stream.write_all(&[0; 5]).await.expect("an empty message");
    let answer = crate::support::Answer::read(stream).await;
    let through =
        if answer.text().contains("grpc-status:0") { "0".to_owned() } else { answer.header("grpc-status").to_owned() };
    (answer.status, through)
}

const WEB: (&str, &str) = ("x-grpc-web", "1");
const COOKIE: (&str, &str) = ("cookie", "inboxops_session=x");

#[tokio::test]
async fn another_origin_gets_nowhere_another_port_of_the_same_host_included() {
    let edge = TestEdge::with(Surface::Public { internal: true }, |settings| {
        settings.names = vec!["desk.example.com".to_owned()];
    })
    .await;
    let here = format!("127.0.0.1:{}", edge.address.port());
    let (ours, port) = (format!("http://{here}"), format!("http://127.0.0.1:{}", edge.address.port() ^ 1));
    let host = ("host", here.as_str());
    let refused: &[&[(&str, &str)]] = &[
        &[WEB, host, ("origin", &port), ("sec-fetch-site", "same-site"), COOKIE],
        &[WEB, host, ("origin", &port), COOKIE],
        &[WEB, host, ("origin", &port)],
        &[WEB, host, ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        &[WEB, host, ("origin", "null"), COOKIE],
        &[WEB, host, ("sec-fetch-site", "cross-site"), COOKIE],
        // Without the header that no form can send, and without any sign of the origin.
        &[host, ("origin", &ours), ("sec-fetch-site", "same-origin"), COOKIE],
        &[WEB, host, COOKIE],
        // A host name that resolves to this machine but is not ours.
        &[WEB, ("host", "evil.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
        &[WEB, ("host", "evil.example"), ("origin", "http://evil.example")],
    ];
    for headers in refused {
        assert_eq!(grpc_web(&edge, headers).await, (403, "7".to_owned()), "{headers:?}");
    }
    let let_in: &[&[(&str, &str)]] = &[
        &[WEB, host, ("origin", &ours), ("sec-fetch-site", "same-origin"), COOKIE],
        &[WEB, host, ("origin", &ours), COOKIE],
        &[WEB, ("host", "desk.example.com"), ("origin", "https://desk.example.com"), ("sec-fetch-site", "same-origin")],
        &[WEB, ("host", "any.name"), ("authorization", "Bearer ixk_x")],
        &[("host", "any.name")],
    ];
    for headers in let_in {
        assert_eq!(grpc_web(&edge, headers).await, (200, "0".to_owned()), "{headers:?}");
    }
}

#[tokio::test]
async fn a_forged_form_with_a_cookie_is_refused_and_a_program_with_a_key_is_not() {
    let edge = TestEdge::open().await;
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let ask = async |method: &str, more: &[(&str, &str)]| {
        let answer = edge.ask(method, "/api/v1/nothing", &[&foreign[..], more].concat(), "").await;
        (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let not_found = (404, "route_not_found".to_owned());
    for method in ["POST", "PATCH", "DELETE"] {
        assert_eq!(ask(method, &[COOKIE]).await, (403, "cross_origin".to_owned()));
        assert_eq!(ask(method, &[COOKIE, ("authorization", "Bearer ixk_x")]).await, not_found);
        assert_eq!(ask(method, &[("authorization", "Bearer ixk_x")]).await, not_found);
    }
    assert_eq!(ask("GET", &[COOKIE]).await, not_found);
}
