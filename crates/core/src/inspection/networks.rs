//! All networks that there are, with what is known of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::within;
use crate::error::{Result, render_chain};
use crate::names::NetworkName;
use crate::operation::{ELASTIC_SECRET, GRAFANA_SECRET, Services};
use crate::report;
use crate::secret::{ExposeSecret, SecretString};
use crate::spec::Generation;
use crate::state::{NetworkRecord, NetworkStatus, RecordStore, SCHEMA};
use crate::traits::{Cluster, ClusterList, ClusterState, Ownership, Workloads};
use crate::workload::{NetworkSecret, Part};

/// How many networks are looked at at once.
const NETWORKS_AT_ONCE: usize = 8;

/// How long one network may take to answer.
const PATIENCE: Duration = Duration::from_secs(45);

/// All networks that could be found.
#[derive(Debug, Clone, Serialize)]
pub struct NetworksReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `Networks`.
    pub kind: String,
    /// The networks, by name.
    pub networks: Vec<NetworkRow>,
    /// What could not be seen, so that a network may be missing or its cluster unknown.
    pub problems: Vec<String>,
}

/// What is known of a network.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkRow {
    /// Its name.
    pub network: NetworkName,
    /// How far it is.
    pub standing: Standing,
    /// The generation of its nodes.
    pub generation: Option<Generation>,
    /// Its nodes.
    pub nodes: Option<NodeCount>,
    /// The image of its nodes, as the cluster has it, else as it was asked for.
    pub image: Option<String>,
    /// When its chain starts.
    pub genesis_time: Option<Timestamp>,
    /// v1: the genesis id; v0: the network id.
    pub network_id: Option<String>,
    /// Where its config can be read.
    pub config_url: Option<String>,
    /// What else can be opened, by what it is: an address, or the command that leads there.
    pub urls: BTreeMap<String, String>,
    /// Logins of what has one, when they were asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub logins: BTreeMap<String, Login>,
    /// Its cluster.
    pub cluster: Option<ClusterSummary>,
    /// When it was asked for.
    pub created_at: Option<Timestamp>,
    /// Who asked for it.
    pub created_by: Option<String>,
    /// What could not be found out, or is wrong.
    pub error: Option<String>,
}

/// How far a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A creation has begun and not finished.
    Creating,
    /// It is up.
    Ready,
    /// Only its logs and metrics are left.
    Kept,
    /// A deletion has begun and not finished.
    Deleting,
    /// It has a cluster with our mark, but no record.
    Unrecorded,
    /// It has a record that cannot be read.
    Unreadable,
    /// It has a record, but its cluster is gone.
    WithoutCluster,
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Kept => "kept",
            Self::Deleting => "deleting",
            Self::Unrecorded => "unrecorded",
            Self::Unreadable => "unreadable",
            Self::WithoutCluster => "without cluster",
        })
    }
}

/// How many nodes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NodeCount {
    /// Nodes whose pods are ready; none when the cluster did not say.
    pub ready: Option<usize>,
    /// Nodes that there are to be.
    pub planned: u32,
}

/// A cluster in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterSummary {
    /// Its state.
    pub state: ClusterState,
    /// What the service says about that state.
    pub message: String,
    /// Where it is.
    pub location: String,
    /// The version of its control plane.
    pub version: String,
    /// How many workers it has.
    pub workers: u32,
}

/// A user and a password, which is written out: only ask for it to show it.
#[derive(Debug, Clone, Serialize)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    #[serde(serialize_with = "written_out")]
    pub password: SecretString,
}

fn written_out<S: Serializer>(
    password: &SecretString,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(password.expose_secret())
}

/// Finds all networks of the state store and of the cluster provider: two lists, and for each network a constant number of calls, some networks at a
/// time. One that fails is a row with its error. `with_logins` reads passwords too.
///
/// # Errors
///
/// Those of the state store. When clusters cannot be listed, that is a problem of the report.
pub async fn find_networks(services: &Services, with_logins: bool) -> Result<NetworksReport> {
    let (recorded, clusters) =
        futures::join!(RecordStore::networks(&*services.state_store), services.cluster.list());
    let mut problems = Vec::new();
    let seen = clusters.map_err(|error| problems.push(render_chain(&error))).ok();
    problems.extend(
        seen.iter().flat_map(|list| &list.unreachable).map(|location| format!("no answer from {location}")),
    );
    let names = names(recorded?, seen.as_ref());
    let rows = names.into_iter().map(|(name, recorded)| {
        let cluster = seen.as_ref().and_then(|list| cluster_of(list, &name)).cloned();
        let complete = seen.as_ref().is_some_and(|list| list.unreachable.is_empty());
        Subject { services, name, recorded, cluster, complete, with_logins }.row()
    });
    Ok(NetworksReport {
        schema: SCHEMA.to_owned(),
        kind: "Networks".to_owned(),
        networks: stream::iter(rows).buffered(NETWORKS_AT_ONCE).collect().await,
        problems,
    })
}

/// All names, each with whether there is a record of it.
fn names(recorded: Vec<NetworkName>, seen: Option<&ClusterList>) -> BTreeMap<NetworkName, bool> {
    let ours = seen.iter().flat_map(|list| &list.clusters).filter_map(|cluster| match &cluster.ownership {
        Ownership::Ours(network) => Some((network.clone(), false)),
        Ownership::Foreign => None,
    });
    let mut names: BTreeMap<NetworkName, bool> = ours.collect();
    names.extend(recorded.into_iter().map(|name| (name, true)));
    names
}

