//! Making, adopting and deleting a network's cluster.

use serde_json::Value;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ClusterRequest, ClusterState, Look};
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::Idempotency;

use super::Gke;
use super::cluster::ClusterBody;
use super::difference::Differences;
use super::operation::{Operation, POLL_INTERVAL, failure};
use super::spec::{Site, create_body};

const CREATE: &str = "create cluster";
const DELETE: &str = "delete cluster";
/// How often a creation is asked for whose replies are lost while no cluster comes into being.
const MOST_CREATIONS: u32 = 3;

impl Gke {
    pub(super) async fn look(&self, request: &ClusterRequest) -> Result<Look> {
        let Some(cluster) = self.find_cluster(&request.network).await? else { return Ok(Look::Absent) };
        cluster.require_ours("look at cluster", &request.network)?;
        let lines = Differences::between(&cluster, request).into_lines();
        Ok(if lines.is_empty() { Look::Same } else { Look::Differs(lines) })
    }

    pub(super) async fn ensure(&self, request: &ClusterRequest, wait: &Wait) -> Result<Outcome> {
        let made = self.ensure_exists(request, wait).await?;
        let sized = self.ensure_pool(request, wait).await?;
        Ok(made.and(sized))
    }

    async fn ensure_exists(&self, request: &ClusterRequest, wait: &Wait) -> Result<Outcome> {
        let network = &request.network;
        let state = match self.find_cluster(network).await? {
            Some(cluster) => {
                cluster.require_ours(CREATE, network)?;
                Some(cluster.state())
            }
            None => None,
        };
        match state {
            Some(ClusterState::Running | ClusterState::Reconciling) => {
                self.until_usable(network, wait).await?;
                return Ok(Outcome::Unchanged);
            }
            Some(ClusterState::Stopping) => self.until_gone(network, wait).await?,
            Some(_) => {
                self.finish_running(CREATE, network, wait).await?;
                self.until_usable(network, wait).await?;
                return Ok(Outcome::Created);
            }
            None => {}
        }
        self.create(request, wait).await?;
        self.until_usable(network, wait).await?;
        Ok(Outcome::Created)
    }

    /// Asks for the cluster and waits for the operation. GKE has no request identifiers: after an unclear reply the cluster is looked
    /// for, and asked for again only when it is not there.
    async fn create(&self, request: &ClusterRequest, wait: &Wait) -> Result<()> {
        let network = &request.network;
        let version =
            self.resolve_version(&request.release_channel, request.kubernetes_version.as_deref()).await?;
        let now = wait.clock().now();
        let site = Site {
            project: &self.api.project,
            zone: &self.zone,
            state_bucket: self.state_bucket.as_deref(),
            version: &version,
            now,
        };
        let body = create_body(request, site);
        let mut tries = 0;
        loop {
            let error = match self.request_creation(network, &body).await {
                Ok(operation) => return self.finish(CREATE, network, &operation, wait).await,
                Err(error) => error,
            };
            tries += 1;
            if error.effect() == Effect::None && error.meaning() != Meaning::AlreadyExists {
                return Err(error);
            }
            if let Some(cluster) = self.find_cluster(network).await? {
                cluster.require_ours(CREATE, network)?;
                return self.finish_running(CREATE, network, wait).await;
            }
            if tries >= MOST_CREATIONS || wait.remaining().is_zero() {
                return Err(error);
            }
            wait.tell(&format!("cluster {network}"), error.reason());
            wait.clock().sleep(POLL_INTERVAL).await;
        }
    }

    async fn request_creation(&self, network: &NetworkName, body: &Value) -> Result<Operation> {
        let url = self.api.container(&["locations", &self.location, "clusters"]);
        let request = self.api.post(&url, body, Idempotency::NotRepeatable).about(CREATE, network.as_str());
        Operation::read(&request.send().await?)
    }

    /// Waits for operations on the cluster that an earlier run, or a lost reply, left running.
    async fn finish_running(&self, doing: &str, network: &NetworkName, wait: &Wait) -> Result<()> {
        for operation in self.running_operations(network).await? {
            self.finish(doing, network, &operation, wait).await?;
        }
        Ok(())
    }

    async fn until_usable(&self, network: &NetworkName, wait: &Wait) -> Result<()> {
        let look = || async { usable(network, self.find_cluster(network).await?) };
        wait.until(&format!("cluster {network}"), POLL_INTERVAL, look).await
    }

    async fn until_gone(&self, network: &NetworkName, wait: &Wait) -> Result<()> {
        let look = || async {
            Ok(match self.find_cluster(network).await? {
                None => Progress::Ready(()),
                Some(cluster) => Progress::Pending(format!("it is still there: {}", described(&cluster))),
            })
        };
        wait.until(&format!("cluster {network} to be gone"), POLL_INTERVAL, look).await
    }

    pub(super) async fn delete(&self, network: &NetworkName, wait: &Wait) -> Result<Outcome> {
        let Some(cluster) = self.find_cluster(network).await? else { return Ok(Outcome::Absent) };
        cluster.require_ours(DELETE, network)?;
        if cluster.state() != ClusterState::Stopping {
            let url = self.api.container(&["locations", &self.location, "clusters", network.as_str()]);
            let request = || self.api.delete(&url).about(DELETE, network.as_str());
            match self.request_change(network, wait, request).await {
                Ok(operation) => self.finish(DELETE, network, &operation, wait).await?,
                Err(error) if error.is_not_found() => return Ok(Outcome::Removed),
                Err(error) => return Err(error),
            }
        }
        self.until_gone(network, wait).await?;
        Ok(Outcome::Removed)
    }
}

/// Whether a cluster can be used yet; an error when it never will.
fn usable(network: &NetworkName, cluster: Option<ClusterBody>) -> Result<Progress<()>> {
    let Some(cluster) = cluster else {
        return Err(failure(
            CREATE,
            network.as_str(),
            "the cluster is gone again: GKE removes what it fails to make",
        ));
    };
    cluster.require_ours(CREATE, network)?;
    match cluster.state() {
        ClusterState::Running | ClusterState::Reconciling if cluster.has_endpoint() => {
            Ok(Progress::Ready(()))
        }
        ClusterState::Running | ClusterState::Reconciling => {
            Ok(Progress::Pending("its control plane has no address yet".to_owned()))
        }
        ClusterState::Provisioning | ClusterState::Unknown => Ok(Progress::Pending(described(&cluster))),
        ClusterState::Stopping => {
            let reason = "somebody is deleting it";
            Err(Error::new(Meaning::Unavailable, CREATE, network.as_str(), reason)
                .with_hint("run the command again once it is gone"))
        }
        ClusterState::Degraded | ClusterState::Error => Err(broken(network, &cluster)),
    }
}

fn broken(network: &NetworkName, cluster: &ClusterBody) -> Error {
    let error = failure(CREATE, network.as_str(), &described(cluster));
    if error.hint().is_some() {
        return error;
    }
    error.with_hint(
        "look at the cluster in the Google Cloud console, or delete the network and create it again",
    )
}

fn described(cluster: &ClusterBody) -> String {
    let message = cluster.message();
    let status = format!("its status is {}", cluster.status);
    if message.is_empty() { status } else { format!("{status} ({message})") }
}
