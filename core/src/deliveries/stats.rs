//! Delivery statistics: counts by state, attempts by hour and day, and response times. All come from stored counters,
//! whose number grows with endpoints and hours and not with deliveries.

use super::Deliveries;
use crate::{
    caller::Caller,
    error::Result,
    store::{
        self,
        deliveries::Shown,
        health::Health,
        tallies::{AttemptCounts, EndpointCounts, HOUR, TOOK_MS, hour},
    },
};
use inboxops_proto::{clock::Timestamp, id::EndpointId, reason::Reason, v1};
use std::collections::BTreeMap;

const HOURS: i64 = 24;
const DAYS: i64 = 7;

/// Counters of one endpoint, or the sums of several.
#[derive(Default)]
struct Sum {
    counts: BTreeMap<Shown, i64>,
    hours: BTreeMap<i64, AttemptCounts>,
}

impl Deliveries {
    pub(super) async fn stats(
        &self,
        caller: &Caller,
        request: v1::GetDeliveryStatsRequest,
    ) -> Result<v1::GetDeliveryStatsResponse> {
        let only = request.endpoint_id.as_deref().map(|id| id.parse().map_err(|_| Reason::EndpointNotFound));
        let only = only.transpose()?;
        let now = hour(self.stamps.now());
        let mut read = self.db.read(caller.scope()?).await?;
        let ids: Vec<EndpointId> = match only {
            Some(id) => vec![store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?.id],
            None => store::endpoints::list(&mut read, i64::MAX, 0).await?.into_iter().map(|it| it.id).collect(),
        };
        let from = now.div_euclid(HOURS) * HOURS - (DAYS - 1) * HOURS;
        let mut known = store::tallies::of(&mut read, &ids, from).await?;
        let health = store::health::of(&mut read, &ids).await?;
        let mut backlog = store::backlog::of(&mut read, &ids).await?;
        let mut total = Sum::default();
        let mut endpoints = Vec::with_capacity(ids.len());
        for id in ids {
            let mut sum = Sum::of(known.remove(&id).unwrap_or_default());
            for (shown, count) in backlog.remove(&id).unwrap_or_default().open {
                sum.count(shown, count);
            }
            total.add(&sum);
            let last = health.iter().find(|health| health.endpoint == id).and_then(last);
            endpoints.push(v1::DeliveryStats { endpoint_id: Some(id.to_string()), ..sum.shown(now, last) });
        }
        let last = health.iter().max_by_key(|health| health.last.as_ref().map(|last| last.at)).and_then(last);
        Ok(v1::GetDeliveryStatsResponse { endpoints, total: Some(total.shown(now, last)) })
    }
}

impl Deliveries {
    pub(super) async fn stats_of_endpoint(
        &self,
        caller: &Caller,
        request: v1::GetEndpointStatsRequest,
    ) -> Result<v1::GetEndpointStatsResponse> {
        let one = v1::GetDeliveryStatsRequest { endpoint_id: Some(request.endpoint_id) };
        let stats = self.stats(caller, one).await?.endpoints.pop().ok_or(Reason::EndpointNotFound)?;
        let stats = v1::EndpointStats {
            endpoint_id: stats.endpoint_id.unwrap_or_default(),
            counts: stats.counts,
            last_24_hours: stats.last_24_hours,
            last_7_days: stats.last_7_days,
            last_attempt: stats.last,
        };
        Ok(v1::GetEndpointStatsResponse { stats: Some(stats) })
    }
}

fn last(health: &Health) -> Option<v1::LastAttempt> {
    health.last.as_ref().map(|last| v1::LastAttempt {
        delivery_id: last.delivery.to_string(),
        response_status: last.response_status.map(u32::from),
        error_code: last.error_code.clone(),
        at: Some(last.at.into()),
    })
}

