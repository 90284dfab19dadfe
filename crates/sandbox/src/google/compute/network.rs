//! Machines as Compute Engine lists them, firewall rules, reserved addresses and the forwarding rules of load balancers.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Compute, list, offset_time, ok, project_link, resource_not_found, unknown_path};
use crate::{
    context::Context,
    google::{
        ApiError, PROJECT, Reply,
        gke::{
            Gke,
            cluster::{Cluster, Pool, Worker},
        },
        json_body,
        schema::read_message,
    },
    wire::Request,
};

/// A reserved address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// A region, or `global`.
    pub(crate) region: String,
    address: String,
    body: Map<String, Value>,
    created: Timestamp,
}

/// What a load balancer consists of, each part with a life of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// The forwarding rule.
    ForwardingRule,
    /// The target pool behind it.
    TargetPool,
    /// The firewall rule that lets traffic in.
    Firewall,
}

/// How many parts a load balancer has.
pub(super) const PARTS: usize = 3;

/// What GKE makes for a Service of type LoadBalancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) id: u64,
    /// `a` and the Service's identifier without hyphens.
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) address: String,
    pub(crate) cluster: String,
    /// The tag of the cluster's workers.
    #[serde(default)]
    pub(crate) node_tag: String,
    pub(crate) namespace: String,
    pub(crate) service: String,
    pub(crate) ports: Vec<u16>,
    pub(crate) created: Timestamp,
    /// When it starts to work; until then it has no forwarding rule.
    pub(crate) ready: Timestamp,
    /// True once the Service knows its address.
    pub(crate) announced: bool,
    /// The parts that somebody deleted one by one.
    #[serde(default)]
    pub(crate) gone: BTreeSet<Part>,
}

/// The health check of the workers of a cluster, which all its load balancers share.
pub(crate) fn health_check_of(cluster: &str) -> String {
    format!("k8s-{}-node", cluster.chars().take(8).collect::<String>())
}

impl LoadBalancer {
    pub(super) fn has(&self, part: Part) -> bool {
        !self.gone.contains(&part)
    }

    /// What the controller of Services writes into the description of each part.
    fn description(&self) -> String {
        json!({"kubernetes.io/service-name": format!("{}/{}", self.namespace, self.service)}).to_string()
    }

    /// The target pool.
    pub(super) fn pool_json(&self) -> Option<Value> {
        let link = project_link();
        (self.announced && self.has(Part::TargetPool)).then(|| {
            json!({
                "kind": "compute#targetPool", "id": self.id.to_string(), "name": self.name,
                "region": format!("{link}/regions/{}", self.region), "description": self.description(),
                "healthChecks": [format!("{link}/global/httpHealthChecks/{}", health_check_of(&self.cluster))],
                "creationTimestamp": offset_time(self.created),
                "selfLink": format!("{link}/regions/{}/targetPools/{}", self.region, self.name),
            })
        })
    }

    /// The forwarding rule.
    pub(super) fn to_json(&self) -> Option<Value> {
        let link = project_link();
        (self.announced && self.has(Part::ForwardingRule)).then(|| {
            json!({
                "kind": "compute#forwardingRule", "id": self.id.to_string(), "name": self.name,
                "region": format!("{link}/regions/{}", self.region), "IPAddress": self.address, "IPProtocol": "TCP",
                "ports": self.ports.iter().map(u16::to_string).collect::<Vec<_>>(),
                "loadBalancingScheme": "EXTERNAL", "creationTimestamp": offset_time(self.created),
                "description": self.description(),
                "target": format!("{link}/regions/{}/targetPools/{}", self.region, self.name),
                "selfLink": format!("{link}/regions/{}/forwardingRules/{}", self.region, self.name),
            })
        })
    }
}

impl Address {
    pub(super) fn to_json(&self) -> Value {
        let link = project_link();
        let mut body = self.body.clone();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("kind", json!("compute#address"));
        put("id", json!(self.id.to_string()));
        put("address", json!(self.address));
        put("status", json!("RESERVED"));
        put("creationTimestamp", json!(offset_time(self.created)));
        if self.region == "global" {
            put("selfLink", json!(format!("{link}/global/addresses/{}", self.name)));
        } else {
            put("region", json!(format!("{link}/regions/{}", self.region)));
            put("selfLink", json!(format!("{link}/regions/{}/addresses/{}", self.region, self.name)));
        }
        Value::Object(body)
    }
}

/// The machines of all clusters in a zone, or everywhere.
pub(super) fn instances(gke: &Gke, zone: Option<&str>) -> Vec<Value> {
    let mut found = Vec::new();
    for cluster in gke.clusters() {
        for pool in &cluster.pools {
            let here = pool.workers.iter().filter(|worker| zone.is_none_or(|zone| worker.zone == zone));
            found.extend(here.map(|worker| instance(cluster, pool, worker)));
        }
    }
    found
}

