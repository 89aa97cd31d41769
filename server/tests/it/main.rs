//! The binary as an operator meets it: its words, its exit codes, what it prints, how it starts and stops.

mod administration;
mod commands;
mod ingest;
mod listening;
mod master_key;
mod measuring;
mod receiver;
mod refusals;
mod rotation;
mod serving;
mod support;
