//! What commands say, field by field what Helm's flag of that name says.

use std::collections::BTreeMap;

use spacecraft_core::traits::ObjectPatch;
use spacecraft_core::{Error, Meaning, Result};

use crate::chart::pattern::Pattern;
use crate::cluster::Propagation;
use crate::manifest;
use crate::post_renderer::PostRenderer;
use crate::release::{Hook, HookEvent};
use crate::render::{Output, ReleaseInfo};
use crate::source::ChartReference;
use crate::values::Values;

/// How many revisions of a release are kept unless something else is said, as in Helm.
const HISTORY_MAX: usize = 10;

/// `helm template`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TemplateOptions {
    /// `NAME`.
    pub release_name: String,
    /// `CHART`, `--repo`, `--version`.
    pub chart: ChartReference,
    /// `--namespace`.
    pub namespace: String,
    /// What `-f` and the `--set` family give together: see [`Charts::read_values`](super::Charts::read_values).
    pub values: Values,
    /// `--kube-version`.
    pub kube_version: Option<String>,
    /// `--api-versions`, in addition to those that Helm assumes.
    pub api_versions: Vec<String>,
    /// `--include-crds`.
    pub include_crds: bool,
    /// `--is-upgrade`.
    pub is_upgrade: bool,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--skip-tests`.
    pub skip_tests: bool,
    /// `--show-only`: files of the chart.
    pub show_only: Vec<String>,
    /// `--skip-schema-validation`.
    pub skip_schema_validation: bool,
    /// `--render-subchart-notes`.
    pub render_subchart_notes: bool,
    /// Changes to rendered objects.
    pub patches: Vec<ObjectPatch>,
    /// `--post-renderer`.
    pub post_renderer: Option<PostRenderer>,
}

impl TemplateOptions {
    /// What templates see of the release.
    pub(super) fn release(&self) -> ReleaseInfo {
        ReleaseInfo {
            name: self.release_name.clone(),
            namespace: self.namespace.clone(),
            revision: 1,
            is_upgrade: self.is_upgrade,
        }
    }
}

/// A chart rendered without a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// What `helm template` prints.
    pub text: String,
    /// The rendered `NOTES.txt`.
    pub notes: String,
}

/// `helm install`, and what `helm upgrade` has in common with it.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of Helm's")]
pub struct ReleaseOptions {
    /// `NAME`.
    pub name: String,
    /// `--namespace`.
    pub namespace: String,
    /// `CHART`, `--repo`, `--version`.
    pub chart: ChartReference,
    /// What `-f` and the `--set` family give together.
    pub values: Values,
    /// Changes to rendered objects.
    pub patches: Vec<ObjectPatch>,
    /// Objects of API versions that the cluster no longer serves are rewritten; `--no-modernise` turns it off.
    pub modernise: bool,
    /// `--create-namespace`.
    pub create_namespace: bool,
    /// `--skip-crds`.
    pub skip_crds: bool,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--wait`.
    pub wait: bool,
    /// `--wait-for-jobs`.
    pub wait_for_jobs: bool,
    /// `--atomic`: what fails is undone.
    pub atomic: bool,
    /// `--force`: an object that cannot be changed is deleted and made anew.
    pub force: bool,
    /// `--take-ownership`: objects that exist become part of the release, whoever made them.
    pub take_ownership: bool,
    /// `--skip-schema-validation`.
    pub skip_schema_validation: bool,
    /// `--description`.
    pub description: String,
    /// `--labels` of the record.
    pub labels: BTreeMap<String, String>,
    /// `--render-subchart-notes`.
    pub render_subchart_notes: bool,
    /// `--post-renderer`.
    pub post_renderer: Option<PostRenderer>,
    /// `--replace`: the name of a release that failed, or whose history was kept when it was uninstalled, can be used again. Upgrades do not
    /// look at it.
    pub replace: bool,
    /// `--dry-run`: everything is looked up and rendered, nothing is changed.
    pub dry_run: bool,
}

impl Default for ReleaseOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: "default".to_owned(),
            chart: ChartReference::default(),
            values: Values::new(),
            patches: Vec::new(),
            modernise: true,
            create_namespace: false,
            skip_crds: false,
            no_hooks: false,
            wait: false,
            wait_for_jobs: false,
            atomic: false,
            force: false,
            take_ownership: false,
            skip_schema_validation: false,
            description: String::new(),
            labels: BTreeMap::new(),
            render_subchart_notes: false,
            post_renderer: None,
            replace: false,
            dry_run: false,
        }
    }
}

/// `helm upgrade`.
#[derive(Debug, Clone, PartialEq)]
pub struct UpgradeOptions {
    /// What it has in common with `helm install`.
    pub release: ReleaseOptions,
    /// `--install`: a release that does not exist is installed.
    pub install: bool,
    /// `--reuse-values`, `--reset-values`, `--reset-then-reuse-values`.
    pub reuse: Reuse,
    /// `--cleanup-on-fail`: objects that a failed upgrade made are deleted.
    pub cleanup_on_fail: bool,
    /// `--history-max`: how many revisions are kept; 0 for all.
    pub history_max: usize,
}

impl Default for UpgradeOptions {
    fn default() -> Self {
        Self {
            release: ReleaseOptions::default(),
            install: false,
            reuse: Reuse::default(),
            cleanup_on_fail: false,
            history_max: HISTORY_MAX,
        }
    }
}

