//! Node pools: creating, resizing, changing and deleting them.

use http::Method;
use serde_json::{Value, json};

use super::{
    Gke,
    cluster::{Cluster, Pool, Status},
    key,
    operations::Effect,
    planned_workers, unknown_path, validate,
};
use crate::{
    context::Context,
    google::{ApiError, Reply, json_body, ok, schema::read_message},
    wire::Request,
};

impl Gke {
    pub(super) fn handle_pools(
        &mut self,
        request: &Request,
        location: &str,
        cluster: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        match (&request.method, rest) {
            (&Method::GET, []) => {
                context.require("container.clusters.get")?;
                let cluster = self.find(location, cluster)?;
                ok(
                    &json!({"nodePools": cluster.pools.iter().map(|pool| pool.to_json(cluster)).collect::<Vec<_>>()}),
                )
            }
            (&Method::GET, [name]) => {
                context.require("container.clusters.get")?;
                let cluster = self.find(location, cluster)?;
                ok(&find_pool(cluster, name)?.to_json(cluster))
            }
            (&Method::POST, []) => self.create_pool(request, location, cluster, context),
            (&Method::DELETE, [name]) => {
                context.require("container.clusters.update")?;
                find_pool(self.find(location, cluster)?, name)?;
                let seconds = context.settings.node_pool_seconds;
                self.change_pool(
                    location,
                    cluster,
                    name,
                    Effect::DeletePool((*name).to_owned()),
                    seconds,
                    context,
                )
            }
            (&Method::POST, [target]) => self.pool_verb(request, location, cluster, target, context),
            _ => Err(unknown_path(request)),
        }
    }

    fn create_pool(
        &mut self,
        request: &Request,
        location: &str,
        cluster: &str,
        context: &mut Context<'_>,
    ) -> Reply {
        context.require("container.clusters.update")?;
        let body = read_message("CreateNodePoolRequest", &json_body(request)?)?;
        let Value::Object(spec) = body["nodePool"].clone() else {
            return Err(ApiError::invalid("NodePool is required."));
        };
        let known = self.find(location, cluster)?;
        let zones = known.pools.first().map(Pool::zones).unwrap_or_default();
        let spec = validate::pool(spec, &zones, validate::release_channel(&known.spec).as_deref())?;
        let name = spec.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if known.pool(&name).is_some() {
            return Err(ApiError::already_exists(format!(
                "Already exists: {}/nodePools/{name}.",
                known.self_link()
            )));
        }
        self.require_idle(location, cluster)?;
        let pool = Pool { name: name.clone(), spec, status: Status::Provisioning, workers: Vec::new() };
        self.check_quota(location, &pool, planned_workers(&pool), context)?;
        let known = self.find_mut(location, cluster)?;
        known.pools.push(pool);
        known.status = Status::Reconciling;
        let seconds = context.settings.node_pool_seconds;
        self.start(location, cluster, Effect::CreatePool(name), seconds, None, context)
    }

    fn pool_verb(
        &mut self,
        request: &Request,
        location: &str,
        cluster: &str,
        target: &str,
        context: &mut Context<'_>,
    ) -> Reply {
        context.require("container.clusters.update")?;
        let (name, verb) = target.split_once(':').ok_or_else(|| unknown_path(request))?;
        let known = self.find(location, cluster)?;
        let channel = validate::release_channel(&known.spec);
        let pool = find_pool(known, name)?.clone();
        let body = json_body(request)?;
        let update = Effect::UpdatePool(name.to_owned());
        let brief = context.settings.operation_seconds;
        match verb {
            "setSize" => {
                let body = read_message("SetNodePoolSizeRequest", &body)?;
                let nodes_per_zone = body["nodeCount"].as_u64().and_then(|count| u32::try_from(count).ok());
                let nodes_per_zone =
                    nodes_per_zone.ok_or_else(|| ApiError::invalid("Node_count must be zero or greater."))?;
                self.check_growth(location, &pool, nodes_per_zone, context)?;
                let effect = Effect::ResizePool { pool: name.to_owned(), nodes_per_zone };
                self.change_pool(location, cluster, name, effect, context.settings.node_pool_seconds, context)
            }
            "setAutoscaling" => {
                let body = read_message("SetNodePoolAutoscalingRequest", &body)?;
                validate::autoscaling(&body["autoscaling"])?;
                let reply = self.change_pool(location, cluster, name, update, brief, context)?;
                self.set_pool_field(location, cluster, name, "autoscaling", body["autoscaling"].clone());
                Ok(reply)
            }
            "setManagement" => {
                let body = read_message("SetNodePoolManagementRequest", &body)?;
                validate::management(&body["management"], channel.as_deref())?;
                let reply = self.change_pool(location, cluster, name, update, brief, context)?;
                self.set_pool_field(location, cluster, name, "management", body["management"].clone());
                Ok(reply)
            }
            _ => Err(unknown_path(request)),
        }
    }

    fn check_growth(
        &self,
        location: &str,
        pool: &Pool,
        nodes_per_zone: u32,
        context: &Context<'_>,
    ) -> Result<(), ApiError> {
        let wanted =
            usize::try_from(nodes_per_zone).unwrap_or(usize::MAX).saturating_mul(pool.zones().len().max(1));
        match wanted.checked_sub(pool.workers.len()) {
            Some(more) if more > 0 => self.check_quota(location, pool, more, context),
            _ => Ok(()),
        }
    }

    fn change_pool(
        &mut self,
        location: &str,
        cluster: &str,
        pool: &str,
        effect: Effect,
        seconds: f64,
        context: &mut Context<'_>,
    ) -> Reply {
        self.require_idle(location, cluster)?;
        let known = self.find_mut(location, cluster)?;
        known.status = Status::Reconciling;
        if let Some(pool) = known.pool_mut(pool) {
            pool.status = Status::Reconciling;
        }
        self.start(location, cluster, effect, seconds, None, context)
    }

    fn set_pool_field(&mut self, location: &str, cluster: &str, pool: &str, field: &str, value: Value) {
        let pool = self.clusters.get_mut(&key(location, cluster)).and_then(|cluster| cluster.pool_mut(pool));
        if let Some(pool) = pool {
            pool.spec.insert(field.to_owned(), value);
        }
    }
}

fn find_pool<'a>(cluster: &'a Cluster, name: &str) -> Result<&'a Pool, ApiError> {
    cluster
        .pool(name)
        .ok_or_else(|| ApiError::not_found(format!("Not found: {}/nodePools/{name}.", cluster.self_link())))
}
