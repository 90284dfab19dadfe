//! Persistent disks.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Compute, check_zone, list, offset_time, ok, project_link, resource_not_found, unknown_path};
use crate::{
    context::Context,
    google::{ApiError, Reply, gke::Gke, json_body, schema::read_message},
    wire::Request,
};
use std::collections::BTreeMap;

/// A persistent disk that a claim asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Disk {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) size_gb: u64,
    /// `pd-balanced` and the like.
    pub(crate) kind: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) description: String,
    pub(crate) created: Timestamp,
    /// The identifier of the cluster whose pod uses it.
    pub(crate) cluster: Option<String>,
    /// When it is deleted, once that was asked for.
    pub(crate) gone_at: Option<Timestamp>,
}

impl Disk {
    fn path(&self) -> String {
        format!("zones/{}/disks/{}", self.zone, self.name)
    }

    /// The machine that the disk is attached to: one of its cluster's, while that has any.
    fn user(&self, gke: &Gke) -> Option<String> {
        let cluster = gke.cluster_by_id(self.cluster.as_ref()?)?;
        let mut workers = cluster.pools.iter().flat_map(|pool| &pool.workers);
        let worker = workers.find(|worker| worker.zone == self.zone)?;
        Some(format!("{}/zones/{}/instances/{}", project_link(), worker.zone, worker.name))
    }

    fn to_json(&self, gke: &Gke) -> Value {
        let link = project_link();
        let mut body = json!({
            "kind": "compute#disk",
            "id": self.id.to_string(),
            "name": self.name,
            "sizeGb": self.size_gb.to_string(),
            "zone": format!("{link}/zones/{}", self.zone),
            "type": format!("{link}/zones/{}/diskTypes/{}", self.zone, self.kind),
            "status": if self.gone_at.is_some() { "DELETING" } else { "READY" },
            "description": self.description,
            "creationTimestamp": offset_time(self.created),
            "labelFingerprint": fingerprint(&self.labels),
            "selfLink": format!("{link}/{}", self.path()),
        });
        if !self.labels.is_empty() {
            body["labels"] = json!(self.labels);
        }
        if let Some(user) = self.user(gke) {
            body["users"] = json!([user]);
        }
        body
    }
}

/// Changes whenever the labels do.
pub(super) fn fingerprint(labels: &BTreeMap<String, String>) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE};
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(serde_json::to_vec(labels).unwrap_or_default());
    URL_SAFE.encode(digest.iter().take(8).copied().collect::<Vec<u8>>())
}

/// The boot disks of the workers in a zone, or everywhere.
fn boot_disks(gke: &Gke, zone: Option<&str>) -> Vec<Value> {
    let link = project_link();
    super::network::instances(gke, zone)
        .into_iter()
        .map(|instance| {
            json!({"kind": "compute#disk", "id": instance["id"], "name": instance["name"], "sizeGb": "100",
                   "zone": instance["zone"], "status": "READY", "users": [instance["selfLink"]],
                   "labels": instance["labels"], "creationTimestamp": instance["creationTimestamp"],
                   "selfLink": format!("{link}/disks/{}", instance["name"].as_str().unwrap_or_default())})
        })
        .collect()
}

impl Compute {
    pub(super) fn all_disks(&self, gke: &Gke) -> Vec<Value> {
        self.disks.values().map(|disk| disk.to_json(gke)).chain(boot_disks(gke, None)).collect()
    }

    pub(super) fn handle_disks(
        &mut self,
        request: &Request,
        zone: &str,
        rest: &[&str],
        gke: &Gke,
        context: &mut Context<'_>,
    ) -> Reply {
        check_zone(zone)?;
        match (&request.method, rest) {
            (&Method::GET, []) => {
                context.require("compute.disks.list")?;
                let here = self.disks.values().filter(|disk| disk.zone == zone).map(|disk| disk.to_json(gke));
                list(request, "compute#diskList", here.chain(boot_disks(gke, Some(zone))).collect())
            }
            (&Method::GET, [name]) => {
                context.require("compute.disks.get")?;
                ok(&self.disk(zone, name)?.to_json(gke))
            }
            (&Method::DELETE, [name]) => self.delete_disk(request, zone, name, gke, context),
            (&Method::POST, [name, "setLabels"]) => self.label_disk(request, zone, name, context),
            _ => Err(unknown_path(request)),
        }
    }

    fn disk(&self, zone: &str, name: &str) -> Result<&Disk, ApiError> {
        self.disks
            .get(&format!("{zone}/{name}"))
            .ok_or_else(|| resource_not_found(&format!("zones/{zone}/disks/{name}")))
    }

    fn delete_disk(
        &mut self,
        request: &Request,
        zone: &str,
        name: &str,
        gke: &Gke,
        context: &mut Context<'_>,
    ) -> Reply {
        context.require("compute.disks.delete")?;
        if let Some(reply) = self.repeated(request, context)? {
            return reply;
        }
        let disk = self.disk(zone, name)?;
        if let Some(user) = disk.user(gke) {
            return Err(ApiError::invalid(format!(
                "The disk resource 'projects/{}/{}' is already being used by '{}'",
                super::PROJECT,
                disk.path(),
                user.trim_start_matches("https://www.googleapis.com/compute/v1/"),
            ))
            .with_reason("resourceInUseByAnotherResource"));
        }
        let gone_at = context.after(context.settings.operation_seconds);
        if let Some(disk) = self.disks.get_mut(&format!("{zone}/{name}")) {
            disk.gone_at = Some(gone_at);
        }
        self.begin(
            request,
            "delete",
            &format!("zones/{zone}"),
            &format!("zones/{zone}/disks/{name}"),
            context,
        )
    }

    fn label_disk(&mut self, request: &Request, zone: &str, name: &str, context: &mut Context<'_>) -> Reply {
        context.require("compute.disks.setLabels")?;
        if let Some(reply) = self.repeated(request, context)? {
            return reply;
        }
        let body = read_message("SetDiskLabels", &json_body(request)?)?;
        let disk = self.disk(zone, name)?;
        let known = fingerprint(&disk.labels);
        if body["labelFingerprint"] != json!(known) {
            return Err(ApiError::invalid(
                "Supplied fingerprint does not match current metadata fingerprint.",
            )
            .with_code(412, "FAILED_PRECONDITION")
            .with_reason("conditionNotMet"));
        }
        let labels = serde_json::from_value(body["labels"].clone()).unwrap_or_default();
        if let Some(disk) = self.disks.get_mut(&format!("{zone}/{name}")) {
            disk.labels = labels;
        }
        self.begin(
            request,
            "setLabels",
            &format!("zones/{zone}"),
            &format!("zones/{zone}/disks/{name}"),
            context,
        )
    }
}
