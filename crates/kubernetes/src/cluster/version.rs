//! Which API servers know all fields of our objects.

/// The oldest minor version of Kubernetes 1 that does. The youngest of the fields is `unhealthyPodEvictionPolicy` of disruption budgets, which servers take by default since 1.27.
const OLDEST_MINOR: u32 = 27;

/// What speaks against a server of that version, such as `v1.36.1` or `v1.33.5-gke.100`; nothing against one whose version is written otherwise.
pub(super) fn refusal(version: &str) -> Option<String> {
    let minor: u32 = version.trim_start_matches('v').strip_prefix("1.")?.split('.').next()?.parse().ok()?;
    (minor < OLDEST_MINOR).then(|| {
        format!("its Kubernetes is {version}, which does not know all fields of a network's objects: 1.{OLDEST_MINOR} or newer does")
    })
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn servers_that_would_refuse_our_fields_are_found_before_anything_is_applied() {
        for old in ["v1.20.2", "v1.26.15-gke.7"] {
            assert!(refusal(old).is_some_and(|reason| reason.contains(old)), "{old}");
        }
        for new in ["v1.27.0", "v1.36.1", "v1.33.5-gke.100", "v2.0.0", "unknown", ""] {
            assert_eq!(refusal(new), None, "{new}");
        }
    }
}
