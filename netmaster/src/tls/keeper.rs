//! Reading the files again when they change.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use trunkline_types::chain;

use super::certificate::valid_until;
use super::files::{Contents, Loaded, TlsError, TlsFiles};

/// After how many looks something that goes on is said again: as a rule, twelve hours.
const REMIND: u32 = 21_600;

/// From when on before the certificate's end the log says so.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads the files, and reads them again when they change, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Keeper {
    loaded: watch::Receiver<Arc<Loaded>>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Reads the files once, and looks after them from now on.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if they cannot be used.
    pub(crate) fn start(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let first = files.load(&contents)?;
        announce(&first.own);
        let (sender, loaded) = watch::channel(Arc::new(first));
        let task = tokio::spawn(look(files, contents, sender));
        Ok(Self { loaded, task })
    }

    /// What is in the files, now and later.
    pub(crate) fn loaded(&self) -> watch::Receiver<Arc<Loaded>> {
        self.loaded.clone()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Looks at the files again and again. They are small, and what is in them is compared, so that it
/// does not matter how they are replaced: one that is copied over is used when two looks agree, for
/// half a list of authorities can be read as well, and would cut off the clients of the others.
async fn look(files: TlsFiles, mut used: Contents, loaded: watch::Sender<Arc<Loaded>>) {
    let mut looks: u32 = 0;
    let mut failures: u32 = 0;
    let mut changed: Option<Contents> = None;
    loop {
        tokio::time::sleep(files.look).await;
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(REMIND) {
            announce(&loaded.borrow().own);
        }
        let reading = files.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || reading.read()).await else {
            // The runtime ends.
            return;
        };
        let found = match read {
            Ok(contents) if contents == used => {
                failures = 0;
                changed = None;
                continue;
            }
            Ok(contents) if changed.as_ref() != Some(&contents) => {
                changed = Some(contents);
                continue;
            }
            Ok(contents) => files.load(&contents).map(|loaded| (contents, loaded)),
            Err(error) => Err(error),
        };
        match found {
            Ok((contents, now)) => {
                let same_clients = contents.trusts_as(&used);
                info!(same_clients, "certificates read again");
                announce(&now.own);
                loaded.send_replace(Arc::new(now));
                used = contents;
                changed = None;
                failures = 0;
            }
            Err(error) => {
                // Files that belong together are seldom replaced at one moment: the first time it
                // may be half done.
                if failures % REMIND == 1 {
                    warn!(
                        error = chain(&error),
                        "the new certificates cannot be used: those from before stay"
                    );
                }
                failures = failures.wrapping_add(1);
            }
        }
    }
}

/// Says until when the server's certificate is valid.
fn announce(own: &CertificateDer<'_>) {
    const DAY: u64 = 24 * 3600;
    let Ok(until) = valid_until(own) else {
        warn!("the end of the server's certificate cannot be read");
        return;
    };
    match until.duration_since(SystemTime::now()) {
        Ok(left) => {
            let days_left = left.as_secs() / DAY;
            if left < SOON {
                warn!(days_left, "the server's certificate ends soon: replace it");
            } else {
                info!(days_left, "the server's certificate is valid");
            }
        }
        Err(_) => warn!("the server's certificate has ended, so no client accepts it: replace it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::fixture::Scene;

    const LOOK: Duration = TlsFiles::LOOK;

    #[tokio::test(start_paused = true)]
    async fn what_is_half_copied_is_not_used_although_it_could_be() {
        let certs = Scene::with_authority();
        certs.run("issue replica:m1 --san 127.0.0.1").unwrap();
        certs.run("rotate --ca").unwrap();
        let whole = certs.text("ca.pem");
        let end = "-----END CERTIFICATE-----\n";
        let (first, _) = whole.split_once(end).unwrap();
        let half = format!("{first}{end}");
        assert!(half.len() < whole.len());
        let keeper = Keeper::start(TlsFiles {
            certificate: certs.path("replica-m1.pem"),
            key: certs.path("replica-m1.key"),
            client_ca: certs.path("ca.pem"),
            crl: None,
            look: LOOK,
        });
        let mut loaded = keeper.as_ref().unwrap().loaded();
        loaded.mark_unchanged();
        let write = |text: &str| std::fs::write(certs.path("ca.pem"), text).unwrap();
        // One look sees the half, and the next one the whole.
        write(&half);
        tokio::time::sleep(LOOK * 3 / 2).await;
        write(&whole);
        tokio::time::sleep(LOOK * 4).await;
        assert!(!loaded.has_changed().unwrap());
        // What stays is meant.
        write(&half);
        tokio::time::sleep(LOOK * 3).await;
        assert!(loaded.has_changed().unwrap());
    }
}
