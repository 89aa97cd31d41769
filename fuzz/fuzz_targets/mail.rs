//! Any bytes as a mail: parsed, turned into bodies, and checked.

#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &[u8]| inboxops_core::mail_invariants::mail(raw));
