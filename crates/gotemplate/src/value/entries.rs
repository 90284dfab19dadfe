//! What a map holds.

use std::collections::BTreeMap;

use super::{GoString, Value};

/// A map of so many entries is searched from end to end: most maps of charts are, and few of their keys are of one length.
const FEW: usize = 12;

/// Entries in the order of their keys.
#[derive(Debug)]
pub(super) enum Entries {
    Few(Vec<(GoString, Value)>),
    Many(BTreeMap<GoString, Value>),
}

impl Default for Entries {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Entries {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        match self {
            Self::Few(entries) => {
                entries.iter().find(|(known, _)| known.as_bytes() == key).map(|(_, value)| value)
            }
            Self::Many(entries) => entries.get(key),
        }
    }

    /// Sets the value under a key; answers the one that was there.
    pub(super) fn insert(&mut self, key: GoString, value: Value) -> Option<Value> {
        match self {
            Self::Few(entries) => match entries.binary_search_by(|(known, _)| known.cmp(&key)) {
                Ok(index) => entries.get_mut(index).map(|(_, known)| std::mem::replace(known, value)),
                Err(index) if entries.len() < FEW => {
                    entries.insert(index, (key, value));
                    None
                }
                Err(_) => {
                    let mut many: BTreeMap<_, _> = std::mem::take(entries).into_iter().collect();
                    many.insert(key, value);
                    *self = Self::Many(many);
                    None
                }
            },
            Self::Many(entries) => entries.insert(key, value),
        }
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        match self {
            Self::Few(entries) => {
                let index = entries.iter().position(|(known, _)| known.as_bytes() == key)?;
                Some(entries.remove(index).1)
            }
            Self::Many(entries) => entries.remove(key),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(entries) => entries.len(),
            Self::Many(entries) => entries.len(),
        }
    }

    /// A copy of all entries.
    pub(super) fn to_vec(&self) -> Vec<(GoString, Value)> {
        match self {
            Self::Few(entries) => entries.clone(),
            Self::Many(entries) => entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        }
    }

    pub(super) fn keys(&self) -> Vec<GoString> {
        match self {
            Self::Few(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
            Self::Many(entries) => entries.keys().cloned().collect(),
        }
    }

    pub(super) fn into_values(self) -> Vec<Value> {
        match self {
            Self::Few(entries) => entries.into_iter().map(|(_, value)| value).collect(),
            Self::Many(entries) => entries.into_values().collect(),
        }
    }
}

impl FromIterator<(GoString, Value)> for Entries {
    fn from_iter<I: IntoIterator<Item = (GoString, Value)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut collected = Self::Few(Vec::with_capacity(entries.size_hint().0.min(FEW)));
        for (key, value) in entries {
            collected.insert(key, value);
        }
        collected
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_are_what_was_set_and_not_removed_few_or_many(
            changes in proptest::collection::vec((0..40_u8, any::<bool>()), 0..120)
        ) {
            let (mut entries, mut expected) = (Entries::default(), BTreeMap::new());
            for (key, (name, is_set)) in changes.iter().enumerate() {
                let name = GoString::from(format!("key{name}"));
                let value = i64::try_from(key).unwrap();
                if *is_set {
                    entries.insert(name.clone(), Value::Int(value));
                    expected.insert(name, value);
                } else {
                    entries.remove(name.as_bytes());
                    expected.remove(&name);
                }
            }
            prop_assert_eq!(entries.len(), expected.len());
            prop_assert_eq!(entries.keys(), expected.keys().cloned().collect::<Vec<_>>());
            for (name, value) in &expected {
                prop_assert!(matches!(entries.get(name.as_bytes()), Some(Value::Int(found)) if found == value));
            }
        }
    }
}
