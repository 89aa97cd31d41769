//! Makes the generated half of the contract; all of the work is in `proto/codegen`.
fn main() {}
