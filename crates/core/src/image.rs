//! References to container images.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A container image: `[registry[:port]/]path[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageReference {
    /// Reads a reference. A colon before the last `/` belongs to the registry's port, not to a tag.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{text:?} is no image reference: {what}");
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let path_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest.get(path_start..).and_then(|last| last.find(':')) {
            Some(colon) => rest.split_at(path_start + colon),
            None => (rest, ""),
        };
        let tag = tag.strip_prefix(':');
        if !is_repository(repository) {
            return Err(wrong("it needs a repository such as spacemeshos/go-spacemesh"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag has 1 to 128 letters, digits, dots, hyphens and underscores"));
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(wrong("a digest is sha256: and 64 hexadecimal digits"));
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// Everything before tag and digest.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, when there is one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, when there is one.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

fn is_repository(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':');
    let parts_are_named = text.split('/').all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
    !text.is_empty() && text.len() <= 255 && text.chars().all(allowed) && parts_are_named
}

fn is_tag(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=128).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with(['.', '-'])
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ImageReference {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<ImageReference> for String {
    fn from(image: ImageReference) -> Self {
        image.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_port_is_no_tag() {
        let image = ImageReference::parse("localhost:5000/x:v1").unwrap();
        assert_eq!((image.repository(), image.tag()), ("localhost:5000/x", Some("v1")));
        let untagged = ImageReference::parse("localhost:5000/x").unwrap();
        assert_eq!((untagged.repository(), untagged.tag()), ("localhost:5000/x", None));
    }

    #[test]
    fn digests_are_kept_apart_and_printed_back() {
        let text = format!("spacemeshos/go-spacemesh:v1.7.6@sha256:{}", "ab".repeat(32));
        let image = ImageReference::parse(&text).unwrap();
        assert_eq!(image.tag(), Some("v1.7.6"));
        assert_eq!(image.to_string(), text);
    }

    #[test]
    fn what_no_registry_would_take_is_refused() {
        for text in ["", ":v1", "a b", "x:", "x:v 1", "x@sha256:12", "/x", "x//y", "x;rm"] {
            assert!(ImageReference::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
