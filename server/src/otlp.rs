//! Sends spans and metrics to an OpenTelemetry collector by OTLP over gRPC, if the settings or the standard variables
//! name one; otherwise nothing of it exists. Spans wait in a bounded queue: a collector that is away costs spans, never
//! memory or time of a request.

mod environment;
mod figures;
mod spans;

use crate::{
    admin_client,
    error::{Error, Result},
    settings::Settings,
};
use environment::Plan;
use figures::Figures;
use inboxops_edge::Text;
use inboxops_proto::trace::Tracer;
use inboxops_worker::Traces;
use opentelemetry_otlp::WithTonicConfig as _;
use opentelemetry_sdk::trace::SpanExporter as _;
use spans::Batches;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Name of what makes the spans and metrics.
const SCOPE: &str = "inboxops";
/// How often the log says that the collector is away.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// The exports of a process. It belongs to the runtime in which it was started.
pub(crate) struct Otlp {
    traces: Option<Traces>,
    figures: Option<Figures>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

/// Refuses malformed settings and variables.
pub(crate) fn check(settings: &Settings) -> Result<()> {
    environment::plan(settings, &variable).map(drop)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Otlp {
    /// Starts the exports; `None` if no collector is named.
    pub(crate) fn start(settings: &Settings) -> Result<Option<Otlp>> {
        let Some(plan) = environment::plan(settings, &variable)? else { return Ok(None) };
        let mut otlp = Otlp { traces: None, figures: None, tasks: JoinSet::new(), stop: CancellationToken::new() };
        if let Some(collector) = &plan.traces {
            let channel = channel(collector, plan.timeout)?;
            let tracer = otlp.trace(&plan, channel)?;
            otlp.traces = Some(Traces { tracer, propagate: settings.propagate_to_receivers });
            tracing::info!(collector = shown(collector), "traces go to {}", shown(collector));
        }
        if let Some(collector) = &plan.metrics {
            otlp.figures = Some(Figures::new(channel(collector, plan.timeout)?, &plan));
            tracing::info!(collector = shown(collector), "metrics go to {}", shown(collector));
        }
        Ok(Some(otlp))
    }

    fn trace(&mut self, plan: &Plan, channel: Channel) -> Result<Arc<Tracer>> {
        let built = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_channel(channel).build();
        let mut exporter = built.map_err(|error| Error::Setting(error.to_string()))?;
        exporter.set_resource(&spans::resource(&plan.resource));
        let (tracer, queue) = Tracer::new(plan.sampler, rand::random, plan.queue_max);
        let batches = Batches {
            exporter,
            tracer: tracer.clone(),
            queue,
            delay: plan.batch_delay,
            most: plan.batch_max,
            timeout: plan.timeout,
        };
        self.tasks.spawn(batches.run(self.stop.clone()));
        Ok(tracer)
    }

    /// The tracer of the parts; `None` if only metrics are exported.
    pub(crate) fn tracer(&self) -> Option<Arc<Tracer>> {
        self.traces.as_ref().map(|traces| traces.tracer.clone())
    }

    /// The traces of a worker.
    pub(crate) fn traces(&self) -> Option<Traces> {
        self.traces.clone()
    }

    /// Exports the metrics that `text` makes.
    pub(crate) fn measure(&mut self, text: Text) {
        if let Some(figures) = self.figures.take() {
            self.tasks.spawn(figures.run(text, self.stop.clone()));
        }
    }

    /// Exports what is left, for at most this time.
    pub(crate) async fn end(mut self, most: Duration) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(most, all).await.is_err() {
            tracing::warn!("the last spans and metrics were not exported in time");
        }
    }
}

/// It connects at its first use, and again whenever the collector is back.
fn channel(collector: &str, timeout: Duration) -> Result<Channel> {
    Ok(admin_client::endpoint(collector)?.timeout(timeout).connect_lazy())
}

/// Host and port of a URL, which may have a password.
fn shown(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Says that the collector is away: at once, then now and then.
struct Complaint {
    what: &'static str,
    said: Option<Instant>,
}

impl Complaint {
    fn about(what: &'static str) -> Complaint {
        Complaint { what, said: None }
    }

    fn failed(&mut self, why: &str) {
        if self.said.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            let what = self.what;
            tracing::warn!(what, why, "cannot export {what} to the collector; these are lost, the next are tried");
            self.said = Some(Instant::now());
        }
    }

    fn worked(&mut self) {
        if self.said.take().is_some() {
            tracing::info!(what = self.what, "{} are exported again", self.what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collectors_password_is_not_shown() {
        assert_eq!(shown("https://me:secret@collector.example:4317/x"), "collector.example:4317");
        assert_eq!(shown("http://127.0.0.1:4317"), "127.0.0.1:4317");
    }
}
