//! What the tests of several crates share.

mod postgres;

pub use postgres::{Postgres, dump, durable_postgres, postgres, restore};
