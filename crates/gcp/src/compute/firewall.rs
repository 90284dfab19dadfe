//! Firewall rules: one for each opening of a network. They carry no labels, so their description says whose they are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{FirewallOpening, FirewallRequest, FirewallRule, Look};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Idempotency, Method};

use super::{change, last_segment, list};
use crate::api::{Api, find, vpc_name};
use crate::ownership::{description, foreign, network_of_description, network_tag};

const GLOBAL: super::Scope<'static> = &["global"];
const LIST: &str = "list firewall rules of project";
const DELETE: &str = "delete firewall rule";
/// The longest name that Compute takes, in characters.
const LONGEST_NAME: usize = 63;
const PRIORITY: u32 = 1000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RuleBody {
    name: String,
    description: String,
    network: String,
    direction: String,
    priority: u32,
    source_ranges: Vec<String>,
    target_tags: Vec<String>,
    allowed: Vec<Allowed>,
    disabled: bool,
    #[serde(skip_serializing)]
    creation_timestamp: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Allowed {
    #[serde(rename = "IPProtocol")]
    protocol: String,
    ports: Vec<String>,
}

/// What has to be done to have the wanted rules and no others.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    create: Vec<RuleBody>,
    replace: Vec<RuleBody>,
    update: Vec<RuleBody>,
    delete: Vec<String>,
    /// The differences in words.
    lines: Vec<String>,
}

impl RuleBody {
    fn wanted(project: &str, request: &FirewallRequest, opening: &FirewallOpening) -> Result<Self> {
        let name = format!("{}-{}", network_tag(&request.network), opening.name);
        if name.len() > LONGEST_NAME {
            let reason = format!("the name has more than the {LONGEST_NAME} characters that Compute takes");
            return Err(Error::new(Meaning::Invalid, "name firewall rule", name, reason));
        }
        Ok(Self {
            name,
            description: description(&request.network),
            network: vpc_name(project, request.vpc.as_deref()),
            direction: "INGRESS".to_owned(),
            priority: PRIORITY,
            source_ranges: opening.sources.clone(),
            target_tags: vec![network_tag(&request.network)],
            allowed: allowed(&opening.ports),
            disabled: false,
            creation_timestamp: String::new(),
        })
    }

    /// What it opens, as `tcp:5001-5010`; a protocol without ports is opened whole.
    fn ports(&self) -> BTreeSet<String> {
        let of = |allowed: &Allowed| -> Vec<String> {
            let protocol = &allowed.protocol;
            if allowed.ports.is_empty() {
                return vec![protocol.clone()];
            }
            allowed.ports.iter().map(|port| format!("{protocol}:{port}")).collect()
        };
        self.allowed.iter().flat_map(of).collect()
    }

    /// Where the rule differs from `wanted`, in words.
    fn differences(&self, wanted: &Self) -> Vec<String> {
        let set = |items: &[String]| items.iter().cloned().collect::<BTreeSet<_>>();
        let one = |item: &dyn ToString| BTreeSet::from([item.to_string()]);
        let fields = [
            ("sources", set(&self.source_ranges), set(&wanted.source_ranges)),
            ("target tags", set(&self.target_tags), set(&wanted.target_tags)),
            ("ports", self.ports(), wanted.ports()),
            ("direction", one(&self.direction), one(&wanted.direction)),
            ("priority", one(&self.priority), one(&wanted.priority)),
            ("disabled", one(&self.disabled), one(&wanted.disabled)),
            ("VPC network", one(&self.vpc()), one(&wanted.vpc())),
        ];
        let differs = fields.into_iter().filter(|(_, existing, wanted)| existing != wanted);
        differs
            .map(|(field, existing, wanted)| {
                format!(
                    "firewall rule {} {field}: {}, wanted {}",
                    self.name,
                    joined(existing),
                    joined(wanted)
                )
            })
            .collect()
    }

    fn vpc(&self) -> String {
        last_segment(&self.network).to_owned()
    }

    fn into_rule(self) -> Option<FirewallRule> {
        Some(FirewallRule {
            network: network_of_description(&self.description)?,
            ports: self.ports().into_iter().collect(),
            created: self.creation_timestamp.parse::<Timestamp>().ok(),
            name: self.name,
        })
    }
}

fn joined(items: BTreeSet<String>) -> String {
    if items.is_empty() { "none".to_owned() } else { items.into_iter().collect::<Vec<_>>().join(",") }
}

fn allowed(ports: &[(String, String)]) -> Vec<Allowed> {
    let mut by_protocol: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (protocol, port) in ports {
        by_protocol.entry(protocol).or_default().push(port.clone());
    }
    let body = |(protocol, ports): (&str, Vec<String>)| Allowed { protocol: protocol.to_owned(), ports };
    by_protocol.into_iter().map(body).collect()
}

