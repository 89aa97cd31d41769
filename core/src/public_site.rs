//! Where the pages of this core are reached and in which mode the server runs. It is told once the sockets are bound.

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub struct PublicSite {
    /// URL of the pages, without a slash at its end, when it is known.
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
