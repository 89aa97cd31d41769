//! `/metrics` of a process, whatever its roles: the core's metrics if it has one, and those that every process has.

use crate::telemetry;
use inboxops_core::Core;
use inboxops_edge::{Counts, Text};
use inboxops_proto::{
    metrics::{self as table, Metric},
    trace::Tracer,
};
use process::Process;
use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeMetric,
        text::{encode_eof, encode_registry},
    },
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};
use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

mod process;

/// What the metrics of a process are read from.
#[derive(Debug)]
pub(crate) struct Sources {
    /// See `/readyz`.
    pub(crate) ready: Arc<AtomicBool>,
    /// What the edge counts, if the process is one.
    pub(crate) counts: Option<Arc<Counts>>,
    /// What counts the lost spans, if traces are exported.
    pub(crate) tracer: Option<Arc<Tracer>>,
}

/// Makes the text of `/metrics`. The core is weak: it can be closed only when its last part is the only owner.
pub(crate) fn text(core: Option<Weak<Core>>, sources: Sources) -> Text {
    let registry = Arc::new(registry(sources));
    Arc::new(move || {
        let (registry, core) = (registry.clone(), core.as_ref().and_then(Weak::upgrade));
        Box::pin(async move {
            let mut text = match core {
                Some(core) => core.metrics().await,
                None => String::new(),
            };
            // Writing to memory cannot fail.
            let _ = encode_registry(&mut text, &registry).and_then(|()| encode_eof(&mut text));
            text
        })
    })
}

fn registry(sources: Sources) -> Registry {
    let mut registry = Registry::default();
    registry.register(table::BUILD.name, table::BUILD.help, Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    registry.register_collector(Box::new(sources));
    registry
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let into = &mut encoder;
        let ready = u64::from(self.ready.load(Ordering::Relaxed));
        value(into, &table::READY, &ConstGauge::new(ready))?;
        value(into, &table::LOG_LINES_LOST, &ConstCounter::new(telemetry::lost()))?;
        let lost = self.tracer.as_ref().map_or(0, |tracer| tracer.lost());
        value(into, &table::SPANS_LOST, &ConstCounter::new(lost))?;
        if let Some(counts) = &self.counts {
            responses(into, counts)?;
        }
        let Some(process) = Process::read() else { return Ok(()) };
        value(into, &table::PROCESS_CPU, &ConstCounter::new(process.cpu_secs))?;
        value(into, &table::PROCESS_RESIDENT_MEMORY, &ConstGauge::new(process.resident_bytes))?;
        value(into, &table::PROCESS_VIRTUAL_MEMORY, &ConstGauge::new(process.virtual_bytes))?;
        value(into, &table::PROCESS_THREADS, &ConstGauge::new(process.threads))?;
        value(into, &table::PROCESS_OPEN_FDS, &ConstGauge::new(process.open_files))?;
        if let Some(most) = process.files_max {
            value(into, &table::PROCESS_MAX_FDS, &ConstGauge::new(most))?;
        }
        value(into, &table::PROCESS_START_TIME, &ConstGauge::new(process.started_at))
    }
}

fn responses(encoder: &mut DescriptorEncoder, counts: &Counts) -> fmt::Result {
    let row = &table::HTTP_RESPONSES;
    let (help, unit) = (help(row), unit(row));
    let mut family = encoder.encode_descriptor(row.name, &help, unit.as_ref(), MetricType::Counter)?;
    for (class, count) in counts.responses() {
        ConstCounter::new(count).encode(family.encode_family(&[("class", class)])?)?;
    }
    Ok(())
}

/// Writes a metric without labels.
fn value(encoder: &mut DescriptorEncoder, row: &Metric, value: &dyn EncodeMetric) -> fmt::Result {
    let (help, unit) = (help(row), unit(row));
    value.encode(encoder.encode_descriptor(row.name, &help, unit.as_ref(), value.metric_type())?)
}

/// The registry ends the help of its own metrics with a full stop, too.
fn help(row: &Metric) -> String {
    format!("{}.", row.help)
}

fn unit(row: &Metric) -> Option<Unit> {
    (!row.unit.is_empty()).then(|| Unit::Other(row.unit.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::metrics::Of;
    use std::collections::HashSet;

    #[tokio::test]
    async fn every_process_has_the_metrics_of_the_table() {
        let sources = Sources { ready: Arc::new(AtomicBool::new(true)), counts: Some(Arc::default()), tracer: None };
        let text = text(None, sources)().await;
        let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let described: HashSet<String> = described.map(str::to_owned).collect();
        let rows = table::ALL.iter().filter(|row| row.of != Of::Core);
        let expected = rows.clone().map(|row| format!("{} {}", row.family(), row.kind.name()));
        assert_eq!(described, expected.collect::<HashSet<_>>(), "{text}");
        for row in rows {
            let found = text.lines().filter(|line| {
                let rest = line.strip_prefix(row.series().as_str());
                rest.is_some_and(|rest| rest.starts_with(if row.labels.is_empty() { " " } else { "{" }))
            });
            assert!(found.count() > 0, "{} is described and absent:\n{text}", row.series());
        }
        assert!(text.contains("\ninboxops_ready 1\n"), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
    }
}
