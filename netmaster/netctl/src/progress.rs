//! A sign of life while netmaster takes its time.

use std::future::Future;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::pin::pin;
use std::time::Duration;

/// After how long, and how often, something is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does `work`. If that takes more than a second and a person watches, says so on standard error,
/// on one line that is gone when the work is done.
pub(crate) async fn watched<T>(what: &str, work: impl Future<Output = T>) -> T {
    if !stderr().is_terminal() {
        return work.await;
    }
    let mut work = pin!(work);
    let mut seconds = 0_u64;
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                if seconds > 0 {
                    say("\r\x1b[K");
                }
                return done;
            }
            // Nothing is lost when the work is done first.
            () = tokio::time::sleep(PATIENCE) => {
                seconds += 1;
                say(&format!("\rwaiting for {what}, {seconds} s …"));
            }
        }
    }
}

fn say(text: &str) {
    let mut stderr = stderr().lock();
    // Whether this is seen or not changes nothing.
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}
