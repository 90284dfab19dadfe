//! Which API servers know all fields of our objects.

use spacecraft_core::traits::Finding;

/// The oldest minor version of Kubernetes 1 that does. The youngest of the fields is `unhealthyPodEvictionPolicy` of disruption budgets, which servers take by default since 1.27.
const OLDEST_MINOR: u32 = 27;

/// What speaks against a server of that version, such as `v1.36.1` or `v1.33.5-gke.100`; nothing against one whose version is written otherwise.
pub(super) fn too_old(version: &str) -> Option<Finding> {
    let minor: u32 = version.trim_start_matches('v').strip_prefix("1.")?.split('.').next()?.parse().ok()?;
    (minor < OLDEST_MINOR).then(|| Finding {
        blocking: true,
        subject: "Kubernetes version".to_owned(),
        message: format!(
            "the server is {version}, which does not know all fields of a network's objects; use 1.{OLDEST_MINOR} or newer"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::too_old;

    #[test]
    fn servers_that_would_refuse_our_fields_are_found_before_anything_is_applied() {
        for old in ["v1.20.2", "v1.26.15-gke.7"] {
            let finding = too_old(old).unwrap();
            assert!(finding.blocking && finding.message.contains(old), "{finding:?}");
        }
        for new in ["v1.27.0", "v1.36.1", "v1.33.5-gke.100", "v2.0.0", "unknown", ""] {
            assert_eq!(too_old(new), None, "{new}");
        }
    }
}
