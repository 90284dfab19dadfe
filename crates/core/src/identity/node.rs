use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CoinbaseKey, P2pKey, SmesherKey, trimmed_text};
use crate::error::{Error, Meaning, Result};
use crate::secret::SecretBytes;
use crate::spec::Generation;
use crate::time::Random;
use crate::topology::node_name;
use crate::workload::{NetworkSecret, Part};

/// Entries of a node's Secret. Those of the coinbase key have the names that the original gave them.
pub(crate) const P2P_KEY: &str = "p2p.key";
const COINBASE_PRIVATE_KEY: &str = "privateKey";
const COINBASE_PUBLIC_KEY: &str = "publicKey";
const COINBASE_ADDRESS: &str = "address";

/// The entry of a node's Secret, and the file, that holds its smesher key.
pub(crate) const fn smesher_key_file(generation: Generation) -> &'static str {
    match generation {
        Generation::V0 => "key.bin",
        Generation::V1 => "local.key",
    }
}

/// What everybody may know of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeIdentity {
    /// Its libp2p peer id, which starts with `12D3KooW`.
    pub peer_id: String,
    /// Its smesher id, 64 hexadecimal digits.
    pub smesher_id: String,
    /// The address that its rewards go to.
    pub coinbase: String,
}

/// Where a node's rewards go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoinbaseSource<'a> {
    /// To an account of its own, whose key is kept in its Secret; v1 addresses start with this prefix (HRP).
    Own {
        /// The prefix of the network's addresses.
        prefix: &'a str,
    },
    /// To this address of the operator; no wallet key exists in the cluster.
    Given(&'a str),
}

/// The keys of one node.
#[derive(Debug, Clone)]
pub struct NodeKeys {
    generation: Generation,
    p2p: P2pKey,
    smesher: SmesherKey,
    coinbase: Coinbase,
}

#[derive(Debug, Clone)]
enum Coinbase {
    Own { key: Box<CoinbaseKey>, address: String },
    Given(String),
}

impl NodeKeys {
    /// New keys for a node.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the prefix of `coinbase` cannot start an address.
    pub fn generate(
        generation: Generation,
        coinbase: CoinbaseSource<'_>,
        random: &dyn Random,
    ) -> Result<Self> {
        let coinbase = match coinbase {
            CoinbaseSource::Given(address) => Coinbase::Given(address.to_owned()),
            CoinbaseSource::Own { prefix } => {
                let key = Box::new(CoinbaseKey::generate(generation, random));
                let address = key.address(prefix).map_err(|reason| {
                    Error::new(Meaning::Invalid, "make coinbase address", prefix, reason)
                })?;
                Coinbase::Own { key, address }
            }
        };
        let (p2p, smesher) = (P2pKey::generate(random), SmesherKey::generate(random));
        Ok(Self { generation, p2p, smesher, coinbase })
    }

    /// What everybody may know of the node.
    #[must_use]
    pub fn identity(&self) -> NodeIdentity {
        let coinbase = match &self.coinbase {
            Coinbase::Own { address, .. } | Coinbase::Given(address) => address.clone(),
        };
        NodeIdentity { peer_id: self.p2p.peer_id(), smesher_id: self.smesher.smesher_id(), coinbase }
    }

    /// The Secret of the node that `part` is.
    #[must_use]
    pub fn to_secret(&self, number: u32, part: Part) -> NetworkSecret {
        let mut data = BTreeMap::from([
            (P2P_KEY.to_owned(), self.p2p.to_file()),
            (smesher_key_file(self.generation).to_owned(), self.smesher.to_file(self.generation)),
        ]);
        if let Coinbase::Own { key, address } = &self.coinbase {
            data.insert(COINBASE_PRIVATE_KEY.to_owned(), key.private_text());
            data.insert(COINBASE_PUBLIC_KEY.to_owned(), SecretBytes::new(key.public_text()));
            data.insert(COINBASE_ADDRESS.to_owned(), SecretBytes::new(address.as_str()));
        }
        NetworkSecret { name: node_secret_name(number), part: Some(part), data }
    }

