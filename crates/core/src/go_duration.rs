//! Durations in the notation of Go, which v1 node configs and PoETs use: `90s`, `1h30m`, `700ms`.

use std::time::Duration;

const NANOSECONDS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration as Go's `time.ParseDuration` does, without negative ones.
///
/// ```
/// use spacecraft_core::go_duration;
/// use std::time::Duration;
///
/// assert_eq!(go_duration::parse("1h30m"), Ok(Duration::from_secs(5400)));
/// assert_eq!(go_duration::parse("0.7s"), Ok(Duration::from_millis(700)));
/// ```
///
/// # Errors
///
/// A sentence that says what would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    total_nanoseconds(text)
        .map(Duration::from_nanos)
        .ok_or_else(|| format!("{text:?} is no duration: write it like 90s, 10m or 1h30m"))
}

fn total_nanoseconds(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(number_end)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_end)?;
        let (_, each) = NANOSECONDS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(scaled(number, *each)?)?;
        rest = next;
    }
    (!text.is_empty() && text != "+" && i64::try_from(total).is_ok()).then_some(total)
}

/// A decimal number times `each`, cut to a whole number.
fn scaled(number: &str, each: u64) -> Option<u64> {
    const MOST_DECIMALS: usize = 18;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let decimals: String = fraction.chars().take(MOST_DECIMALS).collect();
    let divisor = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    let numerator: u128 = if decimals.is_empty() { 0 } else { decimals.parse().ok()? };
    let each = u128::from(each);
    let sum = whole.checked_mul(each)?.checked_add(numerator.checked_mul(each)? / divisor)?;
    u64::try_from(sum).ok()
}

/// A duration in Go's notation, without parts that are zero: `1h30m`, `90s` as `1m30s`, `700ms`.
#[must_use]
pub fn text(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    let mut rest = nanoseconds;
    for (unit, each) in [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ] {
        let count = rest / each;
        rest %= each;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(parse("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("2m3.5s"), Ok(Duration::from_millis(123_500)));
        assert_eq!(parse("+5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse(".5s"), Ok(Duration::from_millis(500)));
        for wrong in ["", "+", "5", "s", "5 s", "-5s", "5d", "1..5s", ".s", "9999999999h"] {
            assert!(parse(wrong).is_err(), "{wrong:?} was read");
        }
    }

    #[test]
    fn a_duration_is_written_without_parts_that_are_zero() {
        assert_eq!(text(Duration::from_secs(5400)), "1h30m");
        assert_eq!(text(Duration::from_secs(20)), "20s");
        assert_eq!(text(Duration::from_millis(1700)), "1s700ms");
        assert_eq!(text(Duration::ZERO), "0s");
    }

    proptest! {
        #[test]
        fn a_written_duration_reads_back_as_itself(nanoseconds in 0..i64::MAX.cast_unsigned()) {
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(parse(&text(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
