//! Firewall rules: those of the project's users, and those that GKE keeps for clusters and load balancers.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Compute, list,
    network::{Part, lawful_name, read_object},
    offset_time, ok, project_link, resource_not_found, unknown_path,
};
use crate::{
    context::Context,
    google::{ApiError, PROJECT, Reply, gke::Gke},
    wire::Request,
};

/// A firewall rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: u64,
    pub(crate) body: Map<String, Value>,
    pub(crate) created: Timestamp,
}

impl Firewall {
    pub(crate) fn name(&self) -> &str {
        self.body.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    fn to_json(&self) -> Value {
        let mut body = self.body.clone();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("kind", json!("compute#firewall"));
        put("id", json!(self.id.to_string()));
        put("creationTimestamp", json!(offset_time(self.created)));
        put("selfLink", json!(format!("{}/global/firewalls/{}", project_link(), self.name())));
        Value::Object(body)
    }
}

/// Checks a firewall rule and fills in what the service would.
fn accept_firewall(mut body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let invalid = |field: &str, problem: &str| {
        ApiError::invalid(format!("Invalid value for field 'resource.{field}': {problem}"))
            .with_reason("invalid")
    };
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if !lawful_name(name) {
        return Err(invalid(
            "name",
            &format!("'{name}'. Must be a match of regex '(?:[a-z](?:[-a-z0-9]{{0,61}}[a-z0-9])?)'"),
        ));
    }
    let given = |field: &str| body.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if given("allowed") == given("denied") {
        return Err(invalid("allowed", "''. Exactly one of allowed and denied must be specified."));
    }
    if (given("sourceTags") || given("targetTags"))
        && (given("sourceServiceAccounts") || given("targetServiceAccounts"))
    {
        return Err(invalid("targetTags", "''. Tags and service accounts cannot be combined."));
    }
    let priority = body.get("priority").map_or(Some(1_000), Value::as_i64);
    if !priority.is_some_and(|priority| (0..=65_535).contains(&priority)) {
        return Err(invalid("priority", "''. Must be between 0 and 65535."));
    }
    check_ports(&body).map_err(|range| {
        invalid("allowed[0].ports", &format!("'{range}'. Ports must be a number or a range."))
    })?;
    check_ranges(&body)
        .map_err(|range| invalid("sourceRanges[0]", &format!("'{range}'. Must be a CIDR address range.")))?;
    body.entry("priority").or_insert_with(|| json!(1_000));
    body.entry("direction").or_insert_with(|| json!("INGRESS"));
    body.entry("disabled").or_insert_with(|| json!(false));
    let network = body
        .get("network")
        .and_then(Value::as_str)
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or("default");
    let network = format!("{}/global/networks/{network}", project_link());
    body.insert("network".to_owned(), json!(network));
    Ok(body)
}

/// Err with the first port text that is no port and no range of ports.
fn check_ports(body: &Map<String, Value>) -> Result<(), String> {
    let rules = ["allowed", "denied"].into_iter().filter_map(|field| body.get(field)?.as_array()).flatten();
    let ports = rules.filter_map(|rule| rule["ports"].as_array()).flatten().filter_map(Value::as_str);
    for text in ports {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) if low <= high => {}
            _ => return Err(text.to_owned()),
        }
    }
    Ok(())
}

/// Err with the first source range that is no CIDR range.
fn check_ranges(body: &Map<String, Value>) -> Result<(), String> {
    let ranges =
        body.get("sourceRanges").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for text in ranges {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let address = address.parse::<std::net::IpAddr>();
        let most = if address.as_ref().is_ok_and(std::net::IpAddr::is_ipv6) { 128 } else { 32 };
        if address.is_err() || !bits.parse::<u8>().is_ok_and(|bits| bits <= most) {
            return Err(text.to_owned());
        }
    }
    Ok(())
}

/// A rule that GKE keeps.
fn system_rule(name: &str, tag: &str, source: &str, allowed: &Value, created: Timestamp) -> Value {
    let link = project_link();
    json!({
        "kind": "compute#firewall", "name": name, "network": format!("{link}/global/networks/default"),
        "direction": "INGRESS", "priority": 1_000, "sourceRanges": [source], "targetTags": [tag], "allowed": allowed,
        "disabled": false, "creationTimestamp": offset_time(created),
        "selfLink": format!("{link}/global/firewalls/{name}"),
    })
}