fn instance(cluster: &Cluster, pool: &Pool, worker: &Worker) -> Value {
    let link = project_link();
    let zone = &worker.zone;
    let mut labels: BTreeMap<String, String> =
        cluster.resource_labels().chain(pool.map("resourceLabels")).collect();
    labels.insert("goog-gke-node".to_owned(), String::new());
    labels.insert("goog-k8s-cluster-name".to_owned(), cluster.name.clone());
    labels.insert("goog-k8s-cluster-location".to_owned(), cluster.location.clone());
    labels.insert("goog-k8s-node-pool-name".to_owned(), pool.name.clone());
    let id = worker.name.bytes().fold(14_695_981_039_346_656_037_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
    });
    json!({
        "kind": "compute#instance", "id": (id >> 1).to_string(), "name": worker.name, "status": "RUNNING",
        "zone": format!("{link}/zones/{zone}"),
        "machineType": format!("{link}/zones/{zone}/machineTypes/{}", pool.machine_type()),
        "creationTimestamp": offset_time(worker.created), "labels": labels,
        "networkInterfaces": [{"networkIP": worker.internal_ip, "network": format!("{link}/global/networks/default"),
            "accessConfigs": [{"type": "ONE_TO_ONE_NAT", "name": "external-nat", "natIP": worker.external_ip}]}],
        "selfLink": format!("{link}/zones/{zone}/instances/{}", worker.name),
    })
}

impl Compute {
    pub(super) fn handle_addresses(
        &mut self,
        request: &Request,
        region: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        let scope = if region == "global" { region.to_owned() } else { format!("regions/{region}") };
        match (&request.method, rest) {
            (&Method::GET, []) => {
                context.require("compute.addresses.list")?;
                let here = self.addresses.values().filter(|address| address.region == region);
                list(request, "compute#addressList", here.map(Address::to_json).collect())
            }
            (&Method::GET, [name]) => {
                context.require("compute.addresses.get")?;
                let found = self.addresses.get(&format!("{region}/{name}"));
                ok(&found.ok_or_else(|| resource_not_found(&format!("{scope}/addresses/{name}")))?.to_json())
            }
            (&Method::POST, []) => self.insert_address(request, region, &scope, context),
            (&Method::DELETE, [name]) => {
                context.require("compute.addresses.delete")?;
                if let Some(reply) = self.repeated(request, context)? {
                    return reply;
                }
                let target = format!("{scope}/addresses/{name}");
                self.addresses
                    .remove(&format!("{region}/{name}"))
                    .ok_or_else(|| resource_not_found(&target))?;
                self.begin(request, "delete", &scope, &target, context)
            }
            _ => Err(unknown_path(request)),
        }
    }

    fn insert_address(
        &mut self,
        request: &Request,
        region: &str,
        scope: &str,
        context: &mut Context<'_>,
    ) -> Reply {
        context.require("compute.addresses.create")?;
        if let Some(reply) = self.repeated(request, context)? {
            return reply;
        }
        let body = read_object("Address", request)?;
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let target = format!("{scope}/addresses/{name}");
        if !lawful_name(&name) {
            return Err(ApiError::invalid(format!("Invalid value for field 'resource.name': '{name}'."))
                .with_reason("invalid"));
        }
        let key = format!("{region}/{name}");
        if self.addresses.contains_key(&key) {
            return Err(ApiError::already_exists(format!(
                "The resource 'projects/{PROJECT}/{target}' already exists"
            )));
        }
        let limit = context.settings.quotas.get("STATIC_ADDRESSES").copied().unwrap_or(f64::INFINITY);
        let used = self.addresses.values().filter(|address| address.region == region).count();
        if f64::from(u32::try_from(used).unwrap_or(u32::MAX)) >= limit {
            return Err(ApiError::forbidden(format!(
                "Quota 'STATIC_ADDRESSES' exceeded. Limit: {limit:.1} in region {region}."
            ))
            .with_reason("quotaExceeded"));
        }
        let id = context.mint.number();
        let address = format!("127.60.{}.{}", (id >> 8) % 250, id % 250 + 1);
        let address = Address { id, name, region: region.to_owned(), address, body, created: context.now };
        self.addresses.insert(key, address);
        self.begin(request, "insert", scope, &target, context)
    }
}

/// True for a name that Compute Engine gives to no resource but a lawful one.
pub(super) fn lawful_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The body as a message of the given name.
pub(super) fn read_object(message: &'static str, request: &Request) -> Result<Map<String, Value>, ApiError> {
    match read_message(message, &json_body(request)?)? {
        Value::Object(body) => Ok(body),
        _ => Err(ApiError::invalid("Required field 'resource' not specified").with_reason("required")),
    }
}

impl Compute {
    /// When the next load balancer becomes ready.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.load_balancers
            .values()
            .filter(|balancer| !balancer.announced)
            .map(|balancer| balancer.ready)
            .min()
    }
}
