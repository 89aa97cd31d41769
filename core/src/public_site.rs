//! The URL of the pages and the mode of the server. They are set once the sockets are bound.

/// The URL of the pages and the mode of the server.
#[derive(Clone, Debug, Default)]
pub struct PublicSite {
    /// URL of the pages, without a slash at its end, if it is known.
    pub url: Option<String>,
    /// Whether the server is in development mode.
    pub development: bool,
}

impl PublicSite {
    /// The login link of a code.
    pub(crate) fn login_url(&self, code: &str) -> Option<String> {
        self.url.as_ref().map(|url| format!("{url}/login#code={code}"))
    }
}
