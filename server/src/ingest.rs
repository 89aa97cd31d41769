//! `inboxops ingest`: reads mails and sends them to a running core, many at a time. A mail server may call it for each
//! mail. A mail that is not certainly recorded ends with exit code 75, after which the mail server retries later. Any
//! other code but 0 would return the mail to its sender although the operator could have fixed the cause.

mod mbox;
mod order;
mod progress;
mod source;

use crate::{
    admin_client::AdminClient,
    cli::{Ingest, MailFrom},
    error::{self, Error, Result},
    print::Output,
};
use inboxops_core::mail_ids;
use inboxops_proto::{
    failure::Failure,
    internal::v1::{IngestInboundMessageRequest as IngestRequest, IngestInboundMessageResponse as Answer},
    reason::Reason,
};
use order::Order;
use progress::Progress;
use serde_json::json;
use source::Source;
use std::{
    collections::VecDeque,
    ffi::OsStr,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tonic::Status;

/// Mails in flight.
const IN_FLIGHT_MAX: usize = 64;
/// Mails in flight, or waiting for one in flight.
const HELD_MAX: usize = 256;
/// Greatest size of these mails together, in KiB.
const HELD_MAX_KIB: u32 = 64 * 1024;
/// Longest time for the answer to one mail.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Means standard input among the files.
pub(crate) const STDIN: &str = "-";
/// Longest envelope address that a core accepts, in characters; a longer one belongs to no inbox.
const RECIPIENT_MAX_CHARS: usize = 320;

const _: () = assert!(source::MAIL_MAX_BYTES / 1024 < HELD_MAX_KIB as usize, "every mail fits");

/// The counts of the run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    mails: u64,
    bytes: u64,
    opened: u64,
    joined: u64,
    reopened: u64,
    automatic: u64,
    duplicates: u64,
    cut: u64,
}

impl Tally {
    fn add(&mut self, size: usize, answer: &Answer) {
        self.mails += 1;
        self.bytes += size as u64;
        self.opened += u64::from(answer.opened);
        self.joined += u64::from(!answer.opened && !answer.duplicate);
        self.reopened += u64::from(answer.reopened);
        self.automatic += u64::from(answer.automatic);
        self.duplicates += u64::from(answer.duplicate);
    }

    fn shown(&self) -> Output {
        Output::One(json!({
            "mails": self.mails,
            "bytes": self.bytes,
            "opened": self.opened,
            "joined": self.joined,
            "reopened": self.reopened,
            "automatic": self.automatic,
            "duplicates": self.duplicates,
            "cut": self.cut,
        }))
    }
}

/// The exit code of a failure. A named file that cannot be read is a permanent failure, and nobody's mail is lost; but
/// while standard input has a mail, any failure is temporary.
pub(crate) fn exit_code(error: &Error, from: MailFrom) -> u8 {
    match (error, from) {
        (Error::MailFile { .. }, MailFrom::Files) => error::EXIT_FAILED,
        _ => error::EXIT_TRY_AGAIN,
    }
}

/// Runs the work, and turns a panic into a failure.
pub(crate) fn guarded(work: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Stopped { what: "the command" }))
}

/// Sends every mail of the files, in order, until the first failure.
pub(crate) async fn ingest(office: &AdminClient, command: Ingest) -> Result<Output> {
    let from = command.mail_from();
    let files = if command.files.is_empty() { vec![PathBuf::from(STDIN)] } else { command.files.clone() };
    let mut run = Run {
        office,
        template: Arc::new(template(&command)),
        room: Arc::new(Semaphore::new(HELD_MAX_KIB as usize)),
        calls: JoinSet::new(),
        order: Order::new(),
        ready: VecDeque::new(),
        failed: false,
        tally: Tally::default(),
        progress: Progress::new(),
    };
    let mut done = Ok(());
    for file in &files {
        done = run.file(file).await;
        if done.is_err() {
            break;
        }
    }
    // Mails in flight are awaited whatever failed: they may be recorded.
    let rest = run.finish().await;
    run.progress.end();
    done.and(rest).map_err(|error| explained(error, &command))?;
    if from == MailFrom::Input && run.tally.mails == 0 {
        // A mail server never has an empty mail: something before this command failed.
        return Err(Error::TryAgain { code: "no_mail", why: "nothing came by standard input".to_owned() });
    }
    Ok(run.tally.shown())
}

/// A refusal with a hint where to look.
fn explained(error: Error, command: &Ingest) -> Error {
    let Error::Refused(failure) = &error else { return error };
    let tenant = &command.tenant;
    let inbox = &command.inbox;
    let why = match failure.reason {
        Reason::TenantNotFound => format!("there is no tenant {tenant}; check --tenant"),
        Reason::InboxNotFound => format!("the tenant {tenant} has no inbox {inbox}; check --inbox"),
        _ => error.to_string(),
    };
    Error::TryAgain { code: error.code(), why }
}

fn template(command: &Ingest) -> IngestRequest {
    let by_id = command.inbox.len() == 36 && !command.inbox.contains('@');
    let (inbox_id, inbox_address) =
        if by_id { (command.inbox.clone(), String::new()) } else { (String::new(), command.inbox.clone()) };
    IngestRequest {
        tenant_id: command.tenant.clone(),
        inbox_id,
        inbox_address,
        recipient: Some(text(command.recipient.as_deref()))
            .filter(|address| address.chars().count() <= RECIPIENT_MAX_CHARS)
            .unwrap_or_default(),
        null_sender: command.sender.is_some() && is_nobody(&text(command.sender.as_deref())),
        ..Default::default()
    }
}

