//! Who a request is from, with and without a proxy that is believed.

use crate::support::TestEdge;
use inboxops_edge::{Proxies, Surface};

/// What the edge takes for the client of a request with this header.
async fn client(proxies: &str, forwarded_for: &str) -> String {
    let proxies: Proxies = proxies.parse().expect("proxies");
    let edge = TestEdge::with(Surface::Public { internal: true }, |settings| settings.proxies = proxies).await;
    let answer = edge.ask("GET", "/origin", &[("x-forwarded-for", forwarded_for)], "").await;
    answer.text().split(' ').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_header_is_believed_from_a_proxy_alone() {
    for (proxies, forwarded_for, expected) in [
        ("false", "198.51.100.7", "Some(127.0.0.1)"),
        ("true", "203.0.113.9, 198.51.100.7", "Some(198.51.100.7)"),
        ("192.0.2.0/24,::1", "198.51.100.7", "Some(127.0.0.1)"),
        ("127.0.0.0/8,192.0.2.0/24", "203.0.113.9, 198.51.100.7:49152, 192.0.2.3", "Some(198.51.100.7)"),
        ("127.0.0.1", "203.0.113.9, [2001:db8::7]:49152", "Some(2001:db8::7)"),
        ("127.0.0.1", "unknown", "Some(127.0.0.1)"),
    ] {
        assert_eq!(client(proxies, forwarded_for).await, expected, "{proxies} {forwarded_for}");
    }
}
