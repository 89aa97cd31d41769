//! Generates the other half of the contract; the work is done in `proto/codegen`.

use std::{env, error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/inboxops");
    println!("cargo::rerun-if-changed=proto/google");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    inboxops_codegen::generate(Path::new("proto"), Path::new(&out)).map_err(|error| {
        // Cargo shows the error's `Debug`; the sentences are for people.
        eprintln!("{error}");
        error.into()
    })
}
