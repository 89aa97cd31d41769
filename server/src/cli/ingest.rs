//! The command line of `ingest`.

use clap::Args;
use std::{ffi::OsString, path::PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  inboxops ingest --tenant 019ab5f0-0000-7000-8000-000000000001 --inbox support@example.com archive.mbox\n  \
        inboxops ingest --tenant 019ab5f0-0000-7000-8000-000000000001 --inbox support@example.com < mail.eml\n\n\
        A server must run. What was recorded before is not recorded again, so the same command may be repeated.\n\
        Exit codes: 0 all is recorded; 1 a named file cannot be read; 75 anything else, so that a mail server keeps the mail."
)]
pub(crate) struct Ingest {
    /// Id of the tenant
    #[arg(long)]
    pub(crate) tenant: String,
    /// Id or mail address of the inbox
    #[arg(long)]
    pub(crate) inbox: String,
    /// Address that the mail server delivers for; its +t<number> names a ticket
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) recipient: Option<OsString>,
    /// Sender of the envelope; an empty one or MAILER-DAEMON marks what a machine sent
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) sender: Option<OsString>,
    /// Files with one mail or many (mbox); `-` or none for standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Source of the mails of `ingest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailFrom {
    /// Standard input, perhaps together with files.
    Input,
    /// Files only.
    Files,
}

impl Ingest {
    /// The source of its mails.
    pub(crate) fn mail_from(&self) -> MailFrom {
        let input = self.files.is_empty() || self.files.iter().any(|file| file.as_os_str() == crate::ingest::STDIN);
        if input { MailFrom::Input } else { MailFrom::Files }
    }
}
