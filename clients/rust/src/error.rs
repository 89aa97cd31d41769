//! What fails.

use crate::api::ErrorDetail;
use reqwest::{
    Response,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::Deserialize;
use std::time::{Duration, SystemTime};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A call that failed. Match on [`Error::code`], which does not change; texts are for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An answer of the server that is none of success.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// There was no connection, or it broke.
    #[error("the connection failed")]
    Connection(#[source] Cause),
    /// An attempt took longer than it may.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The export ends before its end, again and again.
    #[error("the export ends before its end")]
    ExportIncomplete,
    /// What cannot be sent, such as an empty id.
    #[error("{0}")]
    Invalid(String),
    /// A list has more items than the caller wants at most.
    #[error("the list has more than {0} items")]
    TooMany(usize),
    /// The store of a mirror failed.
    #[error("the store failed")]
    Store(#[source] Cause),
}

/// The error of an answer.
#[derive(Clone, Debug, Default, PartialEq, thiserror::Error)]
#[error("{message} (HTTP {status}, {code})")]
pub struct ApiError {
    pub status: u16,
    /// The API's code, such as `ticket_not_found`; `unexpected_answer` for what is not the API's JSON.
    pub code: String,
    pub message: String,
    pub details: Vec<ErrorDetail>,
    /// The id by which the server's log names the request.
    pub request_id: Option<String>,
    /// After this time the server wants to be asked again.
    pub retry_after: Option<Duration>,
    /// Where the code is explained.
    pub doc_url: Option<String>,
}

impl Error {
    /// The API's code. Of this client are `unexpected_answer`, `connection_failed`, `request_timeout`,
    /// `export_incomplete`, `invalid_argument`, `too_many_items` and `store_failed`.
    pub fn code(&self) -> &str {
        match self {
            Error::Api(error) => &error.code,
            Error::Connection(_) => "connection_failed",
            Error::Timeout(_) => "request_timeout",
            Error::ExportIncomplete => "export_incomplete",
            Error::Invalid(_) => "invalid_argument",
            Error::TooMany(_) => "too_many_items",
            Error::Store(_) => "store_failed",
        }
    }

    /// The answer's error, if there was an answer.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Error::Api(error) => Some(error),
            _ => None,
        }
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.api().map(|error| error.status)
    }

    /// What is wrong with each field.
    pub fn details(&self) -> &[ErrorDetail] {
        self.api().map(|error| error.details.as_slice()).unwrap_or_default()
    }

    /// The id by which the server's log names the request.
    pub fn request_id(&self) -> Option<&str> {
        self.api()?.request_id.as_deref()
    }

    /// After this time the server wants to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.api()?.retry_after
    }

    pub(crate) fn connection(cause: reqwest::Error) -> Error {
        // The URL has the query, which may have what no log should have.
        Error::Connection(Box::new(cause.without_url()))
    }

    /// An answer that is not what the API says.
    pub(crate) fn unexpected(status: u16, headers: &HeaderMap, message: impl Into<String>) -> Error {
        Error::Api(Box::new(ApiError {
            status,
            code: "unexpected_answer".to_owned(),
            message: message.into(),
            request_id: request_id(headers),
            retry_after: retry_after(headers, SystemTime::now()),
            ..ApiError::default()
        }))
    }

    /// The error of an answer that is none of success.
    pub(crate) async fn of(response: Response) -> Error {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // An answer that breaks off still has its status.
        let text = response.text().await.unwrap_or_default();
        let Ok(Body { error }) = serde_json::from_str(&text) else {
            return Error::unexpected(status, &headers, "The answer is no error of the API.");
        };
        Error::Api(Box::new(ApiError {
            status,
            code: error.code,
            message: error.message,
            details: error.details,
            request_id: error.request_id.or_else(|| request_id(&headers)),
            retry_after: retry_after(&headers, SystemTime::now()),
            doc_url: error.doc_url,
        }))
    }
}

#[derive(Deserialize)]
struct Body {
    error: Members,
}

#[derive(Deserialize)]
struct Members {
    code: String,
    message: String,
    #[serde(default)]
    details: Vec<ErrorDetail>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    doc_url: Option<String>,
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("x-request-id")?.to_str().ok()?.to_owned())
}

/// `Retry-After`, which is a number of seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let time = httpdate::parse_http_date(text).ok()?;
    Some(time.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
