use bech32::{Bech32, Hrp};
use ed25519_dalek::SigningKey;
use k256::SecretKey;

use super::{ed25519_from_keypair, generate_ed25519};
use crate::secret::SecretBytes;
use crate::spec::Generation;
use crate::time::Random;

/// Bytes of a v1 address: four zero bytes, then 20 of a hash.
const ADDRESS_LENGTH: usize = 24;
const ADDRESS_ZEROS: usize = 4;
/// Bytes of a v0 address.
const V0_ADDRESS_LENGTH: usize = 20;
/// The last byte of the address of the single-signature wallet template; all before it are zero.
const SINGLE_SIGNATURE_TEMPLATE: u8 = 1;

/// The key of the account that a node's rewards go to.
#[derive(Clone)]
pub enum CoinbaseKey {
    /// v0: a secp256k1 key. Its account is the last 20 bytes of the compressed public key, which no signature opens: rewards can only be counted there.
    V0(SecretKey),
    /// v1: the Ed25519 key of a single-signature wallet.
    V1(SigningKey),
}

impl CoinbaseKey {
    /// A new key.
    #[must_use]
    pub fn generate(generation: Generation, random: &dyn Random) -> Self {
        match generation {
            Generation::V0 => Self::V0(generate_secp256k1(random)),
            Generation::V1 => Self::V1(generate_ed25519(random)),
        }
    }

    /// The account's address: v0 `0x` and 40 hexadecimal digits; v1 bech32 with the network's `prefix` (HRP).
    ///
    /// # Errors
    ///
    /// A sentence when `prefix` cannot be the prefix of an address.
    pub fn address(&self, prefix: &str) -> Result<String, String> {
        match self {
            Self::V0(_) => Ok(v0_address(&self.public_bytes())),
            Self::V1(key) => wallet_address(key.verifying_key().as_bytes(), prefix),
        }
    }

    /// The public key as the Secret keeps it: v0 `0x` and 66 digits (compressed), v1 64 digits.
    #[must_use]
    pub fn public_text(&self) -> String {
        match self {
            Self::V0(_) => format!("0x{}", hex::encode(self.public_bytes())),
            Self::V1(_) => hex::encode(self.public_bytes()),
        }
    }

    /// The private key as the Secret keeps it: v0 `0x` and 64 digits, v1 128 digits (seed, then public key).
    #[must_use]
    pub fn private_text(&self) -> SecretBytes {
        SecretBytes::new(match self {
            Self::V0(key) => format!("0x{}", hex::encode(key.to_bytes())),
            Self::V1(key) => hex::encode(key.to_keypair_bytes()),
        })
    }

    /// The key that [`private_text`](Self::private_text) wrote.
    #[must_use]
    pub fn from_private_text(generation: Generation, text: &str) -> Option<Self> {
        match generation {
            Generation::V0 => {
                let bytes = hex::decode(text.strip_prefix("0x")?).ok()?;
                SecretKey::from_slice(&bytes).ok().map(Self::V0)
            }
            Generation::V1 => ed25519_from_keypair(&hex::decode(text).ok()?).map(Self::V1),
        }
    }

    fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::V0(key) => key.public_key().to_sec1_bytes().into_vec(),
            Self::V1(key) => key.verifying_key().as_bytes().to_vec(),
        }
    }
}

impl std::fmt::Debug for CoinbaseKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CoinbaseKey({})", self.public_text())
    }
}

/// Not every 32 bytes are a secp256k1 key (about one in 2^128 is none), so this may draw more than once.
fn generate_secp256k1(random: &dyn Random) -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return key;
        }
    }
}

/// `0x` and the last 20 bytes of a compressed public key in hexadecimal, as v0 nodes cut it.
fn v0_address(public_key: &[u8]) -> String {
    let start = public_key.len().saturating_sub(V0_ADDRESS_LENGTH);
    format!("0x{}", hex::encode(public_key.get(start..).unwrap_or_default()))
}

