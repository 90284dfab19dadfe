//! Disks that claims made: found by label in every zone and region.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use spacecraft_core::Result;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::Bytes;
use spacecraft_core::traits::{Disk, Ownership, UnmarkedDisk};
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Error, Meaning};

use super::{change, last_segment, list_everywhere};
use crate::api::{Api, find};
use crate::number;
use crate::ownership::{MANAGED_BY_LABEL, MANAGER, foreign, owner};

const LIST: &str = "list disks of project";
const DELETE: &str = "delete disk";
/// How often a disk is looked at that is still attached.
const POLL_INTERVAL: Duration = Duration::from_secs(3);
/// What GKE writes on disks that claims made.
const VOLUME_LABEL: &str = "goog-gke-volume";
/// Where GKE writes on disks which cluster they were made in.
const CLUSTER_LABEL: &str = "goog-k8s-cluster-name";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DiskBody {
    name: String,
    #[serde(deserialize_with = "number::lenient")]
    size_gb: u64,
    labels: BTreeMap<String, String>,
    description: String,
    source_image: String,
    users: Vec<String>,
    creation_timestamp: String,
}

/// What the driver of persistent disks writes into the description of a disk, as JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Origin {
    #[serde(rename = "kubernetes.io/created-for/pvc/name")]
    claim: String,
    #[serde(rename = "kubernetes.io/created-for/pvc/namespace")]
    namespace: String,
}

impl DiskBody {
    /// Boot disks of workers carry the cluster's labels too, but are made from an image and go with their machine.
    fn is_volume(&self) -> bool {
        let marked = self.labels.contains_key(VOLUME_LABEL) || self.claim().is_some();
        self.source_image.is_empty() && (marked || self.name.contains("pvc-"))
    }

    fn claim(&self) -> Option<String> {
        let origin: Origin = serde_json::from_str(&self.description).ok()?;
        (!origin.claim.is_empty()).then(|| format!("{}/{}", origin.namespace, origin.claim))
    }

    /// The disk as ours, if it is; `scope` is `zones/Z` or `regions/R`.
    fn into_ours(self, scope: &str) -> Option<Disk> {
        let Ownership::Ours(network) = owner(&self.labels) else { return None };
        if !self.is_volume() {
            return None;
        }
        Some(Disk {
            network,
            location: last_segment(scope).to_owned(),
            regional: scope.starts_with("regions/"),
            size: Bytes::gibi(self.size_gb),
            users: self.users.iter().map(|user| last_segment(user).to_owned()).collect(),
            claim: self.claim(),
            created: self.creation_timestamp.parse::<Timestamp>().ok(),
            name: self.name,
        })
    }

    /// The disk as somebody else's, if a claim made it that is known, and nothing uses it.
    fn into_unmarked(self, scope: &str) -> Option<UnmarkedDisk> {
        let detached = self.is_volume() && self.users.is_empty();
        if !detached || matches!(owner(&self.labels), Ownership::Ours(_)) {
            return None;
        }
        Some(UnmarkedDisk {
            cluster: self.cluster(),
            location: last_segment(scope).to_owned(),
            claim: self.claim()?,
            name: self.name,
        })
    }

    /// The cluster by its label, or by the name that disks had before there was a driver for them: `gke-CLUSTER-HASH-...-pvc-UID`.
    fn cluster(&self) -> Option<String> {
        let in_name = || {
            let (workers, _) = self.name.strip_prefix("gke-")?.split_once("-pvc-")?;
            let is_hash = |part: &&str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            let hash = workers.rsplit('-').find(is_hash)?;
            Some(workers.rsplit_once(&format!("-{hash}"))?.0.to_owned())
        };
        self.labels.get(CLUSTER_LABEL).cloned().or_else(in_name)
    }
}

/// The detached disks of claims that are not marked as ours.
pub(crate) async fn list_unmarked(api: &Api) -> Result<Vec<UnmarkedDisk>> {
    let found: Vec<(String, DiskBody)> = list_everywhere(api, "disks", "", LIST).await?;
    Ok(found.into_iter().filter_map(|(scope, disk)| disk.into_unmarked(&scope)).collect())
}

/// The disks of one network of ours, or of all.
pub(crate) async fn list_ours(api: &Api, network: Option<&NetworkName>) -> Result<Vec<Disk>> {
    let filter = format!("labels.{MANAGED_BY_LABEL} = \"{MANAGER}\"");
    let found: Vec<(String, DiskBody)> = list_everywhere(api, "disks", &filter, LIST).await?;
    let ours = found.into_iter().filter_map(|(scope, disk)| disk.into_ours(&scope));
    Ok(ours.filter(|disk| network.is_none_or(|network| disk.network == *network)).collect())
}

