//! `inboxops mcp`: MCP over standard input and output, a message a line. The tools call a running server with the
//! caller's API key, so limits, scopes and audit are those of any other call. Standard output has messages alone.

use crate::{
    admin_client,
    cli::Mcp,
    error::{Error, Result},
    listen,
    print::Output,
    settings::Settings,
};
use inboxops_proto::mcp::{BODY_MAX_BYTES, Caller, Server};
use std::io::{self, BufRead, Read as _, Write as _};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Messages that wait for their turn; the host waits before it writes more.
const WAITING_MAX: usize = 16;

/// Answers until the input ends or a signal stops it.
pub(crate) async fn serve(settings: &Settings, command: Mcp) -> Result<Output> {
    let caller = Caller::with(listen::bearer(command.key)?);
    let server = Server::new(admin_client::customers(settings).await?);
    // A host shows why a command ended, and seldom why a message was refused.
    server.scopes(&caller).await?;
    let (sender, lines) = mpsc::channel(WAITING_MAX);
    // It is in a read that nothing interrupts, and ends with the process.
    std::thread::spawn(move || read(io::stdin().lock(), &sender));
    let fail = |source| Error::Io { what: "listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    let ended = tokio::select! {
        ended = answer(&server, &caller, lines) => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    match ended {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Error::Io { what: "answer", source }),
        _ => Ok(Output::Nothing),
    }
}

async fn answer(server: &Server, caller: &Caller, mut lines: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(line) = lines.recv().await {
        if let Some(answer) = server.line(caller, &line).await {
            let mut out = io::stdout().lock();
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
    Ok(())
}

/// Sends every line that is not empty. One that is too long is sent cut, and then is not well-formed.
fn read(mut input: impl BufRead, lines: &mpsc::Sender<Vec<u8>>) {
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(BODY_MAX_BYTES as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if line.len() == BODY_MAX_BYTES && line.last() != Some(&b'\n') && input.skip_until(b'\n').is_err() {
            return;
        }
        if !line.trim_ascii().is_empty() && lines.blocking_send(line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_does_not_spoil_the_next() {
        let mut input = vec![b'x'; BODY_MAX_BYTES + 10];
        input.extend_from_slice(b"\n\n  \n{}\nlast");
        let (sender, mut lines) = mpsc::channel(WAITING_MAX);
        read(&*input, &sender);
        drop(sender);
        let lengths: Vec<usize> = std::iter::from_fn(|| lines.blocking_recv()).map(|line| line.len()).collect();
        assert_eq!(lengths, [BODY_MAX_BYTES, 3, 4]);
    }
}
