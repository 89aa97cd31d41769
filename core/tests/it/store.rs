//! Tests of the store: every one on SQLite and on PostgreSQL.

mod dispatch;
mod fanout;
mod groups;
mod schema;
mod tables;
