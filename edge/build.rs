//! Lists the files of `ui/dist`, the built pages of the browser UI, so that they become part of the binary. It builds
//! none of them: the folder is committed. Without the folder there are no pages. It also makes the guides of
//! `edge/guides`.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?);
    let workspace = here.parent().ok_or("the crate lies in the workspace")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    guides(workspace, &out)?;
    let root = workspace.join("ui/dist");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    if root.is_dir() {
        list(&root, &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root)?.to_str().ok_or("names of pages are UTF-8")?;
        writeln!(table, "    ({:?}, include_bytes!({:?})),", format!("/{name}"), file)?;
    }
    table.push(']');
    fs::write(out.join("pages.rs"), table)?;
    Ok(())
}

/// Writes the guides and a table of them: address, media type, content.
fn guides(workspace: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    for source in inboxops_guides::SOURCES {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    let files = inboxops_guides::files(workspace).inspect_err(|error| {
        // Cargo shows the error's `Debug`; the sentences are for people.
        eprintln!("{error}");
    })?;
    let folder = out.join("guides");
    fs::create_dir_all(&folder)?;
    let mut table = String::from("&[\n");
    for (number, file) in files.iter().enumerate() {
        let path = folder.join(number.to_string());
        fs::write(&path, &file.text)?;
        writeln!(table, "    ({:?}, {:?}, include_bytes!({:?})),", file.address, file.kind, path)?;
    }
    table.push(']');
    fs::write(out.join("guides.rs"), table)?;
    Ok(())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
