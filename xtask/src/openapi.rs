//! `openapi.json` at the root of the repository: the document that the server serves, committed so that a change of the
//! contract shows in review. The content is generated elsewhere.

use std::{error::Error, fs, path::PathBuf};

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.json"))
}

/// Writes the file.
pub(crate) fn write() -> Result<(), Box<dyn Error>> {
    Ok(fs::write(path(), inboxops_proto::OPENAPI)?)
}

/// Fails if the file differs from the document.
pub(crate) fn check() -> Result<(), Box<dyn Error>> {
    if fs::read_to_string(path())? == inboxops_proto::OPENAPI {
        return Ok(());
    }
    Err("openapi.json is stale: run `cargo xtask openapi`".into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        super::check().expect("openapi.json is up to date");
    }
}
