use std::collections::HashMap;

use crate::ledger::SmesherId;

/// The accounts and smeshers of a network's own nodes, with the names of the nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedKeys {
    coinbases: HashMap<String, Vec<String>>,
    smeshers: HashMap<SmesherId, String>,
}

impl ManagedKeys {
    /// Takes a node in. A smesher id that is no 64 hexadecimal digits is left out, as is an empty coinbase.
    pub fn insert(&mut self, node: &str, coinbase: &str, smesher: Option<&str>) {
        if !coinbase.is_empty() {
            let nodes = self.coinbases.entry(coinbase.to_owned()).or_default();
            if !nodes.iter().any(|known| known == node) {
                nodes.push(node.to_owned());
            }
        }
        if let Some(smesher) = smesher.and_then(SmesherId::parse) {
            self.smeshers.insert(smesher, node.to_owned());
        }
    }

    /// The accounts, sorted.
    #[must_use]
    pub fn coinbases(&self) -> Vec<String> {
        let mut addresses: Vec<String> = self.coinbases.keys().cloned().collect();
        addresses.sort();
        addresses
    }

    /// True when nothing is known to be managed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.coinbases.is_empty() && self.smeshers.is_empty()
    }

    /// The nodes whose rewards go to an account; none when it is nobody's.
    #[must_use]
    pub fn owners(&self, coinbase: &str) -> Option<&[String]> {
        self.coinbases.get(coinbase).map(Vec::as_slice)
    }

    /// The node that is a smesher.
    #[must_use]
    pub fn node(&self, smesher: &SmesherId) -> Option<&str> {
        self.smeshers.get(smesher).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_can_belong_to_several_nodes() {
        let mut keys = ManagedKeys::default();
        let smesher = "ab".repeat(32);
        keys.insert("miner-1", "sm1a", Some(&smesher));
        keys.insert("miner-2", "sm1a", Some("no smesher id"));
        keys.insert("miner-3", "", None);
        assert_eq!(keys.owners("sm1a").unwrap(), ["miner-1", "miner-2"]);
        assert_eq!(keys.node(&SmesherId::parse(&smesher).unwrap()), Some("miner-1"));
        assert_eq!((keys.owners("sm1b"), keys.coinbases()), (None, vec!["sm1a".to_owned()]));
    }
}