impl Changes {
    /// Compares the rules that exist with the wanted ones.
    ///
    /// # Errors
    ///
    /// [`Meaning::AlreadyExists`] when a wanted name is taken by a rule that is not the network's.
    fn between(existing: &[RuleBody], wanted: Vec<RuleBody>, network: &NetworkName) -> Result<Self> {
        let mut changes = Self::default();
        let is_ours = |rule: &&RuleBody| network_of_description(&rule.description).as_ref() == Some(network);
        for rule in existing.iter().filter(is_ours) {
            if !wanted.iter().any(|wanted| wanted.name == rule.name) {
                changes.lines.push(format!(
                    "firewall rule {}: {}, wanted none",
                    rule.name,
                    joined(rule.ports())
                ));
                changes.delete.push(rule.name.clone());
            }
        }
        for wanted in wanted {
            match existing.iter().find(|rule| rule.name == wanted.name) {
                None => changes.add(wanted),
                Some(rule) if is_ours(&rule) => changes.adjust(rule, wanted),
                Some(rule) => {
                    return Err(foreign("open ports by firewall rule", "firewall rule", &rule.name));
                }
            }
        }
        Ok(changes)
    }

    fn add(&mut self, wanted: RuleBody) {
        self.lines.push(format!("firewall rule {}: missing", wanted.name));
        self.create.push(wanted);
    }

    /// A rule can be changed in everything but its network.
    fn adjust(&mut self, existing: &RuleBody, wanted: RuleBody) {
        let lines = existing.differences(&wanted);
        if lines.is_empty() {
            return;
        }
        self.lines.extend(lines);
        if existing.vpc() == wanted.vpc() { self.update.push(wanted) } else { self.replace.push(wanted) }
    }
}

async fn compare(api: &Api, request: &FirewallRequest) -> Result<(Changes, bool)> {
    let existing: Vec<RuleBody> = list(api, &["global", "firewalls"], LIST).await?;
    let wanted = request
        .openings
        .iter()
        .map(|opening| RuleBody::wanted(&api.project, request, opening))
        .collect::<Result<Vec<_>>>()?;
    let ours = |rule: &RuleBody| network_of_description(&rule.description).as_ref() == Some(&request.network);
    let any_exists = existing.iter().any(ours);
    Ok((Changes::between(&existing, wanted, &request.network)?, any_exists))
}

pub(crate) async fn look(api: &Api, request: &FirewallRequest) -> Result<Look> {
    let (changes, any_exists) = compare(api, request).await?;
    Ok(match changes.lines.is_empty() {
        true => Look::Same,
        false if any_exists => Look::Differs(changes.lines),
        false => Look::Absent,
    })
}

pub(crate) async fn ensure(api: &Api, request: &FirewallRequest, wait: &Wait) -> Result<Outcome> {
    let (changes, any_exists) = compare(api, request).await?;
    if changes.lines.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    for rule in &changes.replace {
        remove(api, &rule.name, wait).await?;
    }
    for rule in changes.create.iter().chain(&changes.replace) {
        create(api, rule, &request.network, wait).await?;
    }
    for rule in &changes.update {
        update(api, rule, wait).await?;
    }
    for name in &changes.delete {
        remove(api, name, wait).await?;
    }
    Ok(if any_exists { Outcome::Updated } else { Outcome::Created })
}

async fn create(api: &Api, rule: &RuleBody, network: &NetworkName, wait: &Wait) -> Result<()> {
    let url = api.compute(&["global", "firewalls"]);
    let request = api.request(Method::POST, &url, Idempotency::Idempotent).json(rule);
    match change(api, GLOBAL, "create firewall rule", &rule.name, request, wait).await {
        // Somebody was faster, perhaps ourselves in an attempt whose reply was lost: what counts is what is there now.
        Err(error) if error.meaning() == Meaning::AlreadyExists => match get(api, &rule.name).await? {
            Some(existing) if network_of_description(&existing.description).as_ref() != Some(network) => {
                Err(foreign("create firewall rule", "firewall rule", &rule.name))
            }
            Some(existing) if existing.differences(rule).is_empty() => Ok(()),
            _ => Err(error),
        },
        result => result,
    }
}

async fn update(api: &Api, rule: &RuleBody, wait: &Wait) -> Result<()> {
    let url = api.compute(&["global", "firewalls", &rule.name]);
    let request = api.request(Method::PATCH, &url, Idempotency::Idempotent).json(rule);
    change(api, GLOBAL, "change firewall rule", &rule.name, request, wait).await
}

