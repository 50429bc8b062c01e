//! A sign of life while netmaster takes its time.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::pin::pin;
use std::time::Duration;

/// After how long, and how often, something is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far work has come that takes many requests: none of them may take long, and all of them
/// minutes.
#[derive(Debug)]
pub(crate) struct Steps {
    /// What is being done, like `importing`.
    doing: &'static str,
    /// What is counted, like `lines`.
    units: &'static str,
    done: Cell<usize>,
    /// How many there are; none if nobody knows.
    of: Option<usize>,
}

impl Steps {
    pub(crate) fn of(doing: &'static str, units: &'static str, of: Option<usize>) -> Self {
        Self {
            doing,
            units,
            done: Cell::new(0),
            of,
        }
    }

    /// So many more are done.
    pub(crate) fn add(&self, done: usize) {
        self.done.set(self.done.get() + done);
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.done.get())?;
        if let Some(of) = self.of {
            write!(f, " of {of}")?;
        }
        write!(f, " {}", self.units)
    }
}

/// Does `work`. If that takes more than a second and a person watches, says what it is about on
/// standard error, on one line that is gone when the work is done.
pub(crate) async fn watched<T>(what: &impl fmt::Display, work: impl Future<Output = T>) -> T {
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
                say(&format!("\r{what}, {seconds} s …\x1b[K"));
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
