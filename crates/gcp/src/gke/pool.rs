//! The size of a cluster's node pool.

use serde_json::{Value, json};
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::ClusterRequest;
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::Idempotency;

use super::Gke;
use super::cluster::{ClusterBody, POOL, PoolBody};
use super::difference::Differences;
use super::operation::{Condition, POLL_INTERVAL, failure};
use super::spec::autoscaling;

const RESIZE: &str = "resize node pool of cluster";

impl Gke {
    /// Makes the pool at least as large as asked for.
    pub(super) async fn ensure_pool(&self, request: &ClusterRequest, wait: &Wait) -> Result<Outcome> {
        let network = &request.network;
        let cluster = self.own_cluster(RESIZE, network).await?;
        let differences = Differences::between(&cluster, request);
        if !differences.fixed.is_empty() {
            return Err(cannot_be_changed(network, &differences.fixed));
        }
        if differences.changeable.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let bounds = cluster.pool().map(|pool| pool.autoscaling).unwrap_or_default();
        let fewest = request.workers.max(bounds.min_node_count);
        let most = request.most_workers.max(bounds.max_node_count);
        self.set_bounds(&cluster, network, fewest, most, wait).await?;
        if cluster.current_node_count < request.workers {
            self.set_size(network, request.workers, wait).await?;
        }
        self.until_sized(network, request.workers, wait).await?;
        Ok(Outcome::Updated)
    }

    /// Makes the pool exactly as large as asked for.
    pub(super) async fn resize_pool(
        &self,
        network: &NetworkName,
        workers: u32,
        most_workers: u32,
        wait: &Wait,
    ) -> Result<Outcome> {
        let cluster = self.own_cluster(RESIZE, network).await?;
        let moved = self.set_bounds(&cluster, network, workers, most_workers, wait).await?;
        if cluster.current_node_count == workers {
            return Ok(moved);
        }
        self.set_size(network, workers, wait).await?;
        self.until_sized(network, workers, wait).await?;
        Ok(Outcome::Updated)
    }

    async fn set_bounds(
        &self,
        cluster: &ClusterBody,
        network: &NetworkName,
        fewest: u32,
        most: u32,
        wait: &Wait,
    ) -> Result<Outcome> {
        let pool = cluster.pool().ok_or_else(|| no_pool(network))?;
        if has_bounds(pool, fewest, most) {
            return Ok(Outcome::Unchanged);
        }
        let body = json!({"autoscaling": autoscaling(fewest, most)});
        self.change_pool("setAutoscaling", network, &body, wait).await?;
        Ok(Outcome::Updated)
    }

    async fn set_size(&self, network: &NetworkName, workers: u32, wait: &Wait) -> Result<()> {
        self.change_pool("setSize", network, &json!({"nodeCount": workers}), wait).await
    }

    /// Setting the same size or bounds twice is setting them once.
    async fn change_pool(&self, verb: &str, network: &NetworkName, body: &Value, wait: &Wait) -> Result<()> {
        let target = format!("{POOL}:{verb}");
        let segments = ["locations", &self.location, "clusters", network.as_str(), "nodePools", &target];
        let url = self.api.container(&segments);
        let request = || self.api.post(&url, body, Idempotency::Idempotent).about(RESIZE, network.as_str());
        let operation = self.request_change(network, wait, request).await?;
        self.finish(RESIZE, network, &operation, wait).await
    }

    async fn until_sized(&self, network: &NetworkName, workers: u32, wait: &Wait) -> Result<()> {
        let look = || async { sized(network, &self.own_cluster(RESIZE, network).await?, workers) };
        wait.until(&format!("workers of cluster {network}"), POLL_INTERVAL, look).await
    }
}

fn has_bounds(pool: &PoolBody, fewest: u32, most: u32) -> bool {
    let bounds = pool.autoscaling;
    bounds.enabled && bounds.min_node_count == fewest && bounds.max_node_count == most.max(fewest)
}

/// Whether the pool has its workers; an error when GKE says that it will not get them.
fn sized(network: &NetworkName, cluster: &ClusterBody, workers: u32) -> Result<Progress<()>> {
    if cluster.current_node_count >= workers {
        return Ok(Progress::Ready(()));
    }
    let pool = cluster.pool().ok_or_else(|| no_pool(network))?;
    let conditions = pool.conditions.iter().map(Condition::text).collect::<Vec<_>>().join("; ");
    if matches!(pool.status.as_str(), "ERROR" | "RUNNING_WITH_ERROR") {
        return Err(failure(RESIZE, network.as_str(), &format!("the pool is {}: {conditions}", pool.status)));
    }
    let there = format!("{} of {workers} workers are there", cluster.current_node_count);
    Ok(Progress::Pending(if conditions.is_empty() { there } else { format!("{there}: {conditions}") }))
}

fn no_pool(network: &NetworkName) -> Error {
    let reason = format!("it has no node pool `{POOL}`");
    Error::new(Meaning::NotFound, RESIZE, network.as_str(), reason)
}

fn cannot_be_changed(network: &NetworkName, differences: &[String]) -> Error {
    let reason = format!("a cluster keeps these for life: {}", differences.join("; "));
    Error::new(Meaning::Invalid, "adopt cluster", network.as_str(), reason)
        .with_hint("use the settings that the network was created with, or delete it and create it again")
}
