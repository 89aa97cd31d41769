//! Makes Rust, REST routes, the gate and OpenAPI from the protos, at build time: one [`Model`] is read from the
//! protos and checked, and every generator works from it alone.

mod checks;
mod fields;
#[path = "../../limits.rs"]
mod limits;
mod messages;
pub mod model;
pub mod openapi;
mod read;
mod routes;
mod services;
mod verify;

pub use model::Model;

use std::{fmt, fs, path::Path};

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

/// Makes everything that the contract crate includes: reads the protos under `source` and writes into `out`.
pub fn generate(source: &Path, out: &Path) -> Result<(), Error> {
    let model = load(source, &[])?;
    messages::generate(&model, out)?;
    let files = [
        ("descriptors.bin", model.descriptors.clone()),
        ("json_enums.rs", messages::enums(&model).into_bytes()),
        ("shapes.rs", fields::generate(&model).into_bytes()),
        ("checks.rs", checks::generate(&model).into_bytes()),
        ("services.rs", services::generate(&model).into_bytes()),
        ("routes.rs", routes::generate(&model).into_bytes()),
        ("openapi.json", openapi::text(&model).into_bytes()),
    ];
    for (name, content) in files {
        let path = out.join(name);
        fs::write(&path, content).map_err(|error| Error::Source(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}
