//! A fast hash for names that come from the program or from one chart, where a few collisions do no harm.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds the hash of maps whose keys are names of functions or templates.
pub type NameHash = BuildHasherDefault<NameHasher>;

/// The FNV-1a hash.
#[derive(Debug, Clone, Copy)]
pub struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
