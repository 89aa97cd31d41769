//! Generates Rust, REST routes, the gate, OpenAPI and the reference page from the protos at build time: one [`Model`] is
//! read from the protos and checked, and every generator uses that alone.

mod checks;
mod fields;
#[path = "../../limits.rs"]
mod limits;
mod messages;
pub mod model;
pub mod openapi;
mod read;
pub mod reference;
mod routes;
mod services;
mod tools;
mod verify;

pub use model::Model;

use std::{fmt, fs, path::Path};

/// Why no contract can be generated from the protos.
#[derive(Debug)]
pub enum Error {
    /// They do not compile, or a file cannot be read.
    Source(String),
    /// They violate rules of this project: one sentence each, beginning with the element's name.
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

/// Reads and checks all protos under `source/inboxops`; `include` are the roots for imports.
pub fn load(source: &Path, include: &[&Path]) -> Result<Model, Error> {
    let model = read::read(source, include)?;
    match verify::findings(&model) {
        findings if findings.is_empty() => Ok(model),
        findings => Err(Error::Rules(findings)),
    }
}

/// Generates everything that the contract crate includes, from the protos under `source` into `out`.
pub fn generate(source: &Path, out: &Path) -> Result<(), Error> {
    let model = load(source, &[])?;
    messages::generate(&model, out)?;
    let document = openapi::document(&model);
    let files = [
        ("descriptors.bin", model.descriptors.clone()),
        ("json_enums.rs", messages::enums(&model).into_bytes()),
        ("shapes.rs", fields::generate(&model).into_bytes()),
        ("checks.rs", checks::generate(&model).into_bytes()),
        ("services.rs", services::generate(&model).into_bytes()),
        ("routes.rs", routes::generate(&model).into_bytes()),
        ("tools.rs", tools::generate(&model).into_bytes()),
        ("openapi.json", openapi::text(&model).into_bytes()),
        ("openapi-3.0.json", openapi::older_text(&model)?.into_bytes()),
        ("reference.html", reference::operations(&document).into_bytes()),
        ("reference_menu.html", reference::menu(&document).into_bytes()),
    ];
    for (name, content) in files {
        let path = out.join(name);
        fs::write(&path, content).map_err(|error| Error::Source(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}