    /// The keys in the Secret of a node. A Secret without a wallet key belongs to a node whose rewards go to a given address.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`], naming the Secret and the entry, when a key is missing or malformed, or when the Secret has no wallet key although
    /// `coinbase` asks for one.
    pub fn from_secret(
        generation: Generation,
        coinbase: CoinbaseSource<'_>,
        secret: &NetworkSecret,
    ) -> Result<Self> {
        let wrong = |entry: &str, reason: &str| {
            Error::new(
                Meaning::Invalid,
                "read node keys from Secret",
                &secret.name,
                format!("{entry}: {reason}"),
            )
            .with_hint("remove the node with its claim and Secret to have it made anew")
        };
        let entry = |name: &str| secret.data.get(name).ok_or_else(|| wrong(name, "it is missing"));
        let p2p = P2pKey::from_file(entry(P2P_KEY)?).map_err(|reason| wrong(P2P_KEY, &reason))?;
        let smesher_file = smesher_key_file(generation);
        let smesher = SmesherKey::from_file(generation, entry(smesher_file)?)
            .map_err(|reason| wrong(smesher_file, &reason))?;
        let coinbase = match coinbase {
            CoinbaseSource::Given(address) => Coinbase::Given(address.to_owned()),
            CoinbaseSource::Own { prefix } => {
                let key = trimmed_text(entry(COINBASE_PRIVATE_KEY)?)
                    .and_then(|text| CoinbaseKey::from_private_text(generation, text))
                    .ok_or_else(|| wrong(COINBASE_PRIVATE_KEY, "it is no private key of this generation"))?;
                let address = key.address(prefix).map_err(|reason| wrong(COINBASE_ADDRESS, &reason))?;
                Coinbase::Own { key: Box::new(key), address }
            }
        };
        Ok(Self { generation, p2p, smesher, coinbase })
    }
}

/// The name of the Secret with the keys of node `number`.
#[must_use]
pub fn node_secret_name(number: u32) -> String {
    format!("{}-keys", node_name(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::SeededRandom;
    use crate::workload::Role;

    const OWN: CoinbaseSource<'_> = CoinbaseSource::Own { prefix: "stest" };
    const PART: Part = Part::Node { number: 3, role: Role::Miner };

    fn keys(generation: Generation, coinbase: CoinbaseSource<'_>, seed: u64) -> NodeKeys {
        NodeKeys::generate(generation, coinbase, &SeededRandom::new(seed)).unwrap()
    }

    #[test]
    fn the_secret_has_a_file_for_each_key_under_the_name_the_node_reads() {
        let entries = |generation, coinbase| {
            keys(generation, coinbase, 1).to_secret(3, PART).data.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(
            entries(Generation::V1, OWN),
            ["address", "local.key", "p2p.key", "privateKey", "publicKey"]
        );
        assert_eq!(
            entries(Generation::V0, OWN),
            ["address", "key.bin", "p2p.key", "privateKey", "publicKey"]
        );
        assert_eq!(node_secret_name(3), "miner-3-keys");
    }

    #[test]
    fn with_an_address_of_the_operator_no_wallet_key_exists() {
        let keys = keys(Generation::V1, CoinbaseSource::Given("stest1abc"), 1);
        let entries: Vec<_> = keys.to_secret(3, PART).data.into_keys().collect();
        assert_eq!(entries, ["local.key", "p2p.key"]);
        assert_eq!(keys.identity().coinbase, "stest1abc");
    }

    #[test]
    fn a_missing_or_broken_key_is_named() {
        let mut secret = keys(Generation::V1, OWN, 1).to_secret(3, PART);
        secret.data.insert("local.key".to_owned(), SecretBytes::new("00"));
        let error = NodeKeys::from_secret(Generation::V1, OWN, &secret).unwrap_err();
        assert!(error.reason().starts_with("local.key: "), "{}", error.reason());
        secret.data.remove("p2p.key");
        let error = NodeKeys::from_secret(Generation::V1, OWN, &secret).unwrap_err();
        assert_eq!((error.resource(), error.reason()), ("miner-3-keys", "p2p.key: it is missing"));
    }

    proptest! {
        #[test]
        fn a_node_keeps_its_identity_through_its_secret(seed in any::<u64>(), v0 in any::<bool>(), given in any::<bool>()) {
            let generation = if v0 { Generation::V0 } else { Generation::V1 };
            let coinbase = if given { CoinbaseSource::Given("0xabc") } else { OWN };
            let keys = keys(generation, coinbase, seed);
            let read = NodeKeys::from_secret(generation, coinbase, &keys.to_secret(3, PART)).unwrap();
            prop_assert_eq!(read.identity(), keys.identity());
        }

        #[test]
        fn no_secret_makes_reading_panic(entries in prop::collection::btree_map("p2p.key|local.key|key.bin|privateKey", any::<Vec<u8>>(), 0..4)) {
            let data = entries.into_iter().map(|(name, bytes)| (name, SecretBytes::new(bytes))).collect();
            let secret = NetworkSecret { name: String::new(), part: None, data };
            let _ = NodeKeys::from_secret(Generation::V0, OWN, &secret);
            let _ = NodeKeys::from_secret(Generation::V1, OWN, &secret);
        }
    }
}
