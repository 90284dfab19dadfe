//! The order of keys in YAML that Go writes: `a9` before `a10`.

use std::cmp::Ordering;

/// Sorts by [`natural_less`]. The order that Go defines is not transitive for every set of keys, which a merge sort takes
/// in its stride.
pub(crate) fn natural_sort<T>(items: &mut Vec<T>, key: impl Fn(&T) -> &str + Copy) {
    if items.len() < 2 {
        return;
    }
    let mut right = items.split_off(items.len() / 2);
    natural_sort(items, key);
    natural_sort(&mut right, key);
    let left = std::mem::take(items);
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let taken = if natural_less(key(second), key(first)) { right.next() } else { left.next() };
        items.extend(taken);
    }
    items.extend(left);
    items.extend(right);
}

/// Whether one key comes before another: numbers in them by their value, letters after everything else, but before it
/// right behind a digit.
fn natural_less(left: &str, right: &str) -> bool {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let common = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let (Some(&first), Some(&second)) = (left.get(common), right.get(common)) else {
        return left.len() < right.len();
    };
    match (first.is_alphabetic(), second.is_alphabetic()) {
        (true, true) => first < second,
        (false, false) => {
            let ordering = number_at(&left, common).cmp_in(&number_at(&right, common), first, second);
            ordering == Ordering::Less
        }
        (first_is_letter, _) => {
            let after_digit = common > 0 && left.get(common - 1).is_some_and(|last| last.is_numeric());
            first_is_letter == after_digit
        }
    }
}

/// The number that begins at a place, and its length in digits.
struct NumberAt {
    value: i64,
    length: usize,
    continues_number: bool,
}

fn number_at(text: &[char], place: usize) -> NumberAt {
    let digits = text.iter().skip(place).map_while(|digit| digit.to_digit(10));
    let (value, length) = digits.fold((0i64, 0), |(value, length), digit| {
        (value.wrapping_mul(10).wrapping_add(i64::from(digit)), length + 1)
    });
    let continues_number =
        text.iter().take(place).rev().take_while(|digit| digit.is_ascii_digit()).any(|digit| *digit != '0');
    NumberAt { value, length, continues_number }
}

impl NumberAt {
    fn cmp_in(&self, other: &Self, first: char, second: char) -> Ordering {
        let leading_zeros_count = (first == '0' || second == '0') && self.continues_number;
        let value = |number: &Self| {
            let head = 10i64.checked_pow(u32::try_from(number.length).unwrap_or(u32::MAX)).unwrap_or(0);
            if leading_zeros_count { number.value.wrapping_add(head) } else { number.value }
        };
        value(self).cmp(&value(other)).then(self.length.cmp(&other.length)).then(first.cmp(&second))
    }
}
