//! Compute Engine, v1: what a network uses of it.

mod balancers;
pub(crate) mod catalog;
mod disks;
mod filter;
mod firewalls;
mod network;
mod operations;

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::{disks::Disk, firewalls::Firewall, network::LoadBalancer};
use self::{filter::Filter, network::Address, operations::Operation};
use super::{ApiError, PROJECT, Reply, gke::Gke, machines, ok, page};
use crate::{context::Context, wire::Request};

/// The largest page of a list.
const PAGE_SIZE: usize = 500;

/// The address that Compute Engine writes into its resources' links.
const LINK_ROOT: &str = "https://www.googleapis.com/compute/v1";

/// What exists in Compute Engine beside the workers of clusters, which GKE knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Compute {
    /// By `ZONE/NAME`.
    pub(crate) disks: BTreeMap<String, Disk>,
    pub(crate) firewalls: BTreeMap<String, Firewall>,
    /// By `REGION/NAME`, `global/NAME` for global ones.
    addresses: BTreeMap<String, Address>,
    /// By the identifier of the Service they are for.
    pub(crate) load_balancers: BTreeMap<String, LoadBalancer>,
    /// Those of clusters that have load balancers, or had them when they were deleted.
    #[serde(default)]
    health_checks: BTreeSet<String>,
    /// The rules that let health checks in, with the tag of the workers that they are for.
    #[serde(default, rename = "tagged_health_firewalls")]
    health_firewalls: BTreeMap<String, String>,
    operations: Vec<Operation>,
}

/// The address of the project's resources.
fn project_link() -> String {
    format!("{LINK_ROOT}/projects/{PROJECT}")
}

fn resource_not_found(path: &str) -> ApiError {
    ApiError::not_found(format!("The resource 'projects/{PROJECT}/{path}' was not found"))
}

fn unknown_path(request: &Request) -> ApiError {
    ApiError::not_found(format!("The requested URL {} was not found on this server.", request.path))
}

