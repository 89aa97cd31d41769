//! The log: on standard error, as text or JSON. Standard output belongs to what a command prints.

mod lines;

use crate::settings::{LogFormat, Settings};
use inboxops_proto::gate::{self, Current};
use lines::Lines;
use serde_json::Value;
use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal as _, Write as _},
    sync::{LazyLock, OnceLock},
    time::Duration,
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

/// Longest time that the end of the process waits for the log's reader.
const FLUSH_MAX: Duration = Duration::from_secs(1);

static LINES: OnceLock<Lines> = OnceLock::new();
/// A server's standard output, which may have no reader either.
static CONSOLE: LazyLock<Lines> = LazyLock::new(|| Lines::to(io::stdout(), |_| {}));

/// Starts logging. A second call, which only tests make, has no effect.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log_level.0).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = LINES.get_or_init(|| {
        Lines::to(io::stderr(), |lost| {
            tracing::warn!(lost, "{lost} lines of the log were lost: nobody read them, or the disk was full");
        })
    });
    // The error for a line that cannot be formatted would go to standard error in a way that ends the process if that
    // is closed.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines.clone()).log_internal_errors(false);
    // An error means that there is a logger already.
    let _ = match settings.log_format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => {
            let json = format::json().flatten_event(true).with_current_span(false);
            log.json().event_format(OfCall(json)).try_init()
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("no text");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(what, place, "a task panicked at {place}");
    }));
}

/// Number of log lines that were lost since the start.
pub(crate) fn lost() -> u64 {
    LINES.get().map_or(0, Lines::lost)
}

/// Waits briefly for the last lines of log and console to be written.
pub(crate) fn flush() {
    for lines in [LINES.get(), LazyLock::get(&CONSOLE)].into_iter().flatten() {
        lines.flush(FLUSH_MAX);
    }
}

/// Prints a line on a server's console. The server goes on if nobody reads it.
pub(crate) fn say(line: &str) {
    // Writing to the queue cannot fail.
    let _ = writeln!(&*CONSOLE, "{line}");
}

/// Prints a line on standard error, whether or not anybody reads it.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Adds the call during which a JSON line was logged: its RPC, request, tenant, client, and trace if that is kept.
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

/// Adds the members that the line does not have yet.
fn with_call(line: &str, call: &Current) -> String {
    let tenant = call.tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
    let client = call.client.map(|client| client.to_string()).unwrap_or_default();
    let Some(object) = line.trim_end().strip_suffix('}') else { return line.to_owned() };
    let mut line = object.to_owned();
    let kept = call.trace.filter(|trace| trace.sampled);
    let trace = kept.map(|trace| format!("{:032x}", trace.trace)).unwrap_or_default();
    let members = [
        ("rpc", call.rpc),
        ("request_id", &call.request_id),
        ("tenant", &tenant),
        ("client", &client),
        ("trace_id", &trace),
    ];
    for (name, value) in members {
        if !value.is_empty() && !object.contains(&format!("\"{name}\":")) {
            // Writing to memory cannot fail.
            let _ = write!(line, ",\"{name}\":{}", Value::from(value));
        }
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::trace::SpanContext;

    #[test]
    fn a_line_says_which_call_it_is_of_once() {
        let tenant = "019ab5f0-0000-7000-8000-000000000001".parse().ok();
        let client = "::1".parse().ok();
        let call = Current { rpc: "/x.Y/Z", request_id: "req_\"1".to_owned(), tenant, client, trace: None };
        let line = with_call("{\"level\":\"WARN\",\"rpc\":\"/other\"}\n", &call);
        let expected = "{\"level\":\"WARN\",\"rpc\":\"/other\",\"request_id\":\"req_\\\"1\",\
                        \"tenant\":\"019ab5f0-0000-7000-8000-000000000001\",\"client\":\"::1\"}\n";
        assert_eq!(line, expected);
        let kept = SpanContext { trace: 10, span: 1, sampled: true };
        let traced = with_call("{}\n", &Current { trace: Some(kept), ..call.clone() });
        assert!(traced.ends_with(",\"trace_id\":\"0000000000000000000000000000000a\"}\n"), "{traced}");
        let dropped = Current { trace: Some(SpanContext { sampled: false, ..kept }), ..call.clone() };
        assert!(!with_call("{}\n", &dropped).contains("trace_id"));
        let unknown = Current { tenant: None, ..call };
        assert!(!with_call("{\"level\":\"WARN\"}\n", &unknown).contains("tenant"));
        assert_eq!(with_call("no object", &unknown), "no object");
    }
}
