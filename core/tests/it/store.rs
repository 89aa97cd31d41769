//! Tests of the store: every one on SQLite and on PostgreSQL.

mod groups;
mod schema;
