//! Asks the services whether they would let us, before anything is made.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use spacecraft_core::quantity::Bytes;
use spacecraft_core::traits::{Finding, Ownership, PreflightRequest};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Idempotency, with_segments};

use crate::api::{Api, fetch};
use crate::compute::disk;
use crate::compute::region::{self, Present};
use crate::gke::Gke;

/// What creating, growing and deleting a network takes on a project.
const PERMISSIONS: &[&str] = &[
    "compute.disks.delete",
    "compute.disks.get",
    "compute.disks.list",
    "compute.firewalls.create",
    "compute.firewalls.delete",
    "compute.firewalls.get",
    "compute.firewalls.list",
    "compute.firewalls.update",
    "compute.forwardingRules.delete",
    "compute.forwardingRules.get",
    "compute.forwardingRules.list",
    "compute.globalOperations.get",
    "compute.httpHealthChecks.delete",
    "compute.machineTypes.get",
    "compute.networks.updatePolicy",
    "compute.regionOperations.get",
    "compute.regions.get",
    "compute.targetPools.delete",
    "compute.targetPools.get",
    "compute.targetPools.list",
    "compute.zoneOperations.get",
    "compute.zones.get",
    "container.clusterRoleBindings.create",
    "container.clusterRoles.create",
    "container.clusters.create",
    "container.clusters.delete",
    "container.clusters.get",
    "container.clusters.list",
    "container.clusters.update",
    "container.deployments.create",
    "container.operations.get",
    "container.operations.list",
    "container.pods.portForward",
    "container.secrets.create",
    "iam.serviceAccounts.actAs",
];

