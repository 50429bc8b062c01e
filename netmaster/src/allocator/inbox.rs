//! What the writer waits for: plans, the outcome of the batch with the store, and its end.
//!
//! A channel of its own, because one thread waits for all three, and now and then for less than a
//! millisecond, which is finer than the runtime's timers.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::Plan;
use crate::store::StoreError;

/// How many plans may wait for the writer: enough to fill several batches while one is being
/// written. Beyond that, callers wait for a place.
const PLACES: usize = 1024;

/// How the writer is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// When all that came before is written.
    Drained,
    /// At once; what is in the inbox is dropped.
    Now,
}

/// The inbox has ended.
#[derive(Debug)]
pub(super) struct Closed;

/// Plans on their way to the writer.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    places: Semaphore,
}

struct State {
    plans: VecDeque<Plan>,
    /// With how many plans the writer is to be woken. To wake it for each would cost more than to
    /// plan.
    wake_at: usize,
    outcome: Option<Result<(), StoreError>>,
    end: Option<End>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("plans", &self.plans.len())
            .field("outcome", &self.outcome)
            .field("end", &self.end)
            .finish()
    }
}

/// What the writer may do next.
pub(super) enum Next {
    /// The batch with the store is done or has failed.
    Outcome(Result<(), StoreError>),
    /// Make this plan.
    Plan(Plan),
    /// Hand the batch over: nothing else came in time.
    Due,
    /// End.
    End,
}

/// What the writer has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wants {
    /// Plans; it can wait until there are that many. 0 if it has no room for any.
    pub(super) plans: usize,
    /// To hand over its batch at this time, unless something else comes before.
    pub(super) due: Option<Instant>,
    /// An outcome, and its end not before that.
    pub(super) outcome: bool,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                plans: VecDeque::new(),
                wake_at: 1,
                outcome: None,
                end: None,
            }),
            changed: Condvar::new(),
            places: Semaphore::new(PLACES),
        }
    }

    /// Puts `plan` in, when there is a place.
    pub(super) async fn put(&self, plan: Plan) -> Result<(), Closed> {
        let place = self.places.acquire().await.map_err(|_| Closed)?;
        let wake = {
            let mut state = self.lock();
            if state.end.is_some() {
                return Err(Closed);
            }
            state.plans.push_back(plan);
            state.plans.len() == state.wake_at
        };
        // It is given back when the plan is taken out.
        place.forget();
        if wake {
            self.changed.notify_one();
        }
        Ok(())
    }

    pub(super) fn put_outcome(&self, outcome: Result<(), StoreError>) {
        self.lock().outcome = Some(outcome);
        self.changed.notify_one();
    }

    /// Takes nothing more in.
    pub(crate) fn end(&self, end: End) {
        let dropped = {
            let mut state = self.lock();
            let now = end == End::Now || state.end == Some(End::Now);
            state.end = Some(if now { End::Now } else { end });
            if now {
                std::mem::take(&mut state.plans)
            } else {
                VecDeque::new()
            }
        };
        self.places.close();
        self.changed.notify_one();
        // Their callers wake up, so not under the lock.
        drop(dropped);
    }

    /// How many plans are in it.
    pub(super) fn len(&self) -> usize {
        self.lock().plans.len()
    }

    /// Blocks until there is something for the writer to do.
    pub(super) fn next(&self, wants: Wants) -> Next {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = state.outcome.take() {
                return Next::Outcome(outcome);
            }
            if state.end == Some(End::Now) && !wants.outcome {
                return Next::End;
            }
            // However few they are, now that the writer is awake.
            if wants.plans > 0
                && let Some(plan) = state.plans.pop_front()
            {
                self.places.add_permits(1);
                return Next::Plan(plan);
            }
            state.wake_at = wants.plans;
            if let Some(due) = wants.due {
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() || state.end.is_some() {
                    return Next::Due;
                }
                let waited = self.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else if state.end.is_some() && !wants.outcome {
                return Next::End;
            } else {
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
