use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::SCHEMA;
use crate::error::{Error, Meaning, Result};
use crate::identity::Genesis;
use crate::names::NetworkName;
use crate::observer::Outcome;
use crate::spec::NetworkSpec;
use crate::spelling::nearest;
use crate::traits::{ObjectStore, Precondition, PutOptions, RememberedBalancer};
use crate::upgrade::{Release, UpgradeTarget};
use crate::workload::Role;

/// The `kind` of a record document.
pub const RECORD_KIND: &str = "NetworkRecord";

/// Everything that is remembered of a network. No secret is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`RECORD_KIND`].
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// How far it is.
    pub status: NetworkStatus,
    /// Whether it is being deleted because a creation that failed takes back what was made of it: it was never up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
    /// What was asked for.
    pub spec: NetworkSpec,
    /// The settings it was asked for with, by key, defaults included, secrets not.
    pub settings: BTreeMap<String, Value>,
    /// True when the cluster was made for the network, false when it was there before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made_cluster: bool,
    /// The genesis, once it is fixed.
    pub genesis: Option<GenesisRecord>,
    /// The nodes' public identities and addresses.
    pub nodes: Vec<NodeRecord>,
    /// The PoETs' public identities and addresses.
    pub poets: Vec<PoetRecord>,
    /// The chart releases.
    pub charts: Vec<ChartRecord>,
    /// Numbers of nodes that an `add-miner` which has not finished is adding; the spec has them already.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub joining: BTreeSet<u32>,
    /// Numbers of nodes that a `delete-miner` which has not finished is removing; the spec does not have them any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leaving: BTreeSet<u32>,
    /// The upgrade that has begun and not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradeRecord>,
    /// The load balancers of its Services, so that they are found when the cluster was deleted without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<RememberedBalancer>,
    /// The discovery files that did not exist before the network's entry was put into them; one that is empty again goes with the network.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub discovery_files: BTreeSet<String>,
    /// How many workers carry slots.
    pub slots: u32,
    /// Where the network's config can be read, once it was published.
    pub config_url: Option<String>,
    /// The version of Spacecraft that wrote this.
    pub written_by_version: String,
    /// When the network was first asked for.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub created_by: String,
    /// When this was written.
    pub updated_at: Timestamp,
    /// Who wrote it.
    pub updated_by: String,
    /// The generation of the lock under which it was written: an older holder's writes fail.
    pub fence: i64,
}

/// How far a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkStatus {
    /// A create has begun and not finished.
    Creating,
    /// It is up.
    Ready,
    /// Only its logs and metrics are left, or will be once `delete-network --keep-logs-metrics` has finished.
    Kept,
    /// A delete has begun and not finished.
    Deleting,
}

impl NetworkRecord {
    /// The public addresses of the bootnodes.
    #[must_use]
    pub fn bootnode_addresses(&self) -> Vec<String> {
        let bootnodes = self.nodes.iter().filter(|node| node.role == Role::Bootnode);
        bootnodes.filter_map(|node| node.p2p.clone()).collect()
    }

    /// Refuses a network that is being deleted or of which only logs and metrics are left: nothing can be added to it or changed any more.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] with what to do instead.
    pub fn check_alive(&self, operation: &str) -> Result<()> {
        let refuse = |reason: &str, hint: &str| {
            Err(Error::new(Meaning::Invalid, operation, self.network.as_str(), reason).with_hint(hint))
        };
        match self.status {
            NetworkStatus::Creating | NetworkStatus::Ready => Ok(()),
            NetworkStatus::Deleting if self.taken_back => refuse(
                "a creation that failed is being rolled back",
                "create-network with --rollback finishes that and begins anew, delete-network removes what is left",
            ),
            NetworkStatus::Deleting => {
                refuse("it is being deleted", "finish that with delete-network, then create it anew")
            }
            NetworkStatus::Kept => refuse(
                "only its logs and metrics are left",
                "delete-network without --keep-logs-metrics removes them; then create it anew",
            ),
        }
    }
}

/// An upgrade that has begun and not ended, whether it was stopped, died or holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpgradeRecord {
    /// What it leads to.
    pub to: UpgradeTarget,
    /// What the network ran before.
    pub from: Release,
    /// Numbers of the nodes that it touched so far.
    pub touched: BTreeSet<u32>,
    /// Whether all nodes and PoETs stop for it.
    pub restart_all: bool,
}

/// A genesis that is fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisRecord {
    /// Time, extra data and network id.
    #[serde(flatten)]
    pub genesis: Genesis,
    /// v1: the genesis id, hexadecimal; v0: the network id.
    pub id: String,
    /// v0: when the PoETs were, or are to be, activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poet_activation: Option<Timestamp>,
    /// Whether the PoETs run their rounds: v1 from the start, v0 once they were activated.
    pub poets_activated: bool,
}

/// A node, as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// Its role.
    pub role: Role,
    /// The name of its PoET.
    pub poet: String,
    /// Its peer id.
    pub peer_id: String,
    /// v1: its smesher id, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smesher_id: Option<String>,
    /// Where its rewards go.
    pub coinbase: String,
    /// Its public multiaddr, for pinned nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p2p: Option<String>,
}

