//! Makes Rust, REST routes, the gate and OpenAPI from the protos, at build time: one [`Model`] is read from the
//! protos and checked, and every generator works from it alone.

pub mod model;
mod read;
mod verify;

pub use model::Model;

use std::{fmt, path::Path};

/// Why the protos do not make a contract.
#[derive(Debug)]
pub enum Error {
    /// They do not compile, or a file cannot be read.
    Source(String),
    /// They break rules of this house: one sentence each, beginning with the element's name.
    Rules(Vec<String>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Source(text) => f.write_str(text),
            Error::Rules(findings) => f.write_str(&findings.join("\n")),
        }
    }
}

impl std::error::Error for Error {}

/// Reads all protos under `source/inboxops` and checks them; `include` are the roots that imports are looked up in.
pub fn load(source: &Path, include: &[&Path]) -> Result<Model, Error> {
    let model = read::read(source, include)?;
    match verify::findings(&model) {
        findings if findings.is_empty() => Ok(model),
        findings => Err(Error::Rules(findings)),
    }
}
