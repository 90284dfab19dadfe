//! What a template may ask of the cluster: `.Capabilities`.

use std::collections::BTreeSet;

/// The Kubernetes version that is assumed when neither a cluster nor a flag says otherwise: the one that Helm 3.19 assumes.
pub const DEFAULT_KUBE_VERSION: &str = "v1.34.0";

/// The version of Helm whose behaviour is followed: `.Capabilities.HelmVersion.Version`.
pub const HELM_VERSION: &str = "v3.19.0";

/// `.Capabilities`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// `.Capabilities.KubeVersion`.
    pub kube_version: KubeVersion,
    /// `.Capabilities.APIVersions`: `group/version` and `group/version/Kind`.
    pub api_versions: ApiVersions,
}

/// A Kubernetes version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// `v1.33.0`: major, minor and patch, with what follows them (`-gke.100`).
    pub version: String,
    /// `1`.
    pub major: String,
    /// `33`.
    pub minor: String,
}

/// A set of API versions, each `group/version` or `group/version/Kind`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiVersions(BTreeSet<String>);

impl ApiVersions {
    /// `.Capabilities.APIVersions.Has`.
    #[must_use]
    pub fn has(&self, api_version: &str) -> bool {
        self.0.contains(api_version)
    }

    /// The members, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for ApiVersions {
    fn from_iter<I: IntoIterator<Item = S>>(versions: I) -> Self {
        Self(versions.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<String>> Extend<S> for ApiVersions {
    fn extend<I: IntoIterator<Item = S>>(&mut self, versions: I) {
        self.0.extend(versions.into_iter().map(Into::into));
    }
}
