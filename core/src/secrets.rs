//! The master key and what it seals: signing secrets and custom headers. Every seal has its own nonce and is bound to
//! its row, so that a sealed value cannot be opened in another row.

pub mod rotation;

use crate::{error::Error, store::endpoints::SealedBytes, time_and_chance::Stamps};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use sha2::{Digest as _, Sha256};
use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};
use zeroize::Zeroizing;

/// Size of the master key.
pub(crate) const MASTER_KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The key that seals secrets at rest.
#[derive(Clone)]
pub struct MasterKey {
    key: Zeroizing<[u8; MASTER_KEY_BYTES]>,
    version: i16,
}

/// Version of the first master key of a database.
const FIRST: i16 = 1;

impl MasterKey {
    /// A key from its bytes.
    pub fn new(key: [u8; MASTER_KEY_BYTES]) -> MasterKey {
        MasterKey { key: Zeroizing::new(key), version: FIRST }
    }

    /// The key with its version in the database.
    fn with_version(self, version: i16) -> MasterKey {
        MasterKey { version, ..self }
    }

    /// A key from base64 text, the form of settings and files.
    pub fn parse(text: &str) -> Result<MasterKey, Error> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| Error::MasterKeyForm)?);
        let key: [u8; MASTER_KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| Error::MasterKeyForm)?;
        Ok(MasterKey::new(key))
    }

    /// Reads the key from `path`.
    pub fn load(path: &Path) -> Result<MasterKey, Error> {
        let text = fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| Error::MasterKeyFile { path: path.to_owned(), source })?;
        MasterKey::parse(&text)
    }

    /// Makes a new key and writes it to `path`, which must not exist, readable for the owner alone.
    pub fn create(path: &Path, stamps: &Stamps) -> Result<MasterKey, Error> {
        let mut bytes = Zeroizing::new([0; MASTER_KEY_BYTES]);
        stamps.fill(bytes.as_mut());
        let key = MasterKey { key: bytes, version: FIRST };
        key.save(path)?;
        Ok(key)
    }

    /// Writes the key to `path`, which must not exist, readable for the owner alone. On return it is on the disk.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let text = Zeroizing::new(STANDARD.encode(self.key.as_ref()));
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::File::open(folder_of(path))?.sync_all()
        };
        write().map_err(|source| Error::MasterKeyFile { path: path.to_owned(), source })
    }

    /// A hash that the database stores to recognise a wrong key at the start. It reveals nothing about the key.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::new().chain_update(b"inboxops master key\0").chain_update(self.key.as_ref()).finalize();
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals `plain`, bound to the row that `owner` names.
    pub(crate) fn seal(&self, plain: &[u8], owner: &[&[u8]], stamps: &Stamps) -> Result<SealedBytes, Error> {
        let mut nonce = [0; NONCE_BYTES];
        stamps.fill(&mut nonce);
        let owner = owner.concat();
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &owner })
            .map_err(|_| Error::Seal)?;
        Ok(SealedBytes { bytes: [nonce.as_slice(), &sealed].concat(), key: self.version })
    }

    /// Opens a value that [`MasterKey::seal`] made for the same owner.
    pub(crate) fn open(&self, sealed: &[u8], owner: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Error::Unseal)?;
        let owner = owner.concat();
        self.cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &owner })
            .map(Zeroizing::new)
            .map_err(|_| Error::Unseal)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// The folder of a path.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new signing secret: `whsec_` and the base64 of 24 random bytes.
pub fn signing_secret(stamps: &Stamps) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0u8; 24]);
    stamps.fill(bytes.as_mut());
    Zeroizing::new(format!("whsec_{}", STANDARD.encode(bytes.as_ref())))
}

/// SHA-256 of a token, as the database keeps it.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_and_chance::Chance;
    use inboxops_proto::clock::Clock;

    fn stamps() -> Stamps {
        Stamps::new(Clock::System, Chance::seeded(1))
    }

    #[test]
    fn a_sealed_secret_opens_for_its_owner_only() {
        let key = MasterKey::new([7; 32]);
        let sealed = key.seal(b"whsec_x", &[b"tenant", b"endpoint"], &stamps()).unwrap().bytes;
        assert_eq!(key.open(&sealed, &[b"tenant", b"endpoint"]).unwrap().as_slice(), b"whsec_x");
        assert!(key.open(&sealed, &[b"tenant", b"another"]).is_err());
        assert!(MasterKey::new([8; 32]).open(&sealed, &[b"tenant", b"endpoint"]).is_err());
        assert!(key.open(&sealed[..10], &[b"tenant", b"endpoint"]).is_err());
    }

    #[test]
    fn two_seals_of_one_secret_differ() {
        let (key, stamps) = (MasterKey::new([7; 32]), stamps());
        assert_ne!(key.seal(b"x", &[], &stamps).unwrap(), key.seal(b"x", &[], &stamps).unwrap());
    }

    #[test]
    fn a_key_file_is_private_and_read_back() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = MasterKey::create(&path, &stamps()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load(&path).unwrap().fingerprint(), made.fingerprint());
        assert!(MasterKey::create(&path, &stamps()).is_err(), "a key is never overwritten");
    }

    #[test]
    fn a_signing_secret_has_the_form_of_the_contract() {
        let secret = signing_secret(&stamps());
        assert_eq!(secret.len(), 6 + 32);
        assert!(secret.starts_with("whsec_") && !secret.contains('='));
    }
}
