//! `docs/metrics.md`: the table of metrics, written from the one that they are registered from. The words around it are
//! written by hand.

use inboxops_proto::metrics::ALL;
use std::{error::Error, fmt::Write as _, fs, path::PathBuf};

const HEAD: &str = "| name | type | labels | has it | what it says |\n|---|---|---|---|---|\n";

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"))
}

/// Writes the table into the page.
pub(crate) fn write() -> Result<(), Box<dyn Error>> {
    Ok(fs::write(path(), page()?)?)
}

/// Fails if the page has another table.
pub(crate) fn check() -> Result<(), Box<dyn Error>> {
    if fs::read_to_string(path())? == page()? {
        return Ok(());
    }
    Err("docs/metrics.md is stale: run `cargo xtask metrics`".into())
}

/// The page with the present table.
fn page() -> Result<String, Box<dyn Error>> {
    let page = fs::read_to_string(path())?;
    let (before, rest) = page.split_once(HEAD).ok_or("docs/metrics.md has lost its table")?;
    let after = rest.lines().skip_while(|line| line.starts_with('|')).map(|line| format!("{line}\n"));
    Ok(format!("{before}{HEAD}{}{}", rows(), after.collect::<String>()))
}

fn rows() -> String {
    let mut rows = String::new();
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels, of) = (metric.series(), metric.kind.name(), labels.join(", "), metric.of.name());
        // Writing to memory cannot fail.
        let _ = writeln!(rows, "| `{name}` | {kind} | {labels} | {of} | {} |", metric.help);
    }
    rows
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_has_every_metric() {
        super::check().expect("docs/metrics.md is up to date");
    }
}