/// `-08:00` style, as Compute Engine writes times.
fn offset_time(instant: Timestamp) -> String {
    let offset = jiff::tz::Offset::constant(-8);
    instant.to_zoned(offset.to_time_zone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

impl Compute {
    /// Answers a request whose caller is authenticated.
    pub(crate) fn handle(&mut self, request: &Request, gke: &Gke, context: &mut Context<'_>) -> Reply {
        let segments = request.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["compute", "v1", "projects", project, rest @ ..] = parts.as_slice() else {
            return Err(unknown_path(request));
        };
        context.require_service("compute.googleapis.com", project)?;
        self.forget_finished(context.now);
        match (&request.method, rest) {
            (&Method::GET, ["regions", rest @ ..]) if rest.len() < 2 => {
                self.regions(request, rest, gke, context)
            }
            (&Method::GET, ["zones"]) => {
                context.require("compute.zones.list")?;
                list(
                    request,
                    "compute#zoneList",
                    catalog::zones().iter().map(|zone| zone_resource(zone)).collect(),
                )
            }
            (&Method::GET, ["zones", zone]) => {
                context.require("compute.zones.get")?;
                check_zone(zone)?;
                ok(&zone_resource(zone))
            }
            (&Method::GET, ["zones", zone, "machineTypes", rest @ ..]) => {
                machine_types(request, zone, rest, context)
            }
            (&Method::GET, ["zones", zone, "instances", rest @ ..]) => {
                instances(request, zone, rest, gke, context)
            }
            (_, ["global", "firewalls", rest @ ..]) => self.handle_firewalls(request, rest, gke, context),
            (_, ["zones", zone, "disks", rest @ ..]) => self.handle_disks(request, zone, rest, gke, context),
            (&Method::GET, ["aggregated", kind]) => self.aggregated(request, kind, gke, context),
            (_, [scope @ .., "operations", name]) => self.operation(request, scope, name, context.now),
            (_, [scope @ .., "operations", name, "wait"]) => {
                self.operation(request, scope, name, context.now)
            }
            (_, ["regions", region, kind, rest @ ..]) => {
                self.handle_regional(request, region, kind, rest, context)
            }
            (_, ["global", "httpHealthChecks", rest @ ..]) => {
                self.handle_health_checks(request, rest, context)
            }
            (_, ["global", "addresses", rest @ ..]) => {
                self.handle_addresses(request, "global", rest, context)
            }
            _ => Err(unknown_path(request)),
        }
    }

    fn forget_finished(&mut self, now: Timestamp) {
        self.disks.retain(|_, disk| disk.gone_at.is_none_or(|gone| gone > now));
        let excess = self.operations.len().saturating_sub(PAGE_SIZE);
        self.operations.drain(..excess);
    }

    /// The names of reserved addresses.
    pub(crate) fn address_names(&self) -> Vec<String> {
        let reserved = self.addresses.values().map(|address| address.name.clone());
        reserved.collect()
    }

    fn regions(&self, request: &Request, rest: &[&str], gke: &Gke, context: &Context<'_>) -> Reply {
        context.require("compute.regions.get")?;
        match rest {
            [] => list(
                request,
                "compute#regionList",
                catalog::regions().map(|region| self.region_resource(region, gke, context)).collect(),
            ),
            [region] if catalog::is_region(region) => ok(&self.region_resource(region, gke, context)),
            [region, ..] => Err(resource_not_found(&format!("regions/{region}"))),
        }
    }

    fn region_resource(&self, region: &str, gke: &Gke, context: &Context<'_>) -> Value {
        let quotas: Vec<Value> = context
            .settings
            .quotas
            .iter()
            .map(|(metric, limit)| json!({"metric": metric, "limit": limit, "usage": self.usage(metric, region, gke)}))
            .collect();
        let zones: Vec<String> =
            catalog::zones_of(region).iter().map(|zone| format!("{}/zones/{zone}", project_link())).collect();
        json!({"kind": "compute#region", "name": region, "status": "UP", "zones": zones, "quotas": quotas,
               "selfLink": format!("{}/regions/{region}", project_link())})
    }

    fn usage(&self, metric: &str, region: &str, gke: &Gke) -> f64 {
        let (cpus, machines) = gke.usage(region);
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let here = |location: &str| catalog::region_of(location) == region;
        match metric {
            "CPUS" => f64::from(u32::try_from(cpus).unwrap_or(u32::MAX)),
            "INSTANCES" | "IN_USE_ADDRESSES" => count(machines),
            "STATIC_ADDRESSES" => {
                count(self.addresses.values().filter(|address| here(&address.region)).count())
            }
            "DISKS_TOTAL_GB" | "SSD_TOTAL_GB" => self
                .disks
                .values()
                .filter(|disk| {
                    here(&disk.zone) && (disk.kind == "pd-standard") == (metric == "DISKS_TOTAL_GB")
                })
                .map(|disk| f64::from(u32::try_from(disk.size_gb).unwrap_or(u32::MAX)))
                .sum(),
            _ => 0.0,
        }
    }

    fn handle_regional(
        &mut self,
        request: &Request,
        region: &str,
        kind: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        if !catalog::is_region(region) {
            return Err(resource_not_found(&format!("regions/{region}")));
        }
        match (&request.method, kind, rest) {
            (_, "addresses", rest) => self.handle_addresses(request, region, rest, context),
            (_, "forwardingRules", rest) => self.handle_forwarding_rules(request, region, rest, context),
            (_, "targetPools", rest) => self.handle_target_pools(request, region, rest, context),
            (&Method::GET, "disks", []) => list(request, "compute#diskList", Vec::new()),
            (_, "disks", [name, ..]) => Err(resource_not_found(&format!("regions/{region}/disks/{name}"))),
            _ => Err(unknown_path(request)),
        }
    }

    fn aggregated(&self, request: &Request, kind: &str, gke: &Gke, context: &Context<'_>) -> Reply {
        let (kind_name, mut items) = match kind {
            "disks" => {
                context.require("compute.disks.list")?;
                ("compute#diskAggregatedList", self.all_disks(gke))
            }
            "instances" => {
                context.require("compute.instances.list")?;
                ("compute#instanceAggregatedList", network::instances(gke, None))
            }
            "addresses" => {
                ("compute#addressAggregatedList", self.addresses.values().map(Address::to_json).collect())
            }
            "forwardingRules" => {
                let rules = self.load_balancers.values().filter_map(LoadBalancer::to_json).collect();
                ("compute#forwardingRuleAggregatedList", rules)
            }
            "targetPools" => {
                let pools = self.load_balancers.values().filter_map(LoadBalancer::pool_json).collect();
                ("compute#targetPoolAggregatedList", pools)
            }
            _ => return Err(unknown_path(request)),
        };
        apply_filter(request, &mut items)?;
        let (items, next) = page(request, items, PAGE_SIZE)?;
        let mut scopes = empty_scopes();
        for item in items {
            let scope = scope_of(&item);
            let entry = scopes.entry(scope).or_insert_with(|| json!({}));
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("warning");
                let listed = entry.entry(kind).or_insert_with(|| json!([]));
                if let Some(listed) = listed.as_array_mut() {
                    listed.push(item);
                }
            }
        }
        let mut body = json!({"kind": kind_name, "id": format!("projects/{PROJECT}/aggregated/{kind}"), "items": scopes});
        if let Some(next) = next {
            body["nextPageToken"] = json!(next);
        }
        ok(&body)
    }
}

/// Every zone and region, each saying that it has nothing.
fn empty_scopes() -> BTreeMap<String, Value> {
    let zones = catalog::zones().into_iter().map(|zone| format!("zones/{zone}"));
    let regions = catalog::regions().map(|region| format!("regions/{region}"));
    zones
        .chain(regions)
        .map(|scope| {
            let warning = json!({"warning": {
                "code": "NO_RESULTS_ON_PAGE",
                "message": format!("There are no results for scope '{scope}' on this page."),
                "data": [{"key": "scope", "value": scope}],
            }});
            (scope, warning)
        })
        .collect()
}

/// `zones/Z` or `regions/R` of a resource, `global` without either.
fn scope_of(item: &Value) -> String {
    for (field, prefix) in [("zone", "zones"), ("region", "regions")] {
        if let Some(name) = item[field].as_str().and_then(|link| link.rsplit('/').next()) {
            return format!("{prefix}/{name}");
        }
    }
    "global".to_owned()
}

fn apply_filter(request: &Request, items: &mut Vec<Value>) -> Result<(), ApiError> {
    if let Some(text) = request.query_value("filter").filter(|text| !text.trim().is_empty()) {
        let filter = Filter::parse(&text)?;
        items.retain(|item| filter.accepts(item));
    }
    Ok(())
}

/// A list of resources, filtered, ordered and paged as the request asks; `items` is absent when empty.
fn list(request: &Request, kind: &str, mut items: Vec<Value>) -> Reply {
    apply_filter(request, &mut items)?;
    match request.query_value("orderBy").as_deref() {
        Some("creationTimestamp desc") => {
            items.sort_by(|a, b| b["creationTimestamp"].as_str().cmp(&a["creationTimestamp"].as_str()));
        }
        None | Some("name") => items.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str())),
        Some(other) => {
            return Err(ApiError::invalid(format!("Invalid value for field 'orderBy': '{other}'."))
                .with_reason("invalid"));
        }
    }
    let (items, next) = page(request, items, PAGE_SIZE)?;
    let mut body = json!({"kind": kind, "id": request.path});
    if !items.is_empty() {
        body["items"] = json!(items);
    }
    if let Some(next) = next {
        body["nextPageToken"] = json!(next);
    }
    ok(&body)
}