/// An envelope address, which may contain any bytes.
fn text(address: Option<&OsStr>) -> String {
    address.unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether the envelope sender is empty or a mail server's daemon (`MAILER-DAEMON`, with or without a host).
fn is_nobody(sender: &str) -> bool {
    let sender = sender.trim().trim_matches(['<', '>', '"']).trim();
    sender.is_empty()
        || sender.split('@').next().is_some_and(|it| it.trim_matches('"').eq_ignore_ascii_case("mailer-daemon"))
}

/// A mail with its share of the size limit.
struct Letter {
    raw: Vec<u8>,
    room: OwnedSemaphorePermit,
}

struct Run<'a> {
    office: &'a AdminClient,
    template: Arc<IngestRequest>,
    room: Arc<Semaphore>,
    calls: JoinSet<(u64, usize, std::result::Result<Answer, Status>)>,
    order: Order<Letter>,
    /// Mails that may be sent as soon as a call ends.
    ready: VecDeque<(u64, Letter)>,
    /// Whether a call failed; nothing more is sent then.
    failed: bool,
    tally: Tally,
    progress: Progress,
}

impl Run<'_> {
    async fn file(&mut self, path: &PathBuf) -> Result<()> {
        let failed = |source| Error::MailFile { path: path.clone(), source };
        let (mut mails, size) = if path.as_os_str() == STDIN {
            (Source::stdin().map_err(failed)?, None)
        } else {
            Source::file(path).await.map_err(failed)?
        };
        self.progress.begin(size);
        while let Some(mail) = mails.next().await.map_err(failed)? {
            self.tally.cut += u64::from(mail.cut);
            self.send(mail.raw).await?;
            self.progress.show(&self.tally, mail.read);
        }
        Ok(())
    }

    /// Sends a mail as soon as there is room and the mails that it may belong to are recorded; later mails may overtake
    /// it.
    async fn send(&mut self, raw: Vec<u8>) -> Result<()> {
        let kib = u32::try_from(raw.len() / 1024 + 1).unwrap_or(HELD_MAX_KIB);
        let room = loop {
            if self.calls.len() < IN_FLIGHT_MAX
                && self.order.held() < HELD_MAX
                && let Ok(room) = self.room.clone().try_acquire_many_owned(kib)
            {
                break room;
            }
            self.answer().await?;
        };
        let (number, letter) = self.order.enter(mail_ids(&raw), Letter { raw, room });
        if let Some(letter) = letter {
            self.call(number, letter);
        }
        Ok(())
    }

    fn call(&mut self, number: u64, letter: Letter) {
        let Letter { raw, room } = letter;
        let service = self.office.services().ingest().clone();
        let size = raw.len();
        let request = self.office.request(IngestRequest { raw: raw.into(), ..(*self.template).clone() });
        self.calls.spawn(async move {
            let answer = timeout(ANSWER_MAX, service.ingest_inbound_message(request)).await;
            drop(room);
            let late = || Failure::new(Reason::Timeout).status();
            (number, size, answer.map_or_else(|_| Err(late()), |answer| answer.map(tonic::Response::into_inner)))
        });
    }

    /// Waits for the answer to one mail, and sends those that waited for it.
    async fn answer(&mut self) -> Result<()> {
        let answered = self.calls.join_next().await;
        self.failed |= !matches!(answered, None | Some(Ok((_, _, Ok(_)))));
        match answered {
            Some(Ok((number, size, Ok(answer)))) => {
                self.tally.add(size, &answer);
                self.ready.extend(self.order.answered(number));
            }
            Some(Ok((_, _, Err(status)))) => return Err(status.into()),
            Some(Err(_)) => return Err(Error::Stopped { what: "a call" }),
            None => {}
        }
        while !self.failed
            && self.calls.len() < IN_FLIGHT_MAX
            && let Some((number, letter)) = self.ready.pop_front()
        {
            self.call(number, letter);
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<()> {
        let mut done = Ok(());
        while !self.calls.is_empty() {
            done = done.and(self.answer().await);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_file_that_cannot_be_read_is_a_failure_for_good() {
        let file = || Error::MailFile { path: "x".into(), source: std::io::ErrorKind::NotFound.into() };
        let setting = || Error::Setting("wrong".to_owned());
        let refused = || Error::Refused(Reason::InboxNotFound.into());
        assert_eq!(exit_code(&file(), MailFrom::Files), 1);
        for error in [file(), setting(), refused(), Error::Usage(String::new())] {
            assert_eq!(exit_code(&error, MailFrom::Input), 75, "{error}");
        }
        for error in [setting(), refused(), Error::Stopped { what: "it" }] {
            assert_eq!(exit_code(&error, MailFrom::Files), 75, "{error}");
        }
        let ended = guarded(|| panic!("on purpose")).expect_err("a failure");
        assert_eq!(exit_code(&ended, MailFrom::Input), 75);
    }

    #[test]
    fn nobody_sends_what_no_answer_reaches() {
        for sender in [
            "",
            "<>",
            " < > ",
            "MAILER-DAEMON",
            "<mailer-daemon>",
            "MAILER-DAEMON@mx.example",
            "<Mailer-Daemon@mx.example>",
        ] {
            assert!(is_nobody(sender), "{sender}");
        }
        for sender in ["ada@example.com", "<ada@example.com>", "daemon@mx.example", "my-mailer-daemon@x.example"] {
            assert!(!is_nobody(sender), "{sender}");
        }
    }
}
