use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config_change::OwnValues;
use super::{Candidate, ConfigChange, KeyChange, Wave, key_changes, waves};
use crate::error::{Error, Meaning, Result};
use crate::identity::check_coinbase;
use crate::image::ImageReference;
use crate::node_config::{ConfigProblem, NodeConfig};
use crate::spec::{Generation, NetworkSpec, NodeOverride, UpgradeSpec};
use crate::state::{NetworkRecord, UpgradeRecord};
use crate::topology::{node_names, role_of};
use crate::workload::Role;

/// What an upgrade leads to, computed from the network's record and what was asked for.
///
/// It does not matter how much of it the record has already: an upgrade that was begun leads to the same end.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// The numbers of the nodes that are upgraded.
    pub selected: BTreeSet<u32>,
    /// The waves, with those that are through already.
    pub waves: Vec<Wave>,
    /// What the network has once all of it is done.
    pub end: NetworkSpec,
    /// What changes in the config of nodes, told once for all nodes with the same config.
    pub changes: Vec<KeyChange>,
    /// What it leads to, by which the same upgrade is recognised.
    pub target: UpgradeTarget,
}

/// What an upgrade leads to; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UpgradeTarget {
    /// The image of nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
    /// The config that nodes' own are made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// The image of PoETs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poet_image: Option<ImageReference>,
}

impl Goal {
    /// The goal of an upgrade of the network of `record`.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] with every change that cannot be made, [`Meaning::NotFound`] for a number that is no node.
    pub fn new(record: &NetworkRecord, asked: &UpgradeSpec) -> Result<Self> {
        let spec = &record.spec;
        let selected = selected(spec, asked)?;
        let change = |running: &Value| changed(record, asked, running);
        let mut end = spec.clone();
        let mut seen: Vec<&Value> = Vec::new();
        let (mut changes, mut problems) = (Vec::new(), Vec::new());
        for number in &selected {
            let makeup = spec.makeup(*number);
            let wanted = change(makeup.config);
            if !seen.contains(&makeup.config) {
                seen.push(makeup.config);
                problems.extend(problems_of(record, asked, makeup.config, &wanted));
                changes.extend(key_changes(spec.generation, makeup.config, &wanted));
            }
            let image = asked.image.as_ref().unwrap_or(makeup.image).clone();
            set_makeup(&mut end, *number, image, wanted);
        }
        refuse(record, &problems)?;
        let target = UpgradeTarget {
            image: asked.image.clone(),
            config: asked.config.as_ref().map(|_| change(&spec.node.base_config)),
            poet_image: asked.poet_image.clone(),
        };
        settle(&mut end, &selected, &target);
        changes.dedup();
        let wave_size = asked.wave_size.unwrap_or_else(|| spec.fleet.count().div_ceil(10));
        Ok(Self { waves: waves(&candidates(spec, &selected), wave_size), selected, end, changes, target })
    }

    /// The way back from an upgrade that did not end: all that it touched is again as it was, at most `wave_size` nodes at a time.
    #[must_use]
    pub fn back_to(record: &NetworkRecord, upgrade: &UpgradeRecord, wave_size: u32) -> Self {
        let numbers = record.spec.fleet.numbers();
        let selected: BTreeSet<u32> = upgrade.touched.intersection(&numbers).copied().collect();
        Self {
            waves: waves(&candidates(&record.spec, &selected), wave_size),
            end: upgrade.from.restored_in(&record.spec, &selected),
            selected,
            changes: Vec::new(),
            target: upgrade.to.clone(),
        }
    }

    /// `spec` with these nodes as they are at the end.
    #[must_use]
    pub fn with_nodes(&self, spec: &NetworkSpec, numbers: &BTreeSet<u32>) -> NetworkSpec {
        let mut spec = spec.clone();
        for number in numbers {
            let makeup = self.end.makeup(*number);
            set_makeup(&mut spec, *number, makeup.image.clone(), makeup.config.clone());
        }
        spec
    }

    /// Whether `spec` has a node already as it is at the end.
    #[must_use]
    pub fn is_recorded(&self, spec: &NetworkSpec, number: u32) -> bool {
        let (now, end) = (spec.makeup(number), self.end.makeup(number));
        now.image == end.image && now.config == end.config
    }
}

/// What a network ran before an upgrade touched it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// The image of nodes.
    pub image: ImageReference,
    /// The config that nodes' own are made from.
    pub config: Value,
    /// The image of PoETs.
    pub poet_image: ImageReference,
    /// What single nodes had otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_overrides: BTreeMap<u32, NodeOverride>,
}

impl Release {
    /// What the network of `spec` runs.
    #[must_use]
    pub fn of(spec: &NetworkSpec) -> Self {
        Self {
            image: spec.node.image.clone(),
            config: spec.node.base_config.clone(),
            poet_image: spec.poet.image.clone(),
            node_overrides: spec.node_overrides.clone(),
        }
    }

    /// `spec` with these nodes, and the PoETs, as they were.
    #[must_use]
    pub fn restored_in(&self, spec: &NetworkSpec, numbers: &BTreeSet<u32>) -> NetworkSpec {
        let mut spec = spec.clone();
        spec.node.image.clone_from(&self.image);
        spec.node.base_config.clone_from(&self.config);
        spec.poet.image.clone_from(&self.poet_image);
        for number in numbers.iter().filter(|number| spec.fleet.contains(**number)) {
            match self.node_overrides.get(number) {
                Some(own) => spec.node_overrides.insert(*number, own.clone()),
                None => spec.node_overrides.remove(number),
            };
        }
        spec
    }
}

