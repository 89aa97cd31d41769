//! The contract at work: requests through REST, gRPC and direct calls to two small services behind a small gate.

mod answers;
mod bodies;
mod gate;
mod lines;
mod mcp;
mod queries;
mod streams;
mod support;
mod too_large;
mod ways;
