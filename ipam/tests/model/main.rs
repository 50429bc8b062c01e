//! The whole ledger against a naive model: a million random operations over many seeds.
//!
//! The model (`model.rs`) keeps plain lists and decides every allocation by looking at every
//! address; it must come to the very address that the ledger comes to, or to a refusal where the
//! ledger refuses. A store of plain objects goes along, from which the ledger is loaded again every
//! now and then.
//!
//! `LEDGER_OPS=<n>` makes another number of operations, `LEDGER_SEED=<n>` those of one seed only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says which seed failed")]

mod model;
mod run;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

/// Enough for a universe of some hundred addresses to be filled and emptied many times.
const PER_SEED: u64 = 5_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn a_million_random_operations_agree_with_a_naive_model() {
    if let Some(seed) = number("LEDGER_SEED") {
        run::run(seed, PER_SEED);
        return;
    }
    let seeds = number("LEDGER_OPS").unwrap_or(1_000_000).div_ceil(PER_SEED);
    let next = AtomicU64::new(0);
    let counts: Vec<_> = std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            let mut counts = run::Counts::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return counts;
                }
                counts.add(&run::run(seed, PER_SEED));
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect()
    });
    let mut all = run::Counts::default();
    counts.iter().for_each(|counts| all.add(counts));
    // Operations that are always refused would prove nothing.
    for (what, least, count) in all.shares() {
        let share = 10_000 * count / (seeds * PER_SEED);
        assert!(
            share >= least,
            "{what}: {count} of {}: {:?}",
            seeds * PER_SEED,
            all.shares()
        );
    }
}
