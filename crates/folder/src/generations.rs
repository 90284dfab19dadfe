use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The generations that an object's content may have: the one before the last write, and the one of it.
///
/// Both are noted before the content is replaced. So whichever content a reader finds, and wherever a writer died, the
/// content's generation is known by its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generations {
    candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Candidate {
    generation: i64,
    digest: String,
}

/// Generations of contents that were written by hand have this bit, and ours never: one per write reaches 2^62 at no speed.
const BY_HAND: i64 = 1 << 62;

impl Generations {
    /// The generation of this content, if it was written through the store.
    pub(crate) fn of(&self, content: &[u8]) -> Option<i64> {
        let digest = hex(&Sha256::digest(content));
        self.candidates
            .iter()
            .rev()
            .find(|candidate| candidate.digest == digest)
            .map(|found| found.generation)
    }

    /// What is to be noted before `new` replaces a content of the generation `old`.
    pub(crate) fn before_write(old: Option<(i64, &[u8])>, generation: i64, new: &[u8]) -> Self {
        let candidate = |(generation, content): (i64, &[u8])| Candidate {
            generation,
            digest: hex(&Sha256::digest(content)),
        };
        Self { candidates: old.into_iter().chain([(generation, new)]).map(candidate).collect() }
    }
}

/// The generation of a content that somebody put there by hand.
pub(crate) fn by_hand(content: &[u8]) -> i64 {
    let digest: [u8; 32] = Sha256::digest(content).into();
    let number = digest.iter().take(8).fold(0_i64, |number, byte| (number << 8) | i64::from(*byte));
    (number & (BY_HAND - 1)) | BY_HAND
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_known_before_and_after_its_replacement() {
        let noted = Generations::before_write(Some((4, b"old")), 5, b"new");
        assert_eq!(noted.of(b"old"), Some(4));
        assert_eq!(noted.of(b"new"), Some(5));
        assert_eq!(noted.of(b"other"), None);
    }

    #[test]
    fn the_same_content_written_again_has_the_newer_generation() {
        assert_eq!(Generations::before_write(Some((4, b"same")), 5, b"same").of(b"same"), Some(5));
    }

    #[test]
    fn contents_written_by_hand_have_generations_apart_from_ours() {
        assert!(by_hand(b"a") >= BY_HAND);
        assert_ne!(by_hand(b"a"), by_hand(b"b"));
    }
}
