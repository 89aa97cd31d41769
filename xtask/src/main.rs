//! Chores of this repository that need Rust: `cargo xtask <chore>`. Each chore has its file; here they are only found.

mod openapi;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask openapi [--check]   write openapi.json, or fail when it is stale";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["openapi"] => openapi::write(),
        ["openapi", "--check"] => openapi::check(),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
