//! The order of keys in YAML that Go writes: `a9` before `a10`.

use std::cmp::Ordering;

/// Where a letter right behind a digit comes: Go's two writers of YAML differ in that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LettersBehindDigits {
    /// After everything else, as letters do elsewhere: `a10`, `a1-`, `a1b`.
    #[default]
    Last,
    /// Before everything else: `a1b`, `a1-`, `a10`.
    First,
}

/// Sorts by [`natural_less`]. The order that Go defines is not transitive for every set of keys, which a merge sort takes
/// in its stride.
pub(crate) fn natural_sort<T>(
    items: &mut Vec<T>,
    letters: LettersBehindDigits,
    key: impl Fn(&T) -> &str + Copy,
) {
    if items.windows(2).all(|pair| !natural_less(key(&pair[1]), key(&pair[0]), letters)) {
        return;
    }
    let mut right = items.split_off(items.len() / 2);
    natural_sort(items, letters, key);
    natural_sort(&mut right, letters, key);
    let left = std::mem::take(items);
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let taken = if natural_less(key(second), key(first), letters) { right.next() } else { left.next() };
        items.extend(taken);
    }
    items.extend(left);
    items.extend(right);
}

/// Whether one key comes before another: numbers in them by their value, letters after everything else.
fn natural_less(left: &str, right: &str, letters: LettersBehindDigits) -> bool {
    let mut rest = (left.chars(), right.chars());
    let mut common = 0;
    let (first, second) = loop {
        let before = (rest.0.as_str(), rest.1.as_str());
        match (rest.0.next(), rest.1.next()) {
            (Some(first), Some(second)) if first == second => common += first.len_utf8(),
            (Some(first), Some(second)) => {
                rest = (before.0.chars(), before.1.chars());
                break (first, second);
            }
            _ => return left.len() < right.len(),
        }
    };
    let head = left.get(..common).unwrap_or_default();
    match (first.is_alphabetic(), second.is_alphabetic()) {
        (true, true) => first < second,
        (false, false) => {
            let zeros_count = (first == '0' || second == '0') && ends_in_number(head);
            let number = |text: &str| Number::leading(text, zeros_count);
            let ordering = number(rest.0.as_str()).cmp(&number(rest.1.as_str())).then(first.cmp(&second));
            ordering == Ordering::Less
        }
        (first_is_letter, _) => {
            let letters_come_first =
                letters == LettersBehindDigits::First && head.ends_with(char::is_numeric);
            first_is_letter == letters_come_first
        }
    }
}

/// Whether a text ends in a number that is not zero, to which further digits belong.
fn ends_in_number(text: &str) -> bool {
    text.chars().rev().take_while(char::is_ascii_digit).any(|digit| digit != '0')
}

/// A number in a key: compared by its value, then by its length in digits.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    value: i64,
    length: usize,
}

impl Number {
    /// The number that a text begins with; if `zeros_count`, zeros in front of it make it larger.
    fn leading(text: &str, zeros_count: bool) -> Self {
        let digits = text.chars().map_while(|digit| digit.to_digit(10));
        let (value, length) = digits.fold((i64::from(zeros_count), 0), |(value, length), digit| {
            (value.wrapping_mul(10).wrapping_add(i64::from(digit)), length + 1)
        });
        Self { value, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted_with(letters: LettersBehindDigits, keys: &[&str]) -> Vec<String> {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        natural_sort(&mut keys, letters, |key| key);
        keys
    }

    fn sorted(keys: &[&str]) -> Vec<String> {
        sorted_with(LettersBehindDigits::Last, keys)
    }

    #[test]
    fn numbers_sort_by_value_and_letters_come_last() {
        assert_eq!(
            sorted(&["a10", "a9", "a", "b", "_x", "10", "9"]),
            ["_x", "9", "10", "a", "a9", "a10", "b"]
        );
        assert_eq!(sorted(&["a1b", "a10", "a1-", "a1"]), ["a1", "a1-", "a10", "a1b"]);
        let letters_first = sorted_with(LettersBehindDigits::First, &["a10", "a1b", "a1-", "a1"]);
        assert_eq!(letters_first, ["a1", "a1b", "a1-", "a10"]);
        assert_eq!(sorted(&["x02", "x1", "x01", "x2"]), ["x1", "x01", "x2", "x02"]);
        assert_eq!(sorted(&["B", "a", "A", "é"]), ["A", "B", "a", "é"]);
    }
}
