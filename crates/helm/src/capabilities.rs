//! What a template may ask of the cluster: `.Capabilities`.

mod builtin;

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

/// API versions, each `group/version` or `group/version/Kind`, in the order in which templates see them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiVersions(Vec<String>);

impl ApiVersions {
    /// `.Capabilities.APIVersions.Has`.
    #[must_use]
    pub fn has(&self, api_version: &str) -> bool {
        self.0.iter().any(|known| known == api_version)
    }

    /// All of them.
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

impl KubeVersion {
    /// The version in a text such as `v1.35.5-gke.100` or `1.33`; what is missing is 0.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let plain = text.trim().trim_start_matches('v');
        let (numbers, rest) = plain.find(['-', '+']).map_or((plain, ""), |at| plain.split_at(at));
        let mut parts = numbers.splitn(3, '.');
        let mut next = || parts.next().filter(|part| !part.is_empty()).unwrap_or("0").to_owned();
        let (major, minor, patch) = (next(), next(), next());
        Self { version: format!("v{major}.{minor}.{patch}{rest}"), major, minor }
    }
}

impl Default for Capabilities {
    /// What Helm assumes without a cluster.
    fn default() -> Self {
        Self {
            kube_version: KubeVersion::of(DEFAULT_KUBE_VERSION),
            api_versions: builtin::VERSIONS.iter().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_may_lack_parts_and_keeps_its_suffix() {
        let version = KubeVersion::of("v1.35.5-gke.100");
        assert_eq!((version.version.as_str(), version.minor.as_str()), ("v1.35.5-gke.100", "35"));
        assert_eq!(KubeVersion::of("1.33").version, "v1.33.0");
    }

    #[test]
    fn without_a_cluster_versions_are_known_and_kinds_are_not() {
        let assumed = Capabilities::default().api_versions;
        assert!(assumed.has("apps/v1") && assumed.has("policy/v1beta1"));
        assert!(!assumed.has("apps/v1/Deployment"));
        let last: Vec<&str> = assumed.iter().skip(55).collect();
        assert_eq!(last, ["apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1"], "in Helm's order");
    }
}
