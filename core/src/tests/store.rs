//! Tests of the store: every one on SQLite and on PostgreSQL.

mod backlog;
mod backups;
mod checkpoint;
mod cores;
mod dispatch;
mod exports;
mod fanout;
mod groups;
mod horizon;
mod lists;
mod long_log;
mod lookup;
mod moves;
mod moving;
mod plans;
mod recovered;
mod retention;
mod schema;
mod tables;
mod tickets;
mod ways;
