//! The binary as an operator sees it: its command line, its exit codes, its output, how it starts and stops.

mod administration;
mod commands;
mod ingest;
mod listening;
mod master_key;
mod mcp;
mod measuring;
mod receiver;
mod refusals;
mod rotation;
mod serving;
mod support;
