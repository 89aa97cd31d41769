//! Password hashes: Argon2id, a few at a time, on threads where they delay nobody. It knows no agent.

use crate::{
    error::{Error, Result},
    time_and_chance::Stamps,
};
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::SaltString,
};
use inboxops_proto::reason::Reason;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Hashes that are computed at the same time; each needs [`MEMORY_KIB`].
const AT_ONCE: usize = 2;
/// Longest wait for a turn.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Memory of one hash, in KiB: with two passes, what OWASP's cheat sheet on password storage recommends.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
/// The hash to compare with when the account does not exist, so that the answer takes as long. It is random: no known
/// password fits.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$aW5ib3hvcHMgbm9ib2R5IQ$CORayLRiT5RXDyklUmjchdSmAeZcsAyrK7MaWB8If/w";

/// Computes and compares hashes.
#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Passwords {
        Passwords { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The hash to store, in the PHC format.
    pub(crate) async fn hash(&self, password: String, stamps: &Stamps) -> Result<String> {
        let password = Zeroizing::new(password);
        let stamps = stamps.clone();
        self.work(move || hash(password.as_bytes(), &stamps)).await?.ok_or(Error::Broken("a password can be hashed"))
    }

    /// Returns which of the hashes the password fits. Without any hash it takes as long as with one.
    pub(crate) async fn fits(&self, password: String, hashes: Vec<Option<String>>) -> Result<Vec<bool>> {
        let password = Zeroizing::new(password);
        self.work(move || {
            if hashes.is_empty() {
                verify(password.as_bytes(), NOBODY);
            }
            let fits = |hash: &Option<String>| match hash {
                Some(hash) => verify(password.as_bytes(), hash),
                None => {
                    verify(password.as_bytes(), NOBODY);
                    false
                }
            };
            hashes.iter().map(fits).collect()
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = tokio::time::timeout(WAIT_MAX, self.turns.clone().acquire_owned()).await;
        let turn =
            turn.map_err(|_| Reason::ServiceUnavailable)?.map_err(|_| Error::Broken("turns are never closed"))?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Error::Broken("hashing does not panic"))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the constants are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &[u8], stamps: &Stamps) -> Option<String> {
    let mut salt = [0u8; SALT_BYTES];
    stamps.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).ok()?;
    Some(argon2().hash_password(password, &salt).ok()?.to_string())
}

fn verify(password: &[u8], hash: &str) -> bool {
    // The parameters come from the hash, so that older hashes still fit after a change here.
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_and_chance::Chance;
    use inboxops_proto::clock::Clock;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let stamps = Stamps::new(Clock::System, Chance::seeded(5));
        let passwords = Passwords::new();
        let one = passwords.hash("correct horse battery".to_owned(), &stamps).await.expect("a hash");
        let again = passwords.hash("correct horse battery".to_owned(), &stamps).await.expect("a hash");
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, again, "each has a salt of its own");
        let hashes = vec![Some(one), None, Some(again), Some("nonsense".to_owned())];
        let fits = passwords.fits("correct horse battery".to_owned(), hashes.clone()).await.expect("an answer");
        assert_eq!(fits, [true, false, true, false]);
        let fits = passwords.fits("correct horse batterz".to_owned(), hashes).await.expect("an answer");
        assert_eq!(fits, [false; 4]);
        assert!(passwords.fits("anything at all".to_owned(), Vec::new()).await.expect("an answer").is_empty());
    }
}
