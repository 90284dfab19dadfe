//! Load balancers of a cluster that was deleted without them.

use super::{Deletion, all_removed, present};
use crate::charts::ingress_service;
use crate::error::Result;
use crate::traits::RememberedBalancer;

/// The load balancers that a network is known to have had.
#[derive(Debug, Default)]
pub(super) struct Balancers {
    pub(super) remembered: Vec<RememberedBalancer>,
    /// Nothing but the network's DNS names leads to them, so that those have to stay for as long as they do.
    pub(super) known_by_names_alone: bool,
}

/// The load balancers that the network is known to have had: those in its record, and where that has none yet the one that its DNS names point to, unless a name of
/// another network points there too, and whatever its cluster had for the Service that gets one.
pub(super) async fn remembered(deletion: &Deletion<'_>) -> Result<Balancers> {
    if !deletion.manages_infrastructure() {
        return Ok(Balancers::default());
    }
    let recorded = deletion.known.as_ref().map(|known| known.load_balancers.clone()).unwrap_or_default();
    if !recorded.is_empty() {
        return Ok(Balancers { remembered: recorded, known_by_names_alone: false });
    }
    let service = ingress_service(&deletion.request.fallback.namespaces);
    let seen = |address| RememberedBalancer { service: service.clone(), uid: None, address };
    let addresses = addresses_of_names(deletion).await?;
    let known_by_names_alone = !addresses.is_empty();
    let remembered = addresses.into_iter().map(Some).chain([None]).map(seen).collect();
    Ok(Balancers { remembered, known_by_names_alone })
}

/// Where the network's DNS names point, and those of no other network.
async fn addresses_of_names(deletion: &Deletion<'_>) -> Result<Vec<String>> {
    let Some(dns) = &deletion.services().dns else { return Ok(Vec::new()) };
    let names = dns.list(None).await?;
    let (ours, others): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|record| record.network == *deletion.network());
    let mut addresses: Vec<String> = ours.into_iter().map(|record| record.address).collect();
    addresses.sort();
    addresses.dedup();
    addresses.retain(|address| others.iter().all(|other| other.address != *address));
    Ok(addresses)
}

pub(super) async fn remove_load_balancers(
    deletion: &Deletion<'_>,
    remembered: &[RememberedBalancer],
) -> Result<()> {
    let provider = &deletion.services().cluster;
    let wait = deletion.run.wait("load balancers");
    let remove = async |_| {
        let left = provider.load_balancers(Some(deletion.network()), remembered).await?;
        let removed = left.iter().map(|balancer| provider.delete_load_balancer(balancer, &wait));
        all_removed(futures::future::join_all(removed).await)
    };
    deletion.run.step("load balancers", "what the cluster left of them", present, remove).await?;
    Ok(())
}