fn selected(spec: &NetworkSpec, asked: &UpgradeSpec) -> Result<BTreeSet<u32>> {
    let all = spec.fleet.numbers();
    if asked.image.is_none() && asked.config.is_none() {
        return Ok(BTreeSet::new());
    }
    let Some(only) = &asked.only else { return Ok(all) };
    let missing: BTreeSet<u32> = only.difference(&all).copied().collect();
    if missing.is_empty() {
        return Ok(only.clone());
    }
    let reason = format!("there is no {}", node_names(&missing));
    Err(Error::new(Meaning::NotFound, "upgrade", spec.network.as_str(), reason)
        .with_hint(format!("there are {}", node_names(&all))))
}

fn candidates(spec: &NetworkSpec, selected: &BTreeSet<u32>) -> Vec<Candidate> {
    let are_gateways = spec.generation == Generation::V0;
    let gateway =
        |number: u32| are_gateways && number <= spec.fleet.gateways && spec.fleet.is_original(number);
    let candidate =
        |number: u32| Candidate { number, role: role_of(number, &spec.fleet), gateway: gateway(number) };
    selected.iter().map(|number| candidate(*number)).collect()
}

/// The config that `running` becomes.
fn changed(record: &NetworkRecord, asked: &UpgradeSpec, running: &Value) -> Value {
    let Some(change) = &asked.config else { return running.clone() };
    change.applied_to(running, record.spec.generation, &own_values(record, &bootnodes_of(record)))
}

fn bootnodes_of(record: &NetworkRecord) -> Vec<String> {
    let bootnodes = record.nodes.iter().filter(|node| node.role == Role::Bootnode);
    bootnodes.filter_map(|node| node.p2p.clone()).collect()
}

fn own_values<'a>(record: &'a NetworkRecord, bootnodes: &'a [String]) -> OwnValues<'a> {
    let fleet = &record.spec.fleet;
    OwnValues {
        genesis: record.genesis.as_ref().map(|genesis| &genesis.genesis),
        fleet_nodes: fleet.bootstrap.then_some(fleet.nodes),
        bootnodes,
    }
}

fn problems_of(
    record: &NetworkRecord,
    asked: &UpgradeSpec,
    running: &Value,
    wanted: &Value,
) -> Vec<ConfigProblem> {
    if asked.config.is_none() {
        return Vec::new();
    }
    let spec = &record.spec;
    let bootnodes = bootnodes_of(record);
    let own = own_values(record, &bootnodes);
    let mut problems = ConfigChange::problems(&asked.keys, running, wanted, &own, asked.switches.restart_all);
    let prefix = NodeConfig::new(spec.generation, wanted).address_prefix();
    let own = spec.node_overrides.values().filter_map(|own| own.coinbase.as_ref());
    for coinbase in spec.coinbase.iter().chain(own) {
        if let Err(message) = check_coinbase(spec.generation, prefix, coinbase) {
            problems.push(ConfigProblem {
                path: "main.network-hrp".to_owned(),
                value: coinbase.clone(),
                message,
            });
        }
    }
    problems
}

fn refuse(record: &NetworkRecord, problems: &[ConfigProblem]) -> Result<()> {
    let mut lines: Vec<String> = problems
        .iter()
        .map(|problem| match problem.value.as_str() {
            "" => format!("{} {}", problem.path, problem.message),
            value => format!("{} = {value}: {}", problem.path, problem.message),
        })
        .collect();
    lines.dedup();
    if lines.is_empty() {
        return Ok(());
    }
    let reason = format!("the node config cannot change so:\n  {}", lines.join("\n  "));
    Err(Error::new(Meaning::Invalid, "upgrade", record.network.as_str(), reason)
        .with_hint("nothing was changed"))
}

/// Makes a node so, as an override where the network's nodes are otherwise.
fn set_makeup(spec: &mut NetworkSpec, number: u32, image: ImageReference, config: Value) {
    let own = spec.node_overrides.entry(number).or_default();
    own.image = Some(image).filter(|image| *image != spec.node.image);
    own.config = Some(config).filter(|config| *config != spec.node.base_config);
    if own.is_empty() {
        spec.node_overrides.remove(&number);
    }
}

/// Once every node has what the upgrade leads to, it is what the network's nodes have, and their overrides say no more than what still differs.
fn settle(end: &mut NetworkSpec, selected: &BTreeSet<u32>, target: &UpgradeTarget) {
    end.poet.image = target.poet_image.clone().unwrap_or_else(|| end.poet.image.clone());
    let image = target.image.clone().unwrap_or_else(|| end.node.image.clone());
    let config = target.config.clone().unwrap_or_else(|| end.node.base_config.clone());
    let numbers = end.fleet.numbers();
    let mut others =
        numbers.iter().filter(|number| !selected.contains(number)).map(|number| end.makeup(*number));
    if selected.is_empty() || !others.all(|other| *other.image == image && *other.config == config) {
        return;
    }
    let makeups: Vec<(u32, ImageReference, Value)> = numbers
        .iter()
        .map(|number| (*number, end.makeup(*number)))
        .map(|(number, makeup)| (number, makeup.image.clone(), makeup.config.clone()))
        .collect();
    end.node.image = image;
    end.node.base_config = config;
    for (number, image, config) in makeups {
        set_makeup(end, number, image, config);
    }
    if let Some(services) = end.web_services.as_mut().filter(|_| target.image.is_some()) {
        services.image = None;
    }
}

#[cfg(test)]
mod tests;
