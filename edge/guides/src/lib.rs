//! Makes the guides that the edge serves at `/docs`: Markdown of `docs/` and the catalogues of the contract become HTML
//! pages with side navigation, and an index to search in. It runs at build time and knows no server.
//!
//! What is wrong with a guide (a link that leads nowhere, HTML that is not ours) fails the build, with one sentence for
//! each fault.

mod catalogue;
mod html;
mod links;
mod markdown;
mod page;
mod search;
mod site;

pub use site::{File, SOURCES, files};

use std::path::PathBuf;

/// Why there are no guides.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A source cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The source.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no contract to take the catalogues from.
    #[error("the contract cannot be read")]
    Contract(#[from] inboxops_codegen::Error),
    /// Guides break rules: one sentence each, beginning with the file.
    #[error("{}", .0.join("\n"))]
    Rules(Vec<String>),
}
