//! The limit on open files: every connection is one, and many systems begin with 1,024 of the thousands they allow.

use inboxops_edge::CONNECTIONS_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside the connections of clients: those of the database, and the connections to receivers.
const OTHERS: u64 = 1024;
/// A limit with which nothing here runs out.
const ENOUGH: u64 = CONNECTIONS_MAX as u64 + OTHERS;

/// Raises the limit to the maximum that the system allows, and warns if that is low.
pub(crate) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let set = |current| setrlimit(Resource::Nofile, Rlimit { current, maximum });
    let low = current.is_some_and(|current| current < ENOUGH);
    // macOS names no maximum, and refuses to be set to none.
    let raised = set(maximum).or_else(|error| if low { set(Some(ENOUGH)) } else { Err(error) });
    if let Err(error) = raised {
        tracing::debug!(%error, "cannot raise the limit on open files");
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < ENOUGH) {
        let connections = connections_within(Some(limit));
        tracing::warn!(
            limit,
            connections,
            "the limit on open files is {limit}, and {connections} connections are served at once; raise it to \
             {ENOUGH} or more (LimitNOFILE= of a systemd unit, ulimit -n of a shell)"
        );
    }
}

/// Connections of clients that the limit has room for. More wait, which is better than files that cannot be opened.
pub(crate) fn connections_max() -> usize {
    connections_within(getrlimit(Resource::Nofile).current)
}

/// Half of a limit that is very low is left to everything else.
fn connections_within(limit: Option<u64>) -> usize {
    let room = limit.map(|limit| (limit / 2).max(limit.saturating_sub(OTHERS)));
    room.and_then(|room| usize::try_from(room).ok()).map_or(CONNECTIONS_MAX, |room| room.min(CONNECTIONS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_everything_else() {
        let limits = [Some(64), Some(1024), Some(4096), Some(ENOUGH), Some(1 << 20), None];
        assert_eq!(limits.map(connections_within), [32, 512, 3072, 8192, 8192, 8192]);
    }
}
