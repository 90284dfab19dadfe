//! Names that a server will accept.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a network, and so of its cluster: at most 40 characters, lower-case letters, digits and hyphens, starting
/// with a letter and ending with a letter or digit (the rule of Google Kubernetes Engine for clusters, stricter than
/// Kubernetes' for namespaces).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkName(String);

/// The longest name that GKE takes for a cluster, in characters.
pub const LONGEST_NETWORK_NAME: usize = 40;

impl NetworkName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it.
    pub fn new(name: impl Into<String>) -> Result<Self, String> {
        let name = name.into();
        if name.is_empty() {
            return Err("a network needs a name".to_owned());
        }
        if name.chars().count() > LONGEST_NETWORK_NAME {
            return Err(format!("a network name has at most {LONGEST_NETWORK_NAME} characters"));
        }
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
        let ends = name.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit());
        let between = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if starts && ends && between {
            Ok(Self(name))
        } else {
            Err("a network name has lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit".to_owned())
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for NetworkName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::new(name)
    }
}

impl From<NetworkName> for String {
    fn from(name: NetworkName) -> Self {
        name.0
    }
}

impl AsRef<str> for NetworkName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_gke_would_refuse_are_refused() {
        for name in ["", "Net", "1net", "net-", "-net", "net_1", "net.1", "née", &"a".repeat(41)] {
            assert!(NetworkName::new(name).is_err(), "{name:?} was accepted");
        }
    }

    #[test]
    fn names_that_gke_takes_are_taken() {
        for name in ["a", "net1", "net-1", &"a".repeat(40)] {
            assert!(NetworkName::new(name).is_ok(), "{name:?} was refused");
        }
    }
}
