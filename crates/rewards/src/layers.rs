use std::collections::BTreeMap;

/// A set of layers, as ranges of neighbours: small for a chain whose layers mostly have blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerRanges {
    /// The last layer of each range by its first; ranges neither touch nor overlap.
    ranges: BTreeMap<u32, u32>,
    /// The range that the last layer went into, because the next layer usually goes there too.
    latest: Option<(u32, u32)>,
}

impl LayerRanges {
    /// Takes a layer in.
    pub fn insert(&mut self, layer: u32) {
        if self.latest.is_some_and(|(first, last)| (first..=last).contains(&layer)) {
            return;
        }
        let before = self.ranges.range(..=layer).next_back().map(|(first, last)| (*first, *last));
        let (mut first, mut last) = (layer, layer);
        if let Some((known_first, known_last)) = before {
            if known_last >= layer {
                self.latest = Some((known_first, known_last));
                return;
            }
            if known_last.saturating_add(1) == layer {
                first = known_first;
            }
        }
        if let Some(known_last) = layer.checked_add(1).and_then(|next| self.ranges.remove(&next)) {
            last = known_last;
        }
        self.ranges.insert(first, last);
        self.latest = Some((first, last));
    }

    /// The ranges, first and last layer of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.ranges.iter().map(|(first, last)| (*first, *last))
    }

    /// How many layers there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// The layers from `first` to `last` that are not in the set.
    #[must_use]
    pub fn gaps(&self, first: u32, last: u32) -> Vec<(u32, u32)> {
        let mut gaps = Vec::new();
        let mut next = Some(first);
        for (range_first, range_last) in self.iter().filter(|(_, range_last)| *range_last >= first) {
            let Some(start) = next.filter(|_| range_first <= last) else { break };
            if start < range_first {
                gaps.push((start, range_first - 1));
            }
            next = range_last.checked_add(1);
        }
        if let Some(start) = next.filter(|start| *start <= last) {
            gaps.push((start, last));
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_become_one_range() {
        let mut layers = LayerRanges::default();
        for layer in [5, 7, 6, 1, 6, 0, u32::MAX] {
            layers.insert(layer);
        }
        assert_eq!(layers.iter().collect::<Vec<_>>(), [(0, 1), (5, 7), (u32::MAX, u32::MAX)]);
        assert_eq!(layers.gaps(0, 9), [(2, 4), (8, 9)]);
        assert_eq!(layers.gaps(6, 6), []);
    }

    proptest! {
        #[test]
        fn the_set_holds_what_was_put_in_and_its_gaps_the_rest(
            put in prop::collection::vec(0_u32..60, 0..80), first in 0_u32..60, length in 0_u32..20
        ) {
            let mut layers = LayerRanges::default();
            put.iter().for_each(|layer| layers.insert(*layer));
            let expected: BTreeSet<u32> = put.into_iter().collect();
            let held: Vec<u32> = layers.iter().flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(&held, &expected.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(layers.count(), u64::try_from(expected.len()).unwrap());
            let last = first + length;
            let gaps: Vec<u32> = layers.gaps(first, last).into_iter().flat_map(|(first, last)| first..=last).collect();
            let missing: Vec<u32> = (first..=last).filter(|layer| !expected.contains(layer)).collect();
            prop_assert_eq!(gaps, missing);
        }
    }
}
