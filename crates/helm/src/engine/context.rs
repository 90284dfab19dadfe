//! What a rendering depends on besides the chart and its values.

use std::fmt;
use std::sync::Arc;

use crate::capabilities::Capabilities;
use crate::keys::RsaKeys;

/// Reads objects of the cluster for the template function `lookup`.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// The object of that name as JSON, or, without a name, a list of all; `{}` if there is none. An empty namespace
    /// stands for all namespaces, or for an object that has none.
    ///
    /// # Errors
    /// A message if the cluster cannot be asked; the rendering fails with it.
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<serde_json::Value, String>;
}

/// `.Release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseContext {
    /// `.Release.Name`.
    pub name: String,
    /// `.Release.Namespace`.
    pub namespace: String,
    /// `.Release.Revision`: 1 for an installation, one more for every upgrade or rollback.
    pub revision: i64,
    /// Whether this is an upgrade (`.Release.IsUpgrade`) and not an installation (`.Release.IsInstall`).
    pub is_upgrade: bool,
}

/// 32 bytes from which the random functions (`randAlphaNum`, `uuidv4`, ...) take their chance. Generated passwords follow
/// from it, so it must come from the system's random source and is never shown.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed(..)")
    }
}

/// What a rendering depends on besides the chart and its values.
#[derive(Debug, Clone)]
pub struct RenderContext {
    /// `.Release`.
    pub release: ReleaseContext,
    /// `.Capabilities`.
    pub capabilities: Capabilities,
    /// What `lookup` reads from; without it every lookup is empty.
    pub lookup: Option<Arc<dyn Lookup>>,
    /// What `now` gives.
    pub now: jiff::Timestamp,
    /// The zone that dates are written in unless another is named.
    pub time_zone: jiff::tz::TimeZone,
    /// The source of chance.
    pub seed: Seed,
    /// The source of RSA keys.
    pub keys: Arc<dyn RsaKeys>,
}