/// The v1 address of the single-signature wallet of an Ed25519 public key: four zero bytes and the last 20 bytes of BLAKE3 of template address and
/// key, in bech32 (BIP-173) with the network's prefix (go-spacemesh `genvm/core/hash.go`).
///
/// ```
/// use spacecraft_core::identity::wallet_address;
///
/// let mut key = [0; 32];
/// hex::decode_to_slice("de30fc9b812248583da6259433626fcdd2cb5ce589b00047b81e127950b9bca6", &mut key).unwrap();
/// assert_eq!(wallet_address(&key, "sm").unwrap(), "sm1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8q2gdz9k");
/// ```
///
/// # Errors
///
/// A sentence when `prefix` cannot be the prefix of an address.
pub fn wallet_address(public_key: &[u8; 32], prefix: &str) -> Result<String, String> {
    let mut template = [0; ADDRESS_LENGTH];
    if let Some(last) = template.last_mut() {
        *last = SINGLE_SIGNATURE_TEMPLATE;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&template);
    hasher.update(public_key);
    let hash = hasher.finalize();
    let mut address = vec![0; ADDRESS_ZEROS];
    address.extend(hash.as_bytes().iter().skip(32 - (ADDRESS_LENGTH - ADDRESS_ZEROS)));
    encode_address(&address, prefix)
}

fn encode_address(address: &[u8], prefix: &str) -> Result<String, String> {
    let hrp = Hrp::parse(prefix).map_err(|error| format!("{prefix:?} cannot start an address: {error}"))?;
    bech32::encode::<Bech32>(hrp, address)
        .map_err(|error| format!("an address with the prefix {prefix:?} cannot be written: {error}"))
}

/// Checks an address that rewards are to go to: v0 40 hexadecimal digits after `0x`; v1 bech32 with the network's `prefix` and a correct checksum.
///
/// # Errors
///
/// A sentence that says what is wrong with it.
pub fn check_coinbase(generation: Generation, prefix: &str, address: &str) -> Result<(), String> {
    let is_v0 = is_v0_address(address);
    match generation {
        Generation::V0 if is_v0 => Ok(()),
        Generation::V0 if bech32::decode(address).is_ok() => {
            Err("this is an address of the v1 generation: v0 takes 0x and 40 hexadecimal digits".to_owned())
        }
        Generation::V0 => Err("an address of the v0 generation is 0x and 40 hexadecimal digits".to_owned()),
        Generation::V1 if is_v0 => Err(format!(
            "this is an address of the v0 generation: v1 takes bech32 that starts with {prefix}1"
        )),
        Generation::V1 => check_bech32(prefix, address),
    }
}

fn is_v0_address(address: &str) -> bool {
    address.strip_prefix("0x").is_some_and(|digits| {
        digits.len() == 2 * V0_ADDRESS_LENGTH && digits.bytes().all(|d| d.is_ascii_hexdigit())
    })
}

