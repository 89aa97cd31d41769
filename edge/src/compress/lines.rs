//! gzip compression of an answer in lines, piece by piece. Whatever waits is sent when no more lines are ready, so that
//! a reader gets each line soon.

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body::Frame;
use std::{
    io::Write as _,
    pin::Pin,
    task::{Context, Poll},
};

/// Compressed size from which on a piece is sent.
const PIECE_BYTES: usize = 8 * 1024;

/// The compressed form of a body.
pub(super) struct GzipBody {
    body: Body,
    /// `None` once the end is written.
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// Whether the encoder may hold back something.
    unsent: bool,
}

impl GzipBody {
    pub(super) fn new(body: Body) -> GzipBody {
        GzipBody { body, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())), unsent: false }
    }
}

impl http_body::Body for GzipBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let piece = |packed: Vec<u8>| Poll::Ready(Some(Ok(Frame::data(Bytes::from(packed)))));
        loop {
            let Some(encoder) = &mut this.encoder else { return Poll::Ready(None) };
            match Pin::new(&mut this.body).poll_frame(task) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers do not exist in answers of REST.
                    let Ok(data) = frame.into_data() else { continue };
                    encoder.write_all(&data).map_err(axum::Error::new)?;
                    this.unsent = true;
                    if encoder.get_ref().len() >= PIECE_BYTES {
                        return piece(std::mem::take(encoder.get_mut()));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    this.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    let end = this.encoder.take().map(GzEncoder::finish).transpose().map_err(axum::Error::new)?;
                    return piece(end.unwrap_or_default());
                }
                Poll::Pending if this.unsent => {
                    this.unsent = false;
                    encoder.flush().map_err(axum::Error::new)?;
                    return piece(std::mem::take(encoder.get_mut()));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::BodyExt as _;
    use std::{convert::Infallible, io::Read as _};

    #[test]
    fn what_waits_is_sent_when_nothing_more_is_ready() {
        let mut waited = false;
        let pause = stream::poll_fn(move |task| {
            task.waker().wake_by_ref();
            if std::mem::replace(&mut waited, true) { Poll::Ready(None) } else { Poll::Pending }
        });
        let text = |text: &'static str| Ok::<_, Infallible>(Bytes::from(text));
        let lines = stream::iter([text("one\n"), text("two\n")]).chain(pause).chain(stream::iter([text("three\n")]));
        let mut body = GzipBody::new(Body::from_stream(lines));
        let mut next = || body.frame().now_or_never().map(|it| it.map(|it| it.expect("it does not fail")));
        let first = next().expect("it does not wait").expect("a piece").into_data().expect("data");
        let mut begun = String::new();
        let mut decoder = GzDecoder::new(&first[..]);
        let mut byte = [0];
        while begun.len() < "one\ntwo\n".len() {
            assert_eq!(decoder.read(&mut byte).expect("both lines can be read"), 1);
            begun.push(char::from(byte[0]));
        }
        assert_eq!(begun, "one\ntwo\n");
        let last = next().expect("it does not wait").expect("a piece").into_data().expect("data");
        assert!(next().expect("it does not wait").is_none());
        let mut whole = String::new();
        GzDecoder::new(&[first, last].concat()[..]).read_to_string(&mut whole).expect("one gzip stream");
        assert_eq!(whole, "one\ntwo\nthree\n");
    }

    #[test]
    fn pieces_leave_before_the_end() {
        let mut state = 1_u32;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + u8::try_from(state >> 28).expect("four bits"))
        };
        let texts: Vec<Result<Bytes, Infallible>> =
            (0..64).map(|_| Ok(Bytes::from((0..2048).map(|_| noise()).collect::<String>()))).collect();
        let mut body = GzipBody::new(Body::from_stream(stream::iter(texts)));
        let mut sizes = Vec::new();
        while let Some(frame) = body.frame().now_or_never().expect("it does not wait") {
            sizes.push(frame.expect("it does not fail").into_data().expect("data").len());
        }
        assert!(sizes.len() > 2 && sizes.iter().all(|size| *size < 8 * PIECE_BYTES), "{sizes:?}");
    }
}
