//! RSA keys that are found once and handed out again and again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use spacecraft_core::secret::SecretBytes;
use spacecraft_helm::keys::{NewRsaKeys, RsaKeys, RsaSize};

/// How many keys of a size there are. A prime number: what asks for the same keys again meets others, so that a Secret that is made anew is seen to have changed.
const KEYS: usize = 7;

/// The keys of all stages, each found when it is first asked for.
static FOUND: LazyLock<Mutex<HashMap<(RsaSize, usize), SecretBytes>>> = LazyLock::new(Mutex::default);

/// A few keys, by turns.
#[derive(Debug, Default)]
pub(crate) struct RecurringKeys {
    asked: AtomicUsize,
}

impl RsaKeys for RecurringKeys {
    fn key(&self, size: RsaSize) -> Result<SecretBytes, String> {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed) % KEYS;
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = found.get(&(size, turn)) {
            return Ok(key.clone());
        }
        let key = NewRsaKeys.key(size)?;
        found.insert((size, turn), key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_only_after_all_others() {
        let keys = RecurringKeys::default();
        let round: Vec<SecretBytes> = (0..KEYS).map(|_| keys.key(RsaSize::Bits2048).unwrap()).collect();
        for (index, key) in round.iter().enumerate() {
            assert!(!round[..index].contains(key));
            assert_eq!(keys.key(RsaSize::Bits2048).unwrap(), *key);
        }
    }
}
