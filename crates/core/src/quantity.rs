//! Amounts of processor, memory and disk, in the notation of Kubernetes.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul};

use serde::{Deserialize, Serialize};

const KIBI: u64 = 1 << 10;
const MEBI: u64 = 1 << 20;
const GIBI: u64 = 1 << 30;
const TEBI: u64 = 1 << 40;
const PEBI: u64 = 1 << 50;

/// Thousandths of a processor core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MilliCpu(pub u64);

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

impl MilliCpu {
    /// Whole cores.
    #[must_use]
    pub const fn cores(cores: u64) -> Self {
        Self(cores.saturating_mul(1000))
    }

    /// Reads a Kubernetes quantity (`100m`, `1.5`, `2`); a bare number is cores.
    ///
    /// # Errors
    ///
    /// A sentence that says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is no amount of processor: write cores or thousandths, such as 2, 1.5 or 100m")
        };
        let text = text.trim();
        let (digits, thousandths_each) = match text.strip_suffix('m') {
            Some(digits) => (digits, 1),
            None => (text, 1000),
        };
        scaled(digits, thousandths_each).map(Self).ok_or_else(wrong)
    }
}

impl Bytes {
    /// Whole gibibytes.
    #[must_use]
    pub const fn gibi(gibibytes: u64) -> Self {
        Self(gibibytes.saturating_mul(GIBI))
    }

    /// Whole mebibytes.
    #[must_use]
    pub const fn mebi(mebibytes: u64) -> Self {
        Self(mebibytes.saturating_mul(MEBI))
    }

    /// Reads a Kubernetes quantity (`500Mi`, `1.5Gi`, `2G`); a bare number is GiB, as in the config files of the original.
    ///
    /// # Errors
    ///
    /// A sentence that says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        const SUFFIXES: [(&str, u64); 10] = [
            ("Ki", KIBI),
            ("Mi", MEBI),
            ("Gi", GIBI),
            ("Ti", TEBI),
            ("Pi", PEBI),
            ("k", 1_000),
            ("M", 1_000_000),
            ("G", 1_000_000_000),
            ("T", 1_000_000_000_000),
            ("P", 1_000_000_000_000_000),
        ];
        let wrong = || {
            format!(
                "{text:?} is no amount of memory or disk: write GiB or a quantity, such as 2, 500Mi or 1.5Gi"
            )
        };
        let text = text.trim();
        let (digits, each) = SUFFIXES
            .iter()
            .find_map(|(suffix, each)| text.strip_suffix(suffix).map(|digits| (digits, *each)))
            .unwrap_or((text, GIBI));
        scaled(digits, each).map(Self).ok_or_else(wrong)
    }

    /// This amount in GiB, rounded up.
    #[must_use]
    pub const fn in_gibi_rounded_up(self) -> u64 {
        self.0.div_ceil(GIBI)
    }
}

/// `digits`, a plain decimal number with at most nine decimals, times `each`, rounded up to a whole number.
fn scaled(digits: &str, each: u64) -> Option<u64> {
    const LONGEST_FRACTION: usize = 9;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
        return None;
    }
    if fraction.len() > LONGEST_FRACTION {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let divisor = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let numerator: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let each = u128::from(each);
    let sum = whole.checked_mul(each)?.checked_add(numerator.checked_mul(each)?.div_ceil(divisor))?;
    u64::try_from(sum).ok().filter(|sum| i64::try_from(*sum).is_ok())
}

impl fmt::Display for MilliCpu {
    /// The canonical form of Kubernetes: whole cores bare, else thousandths.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(formatter, "{}", self.0 / 1000)
        } else {
            write!(formatter, "{}m", self.0)
        }
    }
}

impl fmt::Display for Bytes {
    /// The canonical form of Kubernetes: the largest binary suffix that leaves a whole number.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("Pi", PEBI), ("Ti", TEBI), ("Gi", GIBI), ("Mi", MEBI), ("Ki", KIBI)];
        match units.iter().find(|(_, each)| self.0 >= *each && self.0.is_multiple_of(*each)) {
            Some((suffix, each)) => write!(formatter, "{}{suffix}", self.0 / each),
            None => write!(formatter, "{}", self.0),
        }
    }
}

macro_rules! arithmetic {
    ($amount:ident) => {
        impl Add for $amount {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl Mul<u64> for $amount {
            type Output = Self;

            fn mul(self, times: u64) -> Self {
                Self(self.0.saturating_mul(times))
            }
        }

        impl Sum for $amount {
            fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
                amounts.fold(Self(0), Add::add)
            }
        }

        impl From<$amount> for String {
            fn from(amount: $amount) -> Self {
                amount.to_string()
            }
        }
    };
}

arithmetic!(MilliCpu);
arithmetic!(Bytes);

impl TryFrom<String> for MilliCpu {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    /// Reads what [`fmt::Display`] wrote, where a bare number is bytes.
    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Self::parse(&text),
        }
    }
}

/// Processor and memory of one pod or container; requests and limits are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resources {
    /// Processor.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
}

impl Add for Resources {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

impl Mul<u64> for Resources {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self { cpu: self.cpu * times, memory: self.memory * times }
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them_and_bare_numbers_as_cores_or_gib() {
        assert_eq!(MilliCpu::parse("100m"), Ok(MilliCpu(100)));
        assert_eq!(MilliCpu::parse("1.5"), Ok(MilliCpu(1500)));
        assert_eq!(MilliCpu::parse("200"), Ok(MilliCpu(200_000)));
        assert_eq!(Bytes::parse("500Mi"), Ok(Bytes::mebi(500)));
        assert_eq!(Bytes::parse("2"), Ok(Bytes::gibi(2)));
        assert_eq!(Bytes::parse("1.5Gi"), Ok(Bytes::mebi(1536)));
        assert_eq!(Bytes::parse("1G"), Ok(Bytes(1_000_000_000)));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "",
            "m",
            "Gi",
            "1e3",
            "-1",
            "1,5",
            "1 Gi",
            "500MiGi",
            ".",
            "99999999999999999999",
            "1.0000000001",
        ] {
            assert!(Bytes::parse(text).is_err(), "{text:?} was read as memory");
            assert!(MilliCpu::parse(text).is_err(), "{text:?} was read as processor");
        }
    }

    proptest! {
        #[test]
        fn a_printed_amount_reads_back_as_itself(amount in 0..u64::MAX / 2) {
            prop_assert_eq!(Bytes::try_from(Bytes(amount).to_string()), Ok(Bytes(amount)));
            let cpu = MilliCpu(amount / 1000);
            prop_assert_eq!(MilliCpu::parse(&cpu.to_string()), Ok(cpu));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC*") {
            let _ = (MilliCpu::parse(&text), Bytes::parse(&text));
        }
    }
}
