//! Named points at which the fault suite breaks a process on purpose. They exist only with the cargo feature
//! `failpoints`; without it a point does nothing, whatever the environment contains.
//!
//! `INBOXOPS_FAILPOINTS` names points and their effects: `after_commit=abort@37` ends the process, as `kill -9` does,
//! when the point is reached for the 37th time; `record_result=fail@20+50` fails the 20th time and the 49 times after
//! it. Commas separate several points.

/// A point: returns whether the operation must fail. It does not return if the process must end.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn fails(_name: &str) -> bool {
    false
}

/// A point: returns whether the operation must fail. It does not return if the process must end.
#[cfg(feature = "failpoints")]
pub fn fails(name: &str) -> bool {
    use std::sync::{OnceLock, atomic::Ordering};
    static POINTS: OnceLock<Vec<armed::Point>> = OnceLock::new();
    let points = POINTS.get_or_init(|| armed::parse(&std::env::var(armed::VARIABLE).unwrap_or_default()));
    let Some(point) = points.iter().find(|point| point.name == name) else { return false };
    let hit = point.hits.fetch_add(1, Ordering::Relaxed) + 1;
    match point.times {
        None if hit == point.first => std::process::abort(),
        None => false,
        Some(times) => (point.first..point.first + times).contains(&hit),
    }
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::atomic::AtomicU64;

    pub(super) const VARIABLE: &str = "INBOXOPS_FAILPOINTS";

    pub(super) struct Point {
        pub(super) name: String,
        /// The first hit with an effect, from 1.
        pub(super) first: u64,
        /// How often it fails; `None` ends the process.
        pub(super) times: Option<u64>,
        pub(super) hits: AtomicU64,
    }

    pub(super) fn parse(text: &str) -> Vec<Point> {
        let point = |text: &str| {
            let (name, what) = text.split_once('=')?;
            let (what, when) = what.split_once('@')?;
            let (first, times) = match (what, when.split_once('+')) {
                ("abort", None) => (when.parse().ok()?, None),
                ("fail", Some((first, times))) => (first.parse().ok()?, Some(times.parse().ok()?)),
                _ => return None,
            };
            Some(Point { name: name.to_owned(), first, times, hits: AtomicU64::new(0) })
        };
        text.split(',').map(str::trim).filter(|it| !it.is_empty()).filter_map(point).collect()
    }
}

#[cfg(all(test, feature = "failpoints"))]
mod tests {
    #[test]
    fn points_are_read_and_what_is_no_point_is_left_out() {
        let points = super::armed::parse("after_commit=abort@37, record_result=fail@20+50,nonsense,x=abort@y");
        let read: Vec<_> = points.iter().map(|it| (it.name.as_str(), it.first, it.times)).collect();
        assert_eq!(read, [("after_commit", 37, None), ("record_result", 20, Some(50))]);
    }
}
