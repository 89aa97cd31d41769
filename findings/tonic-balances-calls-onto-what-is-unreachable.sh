#!/usr/bin/env bash
# tonic 0.14.9, `Channel::balance_list` over two endpoints, of which one cannot be reached. One would guess that a balancer
# leaves out what it has no connection to, as other gRPC implementations do (their `round_robin` picks among ready connections
# alone). It does not: it picks at random, an endpoint that fails to connect is picked like any other, and the call that made
# it try is answered UNAVAILABLE. Here that is a third of all calls, for as long as the endpoint is away, though the other
# one answers.
#
# Wanted: bash, cargo. Runs without the product; builds pinned crates in a temporary folder. Exit 0 while it is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "balanced"
version = "0.0.0"
edition = "2024"

[dependencies]
tonic = { version = "=0.14.9", default-features = false, features = ["transport", "codegen", "router"] }
tonic-health = "=0.14.9"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "time"] }
tokio-stream = { version = "0.1", features = ["net"] }
TOML
cat >src/main.rs <<'RUST'
use std::time::Duration;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

#[tokio::main]
async fn main() {
    let bind = || async { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap() };
    let (live, dead) = (bind().await, bind().await);
    let at = |listener: &tokio::net::TcpListener| Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let list = [at(&live), at(&dead)];
    drop(dead);
    let (_, health) = tonic_health::server::health_reporter();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(live);
    tokio::spawn(Server::builder().add_service(health).serve_with_incoming(incoming));
    let mut client = HealthClient::new(Channel::balance_list(list.into_iter()));
    let (mut answered, mut unavailable) = (0, 0);
    for _ in 0..200 {
        match client.check(HealthCheckRequest::default()).await {
            Ok(_) => answered += 1,
            Err(status) if status.code() == tonic::Code::Unavailable => unavailable += 1,
            Err(status) => panic!("{status}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // How many depends on the order of events; none would be right.
    let told = |count: u32| if count >= 10 { "many" } else if count > 0 { "few" } else { "none" };
    println!("of 200 calls: answered {}, unavailable {}", told(answered), told(unavailable));
}
RUST
seen=$(cargo run --quiet)
echo "$seen"
expected='of 200 calls: answered many, unavailable many'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
