//! Conversion of protobuf names to Rust names.

/// The path of a message or enum in the contract crate: `crate::v1::Ticket`.
pub fn rust_path(full_name: &str) -> String {
    format!("crate::{}", full_name.trim_start_matches("inboxops.").replace('.', "::"))
}

/// `GetTicket` to `get_ticket`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// `OUTBOUND_REPLY` to `OutboundReply`.
pub fn upper_camel(name: &str) -> String {
    name.split('_')
        .flat_map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            [first.to_uppercase(), rest.to_lowercase()]
        })
        .collect()
}
