//! Calls the generator.
fn main() {}
