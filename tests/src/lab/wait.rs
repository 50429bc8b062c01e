//! Waiting, always with a deadline, always with the last state seen.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Between two looks. An emulated machine has better things to do than to be asked all the time.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until `look` says `Ok`, and returns that; its last `Err` is the state in
/// the error when the deadline passes.
///
/// # Errors
///
/// Says what was waited for, how long, and the last state seen.
pub fn wait_until<T, S: Display>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<T, S>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(seen) => return Ok(seen),
            Err(state) if start.elapsed() >= deadline => anyhow::bail!(
                "waited {} s in vain for {what}; last seen: {state}",
                deadline.as_secs()
            ),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// What a thread of a scope returned; its panic goes on in the caller.
pub fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_in_vain_tells_the_last_state() {
        let mut looks = 0;
        let error = wait_until("rain", Duration::from_millis(120), || {
            looks += 1;
            Err::<(), _>(format!("look {looks}"))
        })
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("rain") && error.ends_with(&format!("look {looks}")),
            "{error}"
        );
        assert!(looks > 1);
    }
}
