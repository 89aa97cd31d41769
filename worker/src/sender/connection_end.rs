//! What it means that a connection ended, or a stream of it, before there was an answer that the library took. It opens
//! nothing and sends nothing.

use super::{
    Answer,
    connection::Connection,
    heard::{EarlyAnswer, Transcript},
    tls,
};
use crate::outcome::{AttemptFailure, BODY_MAX_BYTES};
use h2::Reason;
use inboxops_proto::FailureCode;
use std::error::Error as _;

/// How a request came to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It was opened for this request.
    First,
    /// It was there, and the receiver may have closed it since.
    Again,
    /// It was opened for this request because one before fell with its connection; another such end is a failure.
    Fresh,
}

/// What it means that a new connection ended before it took the request.
pub(super) fn unsent(error: &hyper::Error, connection: &Connection) -> AttemptFailure {
    of_heard(connection.heard()).unwrap_or_else(|| library(error))
}

/// What it means that a request which may have arrived got no answer; or the answer that the library did not take.
///
/// # Errors
/// Why there is none.
pub(super) fn ended(error: &hyper::Error, connection: &Connection, used: Use) -> Result<Answer, AttemptFailure> {
    let heard = connection.heard();
    if let Some(EarlyAnswer { status, headers, mut body }) = heard.answer() {
        body.truncate(BODY_MAX_BYTES);
        return Ok(Answer { status, headers, body });
    }
    let fell = match connection {
        Connection::Http1(_) => used == Use::Again && heard.is_silent(),
        Connection::Http2(shared) => match of_stream(error) {
            // What the receiver says it did not process, whenever it says so.
            Some(reset) if reset.reason() == Some(Reason::REFUSED_STREAM) => true,
            // Ours, since what came is no HTTP/2.
            Some(reset) if reset.is_library() => return Err(FailureCode::InvalidResponse.into()),
            // With its connection, or alone.
            Some(_) => !shared.is_open(),
            None => true,
        },
    };
    let verdict =
        heard.tls().filter(|(error, asked)| !fell || used != Use::Again || tls::wants_certificate(error, *asked));
    Err(match verdict {
        Some((error, asked)) => tls::later(&error, asked),
        None if fell && used != Use::Fresh => FailureCode::StaleConnection.into(),
        None => library(error),
    })
}

/// What TLS said of its end.
pub(super) fn of_heard(heard: &Transcript) -> Option<AttemptFailure> {
    heard.tls().map(|(error, asked)| tls::later(&error, asked))
}

/// The reset of a single stream of HTTP/2, if the error is one.
fn of_stream(error: &hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|source| source.downcast_ref::<h2::Error>()).filter(|error| error.is_reset())
}

fn library(error: &hyper::Error) -> AttemptFailure {
    if error.is_parse() { FailureCode::InvalidResponse.into() } else { FailureCode::ConnectionReset.into() }
}
