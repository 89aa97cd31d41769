//! What the generated calls are made of.

use crate::{
    Client, Error,
    http::{JSON, Request},
    query::Pairs,
};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

/// Every operation of the API, by its name in the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a>(pub(crate) &'a Client);

/// Of an operation without a body.
pub(crate) const NO_BODY: Option<&()> = None;

impl Client {
    /// Makes a call. The answer's type is `()` where it has no body.
    pub(crate) async fn call<Body: Serialize, Answer: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        values: &[(&str, &str)],
        query: Pairs,
        body: Option<&Body>,
    ) -> Result<Answer, Error> {
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| Error::Invalid(error.to_string()))?;
        let request = Request { method, path, values, query, body, accept: JSON, last_event_id: None };
        self.http.json(request, &self.options).await
    }
}
