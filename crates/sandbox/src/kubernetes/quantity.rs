//! Quantities (`500m`, `1.5`, `2Gi`, `1e3`) and the one form in which the API server writes them back.

const NANOS: i128 = 1_000_000_000;

/// The family of suffixes that a quantity was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

/// A quantity, exact to a billionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity {
    nanos: i128,
    family: Family,
}

impl Quantity {
    /// Reads a quantity; none when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let end = text
            .char_indices()
            .find(|(index, one)| {
                !(one.is_ascii_digit() || *one == '.' || (*index == 0 && matches!(one, '+' | '-')))
            })
            .map_or(text.len(), |(index, _)| index);
        let (number, suffix) = text.split_at_checked(end)?;
        let (nanos, factor, family) = (decimal(number)?, factor(suffix)?, family(suffix));
        let scaled = match factor {
            Factor::Times(times) => nanos.checked_mul(times)?,
            Factor::Over(over) => divided_up(nanos, over),
        };
        Some(Self { nanos: scaled, family })
    }

    /// Thousandths, rounded up.
    pub(crate) fn milli(self) -> i64 {
        i64::try_from(divided_up(self.nanos, NANOS / 1000)).unwrap_or(i64::MAX)
    }

    /// Whole units, rounded up.
    pub(crate) fn units(self) -> i64 {
        i64::try_from(divided_up(self.nanos, NANOS)).unwrap_or(i64::MAX)
    }

    /// True below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// The form in which the server writes it.
    pub(crate) fn canonical(self) -> String {
        let below_1024 = self.nanos.abs() < 1024 * NANOS;
        match self.family {
            Family::Binary if !below_1024 => self.binary(),
            Family::Binary | Family::Decimal => self.decimal(),
            Family::Exponent => self.exponent(),
        }
    }

    fn binary(self) -> String {
        let mut units = divided_up(self.nanos, NANOS);
        let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].into_iter();
        let mut suffix = suffixes.next();
        while units % 1024 == 0 && units != 0 {
            match suffixes.next() {
                Some(next) => (units, suffix) = (units / 1024, Some(next)),
                None => break,
            }
        }
        format!("{units}{}", suffix.unwrap_or_default())
    }

    fn thousands(self) -> (i128, usize) {
        let (mut mantissa, mut steps) = (self.nanos, 0);
        while mantissa % 1000 == 0 && mantissa != 0 && steps < 9 {
            (mantissa, steps) = (mantissa / 1000, steps + 1);
        }
        (mantissa, if mantissa == 0 { 3 } else { steps })
    }

    fn decimal(self) -> String {
        let (mantissa, steps) = self.thousands();
        let suffix =
            ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].get(steps).copied().unwrap_or_default();
        format!("{mantissa}{suffix}")
    }

    fn exponent(self) -> String {
        let (mantissa, steps) = self.thousands();
        let suffix = ["e-9", "e-6", "e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"]
            .get(steps)
            .copied()
            .unwrap_or_default();
        format!("{mantissa}{suffix}")
    }
}

enum Factor {
    Times(i128),
    Over(i128),
}

fn factor(suffix: &str) -> Option<Factor> {
    Some(match suffix {
        "n" => Factor::Over(1_000_000_000),
        "u" => Factor::Over(1_000_000),
        "m" => Factor::Over(1000),
        "" => Factor::Times(1),
        "k" => Factor::Times(1000),
        "M" => Factor::Times(1000_i128.pow(2)),
        "G" => Factor::Times(1000_i128.pow(3)),
        "T" => Factor::Times(1000_i128.pow(4)),
        "P" => Factor::Times(1000_i128.pow(5)),
        "E" => Factor::Times(1000_i128.pow(6)),
        "Ki" => Factor::Times(1024),
        "Mi" => Factor::Times(1024_i128.pow(2)),
        "Gi" => Factor::Times(1024_i128.pow(3)),
        "Ti" => Factor::Times(1024_i128.pow(4)),
        "Pi" => Factor::Times(1024_i128.pow(5)),
        "Ei" => Factor::Times(1024_i128.pow(6)),
        _ => return exponent_factor(suffix),
    })
}

fn exponent_factor(suffix: &str) -> Option<Factor> {
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    Some(if exponent < 0 { Factor::Over(power) } else { Factor::Times(power) })
}

fn family(suffix: &str) -> Family {
    if suffix.ends_with('i') {
        Family::Binary
    } else if suffix.len() > 1 {
        Family::Exponent
    } else {
        Family::Decimal
    }
}

/// A decimal number in billionths, rounded away from zero.
fn decimal(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 25 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let kept: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let lost = fraction.chars().skip(9).any(|digit| digit != '0');
    let nanos = whole.checked_mul(NANOS)?.checked_add(kept.parse().ok()?)?.checked_add(i128::from(lost))?;
    Some(if negative { -nanos } else { nanos })
}

fn divided_up(value: i128, by: i128) -> i128 {
    value / by + i128::from(value % by > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantities_are_written_back_as_the_server_writes_them() {
        for (given, written) in [
            ("1024Mi", "1Gi"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1.5", "1500m"),
            ("100Mi", "100Mi"),
            ("1.5Gi", "1536Mi"),
            ("512", "512"),
            ("2000", "2k"),
            ("1e3", "1e3"),
            ("0", "0"),
            ("+4", "4"),
            (".5", "500m"),
        ] {
            assert_eq!(Quantity::parse(given).unwrap().canonical(), written, "{given}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "Gi", "1.2.3", "1GB", "1 Gi", "--1", "1ee3", "abc", "e3"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_has_the_same_value(number in 0_u32..5000, suffix in "m|k|M|G|Ki|Mi|Gi|") {
            let first = Quantity::parse(&format!("{number}{suffix}")).unwrap();
            let second = Quantity::parse(&first.canonical()).unwrap();
            prop_assert_eq!(first.nanos, second.nanos);
            prop_assert_eq!(second.canonical(), first.canonical());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = Quantity::parse(&text).map(Quantity::canonical);
        }
    }
}