async fn remove(api: &Api, name: &str, wait: &Wait) -> Result<()> {
    let url = api.compute(&["global", "firewalls", name]);
    match change(api, GLOBAL, DELETE, name, api.delete(&url), wait).await {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}

async fn get(api: &Api, name: &str) -> Result<Option<RuleBody>> {
    let url = api.compute(&["global", "firewalls", name]);
    find(api.get(&url).about("get firewall rule", name), "a firewall rule").await
}

/// The rules of one network of ours, or of all.
pub(crate) async fn list_ours(api: &Api, network: Option<&NetworkName>) -> Result<Vec<FirewallRule>> {
    let rules: Vec<RuleBody> = list(api, &["global", "firewalls"], LIST).await?;
    let ours = rules.into_iter().filter_map(RuleBody::into_rule);
    Ok(ours.filter(|rule| network.is_none_or(|network| rule.network == *network)).collect())
}

/// Deletes a rule of ours. Whose it is, is looked up anew.
pub(crate) async fn delete(api: &Api, rule: &FirewallRule, wait: &Wait) -> Result<Outcome> {
    let Some(existing) = get(api, &rule.name).await? else { return Ok(Outcome::Absent) };
    if network_of_description(&existing.description).as_ref() != Some(&rule.network) {
        return Err(foreign(DELETE, "firewall rule", &rule.name));
    }
    remove(api, &rule.name, wait).await?;
    Ok(Outcome::Removed)
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn network() -> NetworkName {
        NetworkName::new("net1").unwrap()
    }

    fn request(openings: &[(&str, &[(&str, &str)])]) -> FirewallRequest {
        let opening = |(name, ports): &(&str, &[(&str, &str)])| FirewallOpening {
            name: (*name).to_owned(),
            ports: ports
                .iter()
                .map(|(protocol, port)| ((*protocol).to_owned(), (*port).to_owned()))
                .collect(),
            sources: vec!["0.0.0.0/0".to_owned()],
        };
        FirewallRequest { network: network(), vpc: None, openings: openings.iter().map(opening).collect() }
    }

    fn wanted(request: &FirewallRequest) -> Vec<RuleBody> {
        let body = |opening| RuleBody::wanted("p", request, opening).unwrap();
        request.openings.iter().map(body).collect()
    }

    fn between(existing: &[RuleBody], wanted: Vec<RuleBody>) -> Changes {
        Changes::between(existing, wanted, &network()).unwrap()
    }

    #[test]
    fn a_rule_opens_exactly_what_is_asked_for_to_our_workers() {
        let request = request(&[("public", &[("tcp", "5001-5010"), ("udp", "7513"), ("tcp", "30086")])]);
        insta::assert_json_snapshot!(wanted(&request));
    }

    #[test]
    fn a_rule_that_compute_spells_otherwise_is_the_same() {
        let request = request(&[("public", &[("tcp", "5001-5010"), ("tcp", "30086")])]);
        let mut existing = wanted(&request);
        for rule in &mut existing {
            rule.network =
                "https://www.googleapis.com/compute/v1/projects/p/global/networks/default".to_owned();
            rule.allowed = ["30086", "5001-5010"]
                .map(|port| Allowed { protocol: "tcp".to_owned(), ports: vec![port.to_owned()] })
                .to_vec();
        }
        assert_eq!(between(&existing, wanted(&request)), Changes::default());
    }

    #[test]
    fn other_ports_are_updated_another_network_is_replaced_and_what_is_left_over_deleted() {
        let existing = wanted(&request(&[("public", &[("tcp", "5001-5010")]), ("api", &[("tcp", "30086")])]));
        let wider = wanted(&request(&[("public", &[("tcp", "5001-5020")])]));
        let changes = between(&existing, wider.clone());
        assert_eq!(
            changes.lines,
            [
                "firewall rule spacecraft-net1-api: tcp:30086, wanted none",
                "firewall rule spacecraft-net1-public ports: tcp:5001-5010, wanted tcp:5001-5020"
            ]
        );
        assert_eq!((changes.update, changes.delete), (wider.clone(), vec!["spacecraft-net1-api".to_owned()]));
        let mut moved = wider.clone();
        moved.iter_mut().for_each(|rule| rule.network = "projects/p/global/networks/other".to_owned());
        assert_eq!(between(&wider, moved.clone()).replace, moved);
    }

    #[test]
    fn a_rule_of_another_network_is_neither_taken_nor_deleted() {
        let request = request(&[("public", &[("tcp", "5001")])]);
        let mut theirs = wanted(&request);
        theirs.iter_mut().for_each(|rule| rule.description = description(&NetworkName::new("net").unwrap()));
        let error = Changes::between(&theirs, wanted(&request), &network()).unwrap_err();
        assert_eq!(error.meaning(), Meaning::AlreadyExists);
        assert_eq!(between(&theirs, Vec::new()), Changes::default());
    }

    #[test]
    fn a_name_that_compute_would_refuse_is_refused() {
        let request = request(&[(&"x".repeat(48), &[("tcp", "1")])]);
        let opening = request.openings.first().unwrap();
        assert_eq!(RuleBody::wanted("p", &request, opening).unwrap_err().meaning(), Meaning::Invalid);
    }
}
