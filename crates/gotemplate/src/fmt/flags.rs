//! The flags, width and precision of a verb, and padding.

/// No number is padded wider, nor printed with more digits; Go refuses such widths too.
pub(super) const MAX_WIDTH: usize = 1_000_000;

/// What stands between `%` and the verb.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`.
    pub(super) plus_v: bool,
    /// `%#v`.
    pub(super) sharp_v: bool,
}

impl Flags {
    /// Pads a text to the width, by characters.
    pub(super) fn pad(&self, out: &mut Vec<u8>, text: &[u8]) {
        let length = crate::value::lossy(text).chars().count();
        let missing = self.width.unwrap_or(0).saturating_sub(length);
        let filler = if self.zero && !self.minus { b'0' } else { b' ' };
        if self.minus {
            out.extend_from_slice(text);
        }
        out.extend(std::iter::repeat_n(filler, missing));
        if !self.minus {
            out.extend_from_slice(text);
        }
    }

    /// Pads a number; zeros go between the sign and the digits.
    pub(super) fn pad_number(&self, out: &mut Vec<u8>, number: &str) {
        let signed = number.starts_with(['+', '-', ' ']);
        let missing = self.width.unwrap_or(0).saturating_sub(number.len());
        if !(self.zero && !self.minus && signed && missing > 0) {
            return self.pad(out, number.as_bytes());
        }
        let (sign, digits) = number.split_at_checked(1).unwrap_or((number, ""));
        out.extend_from_slice(sign.as_bytes());
        out.extend(std::iter::repeat_n(b'0', missing));
        out.extend_from_slice(digits.as_bytes());
    }

    /// The sign that the flags want in front of a number that is not negative.
    pub(super) fn positive_sign(&self) -> &'static str {
        match (self.plus, self.space) {
            (true, _) => "+",
            (false, true) => " ",
            (false, false) => "",
        }
    }

    /// Text cut to the precision, in characters.
    pub(super) fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.precision else { return text };
        let mut kept = 0;
        let mut left = precision;
        for chunk in text.utf8_chunks() {
            for character in chunk.valid().chars() {
                if left == 0 {
                    return text.get(..kept).unwrap_or(text);
                }
                kept += character.len_utf8();
                left -= 1;
            }
            let invalid = chunk.invalid().len().min(left);
            kept += invalid;
            left -= invalid;
        }
        text.get(..kept).unwrap_or(text)
    }
}
