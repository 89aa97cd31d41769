//! The binary: parses the command line, reads the settings, runs the command, and turns its result into an exit code.

mod admin_client;
mod backup;
mod cli;
mod commands;
mod copying;
mod cores;
mod demo;
mod error;
mod folder;
mod follow;
mod ingest;
mod listen;
mod master_key;
mod mcp;
mod metrics;
mod named;
mod open_core;
mod open_files;
mod otlp;
mod parts;
mod print;
mod receiver;
mod serve;
mod settings;
mod shell;
mod tail;
mod telemetry;

use admin_client::AdminClient;
use clap::{Parser as _, error::ErrorKind};
use cli::{Cli, Command, Config, Events, Secrets};
use error::{Error, Result};
use inboxops_core::{Chance, Stamps};
use inboxops_proto::clock::Clock;
use print::Output;
use serde_json::{Value, json};
use settings::{Effective, Settings};
use std::{path::PathBuf, process::ExitCode};

/// Memory that one thread allocates is often freed by another: rows come from the database's threads and end in those
/// of the edge. The system's allocator takes a lock for that, which shows up in profiles of reads and writes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_pages_small();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(wrong_words(&error)),
    };
    // Standard output of `mcp` has messages of the protocol alone.
    let json = cli.global.json && !matches!(cli.command, Command::Mcp(_));
    let mail = cli.mail();
    let work = || {
        run(cli).and_then(|shown| match shown {
            Some(shown) => print::print(&shown, json).map_err(|source| Error::Io { what: "print the result", source }),
            None => Ok(()),
        })
    };
    // A mail server returns a mail to its sender when its pipe ends with the exit code of a panic.
    let done = if mail.is_some() { ingest::guarded(work) } else { work() };
    telemetry::flush();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = error::in_one_line(&error);
            if json {
                print_failure(error.code(), &line);
            }
            telemetry::tell(&format!("error: {line}"));
            ExitCode::from(mail.map_or_else(|| error.exit_code(), |mail| ingest::exit_code(&error, mail)))
        }
    }
}

/// A failure as the command's one JSON value.
fn print_failure(code: &str, message: &str) {
    // The reader of standard output may be gone; standard error says the same.
    let _ = print::print(&Output::One(json!({ "error": { "code": code, "message": message } })), true);
}

/// Prints the usage error, or the requested help; returns the exit code.
fn wrong_words(error: &clap::Error) -> u8 {
    // The reader may be gone.
    let _ = error.print();
    if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
        print_failure(error::WRONG_USAGE, &said(error));
    }
    if !error.use_stderr() {
        0
    } else if cli::is_ingest(std::env::args_os().skip(1), error) {
        error::EXIT_TRY_AGAIN
    } else {
        error::EXIT_USAGE
    }
}

/// The first paragraph of a usage error, in one line.
fn said(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing; --help lists them".to_owned();
    }
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

/// The allocator would ask Linux for huge pages: an idle server would hold 20 MiB that it never uses, and a busy one is
/// no faster with them.
fn keep_pages_small() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "cannot turn off huge pages");
    }
}

fn run(cli: Cli) -> Result<Option<Output>> {
    let environment = |name: &str| std::env::var(name).ok();
    let file = cli.global.config.clone().or_else(|| environment(settings::CONFIG_VARIABLE)).map(PathBuf::from);
    let effective = Effective::read(cli.flags(), environment, file.as_deref())?;
    let json = cli.global.json;
    match cli.command {
        Command::Openapi => {
            let document: Value = serde_json::from_str(inboxops_proto::OPENAPI)
                .map_err(|source| Error::Io { what: "read the OpenAPI document", source: source.into() })?;
            return Ok(Some(Output::Text(inboxops_proto::OPENAPI.to_owned(), document)));
        }
        Command::Config(Config::Print) => return Ok(Some(printed(&effective))),
        Command::Completions { shell } => return Ok(Some(shell::completions(shell))),
        Command::Man { ref dir } => return shell::man(dir).map(Some),
        _ => {}
    }
    let settings = effective.settings()?;
    folder::make_private_files();
    telemetry::start(&settings);
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = threads.map_err(|source| Error::Io { what: "start the threads", source })?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(_) => serve::serve(settings, json).await.map(|()| None),
            Command::Listen(command) => listen::listen(&settings, command, json).await.map(Some),
            Command::Mcp(command) => mcp::serve(&settings, command).await.map(Some),
            Command::Events(Events::Tail(command)) => tail::tail(&settings, command, json).await.map(Some),
            command => administer(&settings, command, json).await.map(Some),
        }
    });
    // The remaining threads run blocking work that nobody waits for.
    runtime.shutdown_background();
    done
}

async fn administer(settings: &Settings, command: Command, json: bool) -> Result<Output> {
    match command {
        Command::Config(Config::Check) => {
            if let Some((cert, key)) = &settings.tls {
                inboxops_edge::tls::load(cert, key).map_err(Error::Tls)?;
            }
            parts::trust(settings)?;
            otlp::check(settings)?;
            for name in settings::strange_variables(std::env::vars_os()) {
                telemetry::tell(&format!("warning: {name} in the environment is no setting and is ignored"));
            }
            return Ok(Output::Text("The settings are good.".to_owned(), json!({ "ok": true })));
        }
        Command::Migrate => {
            open_core::migrate(settings).await?;
            let text = "The database has the schema of this version.".to_owned();
            return Ok(Output::Text(text, json!({ "ok": true })));
        }
        Command::Backup(command) => return backup::backup(settings, &command.folder).await,
        Command::Restore(command) => return backup::restore(settings, &command.folder).await,
        Command::Copy(command) => return copying::copy(settings, &command.to).await,
        Command::Secrets(Secrets::RotateMasterKey { new_key_file }) => {
            let stamps = Stamps::new(Clock::System, Chance::System);
            return master_key::rotate(settings, new_key_file.as_deref(), &stamps).await;
        }
        _ => {}
    }
    if let Command::Ingest(command) = command {
        return ingest::ingest(&AdminClient::running(settings).await?, command).await;
    }
    let office = AdminClient::open(settings).await?;
    let done = match command {
        Command::Tenant(command) => commands::tenant(&office, command).await,
        Command::Agent(command) => commands::agent(&office, command, settings.pages_url()).await,
        Command::Inbox(command) => commands::inbox(&office, command).await,
        Command::Key(command) => commands::key(&office, command, &Clock::System).await,
        Command::Token(command) => commands::token(&office, command).await,
        Command::Endpoint(command) => commands::endpoint(&office, command).await,
        Command::Delivery(command) => commands::delivery(&office, command, settings, json).await,
        Command::Audit(command) => commands::audit(&office, command, &Clock::System).await,
        Command::Serve(_)
        | Command::Ingest(_)
        | Command::Listen(_)
        | Command::Events(_)
        | Command::Mcp(_)
        | Command::Migrate
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Copy(_)
        | Command::Config(_)
        | Command::Secrets(_)
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Openapi => Err(Error::Usage("this command has no answer here".to_owned())),
    };
    office.close().await;
    done
}

/// Every setting with its value and source.
fn printed(effective: &Effective) -> Output {
    let rows = effective.shown().map(|(row, value, source)| {
        json!({
            "setting": row.path,
            "value": value,
            "source": source,
            "environment": settings::environment_name(row.path),
            "unit": row.unit,
            "about": row.about,
        })
    });
    Output::Many(rows.collect(), &["setting", "value", "source"])
}
