//! Limits that the docs state and several parts use, so that each has one source: `xtask/tests/guide.rs` compares the
//! docs with them. The code generator includes this file.
#![allow(dead_code, unreachable_pub, reason = "codegen needs some of them only, and for itself")]

use std::time::Duration;

/// Longest time for a receiver's response, its body included, in seconds.
pub const ANSWER_MAX_SECS: u64 = 15;

/// Greatest number of attempts of a delivery.
pub const ATTEMPTS_MAX: u32 = 10;

/// Greatest delay that a receiver can ask for by `Retry-After`, in seconds: the longest step of the schedule.
pub const RETRY_AFTER_MAX_SECS: u32 = 256 * 60;

/// Requests in flight to an endpoint without any result yet.
pub const ENDPOINT_IN_FLIGHT_START: u32 = 8;

/// Greatest number of requests in flight to one endpoint.
pub const ENDPOINT_IN_FLIGHT_MAX: u32 = 64;

/// Failures in a row after which an endpoint counts as dead: it gets one request at a time.
pub const DEAD_AFTER: u32 = 20;

/// Greatest size of an event's body, in bytes.
pub const EVENT_BODY_MAX_BYTES: usize = 256 * 1024;

/// How long events and finished deliveries are kept.
pub const EVENTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Greatest number of leased deliveries that a worker may ask for.
pub const WORKER_WINDOW_MAX: u32 = 1024;