/// What an upgrade does with the values that the release was installed with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reuse {
    /// They count if no others are given.
    #[default]
    UnlessGiven,
    /// `--reset-values`: they are forgotten.
    Never,
    /// `--reuse-values`: they count under those given, with the former chart's defaults.
    Always,
    /// `--reset-then-reuse-values`: they count under those given, with the new chart's defaults.
    OverNewDefaults,
}

/// `helm rollback`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of Helm's")]
pub struct RollbackOptions {
    /// `RELEASE`.
    pub name: String,
    /// `--namespace`.
    pub namespace: String,
    /// `REVISION`; 0 for the one before the last.
    pub revision: u32,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--wait`.
    pub wait: bool,
    /// `--wait-for-jobs`.
    pub wait_for_jobs: bool,
    /// `--force`: an object that cannot be changed is deleted and made anew.
    pub force: bool,
    /// `--cleanup-on-fail`: objects that a failed rollback made are deleted.
    pub cleanup_on_fail: bool,
    /// `--dry-run`: nothing is changed.
    pub dry_run: bool,
    /// `--history-max`: how many revisions are kept; 0 for all.
    pub history_max: usize,
}

impl Default for RollbackOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: "default".to_owned(),
            revision: 0,
            no_hooks: false,
            wait: false,
            wait_for_jobs: false,
            force: false,
            cleanup_on_fail: false,
            dry_run: false,
            history_max: HISTORY_MAX,
        }
    }
}

/// `helm uninstall`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of Helm's")]
pub struct UninstallOptions {
    /// `RELEASE`.
    pub name: String,
    /// `--namespace`.
    pub namespace: String,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--keep-history`.
    pub keep_history: bool,
    /// `--ignore-not-found`.
    pub ignore_not_found: bool,
    /// `--wait`.
    pub wait: bool,
    /// `--description`.
    pub description: String,
    /// `--cascade`: what becomes of objects that the deleted ones own.
    pub cascade: Propagation,
    /// `--dry-run`: nothing is changed.
    pub dry_run: bool,
}

impl Default for UninstallOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: "default".to_owned(),
            no_hooks: false,
            keep_history: false,
            ignore_not_found: false,
            wait: false,
            description: String::new(),
            cascade: Propagation::default(),
            dry_run: false,
        }
    }
}

/// The text that `helm template` prints.
pub(super) async fn rendered(output: &Output, options: &TemplateOptions) -> Result<Rendered> {
    let crds = if options.include_crds { output.chart.crds() } else { Vec::new() };
    let crds: Vec<(String, String)> =
        crds.into_iter().map(|crd| (crd.path, String::from_utf8_lossy(&crd.data).into_owned())).collect();
    let crds = crds.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let manifests =
        output.sorted.manifests.iter().map(|manifest| (manifest.path.as_str(), manifest.content.as_str()));
    let hooks = output.sorted.hooks.iter().filter(|hook| is_shown(hook, options));
    let hooks: Vec<(&str, &str)> = hooks.map(|hook| (hook.path.as_str(), hook.manifest.as_str())).collect();
    let manifests: Vec<(&str, &str)> = crds.chain(manifests).collect();
    let text = manifest::to_text(manifests.iter().copied());
    let changed = match &options.post_renderer {
        Some(renderer) => Some(renderer.run(&text).await?),
        None => None,
    };
    let text = format!("{}\n{}", changed.unwrap_or(text).trim(), manifest::to_text(hooks));
    let text = if options.show_only.is_empty() { text } else { only(&text, &options.show_only)? };
    Ok(Rendered { text, notes: output.notes.clone() })
}

fn is_shown(hook: &Hook, options: &TemplateOptions) -> bool {
    let is_test = hook.events.contains(&HookEvent::Test);
    let is_left_out = options.no_hooks || (options.skip_tests && is_test);
    !is_left_out
}

/// The documents of the files of the chart whose names match; what names no source of its own is in none.
fn only(text: &str, names: &[String]) -> Result<String> {
    let mut shown = String::new();
    for name in names {
        let pattern = Pattern::parse(name).ok();
        let matches = |document: &&str| {
            let path = manifest::source_inside_chart(document);
            path.zip(pattern.as_ref()).is_some_and(|(path, pattern)| pattern.matches(path))
        };
        let before = shown.len();
        manifest::split(text).filter(matches).for_each(|document| {
            shown.push_str("---\n");
            shown.push_str(document);
            shown.push('\n');
        });
        if shown.len() == before {
            let reason = format!("could not find template {name} in chart");
            return Err(Error::new(Meaning::NotFound, "show", name.as_str(), reason));
        }
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---\n# Source: c/crds/a.yaml\nkind: A\n---\nkind: Second\n---\n# Source: c/templates/b.yaml\nkind: B\n\
        ---\n# Source: c/templates/deep/b.yaml\nkind: Deep\n";

    fn shown(names: &[&str]) -> Result<String> {
        only(TEXT, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn templates_are_shown_by_patterns_that_stay_in_one_folder_and_in_the_order_asked_for() {
        let text = shown(&["templates/*.yaml", "crds/?.yaml"]).unwrap();
        let expected = "---\n# Source: c/templates/b.yaml\nkind: B\n---\n# Source: c/crds/a.yaml\nkind: A\n";
        assert_eq!(text, expected, "a second document of a file of CRDs names no source");
    }

    #[test]
    fn a_pattern_that_nothing_matches_is_an_error_even_a_malformed_one() {
        for name in ["templates/none.yaml", "*", "templates/["] {
            let error = shown(&["templates/b.yaml", name]).unwrap_err();
            assert_eq!(error.meaning(), Meaning::NotFound);
            assert!(error.to_string().contains(&format!("could not find template {name} in chart")));
        }
    }
}
