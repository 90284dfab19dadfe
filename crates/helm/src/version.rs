//! Versions and constraints in the grammar of Masterminds/semver, which charts use.

/// True of a version, of which minor and patch may be missing and which may start with `v`.
pub(crate) fn is_valid(version: &str) -> bool {
    parse(version).is_some()
}

fn parse(version: &str) -> Option<semver::Version> {
    semver::Version::parse(version.strip_prefix('v').unwrap_or(version)).ok()
}

/// True if `version` meets `constraint`; an empty one is met by all.
pub(crate) fn satisfies(version: &str, constraint: &str) -> bool {
    if constraint.trim().is_empty() {
        return true;
    }
    let constraint = semver::VersionReq::parse(constraint);
    matches!((parse(version), constraint), (Some(version), Ok(constraint)) if constraint.matches(&version))
}

/// True of a version with all three numbers, which is no constraint.
pub(crate) fn is_full(version: &str) -> bool {
    semver::Version::parse(version).is_ok()
}

/// How two versions stand to each other; what is no version comes before all that are.
pub(crate) fn compare(one: &str, other: &str) -> std::cmp::Ordering {
    parse(one).cmp(&parse(other))
}