fn check_bech32(prefix: &str, address: &str) -> Result<(), String> {
    let wrong =
        |what: &str| Err(format!("{what}: an address of this network is bech32 that starts with {prefix}1"));
    let Ok(checked) = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(address) else {
        return wrong("this is no bech32, or its checksum is wrong");
    };
    if checked.hrp().as_str() != prefix {
        return wrong(&format!("this address is of a network whose prefix is {}", checked.hrp()));
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    if bytes.len() != ADDRESS_LENGTH || bytes.iter().take(ADDRESS_ZEROS).any(|byte| *byte != 0) {
        return wrong("this does not hold 24 bytes of which the first four are zero");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::SeededRandom;

    const KNOWN_KEY: &str = "de30fc9b812248583da6259433626fcdd2cb5ce589b00047b81e127950b9bca6";

    fn known_key() -> [u8; 32] {
        let mut key = [0; 32];
        hex::decode_to_slice(KNOWN_KEY, &mut key).unwrap();
        key
    }

    #[test]
    fn wallet_addresses_are_those_that_spacemesh_publishes() {
        assert_eq!(
            wallet_address(&known_key(), "sm").unwrap(),
            "sm1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8q2gdz9k"
        );
        assert_eq!(
            wallet_address(&known_key(), "stest").unwrap(),
            "stest1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8qha56t0"
        );
        let template = [[0; 23].as_slice(), &[1]].concat();
        assert_eq!(
            encode_address(&template, "sm").unwrap(),
            "sm1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqg56ypy7"
        );
        let bytes = hex::decode("000000009f27d5f78a1bdf4cf74f8b5d5ae98ed876534ce4").unwrap();
        assert_eq!(encode_address(&bytes, "sm").unwrap(), "sm1qqqqqqylyl2l0zsmmax0wnutt4dwnrkcwef5eeq3xladz");
    }

    #[test]
    fn a_v0_address_is_the_end_of_the_compressed_key() {
        let key = CoinbaseKey::generate(Generation::V0, &SeededRandom::new(1));
        let public = key.public_text();
        assert_eq!(public.len(), 68);
        assert_eq!(key.address("").unwrap(), format!("0x{}", &public[public.len() - 40..]));
    }

    #[test]
    fn an_address_of_another_network_or_generation_or_with_a_typing_error_is_refused() {
        let address = wallet_address(&known_key(), "stest").unwrap();
        assert_eq!(check_coinbase(Generation::V1, "stest", &address), Ok(()));
        let v0 = format!("0x{}", "ab".repeat(20));
        assert_eq!(check_coinbase(Generation::V0, "", &v0), Ok(()));

        let of = |generation, prefix, address: &str| check_coinbase(generation, prefix, address).unwrap_err();
        assert!(of(Generation::V1, "sm", &address).contains("prefix is stest"));
        assert!(of(Generation::V1, "stest", &address.replace("qqz9r", "qqz9x")).contains("checksum"));
        assert!(of(Generation::V1, "stest", &v0).contains("v0 generation"));
        assert!(of(Generation::V0, "", &address).contains("v1 generation"));
        assert!(of(Generation::V0, "", &v0[..41]).contains("40 hexadecimal digits"));
        let other_length = encode_address(&[0; 20], "stest").unwrap();
        assert!(of(Generation::V1, "stest", &other_length).contains("24 bytes"));
        let not_zero = encode_address(&[1; 24], "stest").unwrap();
        assert!(of(Generation::V1, "stest", &not_zero).contains("zero"));
    }

    #[test]
    fn debug_output_shows_no_private_key() {
        for generation in [Generation::V0, Generation::V1] {
            let key = CoinbaseKey::generate(generation, &SeededRandom::new(5));
            let private = key.private_text().expose_text().unwrap().trim_start_matches("0x")[..64].to_owned();
            assert!(!format!("{key:?}").contains(&private));
        }
    }

    proptest! {
        #[test]
        fn every_key_reads_back_and_has_an_address_that_is_taken(seed in any::<u64>(), v0 in any::<bool>()) {
            let generation = if v0 { Generation::V0 } else { Generation::V1 };
            let key = CoinbaseKey::generate(generation, &SeededRandom::new(seed));
            let private = key.private_text();
            let read = CoinbaseKey::from_private_text(generation, private.expose_text().unwrap()).unwrap();
            prop_assert_eq!(read.public_text(), key.public_text());
            prop_assert_eq!(check_coinbase(generation, "stest", &key.address("stest").unwrap()), Ok(()));
        }

        #[test]
        fn no_text_makes_checking_panic(text in "\\PC*", prefix in "\\PC{0,8}") {
            for generation in [Generation::V0, Generation::V1] {
                let _ = check_coinbase(generation, &prefix, &text);
                let _ = CoinbaseKey::from_private_text(generation, &text);
            }
            let _ = wallet_address(&[0; 32], &prefix);
        }
    }
}
