//! What is logged in this process: by all tests at once, so each comes from an address of its own.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use tracing_subscriber::fmt::MakeWriter;

use crate::netmaster::SOON;

static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        KEPT.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

/// Keeps what is logged from now on, as a warning or worse.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(Kept)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// Waits for a line that says that somebody at 127.0.0.`last` was refused, and why. Text is compared
/// without case.
pub(crate) async fn says(last: u8, why: &str) {
    let address = format!("127.0.0.{last}");
    let is_it = |line: &str| {
        line.contains("refused")
            && line.contains(&address)
            && line.to_lowercase().contains(&why.to_lowercase())
    };
    let said = async {
        loop {
            let text = String::from_utf8_lossy(&KEPT.lock().unwrap()).into_owned();
            if text.lines().any(is_it) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let said = tokio::time::timeout(SOON, said).await;
    assert!(said.is_ok(), "nothing is said of {address}: {why}");
}
