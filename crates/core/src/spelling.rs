//! Words: guessing what somebody meant to write, and counting things.

/// The candidate that is nearest to `text`, if one is near enough to have been meant: at most a third of its characters differ.
///
/// ```
/// use spacecraft_core::spelling::nearest;
///
/// assert_eq!(nearest("miner-rma", ["miner-ram", "miner-cpu"]), Some("miner-ram"));
/// assert_eq!(nearest("colour", ["miner-ram", "miner-cpu"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    let text: Vec<char> = text.to_lowercase().chars().take(LONGEST).collect();
    let allowed = (text.len() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(text.len()) <= allowed + 3)
        .map(|candidate| (distance(&text, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A number of things: `1 node`, `3 nodes`.
///
/// ```
/// use spacecraft_core::spelling::counted;
///
/// assert_eq!(counted(1_u32, "node", "nodes"), "1 node");
/// assert_eq!(counted(0_u32, "node", "nodes"), "0 nodes");
/// ```
#[must_use]
pub fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", if count == 1 { one } else { many })
}

/// How many characters must be inserted, deleted or replaced, or neighbours swapped, to make one of the other (optimal string alignment).
fn distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let cell = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = cell(&above, column) + usize::from(letter != other);
            let mut best = replaced.min(cell(&above, column + 1) + 1).min(cell(&current, column) + 1);
            let swapped = column
                .checked_sub(1)
                .filter(|previous| last == Some(other) && right.get(*previous) == Some(letter));
            if let Some(previous) = swapped {
                best = best.min(cell(&before, previous) + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
        last = Some(letter);
    }
    above.last().copied().unwrap_or(left.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letters(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn distances_count_insertions_deletions_replacements_and_swaps() {
        assert_eq!(distance(&letters("miners"), "miner"), 1);
        assert_eq!(distance(&letters("mienrs"), "miners"), 1);
        assert_eq!(distance(&letters(""), "abc"), 3);
        assert_eq!(distance(&letters("kitten"), "sitting"), 3);
    }

    #[test]
    fn what_is_far_from_everything_has_no_nearest() {
        assert_eq!(nearest("", ["miners"]), None);
        assert_eq!(nearest("xyzxyz", ["miners"]), None);
    }

    proptest! {
        #[test]
        fn a_text_is_nearest_to_itself(text in "[a-z-]{1,20}") {
            prop_assert_eq!(nearest(&text, [text.as_str(), "something-else"]), Some(text.as_str()));
        }

        #[test]
        fn distance_is_the_same_both_ways(left in "\\PC{0,12}", right in "\\PC{0,12}") {
            prop_assert_eq!(distance(&letters(&left), &right), distance(&letters(&right), &left));
        }
    }
}
