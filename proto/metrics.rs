//! Every metric of the product. Metrics are registered from this table, and `docs/metrics.md` is made from it. Nothing
//! is counted here.

/// What a metric is, in the words of OpenMetrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins at 0 when the process starts.
    Counter,
    Gauge,
    Histogram,
    /// It is always 1; its labels are what it says.
    Info,
}

impl Kind {
    /// The name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        }
    }
}

/// The processes that have a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// All.
    Every,
    /// Those with the role `core`.
    Core,
    /// Those that answer HTTP requests of clients: with the role `edge`.
    Edge,
}

impl Of {
    /// As the documentation says it.
    pub const fn name(self) -> &'static str {
        match self {
            Of::Every => "every role",
            Of::Core => "`core`",
            Of::Edge => "`edge`",
        }
    }
}

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Name without unit and suffix.
    pub name: &'static str,
    pub kind: Kind,
    /// Unit, which is part of the full name; empty if there is none.
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    pub of: Of,
    /// What it says, without a full stop.
    pub help: &'static str,
}

impl Metric {
    /// The name of the metric family: with the unit.
    pub fn family(&self) -> String {
        if self.unit.is_empty() { self.name.to_owned() } else { format!("{}_{}", self.name, self.unit) }
    }

    /// The name of its series. A histogram has `_bucket`, `_sum` and `_count` behind it.
    pub fn series(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.family() + suffix
    }
}

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:ident $unit:literal [$($label:literal),*] $of:ident $help:literal;)*) => {
        $(pub const $constant: Metric = Metric {
            name: $name, kind: Kind::$kind, unit: $unit, labels: &[$($label),*], of: Of::$of, help: $help,
        };)*

        /// Every metric, in the order of the documentation.
        pub const ALL: &[Metric] = &[$($constant,)*];
    };
}

metrics! {
    BUILD "inboxops_build" Info "" ["version"] Every "The version that runs";
    READY "inboxops_ready" Gauge "" [] Every "Whether /readyz says that the process can do its work";
    LOG_LINES_LOST "inboxops_log_lines_lost" Counter "" [] Every "Lines of the log that could not be written";
    SPANS_LOST "inboxops_spans_lost" Counter "" [] Every "Spans that were not exported: the collector was away, or too slow";
    HTTP_RESPONSES "inboxops_http_responses" Counter "" ["class"] Edge "Answers to HTTP requests on all listeners, by the class of their status; calls by gRPC and grpc-web are 2xx, whatever came of them";
    REQUESTS "inboxops_requests" Counter "" ["rpc", "code"] Core "Calls that came to an end, by RPC and gRPC code";
    REQUEST_DURATION "inboxops_request_duration" Histogram "seconds" ["rpc"] Core "Time of calls until their answer, or until their stream began";
    DELIVERY_ATTEMPTS "inboxops_delivery_attempts" Counter "" ["outcome"] Core "Requests to webhook endpoints whose end is on record, by how they ended: delivered, or a failure code";
    DELIVERY_LAG "inboxops_delivery_lag" Histogram "seconds" [] Core "Time from a change to the first request of each of its webhooks";
    DELIVERIES_WAITING "inboxops_deliveries_waiting" Gauge "" [] Core "Deliveries that wait for their time or for a slot, tests left out";
    OLDEST_DUE_AGE "inboxops_oldest_due_age" Gauge "seconds" [] Core "How long the first of the deliveries that are due has been due";
    DELIVERIES_STUCK "inboxops_deliveries_stuck" Gauge "" [] Core "Endpoints and leases that nobody looked after for a minute; must be 0";
    EVENT_HORIZON_AGE "inboxops_event_horizon_age" Gauge "seconds" [] Core "How long readers of events have waited for one transaction in the database (PostgreSQL)";
    LEASES_EXPIRED "inboxops_leases_expired" Counter "" [] Core "Leases that ended without a report: a worker or a core died, or froze";
    TENANT_DELIVERIES_WAITING "inboxops_tenant_deliveries_waiting" Gauge "" ["tenant"] Core "Deliveries of a tenant that wait for their time or for a slot, tests left out: of the 100 tenants that are most behind, and of all others together";
    TENANT_BEHIND "inboxops_tenant_behind" Gauge "seconds" ["tenant"] Core "How long the delivery of a tenant that has been due for longest has been; of all others together the longest";
    DATABASE_UP "inboxops_database_up" Gauge "" [] Core "Whether the database answered just now";
    WRITE_GROUP_SIZE "inboxops_write_group_size" Histogram "" ["writer"] Core "Writes that shared one commit, by writer";
    PROCESS_CPU "process_cpu" Counter "seconds" [] Every "Processor time of the process, in user and in system mode";
    PROCESS_RESIDENT_MEMORY "process_resident_memory" Gauge "bytes" [] Every "Memory of the process that is in RAM";
    PROCESS_VIRTUAL_MEMORY "process_virtual_memory" Gauge "bytes" [] Every "Address space of the process";
    PROCESS_THREADS "process_threads" Gauge "" [] Every "Threads of the process";
    PROCESS_OPEN_FDS "process_open_fds" Gauge "" [] Every "Open files and connections of the process";
    PROCESS_MAX_FDS "process_max_fds" Gauge "" [] Every "Greatest number of files and connections that the process may open";
    PROCESS_START_TIME "process_start_time" Gauge "seconds" [] Every "When the process started, in seconds since 1970";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_well_formed() {
        let names: HashSet<String> = ALL.iter().map(Metric::series).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let ours = metric.name.starts_with("inboxops_") || metric.name.starts_with("process_");
            let plain = metric.name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(ours && plain && !metric.name.ends_with("_total"), "{metric:?}");
            // The formats would need escapes for these.
            assert!(!metric.help.contains(['\\', '\n', '"']) && !metric.help.ends_with('.'), "{metric:?}");
        }
        assert_eq!(PROCESS_CPU.series(), "process_cpu_seconds_total");
        assert_eq!(BUILD.series(), "inboxops_build_info");
        assert_eq!(REQUEST_DURATION.series(), "inboxops_request_duration_seconds");
    }
}
