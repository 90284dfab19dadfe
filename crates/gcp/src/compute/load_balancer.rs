//! What GKE makes for Services of type LoadBalancer, and may leave behind: a forwarding rule and a target pool in the region, firewall rules and a health check in
//! the project. Their common name follows from the Service's identifier, and their description names the Service.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use spacecraft_core::Result;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{LoadBalancer, Ownership, RememberedBalancer, ServiceName};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning};

use super::{Scope, change, last_segment, list, list_everywhere};
use crate::api::{Api, find};
use crate::ownership::{foreign, owner};

const LIST: &str = "list load balancers of project";
const DELETE: &str = "delete load balancer";
const GLOBAL: Scope<'static> = &["global"];
const FIREWALLS: Scope<'static> = &["global", "firewalls"];
/// What GKE puts before the name of a load balancer to name its firewall rule.
const FIREWALL_PREFIX: &str = "k8s-fw-";
/// What GKE puts around the name of a health check to name the firewall rule that lets it in, unless the name begins so already.
const CHECK_PREFIX: &str = "k8s-";
const CHECK_SUFFIX: &str = "-http-hc";
/// The end of the name of the health check of a cluster's workers.
const WORKERS_CHECK_SUFFIX: &str = "-node";
/// The longest name that GKE's controller gives a load balancer, in characters.
const LONGEST_NAME: usize = 32;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RuleBody {
    name: String,
    description: String,
    #[serde(rename = "IPAddress")]
    address: String,
    target: String,
    labels: BTreeMap<String, String>,
    creation_timestamp: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PoolBody {
    name: String,
    health_checks: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FirewallBody {
    name: String,
    description: String,
    target_tags: Vec<String>,
}

/// What GKE's controller writes into descriptions, as JSON. Only firewall rules have the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Origin {
    #[serde(rename = "kubernetes.io/service-name")]
    service: String,
    #[serde(rename = "kubernetes.io/service-ip")]
    address: String,
}

/// The name that GKE's controller gives to everything of a Service's load balancer: `a` and the Service's identifier without hyphens.
fn name_of(uid: &str) -> String {
    std::iter::once('a').chain(uid.chars().filter(|letter| *letter != '-')).take(LONGEST_NAME).collect()
}

fn service_of(description: &str) -> Option<ServiceName> {
    origin_of(description).map(|(service, _)| service)
}

fn origin_of(description: &str) -> Option<(ServiceName, String)> {
    let origin: Origin = serde_json::from_str(description).ok()?;
    let (namespace, name) = origin.service.split_once('/')?;
    Some((ServiceName::new(namespace, name), origin.address))
}

impl FirewallBody {
    /// The load balancer whose rule it is, if that is the one that was seen: by its name, or by address and Service together.
    fn balancer(&self, remembered: &RememberedBalancer) -> Option<&str> {
        let name = self.name.strip_prefix(FIREWALL_PREFIX)?;
        let is_it = match &remembered.uid {
            Some(uid) => name == name_of(uid),
            None => origin_of(&self.description).is_some_and(|(service, address)| {
                service == remembered.service && remembered.address == Some(address)
            }),
        };
        is_it.then_some(name)
    }
}

impl RuleBody {
    /// Whether it is the load balancer that was seen: by the name that follows from the Service's identifier, or by address and Service together.
    fn is_remembered(&self, remembered: &RememberedBalancer) -> bool {
        match &remembered.uid {
            Some(uid) => self.name == name_of(uid),
            None => {
                remembered.address.as_ref() == Some(&self.address)
                    && service_of(&self.description).as_ref() == Some(&remembered.service)
            }
        }
    }

    /// The network that it belongs to, if that is one of ours.
    fn network(
        &self,
        network: Option<&NetworkName>,
        remembered: &[RememberedBalancer],
    ) -> Option<NetworkName> {
        if let Ownership::Ours(labelled) = owner(&self.labels) {
            return Some(labelled).filter(|labelled| network.is_none_or(|network| labelled == network));
        }
        let known = remembered.iter().any(|remembered| self.is_remembered(remembered));
        network.filter(|_| known).cloned()
    }

    fn into_balancer(self, scope: &str, network: NetworkName) -> LoadBalancer {
        LoadBalancer {
            network,
            region: Some(last_segment(scope).to_owned()),
            service: service_of(&self.description),
            created: self.creation_timestamp.parse::<Timestamp>().ok(),
            address: Some(self.address),
            name: self.name,
        }
    }
}

/// The load balancers of a network, of which `remembered` was seen while its cluster lived; without a network those that carry our labels. One whose forwarding rule is gone
/// already is found by what else is left of it.
pub(crate) async fn list_ours(
    api: &Api,
    network: Option<&NetworkName>,
    remembered: &[RememberedBalancer],
) -> Result<Vec<LoadBalancer>> {
    let (rules, pools, firewalls) = futures::try_join!(
        list_everywhere::<RuleBody>(api, "forwardingRules", "", LIST),
        list_everywhere::<PoolBody>(api, "targetPools", "", LIST),
        list::<FirewallBody>(api, FIREWALLS, LIST),
    )?;
    let seen_by_workers = network.map(|network| left_by_clusters(network, remembered, &firewalls));
    let remembered = [remembered, &seen_by_workers.unwrap_or_default()].concat();
    let remembered = remembered.as_slice();
    let mut found: Vec<LoadBalancer> = rules
        .into_iter()
        .filter_map(|(scope, rule)| {
            let owner = rule.network(network, remembered)?;
            Some(rule.into_balancer(&scope, owner))
        })
        .collect();
    if let Some(network) = network {
        let known: BTreeSet<String> = found.iter().map(|balancer| balancer.name.clone()).collect();
        found.extend(without_rule(network, remembered, &pools, &firewalls, &known));
    }
    Ok(found)
}

/// The load balancers that clusters of the network's name had for the Services whose load balancers nobody saw, as their firewall rules describe them. Only those of clusters that
/// are gone: GKE names the rules that it keeps for a cluster's workers as it names their tag.
fn left_by_clusters(
    network: &NetworkName,
    remembered: &[RememberedBalancer],
    firewalls: &[FirewallBody],
) -> Vec<RememberedBalancer> {
    let unseen = |service: &ServiceName| {
        remembered.iter().any(|one| one.service == *service && one.uid.is_none() && one.address.is_none())
    };
    let is_gone = |workers: &str| {
        let prefix = format!("{workers}-");
        !firewalls.iter().any(|rule| rule.name.starts_with(&prefix))
    };
    let left = |rule: &FirewallBody| {
        rule.name.strip_prefix(FIREWALL_PREFIX)?;
        let [tag] = rule.target_tags.as_slice() else { return None };
        workers_of(network, tag).filter(|workers| is_gone(workers))?;
        let (service, address) = origin_of(&rule.description)?;
        unseen(&service).then_some(RememberedBalancer { service, uid: None, address: Some(address) })
    };
    firewalls.iter().filter_map(left).collect()
}

/// What GKE begins all names with that it gives for a cluster, out of the tag of its workers, if the cluster has the network's name: `gke-NAME-HASH`.
fn workers_of<'a>(network: &NetworkName, tag: &'a str) -> Option<&'a str> {
    let workers = tag.strip_suffix("-node")?;
    let hash = workers.strip_prefix("gke-")?.strip_prefix(network.as_str())?.strip_prefix('-')?;
    let is_hash = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(workers)
}

