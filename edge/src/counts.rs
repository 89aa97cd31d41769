//! What an edge counts, for `/metrics`: one addition for each response.

use http::StatusCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// The classes of status codes.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Numbers since the start.
#[derive(Debug, Default)]
pub struct Counts {
    responses: [AtomicU64; CLASSES.len()],
}

impl Counts {
    pub(crate) fn answered(&self, status: StatusCode) {
        if let Some(class) = self.responses.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
            class.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Responses by the class of their status.
    pub fn responses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.responses.iter().map(|class| class.load(Ordering::Relaxed)))
    }
}
