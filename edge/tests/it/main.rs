//! The edge over real sockets: properties of every response, for any client.

mod browser;
mod connections;
mod docs;
mod documents;
mod every_answer;
mod grpc;
mod guides;
mod measuring;
mod pages;
mod proxies;
mod support;
