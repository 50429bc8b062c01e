//! When a subnet will be full, if it goes on like this.

use crate::Timestamp;

/// How many addresses were taken at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub taken: u64,
}

/// What can be said of the time when all addresses are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// Nothing: it has not been looked at for long enough.
    TooLittle {
        /// For how many seconds it has been.
        seconds: u64,
    },
    /// They are.
    Full,
    /// So many seconds from the last sample on.
    FullIn {
        /// How many.
        seconds: u64,
    },
    /// Not within a year.
    Distant,
}

/// How long something must have been looked at before anything is said of its future, in seconds.
const SPAN_MIN: u64 = 1800;

/// How many samples that takes.
const SAMPLES_MIN: usize = 5;

/// What is too far off to be told: a year, in seconds.
const HORIZON: u64 = 365 * 24 * 3600;

/// When a subnet of `capacity` addresses is full, by the straight line that is closest to
/// `samples`, which are in the order of time.
#[must_use]
pub fn forecast(samples: &[Sample], capacity: u64) -> Forecast {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Forecast::TooLittle { seconds: 0 };
    };
    if last.taken >= capacity {
        return Forecast::Full;
    }
    let seconds = elapsed(first.at, last.at);
    if seconds < SPAN_MIN || samples.len() < SAMPLES_MIN {
        return Forecast::TooLittle { seconds };
    }
    let (rise, run) = slope(samples, first.at);
    if rise <= 0 || run <= 0 {
        return Forecast::Distant;
    }
    let free = i128::from(capacity - last.taken);
    match u64::try_from(free.saturating_mul(run) / rise) {
        Ok(seconds) if seconds <= HORIZON => Forecast::FullIn { seconds },
        _ => Forecast::Distant,
    }
}

/// How many more addresses are taken by the hour, from the first sample to the last; none if there
/// are no two samples at different times.
#[must_use]
pub fn hourly_rate(samples: &[Sample]) -> Option<i64> {
    let (first, last) = (samples.first()?, samples.last()?);
    let seconds = i128::from(elapsed(first.at, last.at));
    let more = i128::from(last.taken) - i128::from(first.taken);
    i64::try_from((more * 3600).checked_div(seconds)?).ok()
}

/// The slope of the line of least squares, as a fraction: addresses over seconds.
fn slope(samples: &[Sample], from: Timestamp) -> (i128, i128) {
    let mut count: i128 = 0;
    let (mut times, mut squares, mut taken, mut products) = (0i128, 0i128, 0i128, 0i128);
    for sample in samples {
        // More than that does not occur, and so products stay within bounds.
        let time = i128::from(elapsed(from, sample.at).min(1 << 40));
        let addresses = i128::from(sample.taken.min(1 << 40));
        count += 1;
        times += time;
        squares += time * time;
        taken += addresses;
        products += time * addresses;
    }
    (
        count * products - times * taken,
        count * squares - times * times,
    )
}

fn elapsed(from: Timestamp, to: Timestamp) -> u64 {
    to.unix_seconds().saturating_sub(from.unix_seconds())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::NOW;

    /// A sample every ten minutes.
    fn samples(taken: &[u64]) -> Vec<Sample> {
        let mut at = NOW;
        let samples = taken.iter().map(|taken| {
            let sample = Sample { at, taken: *taken };
            at = at.after(600);
            sample
        });
        samples.collect()
    }

    #[test]
    fn steady_growth_is_extended() {
        // 60 an hour, and 150 are left.
        let growing = samples(&[10, 20, 30, 40, 50]);
        let full = Forecast::FullIn { seconds: 9000 };
        assert_eq!(forecast(&growing, 200), full);
        assert_eq!(hourly_rate(&growing), Some(60));
    }

    #[test]
    fn a_moment_of_more_is_no_trend() {
        let spike = samples(&[50, 50, 90, 50, 50]);
        assert_eq!(forecast(&spike, 200), Forecast::Distant);
    }

    #[test]
    fn what_shrinks_or_stands_still_is_never_full() {
        for taken in [[50, 40, 30, 20, 10], [50, 50, 50, 50, 50]] {
            assert_eq!(forecast(&samples(&taken), 200), Forecast::Distant);
        }
        assert_eq!(hourly_rate(&samples(&[50, 40])), Some(-60));
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        let short = samples(&[10, 20, 30]);
        let too_little = Forecast::TooLittle { seconds: 1200 };
        assert_eq!(forecast(&short, 200), too_little);
        assert_eq!(forecast(&[], 200), Forecast::TooLittle { seconds: 0 });
        assert_eq!(hourly_rate(&samples(&[10])), None);
        // Many samples do not make up for time.
        let at_once = vec![Sample { at: NOW, taken: 1 }; 10];
        let none = Forecast::TooLittle { seconds: 0 };
        assert_eq!(forecast(&at_once, 200), none);
    }

    #[test]
    fn full_is_full_however_little_is_known() {
        assert_eq!(forecast(&samples(&[200]), 200), Forecast::Full);
        assert_eq!(forecast(&samples(&[0]), 0), Forecast::Full);
    }

    #[test]
    fn what_takes_longer_than_a_year_is_distant() {
        let slow = samples(&[10, 10, 10, 10, 11]);
        assert_eq!(forecast(&slow, 1 << 60), Forecast::Distant);
    }

    #[test]
    fn the_largest_numbers_are_taken() {
        let huge = samples(&[0, u64::MAX / 4, u64::MAX / 3, u64::MAX / 2, u64::MAX - 1]);
        let said = forecast(&huge, u64::MAX);
        assert!(matches!(said, Forecast::FullIn { .. } | Forecast::Distant));
        let end = Sample {
            at: Timestamp::from_unix_seconds(u64::MAX),
            taken: 5,
        };
        let long = [&huge[..], &[end]].concat();
        let _ = forecast(&long, u64::MAX);
    }
}
