//! Requests: how they are written, repeated, timed and read. It knows nothing of the API's nouns.

use crate::{
    CallOptions, Error,
    query::{Pairs, escaped},
    retry::{bits, random, wait_before},
};
use reqwest::{
    Method, Response, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use std::{future::Future, time::Duration};
use tokio::time::{sleep, timeout};

pub(crate) const JSON: &str = "application/json";
const USER_AGENT: &str = concat!("inboxops-rust/", env!("CARGO_PKG_VERSION"));

#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) max_retries: u32,
    timeout: Duration,
    base: String,
    authorization: HeaderValue,
    inner: reqwest::Client,
}

pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// The path, as `/api/v1/tickets/{ticket_id}`.
    pub(crate) path: &'a str,
    /// What stands for the names in the path.
    pub(crate) values: &'a [(&'a str, &'a str)],
    pub(crate) query: Pairs,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) accept: &'static str,
    pub(crate) last_event_id: Option<&'a str>,
}

/// A request as it is sent; every attempt sends the same.
struct Prepared {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    timeout: Duration,
    max_retries: u32,
}

impl Http {
    pub(crate) fn new(
        base_url: &str,
        api_key: &str,
        timeout: Duration,
        max_retries: u32,
        inner: Option<reqwest::Client>,
    ) -> Result<Http, Error> {
        let trimmed = base_url.trim_end_matches('/');
        let base = trimmed.strip_suffix("/api/v1").unwrap_or(trimmed).to_owned();
        Url::parse(&base).map_err(|error| Error::Invalid(format!("The base URL {base:?}: {error}.")))?;
        let bearer = HeaderValue::from_str(&format!("Bearer {api_key}")).ok().filter(|_| !api_key.is_empty());
        let mut authorization = bearer.ok_or_else(|| Error::Invalid("That is no API key.".to_owned()))?;
        authorization.set_sensitive(true);
        let inner = match inner {
            Some(inner) => inner,
            // A redirect would take the key elsewhere, or a write to a read.
            None => reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .redirect(Policy::none())
                .build()
                .map_err(|error| Error::Invalid(format!("No HTTP client: {error}.")))?,
        };
        Ok(Http { max_retries, timeout, base, authorization, inner })
    }

    /// The answer's JSON.
    pub(crate) async fn json<Answer: DeserializeOwned>(
        &self,
        request: Request<'_>,
        options: &CallOptions,
    ) -> Result<Answer, Error> {
        let prepared = self.prepared(request, options)?;
        let mut number = 0;
        loop {
            match within(prepared.timeout, self.read(&prepared)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => pause(error, number, prepared.max_retries).await?,
            }
            number += 1;
        }
    }

    /// An answer whose body the caller reads. The limit of time ends with its headers.
    pub(crate) async fn stream(&self, request: Request<'_>, options: &CallOptions) -> Result<Response, Error> {
        let prepared = self.prepared(request, options)?;
        let mut number = 0;
        loop {
            match within(prepared.timeout, self.sent(&prepared)).await {
                Ok(response) => return Ok(response),
                Err(error) => pause(error, number, prepared.max_retries).await?,
            }
            number += 1;
        }
    }

    async fn read<Answer: DeserializeOwned>(&self, prepared: &Prepared) -> Result<Answer, Error> {
        let response = self.sent(prepared).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.map_err(Error::connection)?;
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text)
            .map_err(|error| Error::unexpected(status, &headers, format!("The answer is not the API's JSON: {error}.")))
    }

    async fn sent(&self, prepared: &Prepared) -> Result<Response, Error> {
        let mut request = self.inner.request(prepared.method.clone(), prepared.url.clone());
        request = request.headers(prepared.headers.clone());
        if let Some(body) = &prepared.body {
            request = request.body(body.clone());
        }
        let response = request.send().await.map_err(Error::connection)?;
        if response.status().is_success() { Ok(response) } else { Err(Error::of(response).await) }
    }

    fn prepared(&self, request: Request<'_>, options: &CallOptions) -> Result<Prepared, Error> {
        let Request { method, path, values, query, body, accept, last_event_id } = request;
        let text = format!("{}{}{}", self.base, path_of(path, values)?, query.text());
        let url = Url::parse(&text).map_err(|error| Error::Invalid(format!("{text:?}: {error}.")))?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        }
        if [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&method) {
            let key = options.idempotency_key.clone().unwrap_or_else(|| format!("{:016x}{:016x}", bits(), bits()));
            headers.insert("idempotency-key", header(&key)?);
        }
        if let Some(version) = options.if_version {
            headers.insert(IF_MATCH, header(&format!("\"{version}\""))?);
        }
        if let Some(id) = &options.request_id {
            headers.insert("x-request-id", header(id)?);
        }
        if let Some(id) = last_event_id {
            headers.insert("last-event-id", header(id)?);
        }
        let timeout = options.timeout.unwrap_or(self.timeout);
        let max_retries = options.max_retries.unwrap_or(self.max_retries);
        Ok(Prepared { method, url, headers, body, timeout, max_retries })
    }
}

/// Waits before the next attempt, or fails if the failure is final.
async fn pause(error: Error, number: u32, max_retries: u32) -> Result<(), Error> {
    let Some(wait) = wait_before(&error, number, max_retries, random()) else { return Err(error) };
    sleep(wait).await;
    Ok(())
}

async fn within<Answer>(limit: Duration, work: impl Future<Output = Result<Answer, Error>>) -> Result<Answer, Error> {
    timeout(limit, work).await.unwrap_or(Err(Error::Timeout(limit)))
}

fn header(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|_| Error::Invalid(format!("{text:?} cannot stand in a header.")))
}

fn path_of(path: &str, values: &[(&str, &str)]) -> Result<String, Error> {
    let mut written = path.to_owned();
    for (name, value) in values {
        // An empty value would name the list in place of the one; dots are resolved, so that the call would go to
        // another path.
        if ["", ".", ".."].contains(value) {
            return Err(Error::Invalid(format!("{value:?} is no {name}.")));
        }
        written = written.replace(&format!("{{{name}}}"), &escaped(value));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_path_are_escaped() {
        let path = "/api/v1/tickets/{ticket_id}/tags/{tag_id}";
        let written = path_of(path, &[("ticket_id", "a/b?c"), ("tag_id", "ä")]).unwrap();
        assert_eq!(written, "/api/v1/tickets/a%2Fb%3Fc/tags/%C3%A4");
        for value in ["", ".", ".."] {
            assert_eq!(path_of(path, &[("ticket_id", value)]).unwrap_err().code(), "invalid_argument");
        }
    }

    #[test]
    fn addresses_and_keys_are_checked() {
        let http = |base: &str, key: &str| Http::new(base, key, Duration::from_secs(1), 0, None);
        assert_eq!(http("https://desk.example.com/api/v1/", "ixk_a").unwrap().base, "https://desk.example.com");
        assert!(http("desk", "ixk_a").is_err());
        assert!(http("https://desk.example.com", "").is_err());
        assert!(http("https://desk.example.com", "a\nb").is_err());
    }
}
