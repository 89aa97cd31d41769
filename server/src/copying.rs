//! `inboxops copy`: keeps servers away from both databases, shows how far the copy is, and says what is left to do.

use crate::{
    backup::private_file,
    error::{Error, Result},
    folder::{Folder, Lock},
    print::Output,
    settings::{Settings, without_password},
    telemetry,
};
use inboxops_core::{
    Chance, Stamps,
    copies::{self, CopyProgress, CopyStep},
};
use inboxops_proto::clock::Clock;
use serde_json::{Map, Value, json};
use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Longest wait for a command that uses a data folder.
const LOCK_MAX: Duration = Duration::from_secs(2);
/// Time between two states of the bar.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: u64 = 30;

pub(crate) async fn copy(settings: &Settings, to: &str) -> Result<Output> {
    if settings.server.is_some() {
        return Err(Error::Usage("the databases themselves are worked on, so --server has no sense here".to_owned()));
    }
    if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| to.starts_with(scheme)) {
        // Not shown: it may have a password.
        return Err(Error::Usage("--to must be sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME".to_owned()));
    }
    let (from, shown_to) = (without_password(&settings.database_url), without_password(to));
    let failed = |source| Error::Copy { from: from.clone(), to: shown_to.clone(), source };
    let target = copies::sqlite_file(to).map_err(failed)?;
    let source = copies::sqlite_file(&settings.database_url).map_err(failed)?;
    let _locks = lock(settings, [source.as_deref().filter(|file| file.exists()), target.as_deref()]).await?;
    let made = target.filter(|file| !file.exists());
    if let Some(file) = &made {
        drop(private_file(file)?);
    }
    let stamps = Stamps::new(Clock::System, Chance::System);
    let mut bar = Bar::new();
    let copied = copies::copy(&settings.database_url, to, &stamps, &mut |progress| bar.draw(&progress)).await;
    bar.end();
    if let Some(file) = made.filter(|file| copied.is_err() && fs::metadata(file).is_ok_and(|it| it.len() == 0)) {
        let _ = fs::remove_file(file);
    }
    let copied = copied.map_err(failed)?;
    let rows: u64 = copied.tables.iter().map(|(_, rows)| rows).sum();
    let key = match &settings.master_key {
        Some(_) => "the same setting master_key".to_owned(),
        None => format!("the master key in {}", settings.master_key_file.display()),
    };
    let text = format!(
        "Copied and compared {rows} rows of {} tables. A server on {shown_to} needs {key}; start none on {from} again.",
        copied.tables.len()
    );
    let tables: Map<String, Value> = copied.tables.into_iter().map(|(name, rows)| (name, json!(rows))).collect();
    Ok(Output::Text(text, json!({ "ok": true, "rows": rows, "tables": tables, "resumed": copied.resumed })))
}

/// The locks of the folders in which SQLite files lie, and of the data folder: while they are held, no server starts
/// there.
async fn lock(settings: &Settings, files: [Option<&Path>; 2]) -> Result<Vec<Lock>> {
    let parent = |file: &Path| {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).to_owned()
    };
    let data = (settings.on_sqlite() && settings.data_dir.is_dir()).then(|| settings.data_dir.clone());
    let folders: Vec<PathBuf> = data.into_iter().chain(files.into_iter().flatten().map(parent)).collect();
    let mut locks = Vec::new();
    let mut locked: Vec<PathBuf> = Vec::new();
    for path in folders {
        let folder = Folder::open(&path)?;
        let real = path.canonicalize().map_err(|source| Error::Folder { path, source })?;
        if !locked.contains(&real) {
            locks.push(folder.lock_within(LOCK_MAX).await?);
            locked.push(real);
        }
    }
    Ok(locks)
}

/// The progress on standard error: a bar on a terminal, elsewhere a line for each table.
struct Bar {
    terminal: bool,
    drawn: Option<Instant>,
    at: Option<(CopyStep, String)>,
}

impl Bar {
    fn new() -> Bar {
        Bar { terminal: io::stderr().is_terminal(), drawn: None, at: None }
    }

    fn draw(&mut self, progress: &CopyProgress<'_>) {
        let next = self.at.as_ref().is_none_or(|(step, table)| *step != progress.step || table != progress.table);
        if next {
            self.at = Some((progress.step, progress.table.to_owned()));
        }
        if !self.terminal {
            if next {
                telemetry::tell(&line(progress));
            }
            return;
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY) || progress.rows == progress.of {
            self.drawn = Some(Instant::now());
            // Whoever closed standard error does not want to see it.
            let _ = write!(io::stderr(), "\r\x1b[K{} {}", bar(progress.rows, progress.of), line(progress));
        }
    }

    fn end(&mut self) {
        if self.terminal && self.drawn.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}

fn line(progress: &CopyProgress<'_>) -> String {
    let doing = match progress.step {
        CopyStep::Copying => "copying",
        CopyStep::Comparing => "comparing",
    };
    format!("{doing} {}: {} of {} rows", progress.table, progress.rows, progress.of)
}

fn bar(rows: u64, of: u64) -> String {
    let full = usize::try_from((rows.min(of) * WIDTH).checked_div(of).unwrap_or(WIDTH)).unwrap_or_default();
    let empty = usize::try_from(WIDTH).unwrap_or_default().saturating_sub(full);
    format!("[{}{}]", "#".repeat(full), "-".repeat(empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_the_copy() {
        assert_eq!(bar(0, 10), format!("[{}]", "-".repeat(30)));
        assert_eq!(bar(5, 10), format!("[{}{}]", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar(10, 10), format!("[{}]", "#".repeat(30)));
        assert_eq!(bar(0, 0), format!("[{}]", "#".repeat(30)), "nothing to copy is done");
    }
}
