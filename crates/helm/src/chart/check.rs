//! Whether `Chart.yaml` says what it must, and whether the chart can be used as asked.

use std::collections::BTreeSet;

use super::{Chart, ChartError, Dependency, Metadata};
use crate::capabilities::KubeVersion;
use crate::version;

/// Removes what cannot be printed from the texts of `Chart.yaml`, and turns all white space in them into blanks.
pub(crate) fn sanitize(metadata: &mut Metadata) {
    let single = [
        &mut metadata.name,
        &mut metadata.description,
        &mut metadata.home,
        &mut metadata.icon,
        &mut metadata.condition,
        &mut metadata.tags,
        &mut metadata.app_version,
        &mut metadata.kube_version,
    ];
    for text in single.into_iter().chain(&mut metadata.sources).chain(&mut metadata.keywords) {
        *text = printable(text);
    }
    for maintainer in &mut metadata.maintainers {
        for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
            *text = printable(text);
        }
    }
    for dependency in &mut metadata.dependencies {
        for text in [&mut dependency.name, &mut dependency.version, &mut dependency.repository] {
            *text = printable(text);
        }
        dependency.tags.iter_mut().for_each(|tag| *tag = printable(tag));
    }
}

fn printable(text: &str) -> String {
    let keep = |character: char| match character {
        space if space.is_whitespace() => Some(' '),
        control if control.is_control() => None,
        other => Some(other),
    };
    text.chars().filter_map(keep).collect()
}

/// Checks what a chart says of itself.
///
/// # Errors
/// For the first thing that is missing or wrong.
pub(crate) fn metadata(metadata: &Metadata) -> Result<(), ChartError> {
    let invalid = |text: String| Err(ChartError::new(format!("validation: {text}")));
    let Metadata { name, version, chart_type, api_version, .. } = metadata;
    if api_version.is_empty() {
        return invalid("chart.metadata.apiVersion is required".to_owned());
    }
    if name.is_empty() {
        return invalid("chart.metadata.name is required".to_owned());
    }
    if name.contains('/') || name == "." || name == ".." {
        return invalid(format!("chart.metadata.name {name:?} is invalid"));
    }
    if version.is_empty() {
        return invalid("chart.metadata.version is required".to_owned());
    }
    if !version::is_valid(version) {
        return invalid(format!("chart.metadata.version {version:?} is invalid"));
    }
    if !matches!(chart_type.as_str(), "" | "application" | "library") {
        return invalid("chart.metadata.type must be application or library".to_owned());
    }
    let mut names = BTreeSet::new();
    for dependency in &metadata.dependencies {
        if !is_valid_alias(dependency) {
            return invalid(format!(
                "dependency {:?} has disallowed characters in the alias",
                dependency.name
            ));
        }
        if !names.insert(dependency.effective_name()) {
            let name = dependency.effective_name();
            return invalid(format!("more than one dependency with name or alias {name:?}"));
        }
    }
    Ok(())
}

fn is_valid_alias(dependency: &Dependency) -> bool {
    let valid = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    dependency.alias.chars().all(valid)
}

/// Checks that the chart gives manifests of its own and that every dependency it declares is packed with it.
///
/// # Errors
/// In Helm's words.
pub fn installable(chart: &Chart) -> Result<(), ChartError> {
    if !matches!(chart.metadata.chart_type.as_str(), "" | "application") {
        return Err(ChartError::new(format!("{} charts are not installable", chart.metadata.chart_type)));
    }
    let is_packed = |name: &str| chart.dependencies.iter().any(|packed| packed.name() == name);
    let missing: Vec<&str> = chart
        .metadata
        .dependencies
        .iter()
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !is_packed(name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ChartError::new(format!(
        "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch \
         missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
        missing.join(", ")
    )))
}

/// Checks that the chart accepts this Kubernetes version.
///
/// # Errors
/// If its `kubeVersion` excludes it.
pub fn kube_version(chart: &Chart, kubernetes: &KubeVersion) -> Result<(), ChartError> {
    let constraint = &chart.metadata.kube_version;
    if constraint.is_empty() || version::satisfies(&kubernetes.version, constraint) {
        return Ok(());
    }
    Err(ChartError::new(format!(
        "chart requires kubeVersion: {constraint} which is incompatible with Kubernetes {}",
        kubernetes.version
    )))
}

/// Checks the name of a release: lower case labels separated by dots, at most 53 characters.
///
/// # Errors
/// In Helm's words.
pub fn release_name(name: &str) -> Result<(), ChartError> {
    const LONGEST: usize = 53;
    let is_label = |label: &str| {
        let inner = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        };
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= LONGEST && name.split('.').all(is_label) {
        return Ok(());
    }
    Err(ChartError::new(format!(
        "release name {name:?}: invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> Metadata {
        Metadata {
            name: "demo".to_owned(),
            version: "0.1.0".to_owned(),
            api_version: "v2".to_owned(),
            ..Metadata::default()
        }
    }

    fn fault(change: impl FnOnce(&mut Metadata)) -> String {
        let mut changed = valid();
        change(&mut changed);
        metadata(&changed).unwrap_err().to_string()
    }

    #[test]
    fn what_is_missing_or_wrong_in_chart_yaml_is_named() {
        metadata(&valid()).unwrap();
        assert_eq!(fault(|metadata| metadata.name.clear()), "validation: chart.metadata.name is required");
        assert_eq!(
            fault(|metadata| metadata.version.clear()),
            "validation: chart.metadata.version is required"
        );
        assert_eq!(
            fault(|metadata| metadata.version = "one".to_owned()),
            "validation: chart.metadata.version \"one\" is invalid"
        );
        assert_eq!(
            fault(|metadata| metadata.name = "../x".to_owned()),
            "validation: chart.metadata.name \"../x\" is invalid"
        );
        assert_eq!(
            fault(|metadata| metadata.chart_type = "plugin".to_owned()),
            "validation: chart.metadata.type must be application or library"
        );
    }

    #[test]
    fn two_dependencies_of_one_name_need_different_aliases() {
        let kid = |alias: &str| Dependency {
            name: "kid".to_owned(),
            alias: alias.to_owned(),
            ..Dependency::default()
        };
        assert_eq!(
            fault(|metadata| metadata.dependencies = vec![kid(""), kid("")]),
            "validation: more than one dependency with name or alias \"kid\""
        );
        assert_eq!(
            fault(|metadata| metadata.dependencies = vec![kid("a.b")]),
            "validation: dependency \"kid\" has disallowed characters in the alias"
        );
        metadata(&Metadata { dependencies: vec![kid("one"), kid("two")], ..valid() }).unwrap();
    }

    #[test]
    fn a_release_name_is_made_of_lower_case_labels() {
        for good in ["rel", "a", "a-1.b", &"x".repeat(53)] {
            release_name(good).unwrap();
        }
        for bad in ["", "Bad_Name", "-a", "a-", "a..b", "a.", &"x".repeat(54)] {
            assert!(release_name(bad).unwrap_err().to_string().contains("invalid release name"), "{bad}");
        }
    }

    #[test]
    fn control_characters_vanish_from_texts() {
        let mut metadata = Metadata { description: "a\u{1b}[2J\tb".to_owned(), ..valid() };
        sanitize(&mut metadata);
        assert_eq!(metadata.description, "a[2J b");
    }
}
