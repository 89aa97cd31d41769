//! A mirror of a workspace in files: `cargo run --example mirror -- FOLDER`, with INBOXOPS_URL and INBOXOPS_API_KEY. It
//! keeps a file for each resource, goes on where it was when it is started again, and ends when it has caught up.

use inboxops_client::{Client, Kept, Kind, MirrorOptions, MirrorState, Resource, Store};
use std::{
    env,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// `state.json`, and `tickets/ID.json` and so on, each with its round in the first line. A file is written beside its
/// place and then moved there, so that a crash leaves none half written; the state is written last.
struct Folder(PathBuf);

impl Folder {
    fn open(path: &Path) -> io::Result<Folder> {
        for kind in Kind::ALL {
            fs::create_dir_all(path.join(kind.as_str()))?;
        }
        Ok(Folder(path.to_owned()))
    }

    fn write(&self, place: &Path, text: &str) -> io::Result<()> {
        let beside = self.0.join("new");
        fs::write(&beside, text)?;
        File::open(&beside)?.sync_all()?;
        fs::rename(beside, place)
    }

    fn files(&self, kind: Kind) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(self.0.join(kind.as_str()))?.map(|entry| Ok(entry?.path())).collect()
    }
}

/// The text of a file, unless there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The round, and the resource as JSON.
fn parts(text: &str) -> io::Result<(u64, &str)> {
    let (round, json) = text.split_once('\n').ok_or(ErrorKind::InvalidData)?;
    Ok((round.parse().map_err(io::Error::other)?, json))
}

impl Store for Folder {
    type Error = io::Error;

    async fn load(&mut self) -> io::Result<Option<MirrorState>> {
        let Some(text) = read(&self.0.join("state.json"))? else { return Ok(None) };
        Ok(Some(serde_json::from_str(&text)?))
    }

    async fn save(&mut self, state: &MirrorState) -> io::Result<()> {
        self.write(&self.0.join("state.json"), &serde_json::to_string(state)?)
    }

    async fn get(&mut self, kind: Kind, id: &str) -> io::Result<Option<Kept>> {
        let path = self.0.join(kind.as_str()).join(format!("{id}.json"));
        let Some(text) = read(&path)? else { return Ok(None) };
        let (round, json) = parts(&text)?;
        Ok(Some(Kept { resource: Resource::from_json(kind, json)?, round }))
    }

    async fn put(&mut self, resource: Resource, round: u64) -> io::Result<()> {
        let path = self.0.join(resource.kind().as_str()).join(format!("{}.json", resource.id()));
        self.write(&path, &format!("{round}\n{}", serde_json::to_string(&resource)?))
    }

    async fn remove_before(&mut self, round: u64) -> io::Result<()> {
        for path in Kind::ALL.into_iter().map(|kind| self.files(kind)).collect::<io::Result<Vec<_>>>()?.concat() {
            if parts(&fs::read_to_string(&path)?)?.0 < round {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let folder = env::args_os().nth(1).ok_or("name a folder")?;
    let client = Client::builder(env::var("INBOXOPS_URL")?, env::var("INBOXOPS_API_KEY")?).build()?;
    let mut store = Folder::open(Path::new(&folder))?;
    client.mirror(&mut store, MirrorOptions { once: true, ..Default::default() }).await?;
    for kind in Kind::ALL {
        println!("{kind}: {}", store.files(kind)?.len());
    }
    Ok(())
}
