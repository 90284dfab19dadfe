//! Versions and constraints of charts, in the grammar of Masterminds/semver.

use std::cmp::Ordering;

use crate::functions::semver::{Constraint, Version};

/// True of a version, of which minor and patch may be missing and which may start with `v`.
pub(crate) fn is_valid(version: &str) -> bool {
    Version::parse(version).is_ok()
}

/// True if `version` meets `constraint`; an empty one is met by all.
pub(crate) fn satisfies(version: &str, constraint: &str) -> bool {
    if constraint.trim().is_empty() {
        return true;
    }
    let (version, constraint) = (Version::parse(version), Constraint::parse(constraint));
    matches!((version, constraint), (Ok(version), Ok(constraint)) if constraint.matches(&version))
}

/// True of a version with all three numbers and no `v`, which means one version and no other.
pub(crate) fn is_full(version: &str) -> bool {
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    is_valid(version) && !version.starts_with('v') && numbers.split('.').count() == 3
}

/// How two versions stand to each other; what is no version comes before all that are.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    match (Version::parse(one), Version::parse(other)) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (one, other) => one.is_ok().cmp(&other.is_ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_with_all_numbers_is_full() {
        assert!(is_full("1.2.3") && is_full("1.2.3-rc.1+build"));
        assert!(!is_full("1.2") && !is_full("^1.2.3") && !is_full("v1.2.3") && !is_full("1.2.x"));
    }

    #[test]
    fn an_empty_constraint_is_met_by_all_and_what_is_no_version_by_none() {
        assert!(satisfies("1.0.0-rc.1", ""));
        assert!(!satisfies("latest", "*") && !satisfies("1.0.0", "not a constraint"));
        assert_eq!(compare("1.10.0", "1.9.0"), Ordering::Greater);
        assert_eq!(compare("latest", "0.0.1"), Ordering::Less);
    }
}
