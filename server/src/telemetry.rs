//! The log: on standard error, as text or JSON. Standard output belongs to what a command prints.

use crate::settings::{LogFormat, Settings};
use inboxops_proto::gate::{self, Current};
use serde_json::Value;
use std::{
    fmt::{self, Write as _},
    io::IsTerminal as _,
};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Writer},
    },
    registry::LookupSpan,
};

/// Starts logging. A second call, which only tests make, changes nothing.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log_level.0).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error here means that a logger is there already.
    let _ = match settings.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => {
            let json = format::json().flatten_event(true).with_current_span(false);
            log.json().event_format(OfCall(json)).try_init()
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("no text");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(what, place, "a panic");
    }));
}

/// Lines of JSON that name the call during which they were written: its RPC, request and tenant.
struct OfCall<F>(F);

impl<S, N, F> FormatEvent<S, N> for OfCall<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let call = gate::current();
        if call.rpc.is_empty() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&with_call(&line, &call))
    }
}

/// Adds what the line does not say already.
fn with_call(line: &str, call: &Current) -> String {
    let tenant = call.tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
    let Some(object) = line.trim_end().strip_suffix('}') else { return line.to_owned() };
    let mut line = object.to_owned();
    for (name, value) in [("rpc", call.rpc), ("request_id", &call.request_id), ("tenant", &tenant)] {
        if !value.is_empty() && !object.contains(&format!("\"{name}\":")) {
            // Writing to memory does not fail.
            let _ = write!(line, ",\"{name}\":{}", Value::from(value));
        }
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_call_it_is_of_once() {
        let tenant = "019ab5f0-0000-7000-8000-000000000001".parse().ok();
        let call = Current { rpc: "/x.Y/Z", request_id: "req_\"1".to_owned(), tenant };
        let line = with_call("{\"level\":\"WARN\",\"rpc\":\"/other\"}\n", &call);
        let expected = "{\"level\":\"WARN\",\"rpc\":\"/other\",\"request_id\":\"req_\\\"1\",\
                        \"tenant\":\"019ab5f0-0000-7000-8000-000000000001\"}\n";
        assert_eq!(line, expected);
        let unknown = Current { tenant: None, ..call };
        assert!(!with_call("{\"level\":\"WARN\"}\n", &unknown).contains("tenant"));
        assert_eq!(with_call("no object", &unknown), "no object");
    }
}
