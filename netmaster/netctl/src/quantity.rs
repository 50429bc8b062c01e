//! Numbers with units, and points in time, as people write them.

use jiff::Timestamp;
use trunkline_netmaster_api::{Retention, TokenSpec};
use trunkline_types::{Bandwidth, Burst, Dscp};

/// Decimal and binary multiples.
const MULTIPLES: [(&str, i64); 8] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("k", 1_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
];

/// Spans of time, in seconds.
const SPANS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

fn multiple(text: &str) -> Option<i64> {
    let unit = MULTIPLES.iter().find(|(suffix, _)| text.ends_with(suffix));
    let (number, factor) = match unit {
        Some((suffix, factor)) => (text.strip_suffix(suffix)?, *factor),
        None => (text, 1),
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// Bits per second, like `50M`.
pub(crate) fn bandwidth(text: &str) -> Result<Bandwidth, String> {
    let bits = multiple(text).ok_or_else(|| {
        format!("bandwidth `{text}` is not valid: write bits per second, like `50M` or `10G`")
    })?;
    Bandwidth::try_from(bits).map_err(|error| error.to_string())
}

/// Bytes, like `64Ki`.
pub(crate) fn burst(text: &str) -> Result<Burst, String> {
    let bytes = multiple(text)
        .ok_or_else(|| format!("burst `{text}` is not valid: write bytes, like `64Ki`"))?;
    Burst::try_from(bytes).map_err(|error| error.to_string())
}

/// A code point.
pub(crate) fn dscp(text: &str) -> Result<Dscp, String> {
    let code = text.parse::<i64>();
    let code = code.map_err(|_| format!("DSCP `{text}` is not a number: use 0–63"))?;
    Dscp::try_from(code).map_err(|error| error.to_string())
}

/// How long a reservation is kept while its holder is away.
pub(crate) fn retention(text: &str) -> Result<Retention, String> {
    match text {
        "forever" => return Ok(Retention::Forever),
        "until-deleted" => return Ok(Retention::UntilDeleted),
        _ => {}
    }
    seconds(text).map(Retention::Seconds).ok_or_else(|| {
        format!(
            "retention `{text}` is not valid: use `forever`, `until-deleted`, or a time like \
             `90s`, `30m`, `24h` or `7d`"
        )
    })
}

/// How long a token is good for, in seconds.
pub(crate) fn lifetime(text: &str) -> Result<u32, String> {
    let seconds = seconds(text).and_then(|seconds| u32::try_from(seconds).ok());
    let seconds = seconds.filter(|seconds| (60..=TokenSpec::MAX_LIFETIME).contains(seconds));
    seconds.ok_or_else(|| {
        format!("lifetime `{text}` is not valid: use a time from `60s` to `366d`, like `24h`")
    })
}

/// A span of time with its unit, in seconds.
fn seconds(text: &str) -> Option<u64> {
    SPANS.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    })
}

/// A point in time: RFC 3339, or seconds since 1970.
pub(crate) fn time(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time = text.parse::<Timestamp>().ok();
    let seconds = time.and_then(|time| u64::try_from(time.as_second()).ok());
    seconds.ok_or_else(|| {
        format!(
            "time `{text}` is not valid: write it like `2026-05-01T12:00:00Z`, or as seconds \
             since 1970"
        )
    })
}

/// A number with the largest decimal multiple that leaves it whole.
pub(crate) fn decimal(number: u64) -> String {
    let units = [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1_000, "k"),
    ];
    let unit = units
        .iter()
        .find(|(factor, _)| number > 0 && number.is_multiple_of(*factor));
    match unit {
        Some((factor, suffix)) => format!("{}{suffix}", number / factor),
        None => number.to_string(),
    }
}

/// A number of bytes, to one place behind the point.
pub(crate) fn bytes(number: u64) -> String {
    let units = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    match units.iter().find(|(factor, _)| number >= *factor) {
        Some((factor, unit)) => {
            let tenths = number / (factor / 10);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{number} B"),
    }
}

/// A span of time by its two largest units.
pub(crate) fn span(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_with_its_unit_and_printed_as_short_as_it_goes() {
        for (text, bits, printed) in [
            ("1000", 1_000, "1k"),
            ("50M", 50_000_000, "50M"),
            ("1500k", 1_500_000, "1500k"),
            ("1K", 1_000, "1k"),
            ("10T", 10_000_000_000_000, "10T"),
            ("1Mi", 1_048_576, "1048576"),
        ] {
            assert_eq!(bandwidth(text).unwrap().bits_per_second(), bits, "{text}");
            assert_eq!(decimal(bits), printed);
        }
        assert_eq!(burst("64Ki").unwrap().bytes(), 65_536);
    }

    #[test]
    fn what_is_no_quantity_is_quoted_with_the_way_to_write_it() {
        for (error, part) in [
            (bandwidth("fast").unwrap_err(), "`fast`"),
            (bandwidth("999").unwrap_err(), "1000–10000000000000"),
            (bandwidth("9999999999T").unwrap_err(), "`9999999999T`"),
            (burst("0").unwrap_err(), "1–4294967295"),
            (dscp("64").unwrap_err(), "0–63"),
            (dscp("ef").unwrap_err(), "`ef`"),
            (retention("soon").unwrap_err(), "`24h`"),
            (retention("-1h").unwrap_err(), "`-1h`"),
            (lifetime("59s").unwrap_err(), "`60s`"),
            (lifetime("367d").unwrap_err(), "`366d`"),
            (lifetime("long").unwrap_err(), "`long`"),
            (time("tomorrow").unwrap_err(), "`tomorrow`"),
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_retention_is_for_ever_until_deleted_or_a_time() {
        for (text, expected) in [
            ("forever", Retention::Forever),
            ("until-deleted", Retention::UntilDeleted),
            ("90s", Retention::Seconds(90)),
            ("7d", Retention::Seconds(604_800)),
        ] {
            assert_eq!(retention(text), Ok(expected));
        }
    }

    #[test]
    fn a_lifetime_is_a_minute_to_a_year() {
        for (text, expected) in [("60s", 60), ("24h", 86_400), ("366d", 31_622_400)] {
            assert_eq!(lifetime(text), Ok(expected));
        }
    }

    #[test]
    fn a_time_is_rfc_3339_or_seconds() {
        for text in [
            "1700000000",
            "2023-11-14T22:13:20Z",
            "2023-11-14T23:13:20+01:00",
        ] {
            assert_eq!(time(text), Ok(1_700_000_000), "{text}");
        }
    }

    #[test]
    fn bytes_and_spans_are_as_short_as_people_like_them() {
        for (number, printed) in [
            (0, "0 B"),
            (999, "999 B"),
            (4_560_000, "4.5 MB"),
            (2_000_000_000, "2.0 GB"),
        ] {
            assert_eq!(bytes(number), printed);
        }
        for (seconds, printed) in [
            (59, "59 s"),
            (90, "1 min"),
            (12_000, "3 h 20 min"),
            (200_000, "2 d 7 h"),
        ] {
            assert_eq!(span(seconds), printed);
        }
    }
}