/// Load balancers that were seen and have lost their forwarding rule, but not everything.
fn without_rule(
    network: &NetworkName,
    remembered: &[RememberedBalancer],
    pools: &[(String, PoolBody)],
    firewalls: &[FirewallBody],
    known: &BTreeSet<String>,
) -> Vec<LoadBalancer> {
    let left = |remembered: &RememberedBalancer| {
        let guarding = firewalls.iter().find_map(|rule| rule.balancer(remembered));
        let name = remembered.uid.as_deref().map(name_of).or_else(|| guarding.map(str::to_owned))?;
        let pool = pools.iter().find(|(_, pool)| pool.name == name);
        let missed = !known.contains(&name) && (pool.is_some() || guarding.is_some());
        missed.then(|| LoadBalancer {
            network: network.clone(),
            region: pool.map(|(scope, _)| last_segment(scope).to_owned()),
            address: None,
            service: Some(remembered.service.clone()),
            created: None,
            name,
        })
    };
    remembered.iter().filter_map(left).collect()
}

/// Deletes a load balancer of ours with all that belongs to it. Whether its forwarding rule is still the one that was found is looked up anew. Its firewall rule goes last:
/// as long as that is there, what else is left of the load balancer is found.
pub(crate) async fn delete(api: &Api, balancer: &LoadBalancer, wait: &Wait) -> Result<Outcome> {
    let name = balancer.name.as_str();
    let (mut removed, pool) = match balancer.region.as_deref() {
        Some(region) => delete_in_region(api, region, balancer, wait).await?,
        None => (false, None),
    };
    let checks = match pool {
        Some(pool) => pool.health_checks.iter().map(|check| last_segment(check).to_owned()).collect(),
        None => checks_of_same_workers(&list::<FirewallBody>(api, FIREWALLS, LIST).await?, name),
    };
    for check in &checks {
        removed |= remove_health_check(api, check, wait).await?;
    }
    removed |= remove(api, GLOBAL, "firewalls", &format!("{FIREWALL_PREFIX}{name}"), wait).await?;
    Ok(if removed { Outcome::Removed } else { Outcome::Absent })
}

