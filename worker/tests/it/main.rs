//! The worker against real sockets: receivers of every kind, and a core that sends what a test decides.

mod delivery;
mod guard;
mod hostile;
mod http2;
mod idle;
mod lease;
mod support;
mod throughput;
mod tls;
