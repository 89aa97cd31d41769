//! Chores of this repository that need Rust: `cargo xtask <chore>`. Each chore has a file; this one selects it.

mod bench;
mod faults;
mod floor;
mod metrics;
mod openapi;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask openapi [--check]   write openapi.json, or fail when it is stale
       cargo xtask metrics [--check]   write the table of docs/metrics.md, or fail when it is stale
       cargo xtask bench [options]     measure ratios with the release binary
             --write                   write them into docs/performance.md
             --only PART,…             only these parts; a wrong name lists them all
             --database NAME           only sqlite or postgres
             --against BINARY          run another build's server in turn with this one, where parts can be compared
             --pairs N                 so many times each (5)
             --check                   end with 1 when a goal is missed by more than the runs differ
       cargo xtask faults [options]    break things under load and count what was lost; see docs/reliability.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["openapi"] => openapi::write(),
        ["openapi", "--check"] => openapi::check(),
        ["metrics"] => metrics::write(),
        ["metrics", "--check"] => metrics::check(),
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
