//! When a batch has waited long enough for company.
//!
//! A transaction costs about the same with one change as with forty. When it is durable, its
//! callers are answered, and those who call again at once would make the batch after next: callers
//! would fall into two groups that take turns, and each transaction would hold half of them. So the
//! next batch waits for three quarters of as many requests as were under way of late (for all would
//! be for the slowest), though no longer than the last transaction took. A lone caller never waits:
//! one request is all that was under way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a batch waits at most, however slow the store is.
const PATIENCE: Duration = Duration::from_millis(50);

/// Over how many batches the number of requests under way is remembered.
const MEMORY: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How many requests were under way when each of the last batches was done.
    crowds: VecDeque<usize>,
    /// When the last one was done, and how long it took.
    last: Option<(Instant, Duration)>,
}

impl Pace {
    /// A batch was done at `now` after `took`, when `under_way` requests were in it or waiting.
    pub(super) fn done(&mut self, now: Instant, took: Duration, under_way: usize) {
        self.crowds.push_back(under_way);
        if self.crowds.len() > MEMORY {
            self.crowds.pop_front();
        }
        self.last = Some((now, took));
    }

    /// Until when a batch of `requests` waits for more; a time that is past if it does not.
    pub(super) fn due(&self, now: Instant, requests: usize) -> Instant {
        match self.last {
            Some((done, took)) if requests < self.enough() => done + took.min(PATIENCE),
            _ => now,
        }
    }

    /// How many requests are enough not to wait for more.
    pub(super) fn enough(&self) -> usize {
        let crowd = self.crowds.iter().copied().max().unwrap_or(0);
        crowd - crowd / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_lone_caller_never_waits() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.due(start, 1), start, "nothing is known yet");
        pace.done(start, 2 * MS, 1);
        assert_eq!(pace.due(start, 1), start);
    }

    #[test]
    fn a_batch_waits_for_most_of_those_under_way_though_not_longer_than_a_commit() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.done(start, 2 * MS, 64);
        assert_eq!(pace.due(start, 22), start + 2 * MS);
        assert_eq!(pace.due(start, 47), start + 2 * MS);
        assert_eq!(pace.due(start, 48), start, "most are here");
        pace.done(start, 100 * MS, 64);
        assert_eq!(pace.due(start, 22), start + PATIENCE);
        let later = start + MS * 1000;
        assert!(pace.due(later, 22) < later, "the store has been idle");
    }

    #[test]
    fn a_crowd_that_left_is_forgotten() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.done(start, MS, 64);
        for _ in 0..MEMORY {
            pace.done(start, MS, 1);
        }
        assert_eq!(pace.due(start, 1), start);
    }
}
