//! Who a node and a PoET are: keys made before any pod exists, and what the public may know of them.
//!
//! Keys are generated from a [`Random`], stored as [`NetworkSecret`](crate::workload::NetworkSecret)s in the cluster, and read back from there on every further run.
//! What is read back is hostile: nothing but well-formed keys that fit together is taken.

mod coinbase;
mod genesis;
mod node;
mod p2p;
mod poet;
mod smesher;

pub use coinbase::{CoinbaseKey, check_coinbase, wallet_address};
pub use genesis::{Genesis, GenesisId, smapp_genesis_id};
pub use node::{CoinbaseSource, NodeIdentity, NodeKeys, node_secret_name};
pub(crate) use node::{P2P_KEY, smesher_key_file};
pub use p2p::{P2pKey, check_multiaddress, is_peer_id, is_private_address, peer_multiaddress};
pub(crate) use p2p::{is_domain_name, listen_multiaddress};
pub(crate) use poet::POET_PRIVATE_KEY;
pub use poet::{PoetIdentity, PoetKey, is_poet_public_key, poet_secret_name};
pub use smesher::SmesherKey;

use ed25519_dalek::SigningKey;

use crate::secret::SecretBytes;
use crate::time::Random;

/// Length of an Ed25519 private key in the form that Go uses: seed, then public key.
const KEYPAIR_LENGTH: usize = 64;

/// The name that the network's addresses start with (HRP) when its config does not say.
pub const DEFAULT_ADDRESS_PREFIX: &str = "stest";

/// An Ed25519 key pair, the form of all keys but v0 wallets.
fn generate_ed25519(random: &dyn Random) -> SigningKey {
    let mut seed = [0; 32];
    random.fill(&mut seed);
    SigningKey::from_bytes(&seed)
}

/// A key pair from its 64 bytes (seed, then public key); none when the halves do not belong together.
fn ed25519_from_keypair(bytes: &[u8]) -> Option<SigningKey> {
    let keypair: &[u8; KEYPAIR_LENGTH] = bytes.try_into().ok()?;
    SigningKey::from_keypair_bytes(keypair).ok()
}

/// The entry of a Secret as text without surrounding white space.
fn trimmed_text(secret: &SecretBytes) -> Option<&str> {
    secret.expose_text().map(str::trim)
}