/// A PoET, as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetRecord {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// v1: its public key, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Its public URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A chart release of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartRecord {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The chart.
    pub chart: String,
    /// The chart's version.
    pub version: String,
    /// True when other networks of the cluster may use it too.
    pub shared: bool,
}

/// Reads and writes the record of one network, each write conditional on what was read or written last.
#[derive(Debug)]
pub struct RecordStore {
    store: Arc<dyn ObjectStore>,
    key: String,
    generation: Mutex<Option<i64>>,
}

impl RecordStore {
    /// The record of `network` in the state store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, network: &NetworkName) -> Self {
        Self { store, key: Self::key(network), generation: Mutex::new(None) }
    }

    /// The key of a network's record.
    #[must_use]
    pub fn key(network: &NetworkName) -> String {
        format!("{network}/network.json")
    }

    /// The names of all networks that have a record in a state store, sorted.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn networks(store: &dyn ObjectStore) -> Result<Vec<NetworkName>> {
        Ok(Self::names_in(&store.list("").await?))
    }

    /// The names of all networks that have a record among these objects of a state store, sorted.
    #[must_use]
    pub fn names_in(objects: &[(String, i64)]) -> Vec<NetworkName> {
        let name = |key: &str| NetworkName::new(key.strip_suffix("/network.json")?).ok();
        let mut names: Vec<NetworkName> = objects.iter().filter_map(|(key, _)| name(key)).collect();
        names.sort();
        names
    }

    /// The record; none when there is none.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when what is there is no record this version can read.
    pub async fn read(&self) -> Result<Option<NetworkRecord>> {
        let mut generation = self.generation.lock().await;
        let Some(object) = self.store.get(&self.key).await? else {
            *generation = None;
            return Ok(None);
        };
        *generation = Some(object.generation);
        parse(&object.bytes, &self.location()).map(Some)
    }

    /// The generation of the record that was read or written last; none when there was none.
    pub async fn generation(&self) -> Option<i64> {
        *self.generation.lock().await
    }

    /// Writes the record over the one that was read or written last.
    ///
    /// # Errors
    ///
    /// [`Meaning::PreconditionFailed`] when somebody else wrote it in the meantime.
    pub async fn write(&self, record: &NetworkRecord) -> Result<()> {
        let mut generation = self.generation.lock().await;
        let precondition = generation.map_or(Precondition::Absent, Precondition::Generation);
        let mut bytes = serde_json::to_vec_pretty(record).map_err(|error| {
            Error::new(Meaning::Other, "write record", self.location(), "it cannot be encoded")
                .with_source(error)
        })?;
        bytes.push(b'\n');
        let written = self.store.put(&self.key, bytes, &PutOptions::json(precondition)).await;
        *generation = Some(written.map_err(|error| self.explain(error))?);
        Ok(())
    }

    /// Removes the record.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn remove(&self) -> Result<Outcome> {
        let mut generation = self.generation.lock().await;
        let precondition = generation.map_or(Precondition::None, Precondition::Generation);
        let outcome =
            self.store.delete(&self.key, precondition).await.map_err(|error| self.explain(error))?;
        *generation = None;
        Ok(outcome)
    }

    fn location(&self) -> String {
        format!("{}/{}", self.store.location(), self.key)
    }

    fn explain(&self, error: Error) -> Error {
        if error.meaning() != Meaning::PreconditionFailed {
            return error;
        }
        let reason = "another operation has changed it in the meantime";
        Error::new(Meaning::PreconditionFailed, "write record", self.location(), reason)
            .with_source(error)
            .with_hint("see who is at work on the network, then run the command again")
    }
}

/// That a state store knows no such network, with the nearest name that it knows, or all of them.
pub async fn unknown_network(store: &dyn ObjectStore, operation: &str, network: &NetworkName) -> Error {
    let error = Error::new(Meaning::NotFound, operation, network.as_str(), "there is no such network");
    let names = RecordStore::networks(store).await.unwrap_or_default();
    let names: Vec<&str> = names.iter().map(NetworkName::as_str).collect();
    if names.is_empty() {
        return error.with_hint(format!("there is no network in {}", store.location()));
    }
    match nearest(network.as_str(), names.iter().copied()) {
        Some(meant) => error.with_hint(format!("did you mean {meant}? there are: {}", names.join(", "))),
        None => error.with_hint(format!("there are: {}", names.join(", "))),
    }
}

fn parse(bytes: &[u8], location: &str) -> Result<NetworkRecord> {
    let invalid = |reason: String| Error::new(Meaning::Invalid, "read record", location, reason);
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| invalid("it is no JSON".to_owned()).with_source(error))?;
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => {
            return Err(invalid(format!("its schema is {other:?}, and this version reads {SCHEMA}")));
        }
        None => return Err(invalid("it names no schema".to_owned())),
    }
    serde_json::from_value(value)
        .map_err(|error| invalid("it is no network record".to_owned()).with_source(error))
}