fn check_zone(zone: &str) -> Result<(), ApiError> {
    if catalog::is_zone(zone) { Ok(()) } else { Err(resource_not_found(&format!("zones/{zone}"))) }
}

fn zone_resource(zone: &str) -> Value {
    let link = project_link();
    json!({"kind": "compute#zone", "name": zone, "status": "UP", "selfLink": format!("{link}/zones/{zone}"),
           "region": format!("{link}/regions/{}", catalog::region_of(zone))})
}

fn machine_types(request: &Request, zone: &str, rest: &[&str], context: &Context<'_>) -> Reply {
    context.require("compute.machineTypes.get")?;
    check_zone(zone)?;
    let link = project_link();
    match rest {
        [] => {
            let all =
                machines::names().iter().filter_map(|name| machines::resource(&link, zone, name)).collect();
            list(request, "compute#machineTypeList", all)
        }
        [name] => match machines::resource(&link, zone, name) {
            Some(resource) => ok(&resource),
            None => Err(resource_not_found(&format!("zones/{zone}/machineTypes/{name}"))),
        },
        _ => Err(unknown_path(request)),
    }
}

fn instances(request: &Request, zone: &str, rest: &[&str], gke: &Gke, context: &Context<'_>) -> Reply {
    check_zone(zone)?;
    let all = network::instances(gke, Some(zone));
    match rest {
        [] => {
            context.require("compute.instances.list")?;
            list(request, "compute#instanceList", all)
        }
        [name] => {
            context.require("compute.instances.get")?;
            let found = all.into_iter().find(|instance| instance["name"] == *name);
            ok(&found.ok_or_else(|| resource_not_found(&format!("zones/{zone}/instances/{name}")))?)
        }
        _ => Err(unknown_path(request)),
    }
}
