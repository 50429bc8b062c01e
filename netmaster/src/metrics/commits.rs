//! How the last commits went, for people: a histogram tells of all since the start.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use trunkline_netmaster_api::Commits;

/// How many commits are kept in mind.
const KEPT: usize = 256;

/// The last commits.
#[derive(Debug, Default)]
pub(super) struct CommitLog {
    commits: Mutex<VecDeque<Commit>>,
}

#[derive(Clone, Copy, Debug)]
struct Commit {
    at: Instant,
    /// How long it took; none if it failed.
    took: Option<Duration>,
}

impl CommitLog {
    /// A commit is done, and took so long; none if it failed.
    pub(super) fn note(&self, took: Option<Duration>) {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        if commits.len() == KEPT {
            commits.pop_front();
        }
        let at = Instant::now();
        commits.push_back(Commit { at, took });
    }

    pub(super) fn summary(&self) -> Commits {
        let commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let mut took: Vec<_> = commits.iter().filter_map(|commit| commit.took).collect();
        took.sort_unstable();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Commits {
            count: count(commits.len()),
            failed: count(commits.len() - took.len()),
            median_us: percentile(&took, 50),
            p99_us: percentile(&took, 99),
            last: commits.back().map(|last| last.at.elapsed().as_secs()),
        }
    }
}

/// How many microseconds so many of a hundred took at most; 0 if there are none.
fn percentile(took: &[Duration], percent: usize) -> u64 {
    let place = (took.len() * percent).div_ceil(100).saturating_sub(1);
    let micros = took.get(place).map_or(0, Duration::as_micros);
    u64::try_from(micros).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_commits_are_summed_up() {
        let log = CommitLog::default();
        assert_eq!(log.summary(), Commits::default());
        for milliseconds in 1..=1000 {
            log.note(Some(Duration::from_millis(milliseconds)));
        }
        log.note(None);
        let summary = log.summary();
        assert_eq!((summary.count, summary.failed), (256, 1));
        // Of the 255 that are kept, from 746 to 1000 milliseconds.
        assert_eq!((summary.median_us, summary.p99_us), (873_000, 998_000));
        assert_eq!(summary.last, Some(0));
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let one = [Duration::from_micros(7)];
        assert_eq!((percentile(&one, 50), percentile(&one, 99)), (7, 7));
        assert_eq!(percentile(&[], 50), 0);
    }
}