/// The services that have to be enabled in the project.
const SERVICES: [&str; 3] = ["compute.googleapis.com", "container.googleapis.com", "storage.googleapis.com"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HeldPermissions {
    permissions: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceStates {
    services: Vec<ServiceState>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceState {
    name: String,
    state: String,
}

fn blocking(subject: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding { blocking: true, subject: subject.into(), message: message.into() }
}

fn remark(subject: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding { blocking: false, subject: subject.into(), message: message.into() }
}

/// Everything that would stop, or might disturb, a creation.
///
/// # Errors
///
/// When a service does not answer. A question that it refuses to answer is a finding that does not block.
pub(crate) async fn preflight(gke: &Gke, request: &PreflightRequest) -> Result<Vec<Finding>> {
    let api = &gke.api;
    let checks = futures::join!(
        permissions(api),
        services(api),
        existing_cluster(gke, request),
        version(gke, request),
        machines(gke, request),
    );
    let (permissions, services, cluster, version, machines) = checks;
    let mut findings = Vec::new();
    for (subject, result) in [
        ("permissions", permissions),
        ("enabled services", services),
        ("cluster", cluster),
        ("Kubernetes version", version),
        ("zone, machine type and quota", machines),
    ] {
        findings.extend(unless_unanswered(subject, result)?);
    }
    Ok(findings)
}

/// A question that we may not ask, or that the service does not understand, does not block: what matters is whether the real calls
/// are allowed, and they will say so.
fn unless_unanswered(subject: &str, result: Result<Vec<Finding>>) -> Result<Vec<Finding>> {
    match result {
        Err(error) if matches!(error.meaning(), Meaning::Denied | Meaning::Invalid) => {
            Ok(vec![remark(subject, cannot_be_checked(&error))])
        }
        result => result,
    }
}

fn cannot_be_checked(error: &Error) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("cannot be checked: {}{hint}", error.reason())
}

async fn permissions(api: &Api) -> Result<Vec<Finding>> {
    let target = format!("{}:testIamPermissions", api.project);
    let url = with_segments(&api.endpoints.resource_manager, ["v1", "projects", target.as_str()]);
    let body = json!({"permissions": PERMISSIONS});
    let request =
        api.post(&url, &body, Idempotency::Safe).about("test permissions on project", &*api.project);
    let held: HeldPermissions = fetch(request, "a set of permissions").await?;
    let missing: Vec<&str> =
        PERMISSIONS.iter().copied().filter(|permission| !held.permissions.contains(*permission)).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let message = format!(
        "these are missing on project {}: {}; the roles Kubernetes Engine Admin, Compute Admin and Service Account User have them",
        api.project,
        missing.join(", ")
    );
    Ok(vec![blocking("permissions", message)])
}

async fn services(api: &Api) -> Result<Vec<Finding>> {
    let segments = ["v1", "projects", api.project.as_str(), "services:batchGet"];
    let url = with_segments(&api.endpoints.service_usage, segments);
    let mut request = api.get(&url).about("get services of project", api.project.as_str());
    for service in SERVICES {
        request = request.query("names", format!("projects/{}/services/{service}", api.project));
    }
    let states: ServiceStates = fetch(request, "a list of services").await?;
    let is_enabled = |service: &str| {
        states.services.iter().any(|state| state.name.ends_with(service) && state.state == "ENABLED")
    };
    let disabled = SERVICES.into_iter().filter(|service| !is_enabled(service));
    Ok(disabled
        .map(|service| {
            let message =
                format!("is not enabled in project {}: gcloud services enable {service}", api.project);
            blocking(service, message)
        })
        .collect())
}

async fn existing_cluster(gke: &Gke, request: &PreflightRequest) -> Result<Vec<Finding>> {
    let network = &request.cluster.network;
    let Some(cluster) = gke.find_cluster(network).await? else { return Ok(Vec::new()) };
    let subject = format!("cluster {network}");
    Ok(match cluster.ownership() {
        Ownership::Ours(owner) if owner == *network => Vec::new(),
        Ownership::Ours(_) | Ownership::Foreign => {
            let message = format!(
                "exists in {} and is not managed by Spacecraft for this network; choose another network name",
                gke.location
            );
            vec![blocking(subject, message)]
        }
    })
}

async fn version(gke: &Gke, request: &PreflightRequest) -> Result<Vec<Finding>> {
    if !request.creates_cluster {
        return Ok(Vec::new());
    }
    let asked = request.cluster.kubernetes_version.as_deref();
    match gke.resolve_version(&request.cluster.release_channel, asked).await {
        Ok(_) => Ok(Vec::new()),
        Err(error) if matches!(error.meaning(), Meaning::Invalid | Meaning::NotFound) => {
            Ok(vec![blocking("Kubernetes version", error.reason())])
        }
        Err(error) => Err(error),
    }
}

async fn machines(gke: &Gke, request: &PreflightRequest) -> Result<Vec<Finding>> {
    let subject = format!("zone {}", gke.zone);
    let Some(zone) = region::zone(&gke.api, &gke.zone).await? else {
        return Ok(vec![blocking(
            subject,
            "does not exist; `gcloud compute zones list` shows those that do",
        )]);
    };
    if zone.status != "UP" {
        return Ok(vec![blocking(subject, format!("is {} right now", zone.status))]);
    }
    if !is_in(&gke.location, &gke.zone, zone.region()) {
        let message = format!("is not in the cluster's location {}", gke.location);
        return Ok(vec![blocking(subject, message)]);
    }
    let (machine, quota) = futures::join!(machine_type(gke, request), quota(gke, zone.region(), request));
    Ok([machine?, quota?].concat())
}

/// A cluster's location is the workers' zone or the region around it.
fn is_in(location: &str, zone: &str, region: &str) -> bool {
    location == zone || location == region
}

async fn machine_type(gke: &Gke, request: &PreflightRequest) -> Result<Vec<Finding>> {
    let shape = &request.cluster.machine;
    let subject = format!("machine type {}", shape.machine_type);
    let Some(machine) = region::machine_type(&gke.api, &gke.zone, &shape.machine_type).await? else {
        return Ok(vec![blocking(subject, format!("does not exist in zone {}", gke.zone))]);
    };
    let processors = machine.guest_cpus.saturating_mul(1000);
    let memory = machine.memory_mb.saturating_mul(1 << 20);
    if processors == shape.cpu.0 && memory == shape.memory.0 {
        return Ok(Vec::new());
    }
    let message = format!(
        "has {} processors and {} MiB of memory, where the plan counts with {} and {}",
        machine.guest_cpus, machine.memory_mb, shape.cpu, shape.memory
    );
    let too_small = processors < shape.cpu.0 || memory < shape.memory.0;
    Ok(vec![if too_small { blocking(subject, message) } else { remark(subject, message) }])
}

async fn quota(gke: &Gke, name: &str, request: &PreflightRequest) -> Result<Vec<Finding>> {
    let Some(region) = region::region(&gke.api, name).await? else { return Ok(Vec::new()) };
    let shortages = region.shortages(&region::needs(request, present(gke, request).await?));
    let finding = |(metric, text): (String, String)| blocking(format!("quota {metric} in {name}"), text);
    Ok(shortages.into_iter().map(finding).collect())
}

/// What the network has already; nothing when its cluster is still to be made.
async fn present(gke: &Gke, request: &PreflightRequest) -> Result<Present> {
    if request.creates_cluster {
        return Ok(Present::default());
    }
    let network = &request.cluster.network;
    let (cluster, disks) =
        futures::join!(gke.find_cluster(network), disk::list_ours(&gke.api, Some(network)));
    let workers = cluster?.map(|cluster| cluster.current_node_count).unwrap_or_default();
    let disk = disks?.iter().fold(0, |sum: u64, disk| sum.saturating_add(disk.size.0));
    Ok(Present { workers, disk: Bytes(disk) })
}
