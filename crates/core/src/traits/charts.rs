use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Look;
use crate::error::Result;
use crate::observer::Outcome;
use crate::wait::Wait;

/// Installs charts into the network's cluster.
///
/// # Contract
///
/// * `ensure` installs, upgrades, or leaves alone: a release whose deployed revision has the same chart version, values and patches is
///   [`Outcome::Unchanged`] and costs no write. A release that a killed client left pending is recovered.
/// * `ensure` returns when the release is ready, if `wait_ready` says so; what it waits for and why is told.
/// * `find` changes nothing; a chart or version that is not published where the release says is [`Meaning::NotFound`](crate::Meaning::NotFound).
/// * `remove` of what is not installed is [`Outcome::Absent`]. CRDs stay.
#[async_trait]
pub trait ChartInstaller: Debug + Send + Sync {
    /// Sees to it that the chart of a release can be had, in its version, before anybody counts on it.
    async fn find(&self, release: &ChartRelease) -> Result<()>;

    /// Compares the deployed revision with what is wanted.
    async fn look(&self, release: &ChartRelease) -> Result<Look>;

    /// Makes the release so.
    async fn ensure(&self, release: &ChartRelease, wait: &Wait) -> Result<Outcome>;

    /// Uninstalls a release.
    async fn remove(&self, namespace: &str, name: &str, wait: &Wait) -> Result<Outcome>;

    /// All releases of a namespace, or of all namespaces.
    async fn list(&self, namespace: Option<&str>) -> Result<Vec<InstalledRelease>>;
}

/// A chart release that is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartRelease {
    /// The release's name.
    pub name: String,
    /// Its namespace, created if need be.
    pub namespace: String,
    /// The repository: `https://...`, `oci://...`, or empty when `chart` is a path.
    pub repository: String,
    /// The chart's name in the repository, or the path of a folder or archive.
    pub chart: String,
    /// The exact version; empty for a path.
    pub version: String,
    /// The values, over the chart's own. They may hold what must not be shown: never print them.
    pub values: Value,
    /// Changes to rendered objects.
    pub patches: Vec<ObjectPatch>,
    /// Whether to wait until what it made is ready. Releases that differ in nothing else are the same.
    pub wait_ready: bool,
    /// True when other networks of the cluster use the release too.
    pub shared: bool,
}

/// A change to a rendered object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectPatch {
    /// The kind of the objects it is for, such as `Deployment`.
    pub kind: String,
    /// The name of the object; none is for all of that kind.
    #[serde(default)]
    pub name: Option<String>,
    /// How `patch` is meant.
    #[serde(default, rename = "type")]
    pub patch_kind: PatchKind,
    /// The patch.
    pub patch: Value,
}

/// The two kinds of patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatchKind {
    /// A JSON merge patch, RFC 7386.
    #[default]
    Merge,
    /// A JSON patch, RFC 6902.
    Json,
}

/// A release that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRelease {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub version: String,
    /// The newest revision.
    pub revision: u32,
    /// That revision's status, as Helm spells it.
    pub status: String,
}
