//! What a run of scenarios and benches says of itself.
//!
//! Scenarios and benches run in two places: those of the node in the virtual machine, those of
//! the control plane on the host. Both say how it went in the same words: an [`Outcome`] for each
//! scenario, a [`Line`] for each figure of a bench.

mod line;
mod outcome;

pub use line::{Goal, Line, MIN_PAIRS, Subject, render};
pub use outcome::{Outcome, report};
