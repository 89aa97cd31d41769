//! Makes Rust, REST routes, the gate and OpenAPI from the protos, at build time.
