//! The door over real sockets: what holds for every answer, whoever asks and however.

mod browser;
mod connections;
mod docs;
mod documents;
mod every_answer;
mod grpc;
mod pages;
mod support;
