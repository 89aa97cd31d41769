//! The rules of a secret's rotation in two steps. Pure: rows and the time come in, rows go out. Time alone promotes a
//! staged secret and ends an old one, so every reader of a row first applies the time to it.

use crate::store::endpoints::{Endpoint, OtherSecret, SealedBytes};
use inboxops_proto::{
    clock::Timestamp,
    v1::{SecretRotation, SecretStage},
};
use std::time::Duration;

/// Time after which a staged secret is promoted without a call.
pub(crate) const PROMOTES_AFTER: Duration = Duration::from_secs(24 * HOUR_SECS);
/// Default of the hours for which an old secret continues to sign after a promotion.
pub(crate) const KEEP_OLD_HOURS: u32 = 24;

const HOUR_SECS: u64 = 60 * 60;

pub(crate) struct NewSecret {
    pub(crate) sealed: SealedBytes,
    /// Its last characters.
    pub(crate) hint: String,
}

/// Why a rotation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RotationRefusal {
    /// The previous secret signs until then, and three secrets at a time are too many.
    OldStillSigns(Timestamp),
    /// No secret is staged.
    NothingStaged,
}

impl Endpoint {
    /// Applies the time to the secrets: promotes a staged one, ends an old one.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        if self.other_secret.as_ref().is_some_and(|other| other.is_next && other.until <= now) {
            let at = self.other_secret.as_ref().map_or(now, |other| other.until);
            self.swap_secrets(at, None);
        }
        self.other_secret.take_if(|other| !other.is_next && other.until <= now);
    }

    /// When time will next change the secrets.
    pub(crate) fn secrets_change_at(&self) -> Option<Timestamp> {
        self.other_secret.as_ref().map(|other| other.until)
    }

    /// Stages a new secret, replacing one that is already staged; `immediate` makes it the only one.
    pub(crate) fn rotate(
        &mut self,
        new: NewSecret,
        immediate: bool,
        keep_hours: u32,
        now: Timestamp,
    ) -> Result<(), RotationRefusal> {
        if immediate {
            (self.secret, self.secret_hint) = (new.sealed, new.hint);
            self.other_secret = None;
            return Ok(());
        }
        if let Some(old) = self.other_secret.as_ref().filter(|other| !other.is_next) {
            return Err(RotationRefusal::OldStillSigns(old.until));
        }
        let until = now.plus(PROMOTES_AFTER);
        self.other_secret = Some(OtherSecret { sealed: new.sealed, hint: new.hint, is_next: true, until, keep_hours });
        Ok(())
    }

    /// Makes the staged secret the one that signs `X-InboxOps-Signature`.
    pub(crate) fn promote(&mut self, keep_hours: Option<u32>, now: Timestamp) -> Result<(), RotationRefusal> {
        if self.other_secret.as_ref().is_none_or(|other| !other.is_next) {
            return Err(RotationRefusal::NothingStaged);
        }
        self.swap_secrets(now, keep_hours);
        self.other_secret.take_if(|old| old.until <= now);
        Ok(())
    }

    fn swap_secrets(&mut self, at: Timestamp, keep_hours: Option<u32>) {
        let Some(next) = self.other_secret.take() else { return };
        let keep = Duration::from_secs(u64::from(keep_hours.unwrap_or(next.keep_hours)) * HOUR_SECS);
        self.other_secret = Some(OtherSecret {
            sealed: std::mem::replace(&mut self.secret, next.sealed),
            hint: std::mem::replace(&mut self.secret_hint, next.hint),
            is_next: false,
            until: at.plus(keep),
            keep_hours: 0,
        });
    }

    /// The rotation as its tenant sees it.
    pub(crate) fn rotation(&self) -> Option<SecretRotation> {
        let other = self.other_secret.as_ref()?;
        let keep = Duration::from_secs(u64::from(other.keep_hours) * HOUR_SECS);
        let (stage, new, old) = if other.is_next {
            (SecretStage::Staged, &other.hint, &self.secret_hint)
        } else {
            (SecretStage::Promoted, &self.secret_hint, &other.hint)
        };
        Some(SecretRotation {
            stage: stage.into(),
            new_secret_hint: new.clone(),
            old_secret_hint: old.clone(),
            promotes_at: other.is_next.then(|| other.until.into()),
            old_expires_at: Some(other.until.plus(keep).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::id::{EndpointId, TenantId};
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);
    const HOUR: Duration = Duration::from_secs(HOUR_SECS);

    fn new(name: &str) -> NewSecret {
        NewSecret { sealed: SealedBytes { bytes: name.as_bytes().to_vec(), key: 1 }, hint: name.to_owned() }
    }

    fn endpoint() -> Endpoint {
        let NewSecret { sealed, hint } = new("one");
        Endpoint {
            id: EndpointId::new(START, 1),
            tenant: TenantId::new(START, 2),
            url: String::new(),
            description: None,
            events: Vec::new(),
            mask: 0,
            inboxes: Vec::new(),
            enabled: true,
            disabled_reason: None,
            rate_per_second: None,
            thin: false,
            headers: None,
            secret: sealed,
            secret_hint: hint,
            other_secret: None,
            version: 1,
            created_at: START,
            updated_at: START,
        }
    }

    /// The live secrets, the one of `X-InboxOps-Signature` first.
    fn live(endpoint: &Endpoint, at: Timestamp) -> Vec<String> {
        let mut endpoint = endpoint.clone();
        endpoint.pass_time(at);
        let other = endpoint.other_secret.map(|other| other.hint);
        [endpoint.secret_hint].into_iter().chain(other).collect()
    }

    #[test]
    fn a_staged_secret_is_promoted_by_itself_and_the_old_one_ends_after_it() {
        let mut endpoint = endpoint();
        endpoint.rotate(new("two"), false, 48, START).unwrap();
        let moment = Duration::from_micros(1);
        for (after, expected) in [
            (Duration::ZERO, &["one", "two"][..]),
            (24 * HOUR - moment, &["one", "two"]),
            (24 * HOUR, &["two", "one"]),
            (72 * HOUR - moment, &["two", "one"]),
            (72 * HOUR, &["two"]),
            (9999 * HOUR, &["two"]),
        ] {
            assert_eq!(live(&endpoint, START.plus(after)), expected, "{after:?}");
        }
    }

    #[test]
    fn a_promotion_by_hand_counts_from_its_own_time() {
        let mut endpoint = endpoint();
        endpoint.rotate(new("two"), false, 48, START).unwrap();
        let at = START.plus(HOUR);
        endpoint.promote(Some(1), at).unwrap();
        assert_eq!(live(&endpoint, at), ["two", "one"]);
        assert_eq!(live(&endpoint, at.plus(HOUR)), ["two"]);
        assert_eq!(endpoint.promote(None, at), Err(RotationRefusal::NothingStaged));
        assert_eq!(endpoint.rotate(new("three"), false, 24, at), Err(RotationRefusal::OldStillSigns(at.plus(HOUR))));
        endpoint.rotate(new("three"), true, 24, at).unwrap();
        assert_eq!(live(&endpoint, at), ["three"]);
    }

    #[test]
    fn an_old_secret_that_is_not_kept_ends_with_the_promotion() {
        let mut endpoint = endpoint();
        endpoint.rotate(new("two"), false, 0, START).unwrap();
        assert_eq!(live(&endpoint, START.plus(24 * HOUR)), ["two"]);
        endpoint.promote(None, START).unwrap();
        assert_eq!((live(&endpoint, START), endpoint.rotation()), (vec!["two".to_owned()], None));
    }

    #[test]
    fn a_second_rotation_replaces_what_was_staged() {
        let mut endpoint = endpoint();
        endpoint.rotate(new("two"), false, 24, START).unwrap();
        endpoint.rotate(new("three"), false, 24, START.plus(HOUR)).unwrap();
        assert_eq!(live(&endpoint, START.plus(24 * HOUR)), ["one", "three"], "the day counts from the second");
        assert_eq!(live(&endpoint, START.plus(25 * HOUR)), ["three", "one"]);
    }

    proptest! {
        #[test]
        fn whatever_is_done_one_or_two_secrets_are_live(
            steps in proptest::collection::vec((0..3u8, 0..60u64, 0..=168u32), 0..20),
        ) {
            let (mut endpoint, mut at) = (endpoint(), START);
            for (n, (step, hours, keep)) in steps.into_iter().enumerate() {
                let before = live(&endpoint, at);
                at = at.plus(HOUR * u32::try_from(hours).unwrap());
                endpoint.pass_time(at);
                let done = match step {
                    0 => endpoint.rotate(new(&n.to_string()), false, keep, at).is_ok(),
                    1 => endpoint.promote(Some(keep), at).is_ok(),
                    _ => false,
                };
                let now = live(&endpoint, at);
                prop_assert!((1..=2).contains(&now.len()));
                // Only time and a promotion change the secret of the header with a single signature.
                if step == 0 || !done {
                    prop_assert!(before.contains(&now[0]));
                }
                // Applying the time in steps or at once gives the same.
                let later = at.plus(HOUR * 500);
                let mut stepped = endpoint.clone();
                (0..500).for_each(|hour| stepped.pass_time(at.plus(HOUR * hour)));
                prop_assert_eq!(live(&stepped, later), live(&endpoint, later));
            }
        }
    }
}