/// The cluster with our mark for this network; one that merely has its name is somebody else's.
fn cluster_of<'a>(list: &'a ClusterList, network: &NetworkName) -> Option<&'a Cluster> {
    list.clusters.iter().find(|cluster| cluster.ownership == Ownership::Ours(network.clone()))
}

/// A network that is looked at.
struct Subject<'a> {
    services: &'a Services,
    name: NetworkName,
    recorded: bool,
    cluster: Option<Cluster>,
    complete: bool,
    with_logins: bool,
}

impl Subject<'_> {
    async fn row(self) -> NetworkRow {
        let mut row = self.empty_row();
        if !self.recorded {
            row.error = Some(match self.cluster.and_then(|cluster| cluster.recorded_in) {
                Some(there) if there != self.services.state_store.location() => {
                    format!("it is recorded in {there}, not in this state store")
                }
                _ => "its cluster carries our mark, but there is no record of it in this state store; delete-network removes it".to_owned(),
            });
            return row;
        }
        let store = Arc::clone(&self.services.state_store);
        match RecordStore::new(store, &self.name).read().await {
            Ok(Some(record)) => self.fill(&mut row, &record).await,
            Ok(None) => row.error = Some("it was deleted a moment ago".to_owned()),
            Err(error) => {
                row.standing = Standing::Unreadable;
                row.error = Some(render_chain(&error));
            }
        }
        row
    }

    fn empty_row(&self) -> NetworkRow {
        NetworkRow {
            network: self.name.clone(),
            standing: Standing::Unrecorded,
            generation: None,
            nodes: None,
            image: None,
            genesis_time: None,
            network_id: None,
            config_url: None,
            urls: BTreeMap::new(),
            logins: BTreeMap::new(),
            cluster: self.cluster.as_ref().map(summary),
            created_at: self.cluster.as_ref().and_then(|cluster| cluster.created),
            created_by: None,
            error: None,
        }
    }

    async fn fill(&self, row: &mut NetworkRow, record: &NetworkRecord) {
        let spec = &record.spec;
        row.standing = self.standing(record.status);
        row.generation = Some(spec.generation);
        row.nodes = Some(NodeCount { ready: None, planned: spec.fleet.count() });
        row.image = Some(spec.node.image.to_string());
        row.genesis_time = record.genesis.as_ref().map(|genesis| genesis.genesis.time);
        row.network_id = record.genesis.as_ref().map(|genesis| genesis.id.clone());
        row.config_url.clone_from(&record.config_url);
        row.urls = report::urls(spec);
        row.created_at = Some(record.created_at);
        row.created_by = Some(record.created_by.clone());
        if row.standing == Standing::WithoutCluster {
            row.error = Some("its cluster is gone; delete-network removes what is left".to_owned());
        }
        if !self.cluster.as_ref().is_some_and(can_be_asked) {
            return;
        }
        let asked = within(
            &*self.services.clock,
            PATIENCE,
            "ask cluster of",
            self.name.as_str(),
            self.ask(row, record),
        );
        if let Err(error) = asked.await {
            row.error = Some(render_chain(&error));
        }
    }

    fn standing(&self, status: NetworkStatus) -> Standing {
        match status {
            NetworkStatus::Creating => Standing::Creating,
            NetworkStatus::Deleting => Standing::Deleting,
            NetworkStatus::Ready | NetworkStatus::Kept if self.cluster.is_none() && self.complete => {
                Standing::WithoutCluster
            }
            NetworkStatus::Ready => Standing::Ready,
            NetworkStatus::Kept => Standing::Kept,
        }
    }

    /// Adds what only the cluster knows.
    async fn ask(&self, row: &mut NetworkRow, record: &NetworkRecord) -> Result<()> {
        let workloads = self.services.connect(&record.spec).await?.workloads;
        let nodes: Vec<_> = workloads
            .list()
            .await?
            .into_iter()
            .filter(|workload| matches!(workload.part, Part::Node { .. }))
            .collect();
        let ready = nodes.iter().filter(|node| node.ready).count();
        row.nodes = Some(NodeCount { ready: Some(ready), planned: record.spec.fleet.count() });
        let images: BTreeSet<&str> = nodes.iter().map(|node| node.image.as_str()).collect();
        if !images.is_empty() {
            row.image = Some(images.into_iter().collect::<Vec<_>>().join(", "));
        }
        if self.with_logins {
            row.logins = logins(&*workloads).await?;
        }
        Ok(())
    }
}

pub(super) fn can_be_asked(cluster: &Cluster) -> bool {
    matches!(cluster.state, ClusterState::Running | ClusterState::Reconciling | ClusterState::Degraded)
}

pub(super) fn summary(cluster: &Cluster) -> ClusterSummary {
    ClusterSummary {
        state: cluster.state,
        message: cluster.message.clone(),
        location: cluster.location.clone(),
        version: cluster.version.clone(),
        workers: cluster.workers,
    }
}

async fn logins(workloads: &dyn Workloads) -> Result<BTreeMap<String, Login>> {
    let secrets = workloads.secrets().await?;
    let named = [("kibana", ELASTIC_SECRET), ("grafana", GRAFANA_SECRET)];
    let login = |(service, name): (&str, &str)| {
        let secret = secrets.iter().find(|secret| secret.name == name)?;
        Some((
            service.to_owned(),
            Login { user: text(secret, "username")?, password: text(secret, "password")?.into() },
        ))
    };
    Ok(named.into_iter().filter_map(login).collect())
}

fn text(secret: &NetworkSecret, key: &str) -> Option<String> {
    secret.data.get(key)?.expose_text().map(str::to_owned)
}
