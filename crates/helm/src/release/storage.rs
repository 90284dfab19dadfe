//! Release records: one Secret for each revision, as Helm keeps them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use spacecraft_core::{Effect, Error, Meaning, Result};

use super::{Release, Status, decode, encode};
use crate::cluster::{Address, Cluster, Resource};

/// Labels that belong to the record itself; any other is the operator's.
const OWN_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];
const SECRET_TYPE: &str = "helm.sh/release.v1";

/// A revision with the labels that are not Helm's own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) release: Release,
    pub(crate) labels: BTreeMap<String, String>,
}

/// The records of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    cluster: Cluster,
}

impl Storage {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    /// All revisions of a release, oldest first.
    pub(crate) async fn history(&self, namespace: &str, name: &str) -> Result<Vec<Stored>> {
        let mut history = self.find(Some(namespace), &format!("name={name},owner=helm")).await?;
        history.sort_by_key(|stored| stored.release.version);
        Ok(history)
    }

    /// All revisions of all releases of a namespace, or of all, whose labels `selector` chooses.
    pub(crate) async fn all(&self, namespace: Option<&str>, selector: &str) -> Result<Vec<Stored>> {
        let comma = if selector.is_empty() { "" } else { "," };
        self.find(namespace, &format!("owner=helm{comma}{selector}")).await
    }

    async fn find(&self, namespace: Option<&str>, selector: &str) -> Result<Vec<Stored>> {
        let (secrets, _) = self.cluster.list(&secrets(), namespace, selector).await?;
        Ok(secrets.iter().filter_map(|secret| readable(from_secret(secret), secret)).collect())
    }

    /// Writes the record of a new revision.
    pub(crate) async fn create(&self, stored: &Stored, now: Timestamp) -> Result<()> {
        let (address, secret) = (address(&stored.release), to_secret(stored, "createdAt", now)?);
        let error = match self.cluster.create(&address, &secret).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if error.effect() == Effect::Possible
            && let Some(found) = self.cluster.get(&address).await?
            && found.get("data") == secret.get("data")
        {
            return Ok(());
        }
        Err(if error.meaning() == Meaning::AlreadyExists {
            error.with_hint(
                "another client made this revision a moment ago; run the command again once it has ended",
            )
        } else {
            too_large(error)
        })
    }

    /// Writes a revision's record anew.
    pub(crate) async fn update(&self, stored: &Stored, now: Timestamp) -> Result<()> {
        let secret = to_secret(stored, "modifiedAt", now)?;
        self.cluster.replace(&address(&stored.release), &secret).await.map(drop).map_err(too_large)
    }

    /// Removes a revision's record.
    pub(crate) async fn delete(&self, release: &Release) -> Result<()> {
        self.cluster.delete(&address(release)).await.map(drop)
    }

    /// Removes the oldest revisions, but never the one in force, until no more than `most` are left.
    pub(crate) async fn trim(&self, history: &mut Vec<Stored>, most: usize) -> Result<()> {
        for version in superfluous(history, most) {
            if let Some(place) = history.iter().position(|stored| stored.release.version == version) {
                self.delete(&history.remove(place).release).await?;
            }
        }
        Ok(())
    }
}

/// The revisions to remove, oldest first.
fn superfluous(history: &[Stored], most: usize) -> Vec<u32> {
    let releases = || history.iter().map(|stored| &stored.release);
    let in_force =
        releases().filter(|release| release.info.status == Status::Deployed).map(|release| release.version);
    let in_force = in_force.max();
    let removable = releases().map(|release| release.version).filter(|version| Some(*version) != in_force);
    removable.take(history.len().saturating_sub(most)).collect()
}

fn secrets() -> Resource {
    Resource {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        plural: "secrets".to_owned(),
        namespaced: true,
    }
}

fn address(release: &Release) -> Address {
    let name = format!("sh.helm.release.v1.{}.v{}", release.name, release.version);
    Address::new(secrets(), &release.namespace, name)
}

fn to_secret(stored: &Stored, time_label: &str, now: Timestamp) -> Result<Value> {
    let Stored { release, labels } = stored;
    let record = encode(release).map_err(|error| {
        let what = format!("release {} revision {}", release.name, release.version);
        Error::new(Meaning::Invalid, "write the record of", what, "it cannot be encoded").with_source(error)
    })?;
    let mut labels: BTreeMap<&str, String> =
        labels.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    labels.extend([
        ("name", release.name.clone()),
        ("owner", "helm".to_owned()),
        ("status", release.info.status.to_string()),
        ("version", release.version.to_string()),
        (time_label, now.as_second().to_string()),
    ]);
    let Address { name, .. } = address(release);
    Ok(json!({
        "apiVersion": "v1", "kind": "Secret", "type": SECRET_TYPE,
        "metadata": {"name": name, "namespace": release.namespace, "labels": labels},
        "data": {"release": STANDARD.encode(record)},
    }))
}

/// The revision in a Secret; none if it holds something else.
pub(crate) fn from_secret(secret: &Value) -> Option<Stored> {
    let data = secret.pointer("/data/release").and_then(Value::as_str)?;
    let record = STANDARD.decode(data).ok()?;
    let mut release = decode(&record).ok()?;
    if release.namespace.is_empty() {
        let namespace = secret.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        namespace.clone_into(&mut release.namespace);
    }
    let labels = secret.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
    let labels = labels.filter(|(name, _)| !OWN_LABELS.contains(&name.as_str()));
    let labels =
        labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    Some(Stored { release, labels })
}

/// Helm passes over records that it cannot read, and so does this, but not in silence.
fn readable(stored: Option<Stored>, secret: &Value) -> Option<Stored> {
    if stored.is_none() {
        let name = secret.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        tracing::warn!(secret = name, "this Secret is labelled as a release record and holds none");
    }
    stored
}

fn too_large(error: Error) -> Error {
    if error.reason().contains("Too long") || error.reason().contains("too large") {
        return error
            .with_hint("a release record holds the whole chart and must fit into one Secret, 1 MiB at most");
    }
    error
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Info;
    use super::*;

    fn stored(version: u32, status: Status) -> Stored {
        let info = Info { status, ..Info::default() };
        let release = Release { name: "rel".to_owned(), version, info, ..Release::default() };
        Stored { release, labels: BTreeMap::new() }
    }

    #[test]
    fn a_record_reads_back_with_the_operators_labels() {
        let mut stored = stored(3, Status::Deployed);
        stored.release.namespace = "apps".to_owned();
        stored.labels.insert("team".to_owned(), "a".to_owned());
        let secret = to_secret(&stored, "createdAt", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(secret.pointer("/metadata/name"), Some(&json!("sh.helm.release.v1.rel.v3")));
        assert_eq!(
            secret.pointer("/metadata/labels"),
            Some(&json!({
                "createdAt": "0", "name": "rel", "owner": "helm", "status": "deployed", "team": "a", "version": "3",
            }))
        );
        assert_eq!(from_secret(&secret), Some(stored));
    }

    proptest! {
        #[test]
        fn trimming_never_takes_the_revision_in_force(
            versions in prop::collection::btree_set(1_u32..40, 0..20), in_force in 1_u32..40, most in 0_usize..12,
        ) {
            let history: Vec<Stored> = versions
                .iter()
                .map(|version| {
                    stored(*version, if *version == in_force { Status::Deployed } else { Status::Superseded })
                })
                .collect();
            let gone = superfluous(&history, most);
            prop_assert!(!gone.contains(&in_force));
            let kept = history.len() - gone.len();
            prop_assert!(kept <= most.max(1));
            prop_assert!(gone.is_empty() || kept >= most);
        }
    }
}
