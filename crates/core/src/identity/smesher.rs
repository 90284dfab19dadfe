use ed25519_dalek::SigningKey;

use super::{ed25519_from_keypair, generate_ed25519};
use crate::secret::SecretBytes;
use crate::spec::Generation;
use crate::time::Random;

/// The key that a smesher signs with; its public half is the smesher id.
#[derive(Clone)]
pub struct SmesherKey(SigningKey);

impl SmesherKey {
    /// A new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(generate_ed25519(random))
    }

    /// The smesher id: the public key in 64 hexadecimal digits.
    #[must_use]
    pub fn smesher_id(&self) -> String {
        hex::encode(self.0.verifying_key().as_bytes())
    }

    /// The key file's content: v1 `local.key` is 128 hexadecimal digits without a line end, whose length the node checks; v0 `key.bin` is the 64 bytes
    /// themselves.
    #[must_use]
    pub fn to_file(&self, generation: Generation) -> SecretBytes {
        let keypair = self.0.to_keypair_bytes();
        match generation {
            Generation::V0 => SecretBytes::new(keypair),
            Generation::V1 => SecretBytes::new(hex::encode(keypair)),
        }
    }

    /// The key of a key file.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the file, without any of its content.
    pub fn from_file(generation: Generation, content: &SecretBytes) -> Result<Self, String> {
        let key = match generation {
            Generation::V0 => ed25519_from_keypair(content.expose()),
            Generation::V1 => {
                let keypair =
                    hex::decode(content.expose()).map_err(|_| "it is not hexadecimal".to_owned())?;
                ed25519_from_keypair(&keypair)
            }
        };
        key.map(Self).ok_or_else(|| "it is no Ed25519 key of 64 bytes, seed then public key".to_owned())
    }
}

impl std::fmt::Debug for SmesherKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SmesherKey({})", self.smesher_id())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_v1_file_has_exactly_128_digits_and_ends_with_the_smesher_id() {
        let key = SmesherKey(SigningKey::from_bytes(&[0; 32]));
        let file = key.to_file(Generation::V1);
        let expected =
            format!("{}3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29", "00".repeat(32));
        assert_eq!(file.expose_text(), Some(expected.as_str()));
        assert_eq!(key.smesher_id(), expected[64..]);
    }

    #[test]
    fn the_v0_file_has_the_64_bytes_themselves() {
        let key = SmesherKey(SigningKey::from_bytes(&[7; 32]));
        assert_eq!(key.to_file(Generation::V0).expose(), key.0.to_keypair_bytes());
    }

    #[test]
    fn halves_that_do_not_belong_together_are_refused() {
        let mut keypair = SigningKey::from_bytes(&[7; 32]).to_keypair_bytes();
        keypair[63] ^= 1;
        assert!(SmesherKey::from_file(Generation::V0, &SecretBytes::new(keypair)).is_err());
        assert!(SmesherKey::from_file(Generation::V1, &SecretBytes::new(hex::encode(keypair))).is_err());
    }

    #[test]
    fn a_line_end_after_the_v1_key_is_refused_as_the_node_would() {
        let mut text = SmesherKey(SigningKey::from_bytes(&[7; 32])).to_file(Generation::V1).expose().to_vec();
        text.push(b'\n');
        assert!(SmesherKey::from_file(Generation::V1, &SecretBytes::new(text)).is_err());
    }

    proptest! {
        #[test]
        fn every_key_reads_back_from_its_file(seed in any::<[u8; 32]>(), v0 in any::<bool>()) {
            let generation = if v0 { Generation::V0 } else { Generation::V1 };
            let key = SmesherKey(SigningKey::from_bytes(&seed));
            let read = SmesherKey::from_file(generation, &key.to_file(generation)).unwrap();
            prop_assert_eq!(read.smesher_id(), key.smesher_id());
        }

        #[test]
        fn no_file_makes_reading_panic(content in any::<Vec<u8>>()) {
            let content = SecretBytes::new(content);
            let _ = (SmesherKey::from_file(Generation::V0, &content), SmesherKey::from_file(Generation::V1, &content));
        }
    }
}