/// Deletes what a load balancer has in its region, and tells of the target pool what it was.
async fn delete_in_region(
    api: &Api,
    region: &str,
    balancer: &LoadBalancer,
    wait: &Wait,
) -> Result<(bool, Option<PoolBody>)> {
    let scope: Scope<'_> = &["regions", region];
    let name = balancer.name.as_str();
    let rule: Option<RuleBody> = get(api, scope, "forwardingRules", name).await?;
    if let Some(rule) = &rule {
        require_same(rule, balancer)?;
    }
    let pooled = rule.as_ref().map_or(name, |rule| last_segment(&rule.target));
    let pool: Option<PoolBody> =
        get(api, scope, "targetPools", if pooled.is_empty() { name } else { pooled }).await?;
    let mut removed = remove(api, scope, "forwardingRules", name, wait).await?;
    if let Some(pool) = &pool {
        removed |= remove(api, scope, "targetPools", &pool.name, wait).await?;
    }
    removed |= remove(api, scope, "addresses", name, wait).await?;
    Ok((removed, pool))
}

/// The health checks that a load balancer without a target pool had. Nothing but the pool names them, but the firewall rules that let them in are for the
/// same workers, by GKE's tag, as the load balancer's own. Another Service's own check is not among them.
fn checks_of_same_workers(firewalls: &[FirewallBody], name: &str) -> Vec<String> {
    let own = format!("{FIREWALL_PREFIX}{name}");
    let Some(guarding) =
        firewalls.iter().find(|rule| rule.name == own).filter(|rule| !rule.target_tags.is_empty())
    else {
        return Vec::new();
    };
    let alike = firewalls.iter().filter(|rule| rule.target_tags == guarding.target_tags);
    let guarded = alike.filter_map(|rule| rule.name.strip_suffix(CHECK_SUFFIX));
    let check = |guarded: &str| match guarded.strip_prefix(CHECK_PREFIX) {
        Some(own) if own == name => Some(name.to_owned()),
        _ => guarded.ends_with(WORKERS_CHECK_SUFFIX).then(|| guarded.to_owned()),
    };
    guarded.filter_map(check).collect()
}

fn require_same(rule: &RuleBody, balancer: &LoadBalancer) -> Result<(), Error> {
    let same_address = balancer.address.as_ref().is_none_or(|address| *address == rule.address);
    if same_address && service_of(&rule.description) == balancer.service {
        Ok(())
    } else {
        Err(foreign(DELETE, "forwarding rule", &rule.name))
    }
}

