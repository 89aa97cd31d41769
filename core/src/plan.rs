//! Plans, entitlements, and the overrides of a tenant. Pure.

use crate::store::tenants::Plan;
use inboxops_proto::{failure::Failure, reason::Reason};

/// A feature that a plan includes or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Entitlement {
    /// Webhook endpoints and deliveries.
    Webhooks,
    /// API keys and the public API.
    PublicApi,
}

impl Entitlement {
    pub(crate) const ALL: [Entitlement; 2] = [Entitlement::PublicApi, Entitlement::Webhooks];

    /// Name in protos, settings and errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Entitlement::Webhooks => "webhooks",
            Entitlement::PublicApi => "public_api",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Entitlement> {
        Entitlement::ALL.into_iter().find(|entitlement| entitlement.name() == name)
    }

    /// The smallest plan that includes it.
    pub(crate) const fn minimum_plan(self) -> &'static str {
        "business"
    }

    /// The refusal for a tenant that does not have it.
    pub(crate) fn refusal(self) -> Failure {
        let what = match self {
            Entitlement::Webhooks => "The plan of this workspace does not include webhooks.",
            Entitlement::PublicApi => "The plan of this workspace does not include the public API.",
        };
        Failure::new(Reason::EntitlementRequired)
            .message(what)
            .fact("entitlement", self.name())
            .fact("minimum_plan", self.minimum_plan())
    }
}

/// Whether a tenant has an entitlement: its override decides, or else its plan.
pub(crate) fn entitled(plan: Plan, overridden: Option<bool>) -> bool {
    overridden.unwrap_or(plan.includes_integrations())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_beats_the_plan_both_ways() {
        assert!(!entitled(Plan::Free, None));
        assert!(!entitled(Plan::Starter, None));
        assert!(entitled(Plan::Business, None));
        assert!(entitled(Plan::Enterprise, None));
        assert!(entitled(Plan::Free, Some(true)));
        assert!(!entitled(Plan::Enterprise, Some(false)));
    }
}
