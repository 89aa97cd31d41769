//! The metrics of `/metrics` as OTLP: the text is read back by the table that it was made from, so that both always say
//! the same. The SDK's own metrics would count everything a second time, and have no histogram that is only read.

use super::{Complaint, SCOPE, environment::Plan};
use inboxops_edge::Text;
use inboxops_proto::{
    clock::{Clock, Timestamp},
    metrics::{self as table, Kind},
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::{ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};
use std::{collections::HashMap, time::Duration};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tonic::{codec::CompressionEncoding, metadata::MetadataMap, transport::Channel};

type Labels = Vec<(String, String)>;

/// The task that exports metrics.
pub(super) struct Figures {
    client: MetricsServiceClient<Channel>,
    headers: MetadataMap,
    resource: Resource,
    every: Duration,
    timeout: Duration,
    /// When counters began.
    began: Timestamp,
}

impl Figures {
    pub(super) fn new(channel: Channel, plan: &Plan) -> Figures {
        let mut client = MetricsServiceClient::new(channel);
        if plan.gzip_metrics {
            client = client.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip);
        }
        Figures {
            client,
            headers: plan.metric_headers.clone(),
            resource: Resource { attributes: attributes(&plan.resource), ..Resource::default() },
            every: plan.metric_interval,
            timeout: plan.timeout,
            began: Clock::System.now(),
        }
    }

    /// Exports now and then until `stop`, and once more.
    pub(super) async fn run(mut self, text: Text, stop: CancellationToken) {
        let mut complaint = Complaint::about("metrics");
        let mut every = tokio::time::interval(self.every);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is at once, and there is nothing to say yet.
        every.tick().await;
        loop {
            let over = tokio::select! {
                () = stop.cancelled() => true,
                _ = every.tick() => false,
            };
            match self.export(&text().await).await {
                Ok(()) => complaint.worked(),
                Err(why) => complaint.failed(&why),
            }
            if over {
                return;
            }
        }
    }

    async fn export(&mut self, text: &str) -> Result<(), String> {
        let scope = InstrumentationScope {
            name: SCOPE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let metrics = metrics(text, self.began, Clock::System.now());
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
        let resource = Some(self.resource.clone());
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
        let mut request = tonic::Request::new(ExportMetricsServiceRequest { resource_metrics });
        *request.metadata_mut() = self.headers.clone();
        match tokio::time::timeout(self.timeout, self.client.export(request)).await {
            Ok(Ok(_)) => Ok(()),
            // The text of the status may repeat a header.
            Ok(Err(status)) => Err(format!("{:?}", status.code())),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

/// A line of the text.
#[derive(Debug, PartialEq)]
struct Sample<'a> {
    name: &'a str,
    labels: Labels,
    value: f64,
}

/// The metrics of a text.
fn metrics(text: &str, began: Timestamp, now: Timestamp) -> Vec<Metric> {
    let rows: HashMap<String, &table::Metric> = table::ALL.iter().map(|row| (row.family(), row)).collect();
    let mut found: Vec<(&table::Metric, Vec<Sample<'_>>)> = Vec::new();
    let mut known = false;
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let row = rows.get(described.split(' ').next().unwrap_or_default());
            known = row.is_some();
            found.extend(row.map(|row| (*row, Vec::new())));
        } else if let (true, Some((_, samples)), Some(sample)) = (known, found.last_mut(), Sample::read(line)) {
            samples.push(sample);
        }
    }
    found.into_iter().map(|(row, samples)| metric(row, samples, nanos(began), nanos(now))).collect()
}

fn metric(row: &table::Metric, samples: Vec<Sample<'_>>, began: u64, now: u64) -> Metric {
    let unit = match row.unit {
        "seconds" => "s",
        "bytes" => "By",
        other => other,
    };
    let cumulative: i32 = AggregationTemporality::Cumulative.into();
    let data = match row.kind {
        Kind::Gauge | Kind::Info => Data::Gauge(Gauge { data_points: points(row, samples, 0, now) }),
        Kind::Counter => Data::Sum(Sum {
            data_points: points(row, samples, began, now),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: buckets(samples, began, now),
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: row.family(),
        description: row.help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn points(row: &table::Metric, samples: Vec<Sample<'_>>, began: u64, now: u64) -> Vec<NumberDataPoint> {
    let series = row.series();
    let samples = samples.into_iter().filter(|sample| sample.name == series);
    let point = |sample: Sample<'_>| NumberDataPoint {
        attributes: attributes(&sample.labels),
        start_time_unix_nano: began,
        time_unix_nano: now,
        value: Some(number_data_point::Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    };
    samples.map(point).collect()
}

/// The text counts in each bucket what is in smaller ones, too; OTLP does not.
fn buckets(samples: Vec<Sample<'_>>, began: u64, now: u64) -> Vec<HistogramDataPoint> {
    let mut found: Vec<(Labels, HistogramDataPoint)> = Vec::new();
    for Sample { name, mut labels, value } in samples {
        let bound = labels.iter().position(|(name, _)| name == "le").map(|at| labels.remove(at).1);
        let at = match found.iter().rposition(|(known, _)| *known == labels) {
            Some(at) => at,
            None => {
                let point = HistogramDataPoint {
                    attributes: attributes(&labels),
                    start_time_unix_nano: began,
                    time_unix_nano: now,
                    ..HistogramDataPoint::default()
                };
                found.push((labels, point));
                found.len() - 1
            }
        };
        let point = &mut found[at].1;
        match (bound.and_then(|bound| bound.parse::<f64>().ok()), name) {
            (Some(bound), _) => {
                let smaller: u64 = point.bucket_counts.iter().sum();
                point.bucket_counts.push((value as u64).saturating_sub(smaller));
                if bound.is_finite() {
                    point.explicit_bounds.push(bound);
                }
            }
            (None, name) if name.ends_with("_sum") => point.sum = Some(value),
            (None, name) if name.ends_with("_count") => point.count = value as u64,
            (None, _) => {}
        }
    }
    found.into_iter().map(|(_, point)| point).collect()
}

impl Sample<'_> {
    /// Reads a line; `None` if it is a comment.
    fn read(line: &str) -> Option<Sample<'_>> {
        if line.starts_with('#') {
            return None;
        }
        let (name, rest) = line.split_at(line.find(['{', ' '])?);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => read_labels(rest)?,
            None => (Labels::new(), rest),
        };
        let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
        Some(Sample { name, labels, value })
    }
}

/// Reads labels up to the brace; returns what follows it as well.
fn read_labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.strip_prefix(',').unwrap_or(rest).split_once("=\"")?;
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at + 1,
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, letter) => value.push(letter),
            }
        };
        labels.push((name.to_owned(), value));
        rest = &after[end..];
    }
}