/// Removes a health check with its firewall rule. One that other load balancers use too stays, and so does its rule.
async fn remove_health_check(api: &Api, name: &str, wait: &Wait) -> Result<bool> {
    match remove(api, GLOBAL, "httpHealthChecks", name, wait).await {
        Ok(removed) => {
            let prefix = if name.starts_with(CHECK_PREFIX) { "" } else { CHECK_PREFIX };
            let rule = format!("{prefix}{name}{CHECK_SUFFIX}");
            Ok(removed | remove(api, GLOBAL, "firewalls", &rule, wait).await?)
        }
        Err(error) if error.meaning() == Meaning::PreconditionFailed => Ok(false),
        Err(error) => Err(error),
    }
}

async fn get<T: serde::de::DeserializeOwned>(
    api: &Api,
    scope: Scope<'_>,
    kind: &str,
    name: &str,
) -> Result<Option<T>> {
    let url = api.compute(&[scope, &[kind, name]].concat());
    find(api.get(&url).about("look at load balancer", name), "a part of a load balancer").await
}

/// Deletes one part; false when it was not there.
async fn remove(api: &Api, scope: Scope<'_>, kind: &str, name: &str, wait: &Wait) -> Result<bool> {
    let url = api.compute(&[scope, &[kind, name]].concat());
    match change(api, scope, DELETE, name, api.delete(&url), wait).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;

    use super::*;

    const UID: &str = "0d3c1f9a-7b52-4a7e-9f65-3a4c5e6f7a8b";

    fn rule(name: &str, address: &str, service: &str) -> RuleBody {
        let description = json!({"kubernetes.io/service-name": service}).to_string();
        serde_json::from_value(json!({"name": name, "IPAddress": address, "description": description}))
            .unwrap()
    }

    fn remembered(uid: Option<&str>) -> RememberedBalancer {
        RememberedBalancer {
            service: ServiceName::new("ingress-nginx", "ingress-nginx-controller"),
            uid: uid.map(str::to_owned),
            address: Some("203.0.113.7".to_owned()),
        }
    }

    fn network() -> NetworkName {
        NetworkName::new("net1").unwrap()
    }

    #[test]
    fn a_load_balancer_is_named_after_its_service() {
        assert_eq!(name_of(UID), "a0d3c1f9a7b524a7e9f653a4c5e6f7a8");
    }

    #[test]
    fn a_service_with_an_identifier_is_known_by_it_alone() {
        let rules = |name: &str| rule(name, "203.0.113.7", "ingress-nginx/ingress-nginx-controller");
        let known = [remembered(Some(UID))];
        assert_eq!(rules(&name_of(UID)).network(Some(&network()), &known), Some(network()));
        assert_eq!(rules("asomebodyelses").network(Some(&network()), &known), None);
    }

    #[test]
    fn without_an_identifier_address_and_service_must_both_be_those_that_were_seen() {
        let known = [remembered(None)];
        let owner =
            |address: &str, service: &str| rule("a1", address, service).network(Some(&network()), &known);
        assert_eq!(owner("203.0.113.7", "ingress-nginx/ingress-nginx-controller"), Some(network()));
        assert_eq!(owner("203.0.113.8", "ingress-nginx/ingress-nginx-controller"), None);
        assert_eq!(owner("203.0.113.7", "default/shop"), None);
        assert_eq!(owner("203.0.113.7", ""), None);
    }

    #[test]
    fn labels_of_ours_say_whose_it_is_and_without_a_network_they_alone_do() {
        let mut labelled = rule("a1", "203.0.113.9", "default/shop");
        labelled.labels = crate::ownership::network_labels(&network());
        assert_eq!(labelled.network(None, &[]), Some(network()));
        assert_eq!(labelled.network(Some(&NetworkName::new("net10").unwrap()), &[]), None);
        assert_eq!(rule("a1", "203.0.113.7", "a/b").network(None, &[remembered(None)]), None);
    }

    #[test]
    fn what_is_left_without_a_forwarding_rule_is_found_by_its_name() {
        let pools =
            [("regions/us-central1".to_owned(), PoolBody { name: name_of(UID), health_checks: Vec::new() })];
        let left = without_rule(&network(), &[remembered(Some(UID))], &pools, &[], &BTreeSet::new());
        assert_eq!(left[0].region.as_deref(), Some("us-central1"));
        assert!(without_rule(&network(), &[remembered(None)], &pools, &[], &BTreeSet::new()).is_empty());
        let known = BTreeSet::from([name_of(UID)]);
        assert!(without_rule(&network(), &[remembered(Some(UID))], &pools, &[], &known).is_empty());
    }

    #[test]
    fn what_a_cluster_left_that_is_gone_is_known_by_the_tag_of_its_workers() {
        let guarding = |tag: &str| FirewallBody {
            target_tags: vec![tag.to_owned()],
            name: format!("{FIREWALL_PREFIX}a1"),
            description: json!({"kubernetes.io/service-name": "ingress-nginx/ingress-nginx-controller",
                                "kubernetes.io/service-ip": "203.0.113.7"})
            .to_string(),
        };
        let unseen = [RememberedBalancer { address: None, ..remembered(None) }];
        let left =
            |known: &[RememberedBalancer], rules: &[FirewallBody]| left_by_clusters(&network(), known, rules);
        assert_eq!(left(&unseen, &[guarding("gke-net1-1a2b3c4d-node")]), [remembered(None)]);
        assert!(left(&[remembered(None)], &[guarding("gke-net1-1a2b3c4d-node")]).is_empty());
        for of_others in ["gke-net10-1a2b3c4d-node", "gke-net1-test-1a2b3c4d-node", "gke-net1-node", "web"] {
            assert!(left(&unseen, &[guarding(of_others)]).is_empty(), "{of_others}");
        }
        let alive = FirewallBody { name: "gke-net1-1a2b3c4d-all".to_owned(), ..FirewallBody::default() };
        assert!(left(&unseen, &[guarding("gke-net1-1a2b3c4d-node"), alive]).is_empty());
    }

    #[test]
    fn the_health_checks_of_a_lost_pool_are_those_of_the_same_workers() {
        let rule = |name: &str, tags: &[&str]| FirewallBody {
            name: name.to_owned(),
            target_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..FirewallBody::default()
        };
        let ours = ["gke-net1-1a2b3c4d-node"];
        let mut rules = vec![
            rule("k8s-1234-node-http-hc", &ours),
            rule("k8s-5678-node-http-hc", &["gke-other-5e6f7a8b-node"]),
            rule("k8s-9999-node-http-hc", &[]),
            rule("k8s-a1-http-hc", &ours),
            rule("k8s-a2-http-hc", &ours),
            rule("k8s-fw-a2", &ours),
        ];
        assert_eq!(checks_of_same_workers(&rules, "a1"), Vec::<String>::new());
        rules.push(rule("k8s-fw-a1", &ours));
        assert_eq!(checks_of_same_workers(&rules, "a1"), ["k8s-1234-node", "a1"]);
        rules.push(rule("k8s-fw-a3", &[]));
        assert_eq!(checks_of_same_workers(&rules, "a3"), Vec::<String>::new());
    }

    #[test]
    fn what_is_left_of_one_without_an_identifier_is_found_by_what_its_firewall_rule_was_made_for() {
        let rule = |address: &str| FirewallBody {
            target_tags: Vec::new(),
            name: format!("{FIREWALL_PREFIX}{}", name_of(UID)),
            description: json!({"kubernetes.io/service-name": "ingress-nginx/ingress-nginx-controller",
                                "kubernetes.io/service-ip": address})
            .to_string(),
        };
        let left = |address: &str| {
            without_rule(&network(), &[remembered(None)], &[], &[rule(address)], &BTreeSet::new())
        };
        assert_eq!(left("203.0.113.7")[0].name, name_of(UID));
        assert!(left("203.0.113.8").is_empty());
    }
}
