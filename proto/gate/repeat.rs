//! What headers say of a call beside its message: which write it repeats, and for which state of a resource it was made.

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

/// A write that names itself, so that it can be told from another one.
#[derive(Clone, Debug)]
pub struct Repetition {
    /// The caller's name for it: 1 to 255 printable ASCII characters.
    pub key: String,
    /// What is asked for: the RPC and its message, as field rules left it.
    pub request: Vec<u8>,
}

/// The key that a call brings.
#[derive(Clone)]
struct Key(String);

/// Reads what the headers of a call say; [`begin`] and the service find it in its extensions.
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
    // The characters were just found to be ASCII.
    fits.then(|| String::from_utf8_lossy(key).into_owned())
}

/// A call that its caller has named. While it lives, its repetitions are told to wait.
#[tonic::async_trait]
pub trait Named: Send + Sync {
    /// Whether its service answered with the answer to an earlier call.
    fn is_repetition(&self) -> bool;

    /// The encoded answer to an earlier call of this name.
    async fn before(&self) -> Result<Option<Vec<u8>>, Failure>;
}

/// Begins a call, if its caller has named it.
pub(super) fn begin<Q: Message>(
    gate: &dyn Gate,
    rpc: &'static Rpc,
    request: &mut Request<Q>,
) -> Result<Option<Arc<dyn Named>>, Failure> {
    let Some(Key(key)) = request.extensions_mut().remove::<Key>() else { return Ok(None) };
    let mut asked = rpc.path.as_bytes().to_vec();
    asked.push(0);
    // Growing is all that memory can refuse.
    let _ = request.get_ref().encode(&mut asked);
    gate.begin(Repetition { key, request: asked }, request.extensions_mut())
}

/// The answer to a call, when it may be a repetition. Its service looks for the earlier answer where it writes, with the
/// other writes of its group; but it may have refused the call before, say because the ticket is gone by now.
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