impl Compute {
    /// The rules that GKE keeps by itself: they come and go with their clusters and load balancers.
    fn system_rules(&self, gke: &Gke) -> Vec<Value> {
        let mut rules = Vec::new();
        for cluster in gke.clusters().filter(|cluster| cluster.has_control_plane()) {
            let (prefix, tag, pods) = (cluster.resource_prefix(), cluster.node_tag(), cluster.pods_cidr());
            let all = json!([{"IPProtocol": "tcp"}, {"IPProtocol": "udp"}, {"IPProtocol": "icmp"}]);
            let internal = json!([{"IPProtocol": "tcp", "ports": ["1-65535"]}, {"IPProtocol": "udp", "ports": ["1-65535"]}]);
            rules.push(system_rule(&format!("{prefix}-all"), &tag, &pods, &all, cluster.created));
            rules.push(system_rule(
                &format!("{prefix}-vms"),
                &tag,
                "10.128.0.0/9",
                &internal,
                cluster.created,
            ));
        }
        for balancer in self.load_balancers.values().filter(|balancer| balancer.has(Part::Firewall)) {
            let ports: Vec<String> = balancer.ports.iter().map(u16::to_string).collect();
            let allowed = json!([{"IPProtocol": "tcp", "ports": ports}]);
            let name = format!("k8s-fw-{}", balancer.name);
            let origin = json!({
                "kubernetes.io/service-name": format!("{}/{}", balancer.namespace, balancer.service),
                "kubernetes.io/service-ip": balancer.address,
            });
            let mut rule = system_rule(&name, &balancer.node_tag, "0.0.0.0/0", &allowed, balancer.created);
            rule["description"] = origin.to_string().into();
            rules.push(rule);
        }
        for (name, tag) in &self.health_firewalls {
            let allowed = json!([{"IPProtocol": "tcp", "ports": ["10256"]}]);
            rules.push(system_rule(name, tag, "35.191.0.0/16", &allowed, Timestamp::UNIX_EPOCH));
        }
        rules
    }

    pub(super) fn handle_firewalls(
        &mut self,
        request: &Request,
        rest: &[&str],
        gke: &Gke,
        context: &mut Context<'_>,
    ) -> Reply {
        match (&request.method, rest) {
            (&Method::GET, []) => {
                context.require("compute.firewalls.list")?;
                let own = self.firewalls.values().map(Firewall::to_json);
                list(request, "compute#firewallList", own.chain(self.system_rules(gke)).collect())
            }
            (&Method::GET, [name]) => {
                context.require("compute.firewalls.get")?;
                let system = self.system_rules(gke).into_iter().find(|rule| rule["name"] == *name);
                match system {
                    Some(rule) => ok(&rule),
                    None => ok(&self.firewall(name)?.to_json()),
                }
            }
            (&Method::POST, []) => self.insert_firewall(request, context),
            (&Method::PATCH | &Method::PUT, [name]) => self.change_firewall(request, name, context),
            (&Method::DELETE, [name]) => {
                context.require("compute.firewalls.delete")?;
                if let Some(reply) = self.repeated(request, context)? {
                    return reply;
                }
                if !self.delete_balancer_firewall(name) {
                    self.firewall(name)?;
                    self.firewalls.remove(*name);
                }
                self.begin(request, "delete", "global", &format!("global/firewalls/{name}"), context)
            }
            _ => Err(unknown_path(request)),
        }
    }

    fn firewall(&self, name: &str) -> Result<&Firewall, ApiError> {
        self.firewalls.get(name).ok_or_else(|| resource_not_found(&format!("global/firewalls/{name}")))
    }

    fn insert_firewall(&mut self, request: &Request, context: &mut Context<'_>) -> Reply {
        context.require("compute.firewalls.create")?;
        if let Some(reply) = self.repeated(request, context)? {
            return reply;
        }
        let body = accept_firewall(read_object("Firewall", request)?)?;
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let target = format!("global/firewalls/{name}");
        if self.firewalls.contains_key(&name) {
            return Err(ApiError::already_exists(format!(
                "The resource 'projects/{PROJECT}/{target}' already exists"
            )));
        }
        let firewall = Firewall { id: context.mint.number(), body, created: context.now };
        self.firewalls.insert(name, firewall);
        self.begin(request, "insert", "global", &target, context)
    }

    fn change_firewall(&mut self, request: &Request, name: &str, context: &mut Context<'_>) -> Reply {
        context.require("compute.firewalls.update")?;
        if let Some(reply) = self.repeated(request, context)? {
            return reply;
        }
        let known = self.firewall(name)?;
        let mut body = if request.method == Method::PATCH { known.body.clone() } else { Map::new() };
        body.extend(read_object("Firewall", request)?);
        body.insert("name".to_owned(), json!(name));
        let body = accept_firewall(body)?;
        if let Some(firewall) = self.firewalls.get_mut(name) {
            firewall.body = body;
        }
        let kind = if request.method == Method::PATCH { "patch" } else { "update" };
        self.begin(request, kind, "global", &format!("global/firewalls/{name}"), context)
    }
}
