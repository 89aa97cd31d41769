//! What the tests of several crates share.

mod postgres;

pub use postgres::{Postgres, durable_postgres, postgres};