fn attributes(pairs: &[(String, String)]) -> Vec<KeyValue> {
    let attribute = |(name, value): &(String, String)| KeyValue {
        key: name.clone(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.clone())) }),
        ..KeyValue::default()
    };
    pairs.iter().map(attribute).collect()
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.micros()).unwrap_or(0).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP inboxops_build The version that runs.\n\
        # TYPE inboxops_build info\n\
        inboxops_build_info{version=\"1\"} 1\n\
        # HELP inboxops_requests Calls.\n\
        # TYPE inboxops_requests counter\n\
        inboxops_requests_total{rpc=\"a\\\"b\",code=\"ok\"} 3\n\
        # TYPE strange_one gauge\n\
        strange_one 7\n\
        # TYPE inboxops_request_duration_seconds histogram\n\
        # UNIT inboxops_request_duration_seconds seconds\n\
        inboxops_request_duration_seconds_sum{rpc=\"a\"} 0.5\n\
        inboxops_request_duration_seconds_count{rpc=\"a\"} 4\n\
        inboxops_request_duration_seconds_bucket{le=\"0.1\",rpc=\"a\"} 1\n\
        inboxops_request_duration_seconds_bucket{le=\"0.2\",rpc=\"a\"} 3\n\
        inboxops_request_duration_seconds_bucket{le=\"+Inf\",rpc=\"a\"} 4\n\
        inboxops_request_duration_seconds_sum{rpc=\"b\"} 0\n\
        # TYPE inboxops_ready gauge\n\
        inboxops_ready 1\n\
        # EOF\n";

    #[test]
    fn the_text_and_the_export_say_the_same() {
        let found = metrics(TEXT, Timestamp::from_micros(1), Timestamp::from_micros(2));
        let names: Vec<&str> = found.iter().map(|metric| metric.name.as_str()).collect();
        let expected = ["inboxops_build", "inboxops_requests", "inboxops_request_duration_seconds", "inboxops_ready"];
        assert_eq!(names, expected);
        let Some(Data::Sum(sum)) = &found[1].data else { panic!("{:?}", found[1]) };
        assert!(sum.is_monotonic);
        let point = &sum.data_points[0];
        assert_eq!(point.value, Some(number_data_point::Value::AsDouble(3.0)));
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1000, 2000));
        let pairs = [("rpc".to_owned(), "a\"b".to_owned()), ("code".to_owned(), "ok".to_owned())];
        assert_eq!(point.attributes, attributes(&pairs));
        let Some(Data::Histogram(histogram)) = &found[2].data else { panic!("{:?}", found[2]) };
        assert_eq!((found[2].unit.as_str(), histogram.data_points.len()), ("s", 2));
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.sum), (4, Some(0.5)));
        assert_eq!((&point.bucket_counts[..], &point.explicit_bounds[..]), (&[1, 2, 1][..], &[0.1, 0.2][..]));
    }

    #[test]
    fn a_line_that_is_no_sample_is_none() {
        for line in ["", "# EOF", "name", "name{a=\"b", "name{a=\"b\"}", "name{a} 1", "name x"] {
            assert_eq!(Sample::read(line), None, "{line}");
        }
    }
}
