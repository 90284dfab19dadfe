//! Amounts as any client or server may write them: `100m`, `1.5`, `16Gi`, `129e6`.

/// The amount in thousandths of its unit; none for what is no quantity. Bare numbers are units: cores or bytes.
pub(crate) fn thousandths(text: &str) -> Option<i128> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')));
    let (digits, suffix) = text.split_at(split.unwrap_or(text.len()));
    let (numerator, denominator) = decimal(digits)?;
    let (times, per) = scale(suffix)?;
    let thousandfold = numerator.checked_mul(1000)?.checked_mul(times)?;
    Some(thousandfold / denominator.checked_mul(per)?)
}

/// The amount in whole units, rounded up; zero for what is no quantity or is negative.
pub(crate) fn units(text: &str) -> u64 {
    let units = thousandths(text).unwrap_or(0).max(0).saturating_add(999) / 1000;
    u64::try_from(units).unwrap_or(u64::MAX)
}

/// A signed decimal number as a fraction.
fn decimal(digits: &str) -> Option<(i128, i128)> {
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.len() > 18 {
        return None;
    }
    let joined: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let sign = if digits.starts_with('-') { -1 } else { 1 };
    Some((sign * joined, 10_i128.pow(u32::try_from(fraction.len()).ok()?)))
}

/// What a suffix multiplies with and divides by.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    const BINARY: &str = "KMGTPE";
    const DECIMAL: &str = "kMGTPE";
    let thousand_to = |power: usize| u32::try_from(power).ok().map(|power| 1000_i128.pow(power));
    match suffix {
        "" => Some((1, 1)),
        "m" => Some((1, 1000)),
        "u" => Some((1, 1_000_000)),
        "n" => Some((1, 1_000_000_000)),
        _ => {
            if let Some(letter) = suffix.strip_suffix('i') {
                let power = BINARY.find(letter).filter(|_| letter.len() == 1)? + 1;
                return Some((1 << (10 * power), 1));
            }
            if let Some(power) = DECIMAL.find(suffix).filter(|_| suffix.len() == 1) {
                return Some((thousand_to(power + 1)?, 1));
            }
            exponent(suffix.strip_prefix(['e', 'E'])?)
        }
    }
}

fn exponent(text: &str) -> Option<(i128, i128)> {
    let power: i32 = text.parse().ok()?;
    let ten_to = 10_i128.checked_pow(power.unsigned_abs())?;
    Some(if power < 0 { (1, ten_to) } else { (ten_to, 1) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spacecraft_core::quantity::{Bytes, MilliCpu};

    use super::*;

    #[test]
    fn quantities_are_read_as_the_server_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("100m", 100),
            ("1.5", 1500),
            ("1k", 1_000_000),
            ("1Ki", 1_024_000),
            ("2Gi", 2 * 1024 * 1024 * 1024 * 1000),
            ("1e3", 1_000_000),
            ("1E", 1_000_000_000_000_000_000_000),
            ("-1", -1000),
            (".5", 500),
        ] {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in ["", "Gi", "1KiB", "1 Gi", "1e", "--1", "1..2", "x", "1e99", "1KM"] {
            assert_eq!(thousandths(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_we_print_is_read_back(amount in 0..u64::MAX / 1000) {
            prop_assert_eq!(units(&Bytes(amount).to_string()), amount);
            prop_assert_eq!(thousandths(&MilliCpu(amount).to_string()), Some(i128::from(amount)));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC*|[0-9.+-]{0,60}[eEKMi]{0,3}-?[0-9]{0,12}") {
            let _ = units(&text);
        }
    }
}
