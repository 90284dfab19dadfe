//! `gc`: finds what networks left behind that no longer exist, and takes it away when asked.
//!
//! A network exists while there is a record of it or a cluster of its name, unless that cluster says that its record is in this state store, where there is none. That it does not
//! is only said when every location answered. What lives in services that more
//! networks share than this project and this state store know of (DNS, published configs, discovery files) may belong to a network of
//! another project: it is only removed together with something that certainly is a remainder of ours, or when the network is named.

mod before_us;
mod search;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delete::{LeftCluster, delete_remains};
use super::{DeleteRequest, Limits, Services};
use crate::charts::Namespaces;
use crate::error::{Result, render_chain};
use crate::names::NetworkName;
use crate::spec::ProviderKind;
use crate::state::SCHEMA;
use crate::traits::NetworkBinding;

/// Which remains are looked for.
#[derive(Debug, Clone)]
pub struct GarbageRequest {
    /// Those of one network, which naming it makes removable whatever they are; none for all networks.
    pub network: Option<NetworkName>,
    /// What is younger than this may belong to a network that is just being made, and stays.
    pub older_than: Duration,
    /// The limit of the removal of one network's remains.
    pub timeout: Duration,
    /// The limit of each step of it.
    pub step_timeout: Duration,
}

/// What was found, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GarbageReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `Garbage`.
    pub kind: String,
    /// What is left of networks that no longer exist, by network.
    pub remains: Vec<Remains>,
    /// What somebody should look at, and is never removed here.
    pub notices: Vec<String>,
    /// What could not be seen.
    pub problems: Vec<String>,
    /// The networks whose remains were removed.
    pub removed: Vec<NetworkName>,
    /// The networks whose remains could not be removed, or only in part.
    pub failed: Vec<FailedRemoval>,
}

/// What is left of a network that no longer exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// The network.
    pub network: NetworkName,
    /// What is left.
    pub pieces: Vec<Remainder>,
    /// Why it is not removed; none when it can be.
    pub kept_because: Option<String>,
}

/// One thing that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remainder {
    /// What it is.
    pub kind: RemainderKind,
    /// Its name.
    pub name: String,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
}

/// What a remainder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemainderKind {
    /// A cluster whose record is gone.
    Cluster,
    /// A disk of a claim.
    Disk,
    /// A firewall rule.
    FirewallRule,
    /// A load balancer.
    LoadBalancer,
    /// A lock, a journal or something else in the state store.
    State,
    /// A DNS record with our mark.
    DnsRecord,
    /// An entry in a discovery file.
    DiscoveryEntry,
    /// A published config or another object beside it.
    Archive,
}

impl RemainderKind {
    /// True for what lies in this project or this state store, so that it is certainly of a network that would be seen if it existed.
    #[must_use]
    pub fn is_certain(self) -> bool {
        matches!(self, Self::Cluster | Self::Disk | Self::FirewallRule | Self::LoadBalancer | Self::State)
    }

    /// In words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Disk => "disk",
            Self::FirewallRule => "firewall rule",
            Self::LoadBalancer => "load balancer",
            Self::State => "state object",
            Self::DnsRecord => "DNS record",
            Self::DiscoveryEntry => "discovery entry",
            Self::Archive => "published object",
        }
    }
}

/// Remains that could not be removed, or only in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRemoval {
    /// The network.
    pub network: NetworkName,
    /// Why.
    pub error: String,
}

impl GarbageReport {
    /// The networks whose remains can be removed.
    pub fn removable(&self) -> impl Iterator<Item = &NetworkName> {
        self.remains.iter().filter(|remains| remains.kept_because.is_none()).map(|remains| &remains.network)
    }
}

/// Finds what networks left behind that no longer exist. Writes nothing.
///
/// # Errors
///
/// Those of the state store and of the list of clusters, without which nothing can be said to be gone.
pub async fn find_garbage(services: &Services, request: &GarbageRequest) -> Result<GarbageReport> {
    let found = search::search(services, request.network.as_ref()).await?;
    let now = services.clock.now();
    let remains = found.remains.into_iter().map(|(network, pieces)| {
        let kept_because = reason_to_keep(request, &network, &pieces, found.complete, now);
        Remains { network, pieces, kept_because }
    });
    Ok(GarbageReport {
        schema: SCHEMA.to_owned(),
        kind: "Garbage".to_owned(),
        remains: remains.collect(),
        notices: found.notices,
        problems: found.problems,
        removed: Vec::new(),
        failed: Vec::new(),
    })
}

/// Why remains stay; none when they can go.
fn reason_to_keep(
    request: &GarbageRequest,
    network: &NetworkName,
    pieces: &[Remainder],
    complete: bool,
    now: Timestamp,
) -> Option<String> {
    let youngest = pieces.iter().filter_map(|piece| piece.created).max();
    let age = youngest.and_then(|youngest| Duration::try_from(now.duration_since(youngest)).ok());
    if !complete {
        return Some("not every location answered, so that its cluster may be there".to_owned());
    }
    if pieces.iter().any(|piece| piece.kind == RemainderKind::Cluster && piece.created.is_none()) {
        return Some("its cluster does not tell when it was made, and may be that of a network that is just being made".to_owned());
    }
    if youngest.is_some() && age.is_none_or(|age| age < request.older_than) {
        return Some(
            "it is young, and may belong to a network that is just being made (--older-than)".to_owned(),
        );
    }
    let certain = pieces.iter().any(|piece| piece.kind.is_certain());
    if !certain && request.network.is_none() {
        return Some(format!(
            "it may belong to a network of another project or state store; --network-name {network} says that it does not"
        ));
    }
    None
}

/// Removes the remains that `report` says can be removed, network by network, and completes the report. Each is removed under its network's lock, after looking once more that
/// the network did not come into being.
pub async fn remove_garbage(
    services: &Services,
    request: &GarbageRequest,
    mut report: GarbageReport,
) -> GarbageReport {
    let networks: Vec<(NetworkName, Option<LeftCluster>)> = report
        .remains
        .iter()
        .filter(|remains| remains.kept_because.is_none())
        .map(|remains| (remains.network.clone(), left_cluster(&remains.pieces)))
        .collect();
    for (network, cluster) in networks {
        match delete_remains(services, deletion(request, &network), cluster).await {
            Ok(_) => report.removed.push(network),
            Err(failure) => {
                report.failed.push(FailedRemoval { network, error: render_chain(&failure.error) });
            }
        }
    }
    report
}

fn left_cluster(pieces: &[Remainder]) -> Option<LeftCluster> {
    let cluster = pieces.iter().find(|piece| piece.kind == RemainderKind::Cluster)?;
    Some(LeftCluster { created: cluster.created })
}

/// The deletion of a network without a record: in a cluster of its own, which goes as a whole, nothing but load balancers and claims is looked for.
fn deletion(request: &GarbageRequest, network: &NetworkName) -> DeleteRequest {
    let namespaces = Namespaces::named(ProviderKind::Gcp, network, "default");
    DeleteRequest {
        network: network.clone(),
        fallback: NetworkBinding {
            network: network.clone(),
            namespaces,
            owned_namespaces: Vec::new(),
            shared_cluster: false,
            most_workers: None,
        },
        limits: Limits { timeout: request.timeout, step_timeout: request.step_timeout, force_unlock: false },
    }
}
