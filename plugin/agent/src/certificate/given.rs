//! A certificate that somebody else replaces: the log tells when it ends, while there is time.

use std::path::Path;
use std::time::Duration;

use super::files::validity_in;
use super::seconds_now;
use super::validity::Validity;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// How often the log is told what somebody should do something about, in seconds.
const AGAIN: u64 = 24 * 3600;

/// How it is about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is time.
    Good(Validity),
    /// It should have been replaced.
    Ending(Validity),
    /// It is of no use any more, or not yet.
    Void(Validity),
    /// There is none in the file.
    Missing,
}

impl State {
    fn of(validity: Option<Validity>, now: u64) -> Self {
        match validity {
            None => Self::Missing,
            Some(validity) if !validity.contains(now) => Self::Void(validity),
            Some(validity) if validity.alarm() <= now => Self::Ending(validity),
            Some(validity) => Self::Good(validity),
        }
    }

    /// Whether to tell the log, which was told `last` of it, and when.
    fn is_news(self, last: Option<(Self, u64)>, now: u64) -> bool {
        last.is_none_or(|(last, at)| {
            let stale = !matches!(self, Self::Good(_)) && now.saturating_sub(at) >= AGAIN;
            last != self || stale
        })
    }

    fn tell(self, path: &Path) {
        let path = path.display();
        match self {
            Self::Good(Validity { to, .. }) => {
                tracing::info!(%path, until = to, "has a certificate");
            }
            Self::Ending(Validity { to, .. }) => {
                tracing::warn!(%path, until = to, "the certificate ends soon: replace it");
            }
            Self::Void(Validity { from, to }) => {
                tracing::warn!(%path, from, until = to, "the certificate is not valid: replace it");
            }
            Self::Missing => {
                tracing::warn!(%path, "is no certificate: the one before is shown until it ends");
            }
        }
    }
}

/// Tells the log when the certificate in a file ends: at first, whenever there is another one, and
/// every day that somebody should have replaced it. For ever.
pub async fn keep_watched(path: &Path) {
    let mut last = None;
    loop {
        let now = seconds_now();
        let state = State::of(validity_in(path), now);
        if state.is_news(last, now) {
            state.tell(path);
            last = Some((state, now));
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: Validity = Validity {
        from: 1000,
        to: 401_000,
    };

    #[test]
    fn a_certificate_is_to_be_replaced_when_a_quarter_of_its_life_is_left() {
        for (now, expected) in [
            (999, State::Void(YEAR)),
            (1000, State::Good(YEAR)),
            (300_999, State::Good(YEAR)),
            (301_000, State::Ending(YEAR)),
            (401_000, State::Void(YEAR)),
        ] {
            assert_eq!(State::of(Some(YEAR), now), expected, "{now}");
        }
        assert_eq!(State::of(None, 1000), State::Missing);
    }

    #[test]
    fn the_log_is_told_of_each_certificate_once_and_every_day_of_one_that_ends() {
        let (good, ending) = (State::Good(YEAR), State::Ending(YEAR));
        assert!(good.is_news(None, 5));
        assert!(!good.is_news(Some((good, 5)), 5 + AGAIN));
        assert!(ending.is_news(Some((good, 5)), 6));
        assert!(!ending.is_news(Some((ending, 5)), 4 + AGAIN));
        assert!(ending.is_news(Some((ending, 5)), 5 + AGAIN));
        let next = State::Good(Validity {
            to: 900_000,
            ..YEAR
        });
        assert!(next.is_news(Some((good, 5)), 6));
    }
}
