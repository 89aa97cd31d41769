//! The worker against real sockets: receivers of every kind, and a core that hands over what a test says.

mod delivery;
mod guard;
mod hostile;
mod http2;
mod idle;
mod lease;
mod support;
mod throughput;
mod tls;
