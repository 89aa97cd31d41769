//! Any bytes as a mail: read, made into bodies, and looked at.

#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &[u8]| inboxops_core::mail_invariants::mail(raw));
