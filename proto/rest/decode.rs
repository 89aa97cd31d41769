//! Decodes a JSON body into a message. serde's derive is the fast path; it stops at the first error, so after a failure
//! the body is read again as a tree and compared with the message's field table, which finds all errors.

use super::shape::{self, Shaped, Tree};
use crate::{
    failure::{Failure, Violation},
    json::Object,
    reason::{DetailCode, Reason},
};
use http::{HeaderMap, header};
use prost_types::FieldMask;
use serde::{
    Deserializer as _,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// A message as far as it could be read from a body.
pub struct Body<T> {
    pub message: T,
    /// The members that the body has, in the order of the fields; only for a PATCH.
    pub mask: FieldMask,
    /// Why the body could not be read, or all its violations that can be found without the message.
    pub failure: Option<Failure>,
}

/// Decodes a body that may be left out: nothing at all counts as `{}`, whatever type is stated for it.
pub fn from_optional_body<T: Shaped + DeserializeOwned + Default>(headers: &HeaderMap, bytes: &[u8]) -> Body<T> {
    if bytes.is_empty() {
        return Body { message: T::default(), mask: FieldMask::default(), failure: None };
    }
    from_body(headers, bytes, false)
}

/// Decodes a body. An empty body is malformed even if no member is required, unless the route says otherwise: `{}` shows
/// that a client means it.
pub fn from_body<T: Shaped + DeserializeOwned + Default>(headers: &HeaderMap, bytes: &[u8], patch: bool) -> Body<T> {
    let refused = |failure| Body { message: T::default(), mask: FieldMask::default(), failure: Some(failure) };
    let typed = headers.contains_key(header::CONTENT_TYPE);
    if bytes.is_empty() && !typed {
        return refused(Failure::new(Reason::MalformedJson).message("The body is missing: send a JSON object."));
    }
    if !is_json(headers, patch) {
        return refused(Reason::UnsupportedMediaType.into());
    }
    match serde_json::from_slice(bytes) {
        Ok(Object(message)) => {
            let mask = if patch { mask(T::SHAPE, bytes) } else { FieldMask::default() };
            Body { message, mask, failure: None }
        }
        Err(_) => slow(bytes).unwrap_or_else(refused),
    }
}

/// `application/json`, UTF-8, not compressed; for a PATCH `application/merge-patch+json` too.
pub(crate) fn is_json(headers: &HeaderMap, patch: bool) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(Ok(text)), None) = (types.next().map(|value| value.to_str()), types.next()) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let known = essence.eq_ignore_ascii_case("application/json")
        || patch && essence.eq_ignore_ascii_case("application/merge-patch+json");
    let utf8 = parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|coding| coding.as_bytes() == b"identity");
    known && utf8 && plain
}

fn slow<T: Shaped + DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, Failure> {
    let tree = shape::parse(bytes).ok_or(Reason::MalformedJson)?;
    let Tree::Object(members) = tree else {
        let violation = Violation::new("", DetailCode::InvalidType, "must be a JSON object");
        return Err(
            Failure::violations(Reason::InvalidRequest, vec![violation]).message("The body must be a JSON object.")
        );
    };
    let present = T::SHAPE.members.iter().filter(|member| members.iter().any(|(name, _)| name == member.name));
    let mask = FieldMask { paths: present.map(|member| member.name.to_owned()).collect() };
    let mut found = shape::Found::default();
    let clean = shape::clean(T::SHAPE, members, "", &mut found);
    if !found.types.is_empty() {
        return Err(Failure::violations(Reason::InvalidRequest, found.types));
    }
    // The rest fits the message by construction; otherwise the request could not be read.
    let message = T::deserialize(clean).map_err(|_| Failure::new(Reason::InvalidRequest))?;
    let failure = (!found.rules.is_empty()).then(|| Failure::violations(Reason::ValidationFailed, found.rules));
    Ok(Body { message, mask, failure })
}

/// The members of an object, nulls included.
fn mask(shape: &shape::Shape, bytes: &[u8]) -> FieldMask {
    let present = serde_json::Deserializer::from_slice(bytes).deserialize_map(Keys(shape)).unwrap_or_default();
    let named = shape.members.iter().zip(present).filter(|(_, is)| *is);
    FieldMask { paths: named.map(|(member, _)| member.name.to_owned()).collect() }
}

