//! Reads request bodies, within limits of size and time, and discards bodies that are too large.

use crate::{failure::Failure, reason::Reason};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::timeout;

/// Greatest size of a body.
pub const BODY_MAX_BYTES: usize = 2 * 1024 * 1024;
/// Longest time for a body to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Part of a body that is too large which is read and discarded, so that a client that is still sending gets the
/// response instead of a reset connection.
pub const DRAIN_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Longest time for discarding.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads a whole body.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    read_up_to(BODY_MAX_BYTES, headers, body).await
}

/// Reads a whole body of at most so many bytes.
pub async fn read_up_to(most: usize, headers: &HeaderMap, mut body: Body) -> Result<Bytes, Failure> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        discard(headers, body).await;
        return Err(Reason::PayloadTooLarge.into());
    }
    match timeout(BODY_TIMEOUT, collect(most, &mut body)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            drain(body).await;
            Err(Reason::PayloadTooLarge.into())
        }
        Ok(Err(_)) => Err(Failure::new(Reason::MalformedJson).message("The body ended before it was complete.")),
        Err(_) => Err(Failure::new(Reason::Timeout).message("The body did not arrive in time.")),
    }
}

/// All bytes; `None` if there are too many.
async fn collect(most: usize, body: &mut Body) -> Result<Option<Bytes>, axum::Error> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.len() + more.len() + data.len() > most {
            return Ok(None);
        }
        // Most bodies arrive in one piece, which need not be copied.
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&data);
        }
    }
    Ok(Some(if more.is_empty() { first } else { more.freeze() }))
}

/// Reads an unwanted body and discards it, within the limits above.
pub async fn discard(headers: &HeaderMap, body: Body) {
    // A client that waits for `100 Continue` has sent nothing to discard.
    if !headers.contains_key(header::EXPECT) {
        drain(body).await;
    }
}

async fn drain(mut body: Body) {
    let mut left = DRAIN_MAX_BYTES;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Time or size has run out; the response is the same.
    let _ = timeout(DRAIN_TIMEOUT, reading).await;
}
