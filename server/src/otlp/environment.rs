//! What the settings and the standard variables `OTEL_…` say. Ours win. As the standard wants it, a variable without a
//! value counts as unset, and a value without a meaning is ignored with a warning; only an address must be right.

use crate::{
    error::{Error, Result},
    settings::Settings,
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use inboxops_proto::trace::Sampler;
use percent_encoding::percent_decode_str;
use std::{collections::BTreeMap, time::Duration};
use tonic::metadata::MetadataMap;

/// What is exported, where and how.
#[derive(Debug)]
pub(super) struct Plan {
    /// The collector for traces.
    pub(super) traces: Option<String>,
    /// The collector for metrics.
    pub(super) metrics: Option<String>,
    pub(super) sampler: Sampler,
    /// What the process is.
    pub(super) resource: Vec<(String, String)>,
    pub(super) timeout: Duration,
    pub(super) batch_delay: Duration,
    pub(super) batch_max: usize,
    pub(super) queue_max: usize,
    pub(super) metric_interval: Duration,
    /// Those of spans are the exporter's own matter, like their compression.
    pub(super) metric_headers: MetadataMap,
    pub(super) gzip_metrics: bool,
}

/// Reads settings and variables; `None` if nothing is exported.
pub(super) fn plan(settings: &Settings, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Plan>> {
    let read = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    if read("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let traces = collector(settings.otlp_endpoint.as_ref(), "TRACES", &read)?;
    let metrics = collector(settings.otlp_endpoint.as_ref(), "METRICS", &read)?;
    if traces.is_none() && metrics.is_none() {
        return Ok(None);
    }
    for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
        if let Some(protocol) = read(name).filter(|protocol| protocol != "grpc") {
            tracing::warn!(protocol, "{name} is {protocol:?}; only grpc is spoken, which is used");
        }
    }
    let number = |name: &str, default: u64| match read(name).map(|value| value.parse::<u64>()) {
        None => default,
        Some(Ok(number)) if number > 0 => number,
        Some(_) => {
            tracing::warn!("{name} is no number above 0; {default} is used");
            default
        }
    };
    let millis = |name: &str, default| Duration::from_millis(number(name, default));
    let count = |name: &str, default| usize::try_from(number(name, default)).unwrap_or(usize::MAX).min(QUEUE_MAX);
    let for_metrics = |what: &str| {
        let own = read(&format!("OTEL_EXPORTER_OTLP_METRICS_{what}"));
        own.or_else(|| read(&format!("OTEL_EXPORTER_OTLP_{what}"))).unwrap_or_default()
    };
    Ok(Some(Plan {
        traces,
        metrics,
        sampler: sampler(&read),
        resource: resource(settings, &read),
        timeout: millis("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000),
        batch_delay: millis("OTEL_BSP_SCHEDULE_DELAY", 5000),
        batch_max: count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
        queue_max: count("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
        metric_interval: millis("OTEL_METRIC_EXPORT_INTERVAL", 60_000),
        metric_headers: headers(&for_metrics("HEADERS")),
        gzip_metrics: for_metrics("COMPRESSION") == "gzip",
    }))
}

/// Greatest number of spans that may wait.
const QUEUE_MAX: usize = 1 << 20;

/// The collector for a signal.
fn collector(ours: Option<&String>, signal: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>> {
    if read(&format!("OTEL_{signal}_EXPORTER")).is_some_and(|exporter| exporter == "none") {
        return Ok(None);
    }
    if let Some(ours) = ours {
        return Ok(Some(ours.clone()));
    }
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
    for name in [own.as_str(), "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        let Some(url) = read(name) else { continue };
        let parsed: Option<Uri> = url.parse().ok();
        if !parsed.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some()) {
            // It may contain a password, so it is not shown.
            let problem = "must be an http or https URL such as http://127.0.0.1:4317";
            return Err(Error::Setting(format!("{name}: {problem}")));
        }
        return Ok(Some(url));
    }
    Ok(None)
}

fn sampler(read: &dyn Fn(&str) -> Option<String>) -> Sampler {
    let Some(name) = read("OTEL_TRACES_SAMPLER") else { return Sampler::default() };
    let argument = read("OTEL_TRACES_SAMPLER_ARG").unwrap_or_default();
    Sampler::named(&name, &argument).unwrap_or_else(|| {
        tracing::warn!(name, argument, "OTEL_TRACES_SAMPLER or its argument is unknown; all traces are kept");
        Sampler::default()
    })
}

fn resource(settings: &Settings, read: &dyn Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let roles = [(settings.roles.core, "core"), (settings.roles.edge, "edge"), (settings.roles.worker, "worker")];
    let roles: Vec<&str> = roles.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect();
    let ours = [
        ("service.name", "inboxops".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", format!("{:032x}", rand::random::<u128>())),
        ("inboxops.roles", roles.join(",")),
    ];
    let mut all: BTreeMap<String, String> = ours.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    all.extend(pairs(&read("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default()));
    all.extend(read("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name)));
    all.into_iter().collect()
}

/// A list `name=value,name=value` whose values may be percent-encoded. A part that is none is left out.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.into_owned()))
    };
    text.split(',').filter_map(pair).collect()
}

fn headers(text: &str) -> MetadataMap {
    let header =
        |(name, value): (String, String)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?));
    let headers: HeaderMap = pairs(text).into_iter().filter_map(header).collect();
    MetadataMap::from_headers(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Effective;

    fn planned(ours: &str, variables: &[(&str, &str)]) -> Result<Option<Plan>> {
        let flags = vec![("otlp.endpoint", ours.to_owned()), ("roles", "core,edge".to_owned())];
        let settings = Effective::read(flags, |_| None, None)?.settings()?;
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        plan(&settings, &find)
    }

    fn of(ours: &str, variables: &[(&str, &str)]) -> Plan {
        planned(ours, variables).expect("well formed").expect("something is exported")
    }

    #[test]
    fn nothing_is_exported_without_a_collector() {
        assert!(planned("", &[("OTEL_SERVICE_NAME", "x"), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap().is_none());
        let here = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
        assert!(planned("", &[here, ("OTEL_SDK_DISABLED", "TRUE")]).unwrap().is_none());
        let neither = [here, ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "none")];
        assert!(planned("", &neither).unwrap().is_none());
        assert!(of("", &[here, ("OTEL_METRICS_EXPORTER", "none")]).metrics.is_none());
    }

    #[test]
    fn the_setting_wins_over_the_signals_own_variable_over_the_general_one() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general:4317"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:4317"),
        ];
        let plan = of("", &variables);
        assert_eq!(plan.traces.as_deref(), Some("http://general:4317"));
        assert_eq!(plan.metrics.as_deref(), Some("http://metrics:4317"));
        assert_eq!(of("https://ours:4317", &variables).metrics.as_deref(), Some("https://ours:4317"));
    }

    #[test]
    fn a_wrong_address_is_refused_and_not_shown() {
        let error = planned("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "user:secret@collector")]).expect_err("a refusal");
        assert_eq!(error.exit_code(), 78);
        assert!(error.to_string().contains("OTEL_EXPORTER_OTLP_ENDPOINT") && !error.to_string().contains("secret"));
    }

    #[test]
    fn the_resource_says_what_the_process_is() {
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=a%20b, service.name = other,broken");
        let read = |variables: &[(&str, &str)]| BTreeMap::from_iter(of("http://a", variables).resource);
        let resource = read(&[attributes]);
        assert_eq!(resource["service.name"], "other");
        assert_eq!(resource["deployment.environment"], "a b");
        assert_eq!(resource["inboxops.roles"], "core,edge");
        assert_eq!(read(&[attributes, ("OTEL_SERVICE_NAME", "desk")])["service.name"], "desk");
        assert_eq!(read(&[])["service.name"], "inboxops");
    }

    #[test]
    fn numbers_and_headers_are_read_and_nonsense_is_ignored() {
        let plan = of(
            "http://a",
            &[
                ("OTEL_BSP_SCHEDULE_DELAY", "100"),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b,no header=x"),
                ("OTEL_TRACES_SAMPLER", "xray"),
            ],
        );
        assert_eq!((plan.batch_delay, plan.queue_max), (Duration::from_millis(100), 2048));
        assert_eq!(plan.metric_headers.get("api-key").and_then(|value| value.to_str().ok()), Some("a b"));
        assert_eq!((plan.metric_headers.len(), plan.sampler), (1, Sampler::default()));
    }
}