struct Keys<'a>(&'a shape::Shape);

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = Vec<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<bool>, A::Error> {
        let mut present = vec![false; self.0.members.len()];
        while let Some((name, _)) = map.next_entry::<Cow<'de, str>, IgnoredAny>()? {
            for (member, present) in self.0.members.iter().zip(&mut present) {
                *present |= member.name == name;
            }
        }
        Ok(present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = String> {
        let texts = ["open", "urgent", "019ab5f0-0000-7000-8000-0000000000a1", "", "\\u0041\\n", "*"];
        let text = proptest::sample::select(texts.map(|text| format!("\"{text}\"")).to_vec());
        let leaf = prop_oneof![
            3 => text,
            1 => proptest::sample::select(vec!["null", "true", "1", "1.0", "-1e3", "{}", "[]", "nul", "01"])
                .prop_map(str::to_owned),
        ];
        leaf.prop_recursive(2, 6, 3, |inner| {
            proptest::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(",")))
        })
    }

    fn bodies() -> impl Strategy<Value = String> {
        let names = ["subject", "status", "priority", "assignee_id", "inbox_id", "url", "events", "enabled", "x"];
        let member = (proptest::sample::select(names.to_vec()), values());
        let members = proptest::collection::vec(member.prop_map(|(name, value)| format!("\"{name}\":{value}")), 0..5);
        members.prop_map(|members| format!(" {{{}}} ", members.join(" , ")))
    }

    fn agree<T: Shaped + DeserializeOwned + Default + PartialEq + fmt::Debug>(body: &str) {
        let fast = serde_json::from_slice::<Object<T>>(body.as_bytes());
        let slow = slow::<T>(body.as_bytes());
        match (fast, slow) {
            (Ok(Object(fast)), Ok(slow)) => {
                assert_eq!((&fast, &None), (&slow.message, &slow.failure), "{body}");
                assert_eq!(mask(T::SHAPE, body.as_bytes()), slow.mask, "{body}");
            }
            (Ok(_), Err(failure)) => panic!("the slow path refuses {body}: {failure:?}"),
            (Err(_), _) => {}
        }
    }

    #[test]
    fn a_body_that_may_be_left_out_counts_as_an_empty_object() {
        let mut headers = HeaderMap::new();
        let empty = from_optional_body::<v1::RotateSecretRequest>(&headers, b"");
        assert!(empty.failure.is_none() && empty.message == v1::RotateSecretRequest::default());
        let typed = |headers: &HeaderMap, bytes: &[u8]| {
            from_optional_body::<v1::RotateSecretRequest>(headers, bytes).failure.map(|failure| failure.reason)
        };
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-www-form-urlencoded"));
        assert_eq!(typed(&headers, b""), None, "as `curl -d ''` sends it");
        assert_eq!(typed(&headers, b"{}"), Some(Reason::UnsupportedMediaType));
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        assert_eq!(typed(&headers, b"{}"), None);
        assert_eq!(typed(&headers, b" "), Some(Reason::MalformedJson), "something was sent");
        let needed = from_body::<v1::RotateSecretRequest>(&headers, b"", false);
        assert_eq!(needed.failure.map(|failure| failure.reason), Some(Reason::MalformedJson));
    }

    #[test]
    fn an_object_of_any_members_is_read_as_its_text() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        let read = |body: &str| from_body::<v1::SendTestEventRequest>(&headers, body.as_bytes(), false);
        let good = read(r#"{"event":"ticket.created","data": { "b": 1.10, "a": [ {} ] } }"#);
        assert_eq!((good.failure, good.message.data.as_deref()), (None, Some(r#"{"b":1.10,"a":[{}]}"#)));
        assert_eq!(read(r#"{"event":"ticket.created"}"#).message.data, None);
        // It is read on the slow path as well, beside what is wrong.
        let beside = read(r#"{"colour":1,"data":{"b":{"x":[null,true]},"a":"y"}}"#);
        assert_eq!(beside.failure.map(|failure| failure.reason), Some(Reason::ValidationFailed));
        assert_eq!(beside.message.data.as_deref(), Some(r#"{"b":{"x":[null,true]},"a":"y"}"#));
        for data in ["[]", "\"{}\"", "1", "true", "null"] {
            let failure = read(&format!("{{\"data\":{data}}}")).failure.expect("a refusal");
            let found: Vec<_> = failure.violations.iter().map(|it| (it.field.as_str(), it.code)).collect();
            assert_eq!(
                (failure.reason, found),
                (Reason::InvalidRequest, vec![("data", DetailCode::InvalidType)]),
                "{data}"
            );
        }
        let nested = |depth: usize| format!("{{\"data\":{}1{}}}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(read(&nested(31)).failure, None);
        for body in
            [nested(32), r#"{"data":{"a":[{"b":1,"b":1}]}}"#.to_owned(), r#"{"data":{"a":"\ud800"}}"#.to_owned()]
        {
            let failure = read(&body).failure;
            assert_eq!(failure.map(|failure| failure.reason), Some(Reason::MalformedJson), "{body}");
        }
    }

    proptest! {
        #[test]
        fn the_slow_path_reads_what_the_fast_one_reads(body in bodies()) {
            agree::<v1::CreateTicketRequest>(&body);
            agree::<v1::TicketChanges>(&body);
            agree::<v1::WebhookEndpointChanges>(&body);
        }

        #[test]
        fn no_bytes_upset_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = slow::<v1::TicketChanges>(&bytes);
        }
    }
}
