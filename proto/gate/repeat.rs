//! The headers of a call: its idempotency key, and the version of a resource that it is conditional on.

use super::{Gate, Rpc};
use crate::{
    entity_tag::{Condition, Malformed},
    failure::Failure,
    reason::Reason,
    wire::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED},
};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use prost::Message;
use std::sync::Arc;
use tonic::{
    Extensions, Request, Response, Status,
    metadata::{MetadataMap, MetadataValue},
};

/// Greatest length of an idempotency key, in characters.
const KEY_MAX: usize = 255;

/// A write with an idempotency key.
#[derive(Clone, Debug)]
pub struct Repetition {
    /// The key: 1 to 255 printable ASCII characters.
    pub key: String,
    /// The request: the RPC and its message after the field rules.
    pub request: Vec<u8>,
}

/// The idempotency key of a call.
#[derive(Clone)]
struct Key(String);

/// Reads the headers of a call; [`begin`] and the service find them in its extensions.
pub(super) fn check(rpc: &Rpc, metadata: &MetadataMap, extensions: &mut Extensions) -> Result<(), Failure> {
    let headers = metadata.as_ref();
    if rpc.repeatable {
        let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
        if let Some(key) = keys.next() {
            // Two keys name two writes.
            let key = if keys.next().is_none() { printable(key.as_bytes()) } else { None };
            extensions.insert(Key(key.ok_or(Reason::InvalidIdempotencyKey)?));
        }
    }
    if rpc.conditional {
        let (name, shown) = if rpc.repeatable { (IF_MATCH, "If-Match") } else { (IF_NONE_MATCH, "If-None-Match") };
        let condition = Condition::read(headers, &name).map_err(|Malformed| {
            let message = format!("The header `{shown}` must be `*` or a list of entity tags, such as \"1\".");
            Failure::new(Reason::InvalidParameter).message(message)
        })?;
        if let (true, Some(condition)) = (rpc.repeatable, condition) {
            extensions.insert(condition);
        }
    }
    Ok(())
}

fn printable(key: &[u8]) -> Option<String> {
    let fits = (1..=KEY_MAX).contains(&key.len()) && key.iter().all(|byte| matches!(byte, b' '..=b'~'));
    // These characters are known to be ASCII.
    fits.then(|| String::from_utf8_lossy(key).into_owned())
}

/// A call with an idempotency key. While it exists, repeats are refused.
#[tonic::async_trait]
pub trait Named: Send + Sync {
    /// Whether its service answered with an earlier answer.
    fn is_repetition(&self) -> bool;

    /// The encoded answer to an earlier call with this key.
    async fn before(&self) -> Result<Option<Vec<u8>>, Failure>;
}

/// Begins a call, if it has an idempotency key.
pub(super) fn begin<Q: Message>(
    gate: &dyn Gate,
    rpc: &'static Rpc,
    request: &mut Request<Q>,
) -> Result<Option<Arc<dyn Named>>, Failure> {
    let Some(Key(key)) = request.extensions_mut().remove::<Key>() else { return Ok(None) };
    let mut asked = rpc.path.as_bytes().to_vec();
    asked.push(0);
    // Encoding fails only if memory cannot grow.
    let _ = request.get_ref().encode(&mut asked);
    gate.begin(Repetition { key, request: asked }, request.extensions_mut())
}

/// The answer to a call that may be a repeat. Its service looks the earlier answer up with the writes of its group; but
/// it may have refused the call before that, for example because the ticket no longer exists.
pub(super) async fn settle<R: Message + Default>(
    named: Option<Arc<dyn Named>>,
    answer: Result<Response<R>, Status>,
) -> Result<Response<R>, Status> {
    let Some(named) = named else { return answer };
    let mut response = match answer {
        Ok(response) if !named.is_repetition() => return Ok(response),
        Ok(response) => response,
        Err(refusal) => match named.before().await.map_err(|failure| failure.status())? {
            None => return Err(refusal),
            Some(before) => {
                Response::new(R::decode(&*before).map_err(|_| Failure::from(Reason::InternalError).status())?)
            }
        },
    };
    response.metadata_mut().insert(IDEMPOTENCY_REPLAYED, MetadataValue::from_static("true"));
    Ok(response)
}
