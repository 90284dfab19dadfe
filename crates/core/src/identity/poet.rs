use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use super::{ed25519_from_keypair, generate_ed25519, trimmed_text};
use crate::error::{Error, Meaning, Result};
use crate::secret::SecretBytes;
use crate::time::Random;
use crate::topology::poet_name;
use crate::workload::{NetworkSecret, Part};

/// The environment variable that a v1 PoET takes its key from, and the entry of its Secret.
pub(crate) const POET_PRIVATE_KEY: &str = "POET_PRIVATE_KEY";
const PUBLIC_KEY: &str = "publicKey";

/// What everybody may know of a v1 PoET.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetIdentity {
    /// The service's public key in base64, as `poet-servers` names it.
    pub public_key: String,
}

/// The key that a v1 PoET signs its proofs with. A v0 PoET makes its own.
#[derive(Clone)]
pub struct PoetKey(SigningKey);

impl PoetKey {
    /// A new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(generate_ed25519(random))
    }

    /// What everybody may know of it.
    #[must_use]
    pub fn identity(&self) -> PoetIdentity {
        PoetIdentity { public_key: STANDARD.encode(self.0.verifying_key().as_bytes()) }
    }

    /// The Secret of PoET `number`: `POET_PRIVATE_KEY` is base64 of the 64 bytes seed and public key.
    #[must_use]
    pub fn to_secret(&self, number: u32) -> NetworkSecret {
        let private_key = SecretBytes::new(STANDARD.encode(self.0.to_keypair_bytes()));
        let public_key = SecretBytes::new(self.identity().public_key);
        NetworkSecret {
            name: poet_secret_name(number),
            part: Some(Part::Poet { number }),
            data: BTreeMap::from([
                (POET_PRIVATE_KEY.to_owned(), private_key),
                (PUBLIC_KEY.to_owned(), public_key),
            ]),
        }
    }

    /// The key in the Secret of a PoET.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the Secret does not hold such a key.
    pub fn from_secret(secret: &NetworkSecret) -> Result<Self> {
        secret
            .data
            .get(POET_PRIVATE_KEY)
            .and_then(trimmed_text)
            .and_then(|text| STANDARD.decode(text).ok())
            .and_then(|keypair| ed25519_from_keypair(&keypair))
            .map(Self)
            .ok_or_else(|| {
                let reason =
                    format!("{POET_PRIVATE_KEY} is missing or no base64 of an Ed25519 key of 64 bytes");
                Error::new(Meaning::Invalid, "read PoET key from Secret", &secret.name, reason)
                    .with_hint("delete the Secret and the PoET's claim to have both made anew")
            })
    }
}

impl std::fmt::Debug for PoetKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PoetKey({})", self.identity().public_key)
    }
}

/// The name of the Secret with the key of PoET `number`.
#[must_use]
pub fn poet_secret_name(number: u32) -> String {
    format!("{}-keys", poet_name(number))
}

/// True for base64 of 32 bytes, which is what `poet-servers` takes as `pubkey`.
#[must_use]
pub fn is_poet_public_key(text: &str) -> bool {
    text.len() == 44 && STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_secret_holds_base64_of_seed_and_public_key() {
        let key = PoetKey(SigningKey::from_bytes(&[0; 32]));
        let secret = key.to_secret(2);
        assert_eq!(secret.name, "poet-2-keys");
        let private_key = secret.data[POET_PRIVATE_KEY].expose_text().unwrap();
        assert_eq!(STANDARD.decode(private_key).unwrap(), key.0.to_keypair_bytes());
        assert_eq!(key.identity().public_key, "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=");
        assert!(is_poet_public_key(&key.identity().public_key));
    }

    #[test]
    fn a_secret_without_a_key_is_refused_by_name() {
        let empty = NetworkSecret { name: "poet-1-keys".to_owned(), part: None, data: BTreeMap::new() };
        let error = PoetKey::from_secret(&empty).unwrap_err();
        assert_eq!((error.meaning(), error.resource()), (Meaning::Invalid, "poet-1-keys"));
    }

    proptest! {
        #[test]
        fn every_key_reads_back_from_its_secret(seed in any::<[u8; 32]>(), number in any::<u32>()) {
            let key = PoetKey(SigningKey::from_bytes(&seed));
            prop_assert_eq!(PoetKey::from_secret(&key.to_secret(number)).unwrap().identity(), key.identity());
        }

        #[test]
        fn no_secret_makes_reading_panic(content in any::<Vec<u8>>(), text in "\\PC*") {
            let data = BTreeMap::from([(POET_PRIVATE_KEY.to_owned(), SecretBytes::new(content))]);
            let _ = PoetKey::from_secret(&NetworkSecret { name: String::new(), part: None, data });
            let _ = is_poet_public_key(&text);
        }
    }
}
