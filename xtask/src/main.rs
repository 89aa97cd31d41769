//! Chores of this repository that need Rust: `cargo xtask <chore>`. Each chore has its file; here they are only found.

mod bench;
mod faults;
mod floor;
mod openapi;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask openapi [--check]   write openapi.json, or fail when it is stale
       cargo xtask bench [--write]     measure ratios with the release binary; write them into docs/performance.md
                   or [--only PART]    only read, write, idle, flood, slow or dead
       cargo xtask faults [options]    break things under load and count what was lost; see docs/reliability.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["openapi"] => openapi::write(),
        ["openapi", "--check"] => openapi::check(),
        ["bench", options @ ..] => bench::run(options),
        // What `bench` starts in its release build.
        ["bench-inner", options @ ..] => bench::inner(options),
        ["faults", words @ ..] => faults::main(words).map_err(|error| error as Box<dyn std::error::Error>),
        ["floor", database_url, tenant] => floor::serve(database_url, tenant),
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
