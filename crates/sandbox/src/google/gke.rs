//! Google Kubernetes Engine, v1.

pub(crate) mod cluster;
pub(crate) mod operations;
mod pools;
mod validate;
pub(crate) mod versions;
mod workers;

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::{
    cluster::{Cluster, Pool, Status},
    operations::{Effect, Failure, Operation},
    workers::{resize_pool, start_cluster, start_pool},
};
use super::{ApiError, PROJECT, Reply, compute::catalog, json_body, ok, schema::read_message};
use crate::{context::Context, wire::Request};

/// How many finished operations are remembered.
const OPERATIONS_KEPT: usize = 500;

/// The clusters and operations of the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gke {
    /// By `LOCATION/NAME`.
    clusters: BTreeMap<String, Cluster>,
    operations: Vec<Operation>,
}

impl Gke {
    pub(crate) fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.values()
    }

    pub(crate) fn cluster_by_id(&self, id: &str) -> Option<&Cluster> {
        self.clusters.values().find(|cluster| cluster.id == id)
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.operations.iter().filter(|operation| !operation.done).map(|operation| operation.due).min()
    }

    /// Ends the operations whose time has come.
    pub(crate) fn advance(&mut self, now: Timestamp, endpoints: &[String]) {
        while let Some(index) = self.next_operation(now) {
            let Some(operation) = self.operations.get_mut(index) else { return };
            operation.done = true;
            let operation = operation.clone();
            self.apply(&operation, endpoints);
        }
        if let Some(excess) = self.operations.len().checked_sub(OPERATIONS_KEPT) {
            let mut excess = excess;
            self.operations.retain(|operation| {
                let drop = operation.done && excess > 0;
                excess -= usize::from(drop);
                !drop
            });
        }
    }

    fn next_operation(&self, now: Timestamp) -> Option<usize> {
        let due = self
            .operations
            .iter()
            .enumerate()
            .filter(|(_, operation)| !operation.done && operation.due <= now);
        due.min_by_key(|(_, operation)| operation.due).map(|(index, _)| index)
    }

    fn apply(&mut self, operation: &Operation, endpoints: &[String]) {
        let key = key(&operation.location, &operation.cluster);
        if operation.effect == Effect::DeleteCluster {
            self.clusters.remove(&key);
            return;
        }
        let Some(cluster) = self.clusters.get_mut(&key) else { return };
        if let Some(failure) = &operation.failure {
            cluster.status = Status::Error;
            cluster.status_message = Some(failure.message.clone());
            return;
        }
        cluster.status = Status::Running;
        match &operation.effect {
            Effect::CreateCluster => start_cluster(cluster, operation.due, endpoints),
            Effect::CreatePool(pool) => start_pool(cluster, pool, operation.due),
            Effect::DeletePool(pool) => cluster.pools.retain(|known| known.name != *pool),
            Effect::ResizePool { pool, nodes_per_zone } => {
                resize_pool(cluster, pool, *nodes_per_zone, operation.due);
            }
            Effect::UpdateCluster | Effect::UpdatePool(_) | Effect::DeleteCluster => {}
        }
        for pool in cluster.pools.iter_mut().filter(|pool| pool.status == Status::Reconciling) {
            pool.status = Status::Running;
        }
    }

    /// Answers a request whose caller is authenticated.
    pub(crate) fn handle(&mut self, request: &Request, context: &mut Context<'_>) -> Reply {
        let segments = request.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["v1", "projects", project, "locations", location, rest @ ..] = parts.as_slice() else {
            return Err(unknown_path(request));
        };
        context.require_service("container.googleapis.com", project)?;
        if *location != "-" && !catalog::is_location(location) {
            return Err(ApiError::invalid(format!("Location \"{location}\" does not exist.")));
        }
        match (&request.method, rest) {
            (&Method::GET, ["serverConfig"]) => {
                context.require("container.clusters.list")?;
                ok(&versions::server_config())
            }
            (_, ["operations", rest @ ..]) => self.handle_operations(request, location, rest, context),
            (_, ["clusters", rest @ ..]) => self.handle_clusters(request, location, rest, context),
            _ => Err(unknown_path(request)),
        }
    }

    fn handle_operations(
        &self,
        request: &Request,
        location: &str,
        rest: &[&str],
        context: &Context<'_>,
    ) -> Reply {
        let here = |operation: &&Operation| location == "-" || operation.location == location;
        match (&request.method, rest) {
            (&Method::GET, []) => {
                context.require("container.operations.list")?;
                let found: Vec<Value> = self.operations.iter().filter(here).map(Operation::to_json).collect();
                ok(&if found.is_empty() { json!({}) } else { json!({ "operations": found }) })
            }
            (&Method::GET, [name]) => {
                context.require("container.operations.get")?;
                let found = self.operations.iter().filter(here).find(|operation| operation.name == *name);
                let operation = found.ok_or_else(|| {
                    ApiError::not_found(format!(
                        "Not found: projects/{PROJECT}/locations/{location}/operations/{name}."
                    ))
                })?;
                ok(&operation.to_json())
            }
            (&Method::POST, [name]) if name.ends_with(":cancel") => {
                Err(ApiError::failed_precondition(format!("Operation {name} cannot be cancelled.")))
            }
            _ => Err(unknown_path(request)),
        }
    }

    fn handle_clusters(
        &mut self,
        request: &Request,
        location: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        match (&request.method, rest) {
            (&Method::GET, []) => self.list(location, context),
            (&Method::POST, []) => self.create(request, location, context),
            (&Method::GET, [name]) => {
                context.require("container.clusters.get")?;
                ok(&self.find(location, name)?.to_json(&context.environment.authority_pem))
            }
            (&Method::DELETE, [name]) => self.delete(location, name, context),
            (&Method::PUT, [name]) => self.update(request, location, name, context),
            (&Method::POST, [target]) => self.cluster_verb(request, location, target, context),
            (_, [name, "nodePools", rest @ ..]) => self.handle_pools(request, location, name, rest, context),
            _ => Err(unknown_path(request)),
        }
    }

    fn find(&self, location: &str, name: &str) -> Result<&Cluster, ApiError> {
        self.clusters.get(&key(location, name)).ok_or_else(|| cluster_not_found(location, name))
    }

    fn find_mut(&mut self, location: &str, name: &str) -> Result<&mut Cluster, ApiError> {
        self.clusters.get_mut(&key(location, name)).ok_or_else(|| cluster_not_found(location, name))
    }

    fn list(&self, location: &str, context: &Context<'_>) -> Reply {
        context.require("container.clusters.list")?;
        let here = |cluster: &&Cluster| location == "-" || cluster.location == location;
        let authority = &context.environment.authority_pem;
        let found: Vec<Value> =
            self.clusters.values().filter(here).map(|cluster| cluster.to_json(authority)).collect();
        ok(&if found.is_empty() { json!({}) } else { json!({ "clusters": found }) })
    }

    fn create(&mut self, request: &Request, location: &str, context: &mut Context<'_>) -> Reply {
        context.require("container.clusters.create")?;
        let Value::Object(mut body) = read_message("CreateClusterRequest", &json_body(request)?)? else {
            return Err(ApiError::invalid("Cluster is required."));
        };
        let Some(Value::Object(spec)) = body.remove("cluster") else {
            return Err(ApiError::invalid("Cluster is required."));
        };
        let accepted = validate::cluster(spec, location, context.now)?;
        if self.clusters.contains_key(&key(location, &accepted.name)) {
            let kind = if catalog::is_zone(location) { "zones" } else { "locations" };
            return Err(ApiError::already_exists(format!(
                "Already exists: projects/{PROJECT}/{kind}/{location}/clusters/{}.",
                accepted.name
            )));
        }
        let cluster = self.new_cluster(accepted, location, context)?;
        for pool in &cluster.pools {
            self.check_quota(location, pool, planned_workers(pool), context)?;
        }
        let name = cluster.name.clone();
        let failure = stockout(&cluster, context);
        self.clusters.insert(key(location, &name), cluster);
        let seconds = context.settings.cluster_creation_seconds;
        self.start(location, &name, Effect::CreateCluster, seconds, failure, context)
    }

    fn new_cluster(
        &self,
        accepted: validate::Accepted,
        location: &str,
        context: &mut Context<'_>,
    ) -> Result<Cluster, ApiError> {
        let taken: Vec<u8> = self.clusters.values().map(|cluster| cluster.index).collect();
        let limit = u8::try_from(context.environment.cluster_endpoints.len().min(60)).unwrap_or(60);
        let index = (0..limit).find(|index| !taken.contains(index)).ok_or_else(|| {
            ApiError::forbidden(format!("Insufficient quota: the project can have {limit} clusters."))
                .with_reason("quotaExceeded")
        })?;
        let pool = |spec: Map<String, Value>| Pool {
            name: spec.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            spec,
            status: Status::Provisioning,
            workers: Vec::new(),
        };
        Ok(Cluster {
            id: context.mint.hex(64),
            name: accepted.name,
            location: location.to_owned(),
            index,
            spec: accepted.spec,
            pools: accepted.pools.into_iter().map(pool).collect(),
            version: accepted.version,
            status: Status::Provisioning,
            status_message: None,
            created: context.now,
            endpoint: None,
            workers_made: 0,
        })
    }

    /// CPUs and addresses that workers of all clusters use in a region.
    pub(crate) fn usage(&self, region: &str) -> (u64, usize) {
        let pools = self
            .clusters
            .values()
            .filter(|cluster| catalog::region_of(&cluster.location) == region)
            .flat_map(|cluster| &cluster.pools);
        pools.fold((0, 0), |(cpus, machines), pool| {
            let count =
                if pool.status == Status::Provisioning { planned_workers(pool) } else { pool.workers.len() };
            let each = pool.machine().milli_cpus / 1_000;
            (cpus + each * u64::try_from(count).unwrap_or_default(), machines + count)
        })
    }

    fn check_quota(
        &self,
        location: &str,
        pool: &Pool,
        more: usize,
        context: &Context<'_>,
    ) -> Result<(), ApiError> {
        let region = catalog::region_of(location);
        let (cpus, machines) = self.usage(&region);
        let more_machines = u32::try_from(more).unwrap_or(u32::MAX);
        let cpus_each = u32::try_from(pool.machine().milli_cpus / 1_000).unwrap_or_default();
        let used_cpus = u32::try_from(cpus).unwrap_or(u32::MAX);
        let used_machines = u32::try_from(machines).unwrap_or(u32::MAX);
        let asked = [
            ("CPUS", f64::from(more_machines) * f64::from(cpus_each), used_cpus),
            ("IN_USE_ADDRESSES", f64::from(more_machines), used_machines),
            ("INSTANCES", f64::from(more_machines), used_machines),
        ];
        for (metric, request, used) in asked {
            let limit = context.settings.quotas.get(metric).copied().unwrap_or(f64::INFINITY);
            let available = limit - f64::from(used);
            if request > available {
                return Err(insufficient_quota(metric, request, available, limit));
            }
        }
        Ok(())
    }

    fn busy_operation(&self, location: &str, cluster: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| {
            !operation.done && operation.location == location && operation.cluster == cluster
        })
    }

    fn require_idle(&self, location: &str, cluster: &str) -> Result<(), ApiError> {
        match self.busy_operation(location, cluster) {
            Some(operation) => Err(ApiError::failed_precondition(format!(
                "Cluster is running incompatible operation {}.",
                operation.name
            ))),
            None => Ok(()),
        }
    }

    fn start(
        &mut self,
        location: &str,
        cluster: &str,
        effect: Effect,
        seconds: f64,
        failure: Option<Failure>,
        context: &mut Context<'_>,
    ) -> Reply {
        let operation = Operation {
            name: format!("operation-{}-{}", context.now.as_millisecond(), context.mint.hex(8)),
            location: location.to_owned(),
            cluster: cluster.to_owned(),
            effect,
            started: context.now,
            due: context.after(seconds),
            done: false,
            failure,
        };
        let body = operation.to_json();
        self.operations.push(operation);
        ok(&body)
    }

    fn delete(&mut self, location: &str, name: &str, context: &mut Context<'_>) -> Reply {
        context.require("container.clusters.delete")?;
        self.find(location, name)?;
        self.require_idle(location, name)?;
        self.find_mut(location, name)?.status = Status::Stopping;
        let seconds = context.settings.cluster_deletion_seconds;
        self.start(location, name, Effect::DeleteCluster, seconds, None, context)
    }

    fn update(&mut self, request: &Request, location: &str, name: &str, context: &mut Context<'_>) -> Reply {
        context.require("container.clusters.update")?;
        let body = read_message("UpdateClusterRequest", &json_body(request)?)?;
        let update = body["update"].as_object().cloned().unwrap_or_default();
        if update.is_empty() {
            return Err(ApiError::invalid("Must specify a field to update."));
        }
        self.change(location, name, context, |cluster| {
            for (field, value) in update {
                let Some(rest) = field.strip_prefix("desired") else { continue };
                let mut letters = rest.chars();
                let plain: String =
                    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
                cluster.spec.insert(plain, value);
            }
            Ok(())
        })
    }

    fn cluster_verb(
        &mut self,
        request: &Request,
        location: &str,
        target: &str,
        context: &mut Context<'_>,
    ) -> Reply {
        context.require("container.clusters.update")?;
        let (name, verb) = target.split_once(':').ok_or_else(|| unknown_path(request))?;
        match verb {
            "setMaintenancePolicy" => {
                let body = read_message("SetMaintenancePolicyRequest", &json_body(request)?)?;
                let policy = body["maintenancePolicy"].clone();
                validate::maintenance_policy(&policy, context.now)?;
                self.change(location, name, context, |cluster| {
                    cluster.spec.insert("maintenancePolicy".to_owned(), policy);
                    Ok(())
                })
            }
            "setResourceLabels" => {
                let body = read_message("SetLabelsRequest", &json_body(request)?)?;
                let labels = body["resourceLabels"].clone();
                let mut spec = Map::new();
                spec.insert("resourceLabels".to_owned(), labels.clone());
                validate::check_labels(&spec)?;
                self.change(location, name, context, |cluster| {
                    cluster.spec.insert("resourceLabels".to_owned(), labels);
                    Ok(())
                })
            }
            _ => Err(unknown_path(request)),
        }
    }

    /// Changes an idle cluster at once; the operation that shows it ends a little later.
    fn change(
        &mut self,
        location: &str,
        name: &str,
        context: &mut Context<'_>,
        change: impl FnOnce(&mut Cluster) -> Result<(), ApiError>,
    ) -> Reply {
        self.find(location, name)?;
        self.require_idle(location, name)?;
        let cluster = self.find_mut(location, name)?;
        change(cluster)?;
        cluster.status = Status::Reconciling;
        let seconds = context.settings.operation_seconds;
        self.start(location, name, Effect::UpdateCluster, seconds, None, context)
    }
}

