//! Decimal arithmetic, so that `addf 0.1 0.2` is 0.3.

use spacecraft_gotemplate::number::format_float_as;

/// Digits after the point that a quotient is rounded to.
const QUOTIENT_DIGITS: i32 = 16;

/// What is done with two numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// A decimal number: `digits * 10^exponent`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

/// Applies the operation from left to right; none for a division by zero.
///
/// Numbers with more digits than 38 are computed as floats.
pub(super) fn chain(operation: Operation, first: f64, rest: impl Iterator<Item = f64>) -> Option<f64> {
    let mut exact = Decimal::of(first);
    let mut nearly = first;
    for number in rest {
        if matches!(operation, Operation::Divide) && number == 0.0 {
            return None;
        }
        exact = exact.and_then(|decimal| decimal.apply(operation, Decimal::of(number)?));
        nearly = match operation {
            Operation::Add => nearly + number,
            Operation::Subtract => nearly - number,
            Operation::Multiply => nearly * number,
            Operation::Divide => nearly / number,
        };
    }
    Some(exact.and_then(Decimal::to_float).unwrap_or(nearly))
}

impl Decimal {
    /// The shortest decimal that is nearest to the float.
    fn of(number: f64) -> Option<Self> {
        let text = format_float_as(number, 'e', None);
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let shift = i32::try_from(fraction.len()).ok()?;
        Some(Self { digits, exponent: exponent.parse::<i32>().ok()? - shift })
    }

    fn to_float(self) -> Option<f64> {
        format!("{}e{}", self.digits, self.exponent).parse().ok()
    }

    /// The same number with a smaller exponent.
    fn rescaled(self, exponent: i32) -> Option<i128> {
        let shift = u32::try_from(self.exponent.checked_sub(exponent)?).ok()?;
        self.digits.checked_mul(10i128.checked_pow(shift)?)
    }

    fn apply(self, operation: Operation, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        match operation {
            Operation::Add => {
                let digits = self.rescaled(exponent)?.checked_add(other.rescaled(exponent)?)?;
                Some(Self { digits, exponent })
            }
            Operation::Subtract => {
                let digits = self.rescaled(exponent)?.checked_sub(other.rescaled(exponent)?)?;
                Some(Self { digits, exponent })
            }
            Operation::Multiply => Some(Self {
                digits: self.digits.checked_mul(other.digits)?,
                exponent: self.exponent.checked_add(other.exponent)?,
            }),
            Operation::Divide => self.divide(other),
        }
    }

    /// Rounds half away from zero.
    fn divide(self, other: Self) -> Option<Self> {
        let shift = self.exponent - other.exponent + QUOTIENT_DIGITS;
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        let (dividend, divisor) = if shift >= 0 {
            (self.digits.checked_mul(power)?, other.digits)
        } else {
            (self.digits, other.digits.checked_mul(power)?)
        };
        let (quotient, remainder) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
        let rounds_up = remainder.unsigned_abs() >= divisor.unsigned_abs() - remainder.unsigned_abs();
        let away = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
        let digits = if remainder != 0 && rounds_up { quotient + away } else { quotient };
        Some(Self { digits, exponent: -QUOTIENT_DIGITS })
    }
}
