//! Identifiers that look random and can be made again: the same seed and count give the same identifier, so that a
//! replayed log ends with the names that were once answered.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A source of identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mint {
    seed: u64,
    count: u64,
}

impl Mint {
    /// A source whose identifiers depend on `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// How many identifiers were made.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Goes on after the given number of identifiers.
    pub fn resume_at(&mut self, count: u64) {
        self.count = count;
    }

    fn block(&mut self) -> [u8; 32] {
        self.count += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.count.to_be_bytes());
        hash.finalize().into()
    }

    /// A number below 2^63, so that it fits every signed 64-bit field.
    pub fn number(&mut self) -> u64 {
        self.block().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte)) >> 1
    }

    /// Up to 64 lower-case hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = hex::encode(self.block());
        text.truncate(digits);
        text
    }

    /// Up to 32 characters of `a-z0-9`.
    pub fn letters(&mut self, count: usize) -> String {
        const ALPHABET: [char; 32] = [
            'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 't',
            'u', 'v', 'w', 'x', 'y', '2', '3', '4', '5', '6', '7', '8', '9',
        ];
        self.block().iter().take(count).filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).collect()
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> uuid::Uuid {
        let mut bytes = [0_u8; 16];
        for (target, source) in bytes.iter_mut().zip(self.block()) {
            *target = source;
        }
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_mint_makes_the_identifiers_that_followed() {
        let mut first = Mint::new(7);
        let _ = first.hex(8);
        let count = first.count();
        let expected = (first.hex(64), first.uuid(), first.letters(5), first.number());

        let mut second = Mint::new(7);
        second.resume_at(count);
        assert_eq!((second.hex(64), second.uuid(), second.letters(5), second.number()), expected);
    }

    #[test]
    fn seeds_give_different_identifiers() {
        assert_ne!(Mint::new(1).hex(16), Mint::new(2).hex(16));
    }
}
