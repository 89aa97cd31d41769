//! Tests of the core on both databases.

mod store;
mod support;