fn key(location: &str, name: &str) -> String {
    format!("{location}/{name}")
}

fn unknown_path(request: &Request) -> ApiError {
    ApiError::not_found(format!("The requested URL {} was not found on this server.", request.path))
}

fn cluster_not_found(location: &str, name: &str) -> ApiError {
    ApiError::not_found(format!("Not found: projects/{PROJECT}/locations/{location}/clusters/{name}."))
}

fn insufficient_quota(metric: &str, request: f64, available: f64, limit: f64) -> ApiError {
    ApiError::forbidden(format!(
        "Insufficient regional quota to satisfy request: resource \"{metric}\": request requires '{request:.1}' and \
         is short '{:.1}'. project has a quota of '{limit:.1}' with '{:.1}' available.",
        request - available,
        available.max(0.0)
    ))
    .with_reason("quotaExceeded")
}

fn stockout(cluster: &Cluster, context: &Context<'_>) -> Option<Failure> {
    let zones = cluster.pools.iter().flat_map(Pool::zones);
    let zone = zones.into_iter().find(|zone| context.settings.stockout_zones.contains(zone))?;
    Some(Failure {
        code: 8,
        condition: "GCE_STOCKOUT".to_owned(),
        message: format!(
            "The zone 'projects/{PROJECT}/zones/{zone}' does not have enough resources available to fulfill the \
             request. Try a different zone, or try again later."
        ),
    })
}

fn planned_workers(pool: &Pool) -> usize {
    let per_zone = pool.spec.get("initialNodeCount").and_then(Value::as_u64).unwrap_or_default();
    usize::try_from(per_zone).unwrap_or_default().saturating_mul(pool.zones().len())
}
