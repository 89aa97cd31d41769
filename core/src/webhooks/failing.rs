//! Decides when a failing endpoint's tenant is warned, and when the endpoint is disabled. Pure.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

use crate::store::health::Health;
use inboxops_proto::{
    clock::Timestamp,
    v1::{EndpointFailing, FailureWarning},
};
use std::time::Duration;

/// Time without a success after which an endpoint is disabled.
pub(crate) const DISABLED_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// Least number of attempts in that time.
pub(crate) const DISABLED_TRIES_MIN: u32 = 20;

/// The reason that its tenant sees.
pub(crate) const DISABLED_SAID: &str =
    "Every attempt of the last 5 days failed. Once the receiver works, switch the endpoint on again.";

/// What an endpoint's failures require.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Nothing.
    Go,
    /// The first warning: half of the time has passed.
    Half,
    /// The second warning: three quarters have passed.
    ThreeQuarters,
    /// It is disabled.
    Disable,
}

impl Verdict {
    /// Number of the warning, as `warned` counts them.
    pub(crate) fn warnings(self) -> i16 {
        match self {
            Verdict::Go => 0,
            Verdict::Half => 1,
            Verdict::ThreeQuarters | Verdict::Disable => 2,
        }
    }
}

/// Judges the health of an endpoint at `now`.
pub(crate) fn verdict(health: &Health, now: Timestamp) -> Verdict {
    let Some(since) = health.failing_since.filter(|_| health.failures_in_row > 0) else { return Verdict::Go };
    let failing = now.since(since);
    if failing >= DISABLED_AFTER && health.failures_in_row >= DISABLED_TRIES_MIN {
        Verdict::Disable
    } else if failing >= DISABLED_AFTER / 4 * 3 {
        Verdict::ThreeQuarters
    } else if failing >= DISABLED_AFTER / 2 {
        Verdict::Half
    } else {
        Verdict::Go
    }
}

/// The failures as the tenant sees them.
pub(crate) fn shown(health: &Health, now: Timestamp) -> Option<EndpointFailing> {
    let since = health.failing_since.filter(|_| health.failures_in_row > 0)?;
    let warning = match verdict(health, now) {
        Verdict::Go => FailureWarning::None,
        Verdict::Half => FailureWarning::Half,
        Verdict::ThreeQuarters | Verdict::Disable => FailureWarning::ThreeQuarters,
    };
    Some(EndpointFailing {
        since: Some(since.into()),
        failures_in_row: health.failures_in_row,
        warning: warning.into(),
        disables_at: Some(since.plus(DISABLED_AFTER).into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::id::{EndpointId, TenantId};

    const START: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);

    fn health(failures_in_row: u32) -> Health {
        Health {
            endpoint: EndpointId::new(START, 1),
            tenant: TenantId::new(START, 2),
            failures_in_row,
            failing_since: (failures_in_row > 0).then_some(START),
            last_success_at: None,
            last: None,
            warned: 0,
        }
    }

    #[test]
    fn warnings_come_at_half_and_three_quarters_and_the_end_only_after_twenty_tries() {
        const HOUR: Duration = Duration::from_secs(3600);
        let moment = Duration::from_micros(1);
        for (after, tries, expected) in [
            (Duration::ZERO, 1, Verdict::Go),
            (60 * HOUR - moment, 500, Verdict::Go),
            (60 * HOUR, 1, Verdict::Half),
            (90 * HOUR - moment, 500, Verdict::Half),
            (90 * HOUR, 1, Verdict::ThreeQuarters),
            (120 * HOUR - moment, 500, Verdict::ThreeQuarters),
            (120 * HOUR, 19, Verdict::ThreeQuarters),
            (120 * HOUR, 20, Verdict::Disable),
            (9000 * HOUR, 19, Verdict::ThreeQuarters),
            (9000 * HOUR, 0, Verdict::Go),
        ] {
            assert_eq!(verdict(&health(tries), START.plus(after)), expected, "{after:?}, {tries} tries");
        }
    }
}
