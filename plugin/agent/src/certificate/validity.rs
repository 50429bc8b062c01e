//! From when to when a certificate is good, and how often it is to be looked at for that.

use std::time::Duration;

use x509_parser::certificate::X509Certificate;
use x509_parser::time::ASN1Time;

/// How long to sleep at a time: a clock may be set meanwhile, and files replaced.
const LOOK: u64 = 600;
/// How soon to try again to renew one that is due: at least this, for netmaster's sake.
const RETRY_MIN: u64 = 5;
/// And at most this: a third of its life is left at first.
const RETRY_MAX: u64 = 60;

/// From when to when a certificate is good, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Validity {
    /// What a certificate says; none if that is before 1970.
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        let seconds = |time: ASN1Time| u64::try_from(time.timestamp()).ok();
        let validity = certificate.validity();
        Some(Self {
            from: seconds(validity.not_before)?,
            to: seconds(validity.not_after)?,
        })
    }

    pub(super) fn contains(self, now: u64) -> bool {
        (self.from..self.to).contains(&now)
    }

    /// When two thirds of it are over.
    pub(super) fn renewal(self) -> u64 {
        self.from + self.to.saturating_sub(self.from) / 3 * 2
    }

    /// When three quarters of it are over: it should have been replaced by then.
    pub(super) fn alarm(self) -> u64 {
        self.from + self.to.saturating_sub(self.from) / 4 * 3
    }

    /// How long to sleep until it is to be renewed, or until the next attempt if it is due: the
    /// less of it is left, the sooner that is.
    pub(super) fn pause(self, now: u64) -> Duration {
        let seconds = match self.renewal().saturating_sub(now) {
            0 => (self.to.saturating_sub(now) / 10).clamp(RETRY_MIN, RETRY_MAX),
            left => left.min(LOOK),
        };
        Duration::from_secs(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let validity = Validity { from: 300, to: 600 };
        assert_eq!(validity.renewal(), 500);
        assert!(!validity.contains(299) && validity.contains(300) && !validity.contains(600));
    }

    #[test]
    fn the_less_is_left_the_sooner_is_the_next_attempt() {
        const DAY: u64 = 24 * 3600;
        let month = Validity {
            from: 0,
            to: 30 * DAY,
        };
        let minutes = Validity { from: 0, to: 90 };
        for (validity, now, seconds) in [
            (month, 0, 600),
            (month, 20 * DAY - 7, 7),
            (month, 20 * DAY, 60),
            (month, 30 * DAY - 300, 30),
            (month, 30 * DAY - 1, 5),
            (month, 31 * DAY, 5),
            (minutes, 30, 30),
            (minutes, 60, 5),
        ] {
            let expected = Duration::from_secs(seconds);
            assert_eq!(validity.pause(now), expected, "{validity:?} {now}");
        }
    }
}
