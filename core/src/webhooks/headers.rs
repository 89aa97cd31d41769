//! Custom headers of an endpoint: validated together, sealed as one value, opened. The contract's rules apply to single
//! names and values. It knows no store.

use crate::{
    error::{Error, Result},
    secrets::MasterKey,
    store::endpoints::SealedBytes,
    time_and_chance::Stamps,
};
use inboxops_proto::{
    custom_header::ALL_MAX_BYTES,
    failure::Violation,
    id::{EndpointId, TenantId},
    reason::DetailCode,
    v1,
};
use std::collections::HashSet;
use zeroize::Zeroizing;

/// Custom headers, name and value.
pub(crate) type Headers = Vec<(String, Zeroizing<String>)>;

/// The purpose that the seal of an endpoint's headers is bound to, beside its ids: a sealed secret in their place does
/// not open.
const PURPOSE: &[u8] = b"headers";

/// Parses the headers of a request; violations of rules for all of them together go to `violations`. The gate has
/// checked each name and value.
pub(crate) fn parse(given: Vec<v1::NewEndpointHeader>, violations: &mut Vec<Violation>) -> Headers {
    let mut seen = HashSet::new();
    let mut headers = Headers::new();
    for (index, header) in given.into_iter().enumerate() {
        let name = header.name.unwrap_or_default();
        let value = Zeroizing::new(header.value.unwrap_or_default());
        if !seen.insert(name.to_ascii_lowercase()) {
            let message = "is given twice; letter case does not count";
            violations.push(Violation::new(format!("headers[{index}].name"), DetailCode::InvalidFormat, message));
        }
        headers.push((name, value));
    }
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > ALL_MAX_BYTES {
        let message = format!("must have at most {ALL_MAX_BYTES} bytes in all, names and values");
        violations.push(Violation::new("headers", DetailCode::LimitExceeded, message));
    }
    headers
}

/// Seals headers for their endpoint; an empty list needs no seal.
pub(crate) fn seal(
    headers: &Headers,
    owner: (TenantId, EndpointId),
    key: &MasterKey,
    stamps: &Stamps,
) -> Result<Option<SealedBytes>> {
    if headers.is_empty() {
        return Ok(None);
    }
    let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let text = Zeroizing::new(serde_json::to_string(&pairs).map_err(|_| Error::Seal)?);
    Ok(Some(key.seal(text.as_bytes(), &aad(&owner), stamps)?))
}

/// Opens what [`seal`] made.
pub(crate) fn open(sealed: Option<&SealedBytes>, owner: (TenantId, EndpointId), key: &MasterKey) -> Result<Headers> {
    let Some(sealed) = sealed else { return Ok(Headers::new()) };
    let text = key.open(&sealed.bytes, &aad(&owner))?;
    serde_json::from_slice::<Vec<(String, String)>>(&text)
        .map(|pairs| pairs.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect())
        .map_err(|_| Error::Unseal)
}

/// The associated data of the headers' seal.
pub(crate) fn aad((tenant, endpoint): &(TenantId, EndpointId)) -> [&[u8]; 3] {
    [tenant.0.as_bytes(), endpoint.0.as_bytes(), PURPOSE]
}
