//! The table as text, and its place in `docs/reliability.md`.

use super::{
    BoxResult,
    options::{Database, Options},
    run::Run,
};
use std::{fmt::Write as _, path::Path};

/// A run as a section of the page.
pub(super) fn section(run: &Run, options: &Options) -> String {
    let database = match run.database {
        Database::Sqlite => "SQLite",
        Database::Postgres => "PostgreSQL",
    };
    let mut text = format!("### {database}, seed {}\n\n| figure | must be | is |\n|---|---|---|\n", options.seed);
    for figure in &run.figures {
        let rule = if figure.max == 0 { "0".to_owned() } else { format!("at most {}", figure.max) };
        let verdict = if figure.holds() { "" } else { " **broken**" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} | {rule} | {}{verdict} |", figure.name, figure.count);
    }
    text.push_str("\n| what there was | number |\n|---|---|\n");
    for (name, count) in &run.facts {
        let _ = writeln!(text, "| {name} | {count} |");
    }
    text.push_str("\n| fault | times |\n|---|---|\n");
    for (name, count) in &run.made {
        let _ = writeln!(text, "| {name} | {count} |");
    }
    text.push('\n');
    text
}

/// Replaces the measured part of the page.
pub(super) fn write(text: &str) -> BoxResult<()> {
    const BEGIN: &str = "<!-- measured: begin -->\n";
    const END: &str = "<!-- measured: end -->";
    let path = Path::new("docs/reliability.md");
    let page = std::fs::read_to_string(path)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no measured part")?;
    let (_, after) = rest.split_once(END).ok_or("the measured part has no end")?;
    Ok(std::fs::write(path, format!("{before}{BEGIN}{text}{END}{after}"))?)
}
