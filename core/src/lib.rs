//! The ticket core: nouns, store, gate and dispatch.

pub mod store;
