use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Serialize, Serializer};

/// Smidge in one SMH.
const SMIDGE_PER_SMH: u128 = 1_000_000_000;

/// An amount in smidge, the base unit: one SMH is 10^9 smidge. In documents it is a text in either unit, because numbers of this size are not exact in
/// every reader of JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Smidge(pub u128);

impl Smidge {
    /// The amount in SMH, with all nine decimals.
    ///
    /// ```
    /// assert_eq!(spacecraft_rewards::Smidge(477_618_397_593).in_smh(), "477.618397593");
    /// ```
    #[must_use]
    pub fn in_smh(self) -> String {
        format!("{}.{:09}", self.0 / SMIDGE_PER_SMH, self.0 % SMIDGE_PER_SMH)
    }

    /// What is left after taking `other` away, nothing at least.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Smidge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Add for Smidge {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Smidge {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Smidge {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.less(other)
    }
}

impl Sum for Smidge {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl From<u64> for Smidge {
    fn from(smidge: u64) -> Self {
        Self(u128::from(smidge))
    }
}

/// Both units of an amount, as documents show them.
#[derive(Serialize)]
struct BothUnits {
    smidge: String,
    smh: String,
}

impl Serialize for Smidge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BothUnits { smidge: self.to_string(), smh: self.in_smh() }.serialize(serializer)
    }
}

/// A share in hundredths of a percent, rounded to the nearest. Documents show it as a text, such as `62.35`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    hundredths: u32,
}

impl Percent {
    /// `part` of `whole`; none of nothing.
    #[must_use]
    pub fn of(part: Smidge, whole: Smidge) -> Option<Self> {
        // Amounts of more than 2^112 smidge do not exist, so that this does not saturate.
        let twice = part.0.min(whole.0).saturating_mul(20_000).checked_div(whole.0)?;
        Some(Self { hundredths: u32::try_from(twice.div_ceil(2)).unwrap_or(10_000).min(10_000) })
    }

    /// The share in hundredths of a percent, 0 to 10,000.
    #[must_use]
    pub fn hundredths(self) -> u32 {
        self.hundredths
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02} %", self.hundredths / 100, self.hundredths % 100)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}.{:02}", self.hundredths / 100, self.hundredths % 100))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_exact_in_both_units() {
        assert_eq!(Smidge(0).in_smh(), "0.000000000");
        assert_eq!(Smidge(1).in_smh(), "0.000000001");
        assert_eq!(Smidge(u128::from(u64::MAX)).in_smh(), "18446744073.709551615");
        let document = serde_json::to_value(Smidge(2_500_000_000)).unwrap();
        assert_eq!(document, serde_json::json!({"smidge": "2500000000", "smh": "2.500000000"}));
    }

    #[test]
    fn shares_are_rounded_to_hundredths_of_a_percent() {
        let of = |part, whole| Percent::of(Smidge(part), Smidge(whole)).map(|share| share.to_string());
        assert_eq!(of(1, 3).as_deref(), Some("33.33 %"));
        assert_eq!(of(2, 3).as_deref(), Some("66.67 %"));
        assert_eq!(of(5, 5).as_deref(), Some("100.00 %"));
        assert_eq!(of(0, 5).as_deref(), Some("0.00 %"));
        assert_eq!(of(0, 0), None);
    }

    proptest! {
        #[test]
        fn the_decimal_form_reads_back_as_the_same_amount(smidge in any::<u64>()) {
            let text = Smidge::from(smidge).in_smh();
            let (whole, decimals) = text.split_once('.').unwrap();
            let back = whole.parse::<u128>().unwrap() * 1_000_000_000 + decimals.parse::<u128>().unwrap();
            prop_assert_eq!(back, u128::from(smidge));
        }

        #[test]
        fn no_share_is_above_all_of_it(part in any::<u64>(), whole in any::<u64>()) {
            if let Some(share) = Percent::of(part.into(), whole.into()) {
                prop_assert!(share.hundredths() <= 10_000);
            }
        }
    }
}
