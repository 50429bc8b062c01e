//! Whole numbers, read so that a refusal says which ones there may be.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Reads a whole number. What is none is refused with `range` as what was expected; whether the
/// number is in it is for the caller to check, who can say more.
///
/// # Errors
///
/// The deserializer's, if there is something else, or a number beyond those of `i64`.
pub fn whole<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: RangeInclusive<i64>,
) -> Result<i64, D::Error> {
    struct Whole(RangeInclusive<i64>);

    impl Visitor<'_> for Whole {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(
                f,
                "a whole number from {} to {}",
                self.0.start(),
                self.0.end()
            )
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
            Ok(number)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
            let too_large = |_| E::invalid_value(Unexpected::Unsigned(number), &self);
            i64::try_from(number).map_err(too_large)
        }
    }

    deserializer.deserialize_i64(Whole(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<i64, String> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        whole(&mut deserializer, 1..=9).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_no_whole_number_is_told_the_range() {
        assert_eq!(read("7"), Ok(7));
        assert_eq!(read("-7"), Ok(-7), "the caller says more");
        for bad in [
            "1e2",
            "1.5",
            "\"7\"",
            "null",
            "18446744073709551615",
            "1e26",
        ] {
            let error = read(bad).unwrap_err();
            assert!(
                error.contains("expected a whole number from 1 to 9"),
                "{error}"
            );
        }
    }
}
