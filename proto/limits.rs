//! Numbers that the contract tells in several places and its parts keep, so that there is one source of each. Codegen
//! reads this very file.

/// Longest time in which a receiver of a webhook may answer, its body included, in seconds.
pub const ANSWER_MAX_SECS: u64 = 15;
