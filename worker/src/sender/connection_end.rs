//! Interprets the end of a connection or stream that came before the library accepted a response. It opens nothing and
//! sends nothing.

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

/// How a request got its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It was opened for this request.
    First,
    /// It was idle, and the receiver may have closed it meanwhile.
    Again,
    /// It was opened for this request because the previous one was closed during it; if this happens again, it is a
    /// failure.
    Fresh,
}

/// The failure when a new connection ended before it took the request.
pub(super) fn unsent(error: &hyper::Error, connection: &Connection) -> AttemptFailure {
    of_heard(connection.heard()).unwrap_or_else(|| library(error))
}

/// The failure when a request that may have arrived got no response; or the response that the library did not accept.
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
            // The receiver states that it did not process the request.
            Some(reset) if reset.reason() == Some(Reason::REFUSED_STREAM) => true,
            // A reset by our library, because what arrived is not HTTP/2.
            Some(reset) if reset.is_library() => return Err(FailureCode::InvalidResponse.into()),
            // The stream ended with its connection, or alone.
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

/// The failure that TLS reported.
pub(super) fn of_heard(heard: &Transcript) -> Option<AttemptFailure> {
    heard.tls().map(|(error, asked)| tls::later(&error, asked))
}

/// The reset of a single HTTP/2 stream, if the error is one.
fn of_stream(error: &hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|source| source.downcast_ref::<h2::Error>()).filter(|error| error.is_reset())
}

fn library(error: &hyper::Error) -> AttemptFailure {
    if error.is_parse() { FailureCode::InvalidResponse.into() } else { FailureCode::ConnectionReset.into() }
}
