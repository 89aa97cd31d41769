//! The two formats of `/metrics`: OpenMetrics, in which metrics are made, and Prometheus's older text format, which is
//! made from it. It knows no metric.

use http::{HeaderMap, header::ACCEPT};
use std::fmt::Write as _;

/// A format, as a media type.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text in the format that a client asks for, with the format's media type. A client that does not name OpenMetrics
/// gets what every program reads.
pub(crate) fn answer(open_metrics: String, headers: &HeaderMap) -> (&'static str, String) {
    if wants_open_metrics(headers) { (OPEN_METRICS, open_metrics) } else { (PLAIN, plain(&open_metrics)) }
}

/// Whether a client names OpenMetrics, and wants it at least as much as text.
fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let (mut open, mut text) = (0.0_f32, 0.0_f32);
    for value in headers.get_all(ACCEPT) {
        for item in value.to_str().unwrap_or_default().split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0_f32, "");
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                match key.trim() {
                    "q" | "Q" => quality = value.trim().parse().unwrap_or(0.0),
                    "version" => version = value.trim().trim_matches('"'),
                    _ => {}
                }
            }
            if name.eq_ignore_ascii_case("application/openmetrics-text") && matches!(version, "" | "1.0.0") {
                open = open.max(quality);
            } else if name.eq_ignore_ascii_case("text/plain") && matches!(version, "" | "0.0.4") {
                text = text.max(quality);
            }
        }
    }
    open > 0.0 && open >= text
}

/// The same metrics in the text format 0.0.4: counters and infos are described by the names of their series, and there
/// are neither units nor an end.
fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            // Writing to memory cannot fail.
            let _ = writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_client_gets_open_metrics_if_it_asks_for_it() {
        let new = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;\
                   version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;\
                   q=0.3,*/*;q=0.2";
        for (accept, open) in [
            (new, true),
            ("application/openmetrics-text; version=1.0.0, text/plain", true),
            ("Application/OpenMetrics-Text;version=\"1.0.0\"", true),
            ("text/plain;version=0.0.4", false),
            ("text/plain;version=0.0.4, application/openmetrics-text;q=0.5", false),
            ("text/plain;q=0.3, application/openmetrics-text;q=0.5", true),
            ("application/openmetrics-text;q=0", false),
            ("application/openmetrics-text;q=much", false),
            ("application/openmetrics-text;version=2.0.0, */*;q=0.1", false),
            ("text/html, */*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).expect("a header value"))]);
            assert_eq!(wants_open_metrics(&headers), open, "{accept}");
        }
        assert!(!wants_open_metrics(&HeaderMap::new()));
        let mut two = HeaderMap::new();
        two.append(ACCEPT, HeaderValue::from_static("text/plain;q=0.1"));
        two.append(ACCEPT, HeaderValue::from_static("application/openmetrics-text;q=0.2"));
        assert!(wants_open_metrics(&two));
    }

    #[test]
    fn the_older_format_describes_series() {
        let open = "# HELP a_build What runs.\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n\
                    # HELP a_time_seconds Time of calls.\n# TYPE a_time_seconds histogram\n\
                    # UNIT a_time_seconds seconds\na_time_seconds_sum 0.0\na_time_seconds_count 0\n\
                    a_time_seconds_bucket{le=\"+Inf\"} 0\n\
                    # HELP a_calls Calls.\n# TYPE a_calls counter\na_calls_total{code=\"# 1\"} 3\n# EOF\n";
        let plain_text = "# HELP a_build_info What runs.\n# TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n\
                          # HELP a_time_seconds Time of calls.\n# TYPE a_time_seconds histogram\n\
                          a_time_seconds_sum 0.0\na_time_seconds_count 0\na_time_seconds_bucket{le=\"+Inf\"} 0\n\
                          # HELP a_calls_total Calls.\n# TYPE a_calls_total counter\na_calls_total{code=\"# 1\"} 3\n";
        assert_eq!(plain(open), plain_text);
    }
}
