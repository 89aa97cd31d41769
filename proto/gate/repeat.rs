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
use tonic::{
    Extensions, Request, Response,
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

/// Reads what the headers of a call say; [`look`] and the service find it in its extensions.
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
        let (name, shown) = match rpc.repeatable {
            true => (IF_MATCH, "If-Match"),
            false => (IF_NONE_MATCH, "If-None-Match"),
        };
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

/// The answer to an earlier call of which this one is the repetition.
pub(super) async fn look<Q: Message, R: Message + Default>(
    gate: &dyn Gate,
    rpc: &'static Rpc,
    request: &mut Request<Q>,
) -> Result<Option<Response<R>>, Failure> {
    let Some(Key(key)) = request.extensions_mut().remove::<Key>() else { return Ok(None) };
    let mut asked = rpc.path.as_bytes().to_vec();
    asked.push(0);
    // Growing is all that memory can refuse.
    let _ = request.get_ref().encode(&mut asked);
    let Some(before) = gate.repeated(Repetition { key, request: asked }, request.extensions_mut()).await? else {
        return Ok(None);
    };
    let message = R::decode(&*before).map_err(|_| Reason::InternalError)?;
    let mut response = Response::new(message);
    response.metadata_mut().insert(IDEMPOTENCY_REPLAYED, MetadataValue::from_static("true"));
    Ok(Some(response))
}
