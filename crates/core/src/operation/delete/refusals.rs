//! What is asked before the first thing of a network is removed.

use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::observer::Event;
use crate::operation::Services;
use crate::plan::dns_names;
use crate::state::NetworkRecord;
use crate::traits::{Cluster, ClusterList, Ownership};

/// Refuses a cluster that was made by others.
pub(super) fn refuse_foreign(network: &NetworkName, cluster: Option<&Cluster>) -> Result<()> {
    match cluster {
        Some(cluster) if cluster.ownership == Ownership::Foreign => Err(Error::new(
            Meaning::Denied,
            "delete network",
            network.as_str(),
            format!("cluster {} in {} was not made by Spacecraft", cluster.name, cluster.location),
        )
        .with_hint("nothing was changed")),
        _ => Ok(()),
    }
}

/// Refuses to forget a network with public names that cannot be removed: they would lead to addresses that others may get.
pub(super) fn check_names(services: &Services, known: &NetworkRecord) -> Result<()> {
    let names: Vec<String> = dns_names(&known.spec).into_iter().map(|name| name.name).collect();
    if services.dns.is_some() || names.is_empty() {
        return Ok(());
    }
    let names = names.join(", ");
    if !known.spec.exposure.dns {
        let text = format!("without a token for Cloudflare these names stay, if they were made: {names}");
        services.observer.observe(&Event::Warning { text });
        return Ok(());
    }
    let reason = format!("its public names cannot be removed without a token for Cloudflare: {names}");
    Err(Error::new(Meaning::Invalid, "delete network", known.network.as_str(), reason).with_hint(
        "set SPACECRAFT_CLOUDFLARE_API_TOKEN, or give --cloudflare-api-token-file; nothing was changed",
    ))
}

/// A cluster that is not where it is looked for may be somewhere else, and then it is not gone. Nor is it known to be gone while a location does not answer.
pub(super) async fn check_elsewhere(services: &Services, network: &NetworkName) -> Result<()> {
    if !services.cluster.capabilities().creates_clusters {
        return Ok(());
    }
    let ClusterList { clusters, unreachable } = services.cluster.list().await?;
    let ours = |cluster: &&Cluster| matches!(&cluster.ownership, Ownership::Ours(owner) if owner == network);
    let Some(found) = clusters.iter().find(ours) else {
        return if unreachable.is_empty() { Ok(()) } else { Err(perhaps_at(network, &unreachable)) };
    };
    let reason = format!("its cluster is in {}, not where it was looked for", found.location);
    Err(Error::new(Meaning::Invalid, "delete network", network.as_str(), reason)
        .with_hint(format!("give --gcp-location {}; nothing was changed", found.location)))
}

/// The error for a cluster that may be where nobody answers.
fn perhaps_at(network: &NetworkName, unreachable: &[String]) -> Error {
    let reason = format!(
        "its cluster is not where it was looked for, and may be where no answer came from: {}",
        unreachable.join(", ")
    );
    Error::new(Meaning::Unavailable, "delete network", network.as_str(), reason)
        .with_hint("run the command again when all locations answer; nothing was changed")
}
