//! Charts as the operations of a network need them: looked at, made so, taken away.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ChartInstaller, ChartRelease, InstalledRelease, Look, ObjectPatch};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};

use super::{Charts, ReleaseOptions, Reuse, UninstallOptions, UpgradeOptions};
use crate::release::storage::Stored;
use crate::release::{ChartRecord, Status};
use crate::source::ChartReference;
use crate::values::{Values, as_go_json};

/// The label of a record that tells which patches went into which revision. Helm hands labels on to further revisions, so it
/// counts only with its revision's own number.
const PATCHES_LABEL: &str = "spacecraft.io/patches";

#[async_trait]
impl ChartInstaller for Charts {
    async fn find(&self, release: &ChartRelease) -> Result<()> {
        self.load(&reference(release)).await.map(drop)
    }

    async fn look(&self, release: &ChartRelease) -> Result<Look> {
        let history = self.storage()?.history(&release.namespace, &release.name).await?;
        let Some(last) = history.last() else { return Ok(Look::Absent) };
        let status = last.release.info.status;
        if status == Status::Uninstalled {
            return Ok(Look::Absent);
        }
        let mut differences = Vec::new();
        if status != Status::Deployed {
            differences.push(format!("status: {status}, wanted deployed"));
        }
        self.compare_chart(last, release, &mut differences).await?;
        compare(&last.release.config, &wanted_values(release)?, "values", &mut differences);
        if last.labels.get(PATCHES_LABEL) != Some(&patches_label(&release.patches, last.release.version)) {
            differences.push("patches".to_owned());
        }
        Ok(if differences.is_empty() { Look::Same } else { Look::Differs(differences) })
    }

    async fn ensure(&self, release: &ChartRelease, wait: &Wait) -> Result<Outcome> {
        let outcome = match self.look(release).await? {
            Look::Same => return Ok(Outcome::Unchanged),
            Look::Absent => Outcome::Created,
            Look::Differs(_) => Outcome::Updated,
        };
        let next = self.next_revision(release).await?;
        let options = UpgradeOptions {
            release: ReleaseOptions {
                name: release.name.clone(),
                namespace: release.namespace.clone(),
                chart: reference(release),
                values: wanted_values(release)?,
                patches: release.patches.clone(),
                create_namespace: true,
                wait: release.wait_ready,
                labels: BTreeMap::from([(PATCHES_LABEL.to_owned(), patches_label(&release.patches, next))]),
                ..ReleaseOptions::default()
            },
            install: true,
            reuse: Reuse::Never,
            ..UpgradeOptions::default()
        };
        self.upgrade(&options, wait).await.map(|_| outcome)
    }

    async fn remove(&self, namespace: &str, name: &str, wait: &Wait) -> Result<Outcome> {
        let options = UninstallOptions {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            ignore_not_found: true,
            wait: true,
            ..UninstallOptions::default()
        };
        let uninstalled = self.uninstall(&options, wait).await?;
        Ok(if uninstalled.is_some() { Outcome::Removed } else { Outcome::Absent })
    }

    async fn list(&self, namespace: Option<&str>) -> Result<Vec<InstalledRelease>> {
        let releases = Charts::list(self, namespace, true).await?;
        let installed = releases.into_iter().filter(|release| release.info.status != Status::Uninstalled);
        Ok(installed
            .map(|release| InstalledRelease {
                name: release.name,
                namespace: release.namespace,
                chart: release.chart.metadata.name,
                version: release.chart.metadata.version,
                revision: release.version,
                status: release.info.status.to_string(),
            })
            .collect())
    }
}

impl Charts {
    async fn compare_chart(
        &self,
        last: &Stored,
        release: &ChartRelease,
        differences: &mut Vec<String>,
    ) -> Result<()> {
        let installed = &last.release.chart.metadata;
        if release.repository.is_empty() && !release.chart.starts_with("oci://") {
            let chart = ChartRecord::from(&self.load(&reference(release)).await?);
            let found = &last.release.chart;
            if (&chart.templates, &chart.files, &chart.metadata.version)
                != (&found.templates, &found.files, &installed.version)
            {
                differences.push(format!(
                    "chart: {} {}, wanted {}",
                    installed.name, installed.version, release.chart
                ));
            }
            return Ok(());
        }
        let name = release.chart.rsplit('/').next().unwrap_or(&release.chart);
        if installed.name != name || installed.version != release.version {
            let wanted = format!("{name} {}", release.version);
            differences.push(format!("chart: {} {}, wanted {wanted}", installed.name, installed.version));
        }
        Ok(())
    }

    /// The number that the next revision will have. A first install that was left pending is made anew.
    async fn next_revision(&self, release: &ChartRelease) -> Result<u32> {
        let history = self.storage()?.history(&release.namespace, &release.name).await?;
        let begins_anew = |last: &Stored| {
            let status = last.release.info.status;
            status == Status::Uninstalled || (history.len() == 1 && status == Status::PendingInstall)
        };
        Ok(match history.last() {
            Some(last) if !begins_anew(last) => last.release.version.saturating_add(1),
            _ => 1,
        })
    }
}

fn reference(release: &ChartRelease) -> ChartReference {
    ChartReference {
        chart: release.chart.clone(),
        repository: release.repository.clone(),
        version: release.version.clone(),
        update_dependencies: false,
    }
}

fn wanted_values(release: &ChartRelease) -> Result<Values> {
    match as_go_json(release.values.clone()) {
        Value::Object(values) => Ok(values),
        Value::Null => Ok(Values::new()),
        _ => Err(Error::new(
            Meaning::Invalid,
            "read the values of release",
            &release.name,
            "they are no table",
        )),
    }
}

/// A label's value is at most 63 characters: 40 of the digest, and the revision.
fn patches_label(patches: &[ObjectPatch], revision: u32) -> String {
    let text = serde_json::to_vec(patches).unwrap_or_default();
    let digest: String = hex::encode(Sha256::digest(text)).chars().take(40).collect();
    format!("{digest}.v{revision}")
}

/// Notes the paths in which two tables differ, never their values: those may be secret.
fn compare(found: &Values, wanted: &Values, path: &str, differences: &mut Vec<String>) {
    let empty = Map::new();
    let keys: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    for key in keys {
        let path = format!("{path}.{key}");
        match (found.get(key), wanted.get(key)) {
            (Some(Value::Object(found)), Some(Value::Object(wanted))) => {
                compare(found, wanted, &path, differences)
            }
            (found, wanted) if found == wanted => {}
            (None, Some(Value::Object(wanted))) if !wanted.is_empty() => {
                compare(&empty, wanted, &path, differences)
            }
            _ => differences.push(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_by_their_paths_alone() {
        let table = |value: Value| value.as_object().cloned().unwrap_or_default();
        let found = table(json!({"a": {"password": "one", "x": 1.0}, "gone": true}));
        let wanted = table(json!({"a": {"password": "two", "x": 1.0}, "new": {"y": 1}}));
        let mut differences = Vec::new();
        compare(&found, &wanted, "values", &mut differences);
        assert_eq!(differences, ["values.a.password", "values.gone", "values.new.y"]);
    }

    #[test]
    fn a_label_of_patches_is_valid_and_belongs_to_its_revision() {
        let label = patches_label(&[], 12);
        assert!(label.len() <= 63 && label.ends_with(".v12"));
        assert_ne!(label, patches_label(&[], 13));
    }
}
