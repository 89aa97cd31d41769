//! `cargo xtask faults`: breaks the product under load in every way that it promises to survive, and compares what
//! callers, receivers and the database have recorded. It fails if a figure violates its rule.

mod audit;
mod behaviour;
mod books;
mod chaos;
mod dice;
mod fleet;
mod load;
mod options;
mod page;
mod receiver;
mod restore;
mod run;
mod signature;

use options::Options;
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};
use tokio::signal::unix::SignalKind;

type BoxResult<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Runs the suite with these options.
///
/// # Errors
/// If the suite could not run, or a figure violates its rule.
pub(crate) fn main(words: &[&str]) -> BoxResult<()> {
    let options = Options::parse(words)?;
    println!("seed {}", options.seed);
    let folder = tempfile::Builder::new().prefix("inboxops-faults-").tempdir()?.keep();
    let bin = build(&options, &folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let runs: Vec<run::Run> = runtime
        .block_on(async {
            let all = options.databases.iter().map(|database| {
                let bin = bin.clone();
                let folder = folder.join(format!("{database:?}"));
                run::run(*database, &options, bin, folder)
            });
            let all = futures_util::future::try_join_all(all);
            // An interrupted run is dropped, which kills its processes.
            tokio::select! {
                runs = all => runs,
                signal = stopped() => Err(format!("stopped by {}", signal?).into()),
            }
        })
        .map_err(|error| format!("{error} (seed {}, see {})", options.seed, folder.display()))?;
    let text: String = runs.iter().map(|run| page::section(run, &options)).collect();
    println!("\n{text}");
    for figure in runs.iter().flat_map(|run| &run.figures).filter(|figure| !figure.holds()) {
        println!("{}:", figure.name);
        figure.examples.iter().for_each(|example| println!("  {example}"));
    }
    if runs.iter().any(|run| !run.holds()) {
        return Err(format!("a figure breaks its rule (seed {}, see {})", options.seed, folder.display()).into());
    }
    std::fs::remove_dir_all(&folder)?;
    if options.write {
        page::write(&text)?
    }
    Ok(())
}

/// Waits for a signal to stop; returns its name.
async fn stopped() -> BoxResult<&'static str> {
    let listen = |kind| tokio::signal::unix::signal(kind);
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = hangup.recv() => "SIGHUP",
    })
}

/// Builds the server with its fail points and copies it to where no other build replaces it.
fn build(options: &Options, folder: &Path) -> BoxResult<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "-p", "inboxops-server", "--features", "failpoints"]);
    if options.release {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err("the build failed".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let built = target.join(if options.release { "release" } else { "debug" }).join("inboxops");
    let bin = folder.join("inboxops");
    std::fs::copy(&built, &bin)?;
    Ok(bin)
}