impl Sum {
    fn of(known: EndpointCounts) -> Sum {
        let mut sum = Sum { hours: known.hours, ..Sum::default() };
        sum.count(Shown::Delivered, known.ended.delivered);
        sum.count(Shown::Failed, known.ended.failed);
        sum.count(Shown::Canceled, known.ended.stopped);
        sum
    }

    fn count(&mut self, shown: Shown, by: i64) {
        *self.counts.entry(shown).or_default() += by;
    }

    fn add(&mut self, other: &Sum) {
        for (shown, count) in &other.counts {
            self.count(*shown, *count);
        }
        for (hour, went) in &other.hours {
            *self.hours.entry(*hour).or_default() += *went;
        }
    }

    fn shown(&self, now: i64, last: Option<v1::LastAttempt>) -> v1::DeliveryStats {
        let counts = self.counts.iter().filter(|(_, count)| **count > 0);
        let counts =
            counts.map(|(shown, count)| v1::StatusCount { status: shown.code().into(), count: number(*count) });
        v1::DeliveryStats {
            endpoint_id: None,
            counts: counts.collect(),
            last_24_hours: Some(self.attempts(now - HOURS + 1, 1, HOURS)),
            last_7_days: Some(self.attempts((now.div_euclid(HOURS) - DAYS + 1) * HOURS, HOURS, DAYS)),
            last,
        }
    }

    /// Attempts in `parts` periods of `length` hours each, beginning with the hour `from`.
    fn attempts(&self, from: i64, length: i64, parts: i64) -> v1::AttemptStats {
        let mut all = AttemptCounts::default();
        let mut buckets = Vec::new();
        for start in (0..parts).map(|part| from + part * length) {
            let mut went = AttemptCounts::default();
            self.hours.range(start..start + length).for_each(|(_, of_hour)| went += *of_hour);
            all += went;
            buckets.push(v1::AttemptBucket {
                start: Some(Timestamp::from_micros(start * i64::try_from(HOUR.as_micros()).unwrap_or(0)).into()),
                succeeded: number(went.succeeded),
                failed: number(went.failed),
            });
        }
        v1::AttemptStats {
            buckets,
            succeeded: number(all.succeeded),
            failed: number(all.failed),
            median_ms: took(&all, 50),
            p95_ms: took(&all, 95),
        }
    }
}

fn number(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

/// The percentile of response times, interpolated within its bucket as if times were spread evenly.
fn took(went: &AttemptCounts, percent: i64) -> Option<u32> {
    let all: i64 = went.took.iter().sum();
    let rank = (all * percent + 99).div_euclid(100).max(1);
    let mut before = 0;
    let mut least = 0;
    for (count, most) in went.took.iter().zip(TOOK_MS) {
        if *count > 0 && before + count >= rank {
            let within = i64::from(most - least) * (rank - before) / count;
            return Some(least + u32::try_from(within).unwrap_or(0));
        }
        (before, least) = (before + count, most);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_between_the_bounds_of_their_column() {
        let mut went = AttemptCounts::default();
        assert_eq!((took(&went, 50), took(&went, 95)), (None, None));
        for _ in 0..90 {
            went.add(true, Some(7));
        }
        for ms in [1_500; 10] {
            went.add(false, Some(ms));
        }
        went.add(false, None);
        let (median, slow) = (took(&went, 50).unwrap_or(0), took(&went, 95).unwrap_or(0));
        assert!((5..=10).contains(&median), "{median}");
        assert!((1_000..=2_000).contains(&slow), "{slow}");
        assert_eq!((went.succeeded, went.failed), (90, 11));
        let mut few = AttemptCounts::default();
        for ms in [3; 10] {
            few.add(true, Some(ms));
        }
        few.add(true, Some(81));
        let slow = took(&few, 95).unwrap_or(0);
        assert!(slow >= 81, "95 of 100 of eleven are all eleven: {slow}");
        let mut one = AttemptCounts::default();
        one.add(false, Some(60_000));
        assert_eq!(took(&one, 50), Some(15_000), "longer than any column says");
    }
}
