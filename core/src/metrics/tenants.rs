//! Backlog gauges by tenant: by name for the tenants that are most behind, and as one sum for all others, so that the
//! number of series stays small however many tenants there are.

use super::unit;
use crate::store::backlog::OfTenant;
use inboxops_proto::metrics::{Metric, TENANT_BEHIND, TENANT_DELIVERIES_WAITING};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
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
        gauges(&mut encoder, &TENANT_DELIVERIES_WAITING, &rows, |row| row.waiting)?;
        gauges(&mut encoder, &TENANT_BEHIND, &rows, |row| row.behind.as_secs_f64())
    }
}

fn gauges<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    metric: &Metric,
    rows: &[Row],
    value: impl Fn(&Row) -> N,
) -> fmt::Result {
    let (help, unit) = (format!("{}.", metric.help), unit(metric));
    let mut gauges = encoder.encode_descriptor(metric.name, &help, unit.as_ref(), MetricType::Gauge)?;
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
        let (tenants, mut registry) = (std::sync::Arc::new(Tenants::default()), Registry::default());
        registry.register_collector(Box::new(tenants.clone()));
        assert_eq!(tenants.set(&all), 1_030);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), 2 * (NAMED_MAX + 1));
        for line in [
            format!("inboxops_tenant_deliveries_waiting{{tenant=\"{}\"}} 10", all[99].tenant),
            "inboxops_tenant_deliveries_waiting{tenant=\"other\"} 30".to_owned(),
            format!("inboxops_tenant_behind_seconds{{tenant=\"{}\"}} 1.5", all[0].tenant),
            "inboxops_tenant_behind_seconds{tenant=\"other\"} 1.4".to_owned(),
        ] {
            assert!(lines.contains(&line.as_str()), "{line} in\n{text}");
        }
        assert!(text.contains("# UNIT inboxops_tenant_behind_seconds seconds"), "{text}");
        tenants.set(&[]);
        text.clear();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "inboxops_tenant_deliveries_waiting{tenant=\"other\"} 0",
                "inboxops_tenant_behind_seconds{tenant=\"other\"} 0.0"
            ]
        );
    }
}
