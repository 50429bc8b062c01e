//! Waiting, always with a deadline, always with the last state seen.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// Between two looks: short beside what is measured with it, which is seconds.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` says `Ok`, and returns that; its last `Err` is the state in
/// the error when the deadline passes. A look that hangs is cut off by the deadline.
///
/// # Errors
///
/// Says what was waited for, how long, and the last state seen.
pub async fn wait_until<T, S, F>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    S: Display,
    F: Future<Output = Result<T, S>>,
{
    let start = Instant::now();
    let mut state = "nothing: the first look did not end".to_owned();
    loop {
        let left = deadline.saturating_sub(start.elapsed());
        match tokio::time::timeout(left, look()).await {
            Ok(Ok(seen)) => return Ok(seen),
            Ok(Err(seen)) => state = seen.to_string(),
            Err(_) => {}
        }
        anyhow::ensure!(
            start.elapsed() < deadline,
            "waited {} s in vain for {what}; last seen: {state}",
            deadline.as_secs()
        );
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_in_vain_tells_the_last_state() {
        let mut looks = 0;
        let error = wait_until("rain", Duration::from_millis(50), || {
            looks += 1;
            let seen = Err::<(), _>(format!("look {looks}"));
            async { seen }
        })
        .await
        .unwrap_err()
        .to_string();
        assert!(error.contains("rain") && error.ends_with(&format!("look {looks}")));
        assert!(looks > 1);
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_cut_off() {
        let error = wait_until("rain", Duration::from_millis(50), || {
            std::future::pending::<Result<(), String>>()
        })
        .await
        .unwrap_err()
        .to_string();
        assert!(error.ends_with("the first look did not end"), "{error}");
    }
}
