//! What go-spacecraft left. It marked nothing, so that whose it is cannot be told for certain: it is only named.

use std::collections::BTreeMap;

use super::search::Search;
use crate::names::NetworkName;
use crate::operation::Services;
use crate::traits::UnmarkedDisk;

/// How names of hosts begin that go-spacecraft gave to networks, in any of its versions; longer prefixes first, since one is the beginning of another.
const HOSTS: [&str; 7] =
    ["api-json-", "dash-api-", "explorer-api-", "api-", "kibana-", "grafana-", "prometheus-"];

/// How the claims of go-spacecraft begin, up to their number: of miners, of PoETs and of Elasticsearch, all in the default namespace.
const CLAIMS: [&str; 3] =
    ["default/miner-", "default/poet-", "default/elasticsearch-master-elasticsearch-master-"];

/// Names DNS records.
pub(super) async fn look_at_names(search: &mut Search<'_>, services: &Services) {
    let Some(dns) = &services.dns else { return };
    let names = match dns.unmarked_names().await {
        Ok(names) => names,
        Err(error) => return search.trouble(&error),
    };
    for name in names {
        let Some(network) = network_of_host(&name, dns.domain()) else { continue };
        if search.is_gone(network.as_str()) {
            search.notice(format!(
                "DNS record {name} is named as go-spacecraft named those of a network {network}, and has no mark of Spacecraft: it is left alone; remove it by hand if that network is gone"
            ));
        }
    }
}

/// Names the disks of clusters that do not exist, and those of which is not known what cluster they were made in.
pub(super) async fn look_at_disks(search: &mut Search<'_>, services: &Services) {
    if !services.cluster.capabilities().manages_infrastructure {
        return;
    }
    let disks = match services.cluster.unmarked_disks().await {
        Ok(disks) => disks,
        Err(error) => return search.trouble(&error),
    };
    let mut left: BTreeMap<(Option<String>, String), Vec<UnmarkedDisk>> = BTreeMap::new();
    for disk in disks.into_iter().filter(|disk| is_claim_before_us(&disk.claim)) {
        let is_gone = disk.cluster.as_ref().map_or(search.is_about_all(), |cluster| search.is_gone(cluster));
        if is_gone {
            left.entry((disk.cluster.clone(), disk.location.clone())).or_default().push(disk);
        }
    }
    for ((cluster, location), mut disks) in left {
        disks.sort();
        search.notice(disks_left(cluster.as_deref(), &location, &disks));
    }
}

fn disks_left(cluster: Option<&str>, location: &str, disks: &[UnmarkedDisk]) -> String {
    let of =
        cluster.map_or("of a cluster that they do not name".to_owned(), |name| format!("of cluster {name}"));
    let names: Vec<String> = disks.iter().map(|disk| format!("{} ({})", disk.name, disk.claim)).collect();
    format!(
        "detached disks in {location} were made for claims {of}, named as go-spacecraft named its own, and have no mark of Spacecraft: {}; they are left alone; delete them by hand if that network is gone",
        names.join(", ")
    )
}

fn is_claim_before_us(claim: &str) -> bool {
    let number = CLAIMS.iter().find_map(|prefix| claim.strip_prefix(prefix));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The network for which go-spacecraft would have made this name.
fn network_of_host(name: &str, domain: &str) -> Option<NetworkName> {
    let host = name.strip_suffix(domain)?.strip_suffix('.')?;
    let network = HOSTS.iter().find_map(|prefix| host.strip_prefix(prefix))?;
    NetworkName::new(network).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_go_spacecraft_are_told_from_those_of_others() {
        for claim in
            ["default/miner-1", "default/poet-12", "default/elasticsearch-master-elasticsearch-master-0"]
        {
            assert!(is_claim_before_us(claim), "{claim}");
        }
        for claim in
            ["default/miner-", "default/miner-1-data", "net1/miner-1", "default/minerva-1", "default/data"]
        {
            assert!(!is_claim_before_us(claim), "{claim}");
        }
    }
}
