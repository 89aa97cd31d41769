//! Backlog gauges by tenant: by name for the tenants that are most behind, and as one sum for all others, so that the
//! number of series stays small however many tenants there are.

use crate::store::backlog::OfTenant;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Unit,
};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Number of tenants that are named.
pub(crate) const NAMED_MAX: usize = 100;
/// Label of all others.
const OTHER: &str = "other";

/// Gauges of one moment.
#[derive(Debug, Default)]
pub(super) struct Tenants(Mutex<Vec<Row>>);

#[derive(Clone, Debug, PartialEq)]
struct Row {
    tenant: String,
    waiting: i64,
    behind: Duration,
}

impl Tenants {
    /// Stores the figures from the database, the most behind first; returns the sum of waiting deliveries.
    pub(super) fn set(&self, all: &[OfTenant]) -> i64 {
        let (named, others) = all.split_at(all.len().min(NAMED_MAX));
        let row = |it: &OfTenant| Row { tenant: it.tenant.to_string(), waiting: it.waiting, behind: it.behind };
        let other = Row {
            tenant: OTHER.to_owned(),
            waiting: others.iter().map(|it| it.waiting).sum(),
            behind: others.iter().map(|it| it.behind).max().unwrap_or_default(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = named.iter().map(row).chain([other]).collect();
        all.iter().map(|it| it.waiting).sum()
    }
}

impl Collector for Tenants {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let help = "Deliveries of a tenant that wait for their time or for a slot, tests left out: of the 100 tenants that \
                    are most behind, and of all others together";
        gauges(&mut encoder, ("tenant_deliveries_waiting", help, None), &rows, |row| row.waiting)?;
        let help = "How long the delivery of a tenant that has been due for longest has been; of all others together \
                    the longest";
        gauges(&mut encoder, ("tenant_behind", help, Some(&Unit::Seconds)), &rows, |row| row.behind.as_secs_f64())
    }
}

fn gauges<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    (name, help, unit): (&str, &str, Option<&Unit>),
    rows: &[Row],
    value: impl Fn(&Row) -> N,
) -> fmt::Result {
    let mut gauges = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for row in rows {
        ConstGauge::new(value(row)).encode(gauges.encode_family(&[("tenant", row.tenant.as_str())])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::{clock::Timestamp, id::TenantId};
    use prometheus_client::registry::Registry;

    #[test]
    fn the_most_behind_are_named_and_the_others_summed() {
        let tenant = |n: u64| OfTenant {
            tenant: TenantId::new(Timestamp::from_micros(0), n.into()),
            waiting: 10,
            behind: Duration::from_millis(1_500 - n),
        };
        let all: Vec<OfTenant> = (0..103).map(tenant).collect();
        let (tenants, mut registry) = (std::sync::Arc::new(Tenants::default()), Registry::with_prefix("x"));
        registry.register_collector(Box::new(tenants.clone()));
        assert_eq!(tenants.set(&all), 1_030);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), 2 * (NAMED_MAX + 1));
        for line in [
            format!("x_tenant_deliveries_waiting{{tenant=\"{}\"}} 10", all[99].tenant),
            "x_tenant_deliveries_waiting{tenant=\"other\"} 30".to_owned(),
            format!("x_tenant_behind_seconds{{tenant=\"{}\"}} 1.5", all[0].tenant),
            "x_tenant_behind_seconds{tenant=\"other\"} 1.4".to_owned(),
        ] {
            assert!(lines.contains(&line.as_str()), "{line} in\n{text}");
        }
        assert!(text.contains("# UNIT x_tenant_behind_seconds seconds"), "{text}");
        tenants.set(&[]);
        text.clear();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            ["x_tenant_deliveries_waiting{tenant=\"other\"} 0", "x_tenant_behind_seconds{tenant=\"other\"} 0.0"]
        );
    }
}