/// Deletes a disk of ours once nothing uses it. Whose it is, is looked up anew.
pub(crate) async fn delete(api: &Api, disk: &Disk, wait: &Wait) -> Result<Outcome> {
    let scope = [if disk.regional { "regions" } else { "zones" }, disk.location.as_str()];
    let segments = [scope.as_slice(), &["disks", disk.name.as_str()]].concat();
    let url = api.compute(&segments);
    let look = || async {
        let request = api.get(&url).about("get disk", disk.name.as_str());
        let body: Option<DiskBody> = find(request, "a disk").await?;
        let Some(body) = body else { return Ok(Progress::Ready(Outcome::Absent)) };
        require_ours(&body, disk)?;
        if let Some(user) = body.users.first() {
            return Ok(Progress::Pending(format!("it is attached to {}", last_segment(user))));
        }
        match change(api, &scope, DELETE, &disk.name, api.delete(&url), wait).await {
            Ok(()) => Ok(Progress::Ready(Outcome::Removed)),
            Err(error) if error.is_not_found() => Ok(Progress::Ready(Outcome::Removed)),
            Err(error) if error.meaning() == Meaning::PreconditionFailed => {
                Ok(Progress::Pending(error.reason().to_owned()))
            }
            Err(error) => Err(error),
        }
    };
    wait.until(&format!("disk {} to be detached and deleted", disk.name), POLL_INTERVAL, look).await
}

fn require_ours(body: &DiskBody, disk: &Disk) -> Result<(), Error> {
    if body.is_volume() && owner(&body.labels) == Ownership::Ours(disk.network.clone()) {
        Ok(())
    } else {
        Err(foreign(DELETE, "disk", &disk.name))
    }
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;

    use super::*;

    fn ours(body: serde_json::Value) -> Option<Disk> {
        let mut body = body;
        body["labels"] = json!({"managed-by": "spacecraft", "spacecraft-network": "net1"});
        serde_json::from_value::<DiskBody>(body).unwrap().into_ours("zones/us-central1-a")
    }

    #[test]
    fn a_disk_of_somebody_else_tells_its_claim_and_its_cluster() {
        let disk = |name: &str, labels: serde_json::Value, users: &[&str]| {
            let description = json!({"kubernetes.io/created-for/pvc/name": "miner-1",
                                     "kubernetes.io/created-for/pvc/namespace": "default"});
            let body = json!({"name": name, "labels": labels, "users": users, "description": description.to_string()});
            let body = serde_json::from_value::<DiskBody>(body).unwrap();
            body.into_unmarked("zones/us-central1-a").map(|disk| (disk.claim, disk.cluster))
        };
        let known = |cluster: Option<&str>| Some(("default/miner-1".to_owned(), cluster.map(str::to_owned)));
        assert_eq!(disk("pvc-1", json!({}), &[]), known(None));
        assert_eq!(disk("pvc-1", json!({"goog-k8s-cluster-name": "devnet-3"}), &[]), known(Some("devnet-3")));
        assert_eq!(disk("gke-devnet-3-1a2b3c4d-dyn-pvc-5e6f", json!({}), &[]), known(Some("devnet-3")));
        assert_eq!(disk("pvc-1", json!({}), &["instances/gke-1"]), None);
        let ours = json!({"managed-by": "spacecraft", "spacecraft-network": "net1"});
        assert_eq!(disk("pvc-1", ours, &[]), None);
    }

    #[test]
    fn a_disk_names_the_claim_it_was_made_for() {
        let description = json!({"kubernetes.io/created-for/pvc/name": "data-miner-1",
                                 "kubernetes.io/created-for/pvc/namespace": "default"});
        let users = ["https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/instances/gke-1"];
        let disk = ours(json!({"name": "pvc-355f", "sizeGb": "50", "description": description.to_string(),
                               "users": users}));
        let disk = disk.unwrap();
        assert_eq!(disk.claim.as_deref(), Some("default/data-miner-1"));
        assert_eq!(
            (disk.size, disk.users, disk.location),
            (Bytes::gibi(50), vec!["gke-1".to_owned()], "us-central1-a".to_owned())
        );
    }

    #[test]
    fn boot_disks_of_workers_are_not_among_the_disks() {
        assert_eq!(ours(json!({"name": "gke-net1-default-1-abcd", "sizeGb": "100"})), None);
        assert_eq!(ours(json!({"name": "pvc-boot", "sizeGb": "100", "sourceImage": "cos"})), None);
    }

    #[test]
    fn a_disk_without_our_labels_is_not_ours() {
        let body: DiskBody =
            serde_json::from_value(json!({"name": "pvc-1", "labels": {"managed-by": "x"}})).unwrap();
        assert_eq!(body.into_ours("zones/z"), None);
    }
}
