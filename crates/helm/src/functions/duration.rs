//! Durations as Go writes and reads them: `1h30m0s`, `-1.5h`.

const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;

/// Reads a duration, in nanoseconds.
///
/// # Errors
/// Go's message.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0i128;
    while !rest.is_empty() {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(length).ok_or_else(invalid)?;
        let unit_length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_length).ok_or_else(invalid)?;
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let Some(scale) = nanoseconds(unit) else {
            return Err(format!("time: unknown unit {unit:?} in duration {text:?}"));
        };
        total = scaled(number, scale).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

fn nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    })
}

fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = fraction.get(..fraction.len().min(18))?;
    let digits: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let divisor = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.checked_mul(scale)?.checked_add(digits.checked_mul(scale)? / divisor)
}

/// Writes a duration in nanoseconds.
pub(super) fn format(duration: i64) -> String {
    let magnitude = i128::from(duration).abs();
    let sign = if duration < 0 { "-" } else { "" };
    if magnitude == 0 {
        return "0s".to_owned();
    }
    if magnitude < SECOND {
        let (unit, scale) = match magnitude {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", decimal(magnitude, scale));
    }
    let (hours, minutes) = (magnitude / HOUR, magnitude % HOUR / MINUTE);
    let seconds = decimal(magnitude % MINUTE, SECOND);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// A number divided by a power of ten, without trailing zeros.
fn decimal(number: i128, scale: i128) -> String {
    let (whole, rest) = (number / scale, number % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.to_string().len() - 1;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// A duration's largest unit, as in `3mo`.
pub(super) fn rounded(duration: i64) -> String {
    let magnitude = i128::from(duration).abs();
    let units = [
        ("y", 365 * 24 * HOUR),
        ("mo", 30 * 24 * HOUR),
        ("d", 24 * HOUR),
        ("h", HOUR),
        ("m", MINUTE),
        ("s", SECOND),
    ];
    units
        .into_iter()
        .find(|(_, length)| magnitude > *length)
        .map_or_else(|| "0s".to_owned(), |(unit, length)| format!("{}{unit}", magnitude / length))
}
