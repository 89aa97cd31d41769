//! The invariants of a hub between any two calls, for tests.

use super::Hub;
use inboxops_proto::limits::ENDPOINT_IN_FLIGHT_MAX;

impl Hub {
    /// Compares the sums and sets with the lanes that they are derived from.
    ///
    /// # Panics
    /// If they differ.
    pub(crate) fn assert_invariants(&self) {
        self.load.assert_sums(self.lanes.values());
        for (endpoint, lane) in &self.lanes {
            assert_eq!(lane.hungry, self.hungry.contains(endpoint));
            assert!(lane.in_turn == self.turns.contains(endpoint));
            assert!(lane.in_flight <= ENDPOINT_IN_FLIGHT_MAX, "an endpoint has too much");
        }
    }
}
