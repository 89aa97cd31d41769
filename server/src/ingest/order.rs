//! Decides which mail may be sent. Mails that share an id (their own, or one that they refer to) may belong to one
//! ticket, and the ticket of the later is known only when the earlier is recorded: so of those one is in flight at a
//! time, in their order, and all others overtake them. It knows ids and no mails.

use std::collections::HashMap;

/// Mails that are not answered yet.
pub(super) struct Order<T> {
    next: u64,
    held: HashMap<u64, HeldMail<T>>,
    /// The last mail with each id.
    last: HashMap<String, u64>,
}

struct HeldMail<T> {
    ids: Vec<String>,
    /// How many mails must be answered first.
    waits_for: usize,
    followers: Vec<u64>,
    /// `None` once it is sent.
    content: Option<T>,
}

impl<T> Order<T> {
    pub(super) fn new() -> Order<T> {
        Order { next: 0, held: HashMap::new(), last: HashMap::new() }
    }

    /// Number of mails in flight or waiting.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Adds a mail; returns its number, and its content if it may be sent at once.
    pub(super) fn enter(&mut self, ids: Vec<String>, content: T) -> (u64, Option<T>) {
        let number = self.next;
        self.next += 1;
        let mut before: Vec<u64> = ids.iter().filter_map(|id| self.last.insert(id.clone(), number)).collect();
        before.sort_unstable();
        before.dedup();
        // An id that it names twice.
        before.retain(|other| *other != number);
        for other in &before {
            if let Some(other) = self.held.get_mut(other) {
                other.followers.push(number);
            }
        }
        let waits_for = before.len();
        let leaves = before.is_empty();
        let (content, left) = if leaves { (None, Some(content)) } else { (Some(content), None) };
        self.held.insert(number, HeldMail { ids, waits_for, followers: Vec::new(), content });
        (number, left)
    }

    /// A mail is answered; returns the mails that may be sent now, in order.
    pub(super) fn answered(&mut self, number: u64) -> Vec<(u64, T)> {
        let Some(done) = self.held.remove(&number) else { return Vec::new() };
        for id in &done.ids {
            if self.last.get(id) == Some(&number) {
                self.last.remove(id);
            }
        }
        let mut leave = Vec::new();
        for follower in done.followers {
            let Some(held) = self.held.get_mut(&follower) else { continue };
            held.waits_for -= 1;
            if held.waits_for == 0 {
                leave.extend(held.content.take().map(|content| (follower, content)));
            }
        }
        leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn mails_that_share_an_id_leave_one_by_one_and_others_at_once() {
        let mut order = Order::new();
        // A question, its answer, the answer to that; another person's mail; two answers to a mail that never arrived;
        // one without an id.
        let mails = ["q", "a q", "b a", "other", "x lost", "y lost", ""];
        let left: Vec<bool> = mails.iter().map(|mail| order.enter(ids(mail), *mail).1.is_some()).collect();
        assert_eq!(left, [true, false, false, true, true, false, true]);
        assert_eq!(order.held(), 7);
        assert_eq!(order.answered(3), []);
        assert_eq!(order.answered(0), [(1, "a q")]);
        assert_eq!(order.answered(4), [(5, "y lost")]);
        assert_eq!(order.answered(1), [(2, "b a")]);
        // An answer that comes before its question, and a copy.
        assert!(order.enter(ids("r s"), "r s").1.is_some());
        assert!(order.enter(ids("s"), "s").1.is_none());
        assert!(order.enter(ids("s"), "s again").1.is_none());
        assert_eq!(order.answered(7), [(8, "s")]);
        assert_eq!(order.answered(8), [(9, "s again")]);
        for number in [2, 5, 6, 9] {
            assert_eq!(order.answered(number), []);
        }
        assert_eq!((order.held(), order.last.len()), (0, 0), "nothing is left behind");
    }

    #[test]
    fn one_that_joins_two_threads_waits_for_both() {
        let mut order = Order::new();
        for mail in ["a", "b"] {
            assert!(order.enter(ids(mail), mail).1.is_some());
        }
        assert!(order.enter(ids("c a b a c"), "c").1.is_none());
        assert_eq!(order.answered(1), []);
        assert_eq!(order.answered(0), [(2, "c")]);
        assert_eq!(order.answered(0), [], "answered twice");
    }
}
