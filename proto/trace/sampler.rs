//! Which traces are kept. The words are those of `OTEL_TRACES_SAMPLER`, and the arithmetic is that of other programs
//! with OpenTelemetry: of one trace all keep the same.

use super::SpanContext;

/// Numbers below it, of 63 bits.
const ALL: u64 = 1 << 63;

/// Decides which traces are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Whether the decision of the span above holds.
    parent_based: bool,
    /// A trace is kept if its number is smaller.
    below: u64,
}

impl Default for Sampler {
    /// All traces, except those that were dropped before.
    fn default() -> Sampler {
        Sampler { parent_based: true, below: ALL }
    }
}

impl Sampler {
    /// Keeps this part of the traces that begin here; others as was decided before. `None` if the ratio is none.
    pub fn ratio(ratio: f64) -> Option<Sampler> {
        // The conversion saturates, and 1 is all.
        (0.0..=1.0).contains(&ratio).then_some(Sampler { parent_based: true, below: (ratio * ALL as f64) as u64 })
    }

    /// The sampler of a name, with its argument; `None` if there is no such sampler.
    pub fn named(name: &str, argument: &str) -> Option<Sampler> {
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let sampler = match root {
            "always_on" => Sampler::default(),
            "always_off" => Sampler { parent_based, below: 0 },
            "traceidratio" if argument.is_empty() => Sampler::default(),
            "traceidratio" => Sampler::ratio(argument.trim().parse().ok()?)?,
            _ => return None,
        };
        Some(Sampler { parent_based, ..sampler })
    }

    /// Whether a trace is kept that begins here; `number` is its id, or as random.
    pub(super) fn keeps(self, number: u128) -> bool {
        ((number as u64) >> 1) < self.below
    }

    /// Whether a trace is kept in which a span above was decided by one of our own programs.
    pub(super) fn follows(self, above: SpanContext) -> bool {
        if self.parent_based { above.sampled } else { self.keeps(above.trace) }
    }
}
