use std::collections::BTreeMap;

use serde_json::Value;

use super::beacon::beacon_files;
use super::facts::{BeaconFacts, NodeFacts, PoetFacts, PublishedFacts};
use super::launch::Launch;
use super::web_node::{WebNode, WebNodeFacts};
use super::{node, overlay, poet, web_node};
use crate::error::Result;
use crate::quantity::Resources;
use crate::spec::Generation;
use crate::templates::Templates;
use crate::workload::ConfigFile;

/// Where config files are mounted.
pub(super) const CONFIG_DIRECTORY: &str = "/etc/config";
/// Where the data volume is mounted: outside `/root`, since pods run as an unprivileged user.
pub(super) const DATA_MOUNT: &str = "/data";
/// The one writable path besides the data.
pub(super) const SCRATCH: &str = "/tmp";

const V0_TEMPLATES: [(&str, &str); 3] = [
    ("v0/node.arguments", include_str!("../../templates/v0/node.arguments")),
    ("v0/poet.arguments", include_str!("../../templates/v0/poet.arguments")),
    ("v0/poet.conf", include_str!("../../templates/v0/poet.conf")),
];
const V1_TEMPLATES: [(&str, &str); 5] = [
    ("v1/beacon.json", include_str!("../../templates/v1/beacon.json")),
    ("v1/node.arguments", include_str!("../../templates/v1/node.arguments")),
    ("v1/poet.arguments", include_str!("../../templates/v1/poet.arguments")),
    ("v1/poet.conf", include_str!("../../templates/v1/poet.conf")),
    ("v1/web-node.arguments", include_str!("../../templates/v1/web-node.arguments")),
];

/// How nodes and PoETs of one generation are launched.
#[derive(Debug, Clone)]
pub struct Profile {
    generation: Generation,
    templates: Templates,
}

impl Profile {
    /// The profile of a generation, with the templates in `overrides` (text by name, such as `v1/node.arguments`) in the place of the built-in ones. Names
    /// that this generation does not have are left to others.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`](crate::Meaning::Invalid) for a template that cannot be parsed.
    pub fn new(generation: Generation, overrides: &BTreeMap<String, String>) -> Result<Self> {
        let embedded: &[(&str, &str)] = match generation {
            Generation::V0 => &V0_TEMPLATES,
            Generation::V1 => &V1_TEMPLATES,
        };
        Ok(Self { generation, templates: Templates::new(embedded, overrides)? })
    }

    /// The names of all templates of all generations.
    pub fn template_names() -> impl Iterator<Item = &'static str> {
        V0_TEMPLATES.iter().chain(&V1_TEMPLATES).map(|(name, _)| *name)
    }

    /// The generation.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// How a node is run.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`](crate::Meaning::Invalid) when the config has something else where an object belongs, when a fact that this generation needs is
    /// missing, when a value has control characters, or when a template does not fit.
    pub fn node(&self, facts: &NodeFacts) -> Result<Launch> {
        node::launch(self.generation, &self.templates, facts)
    }

    /// How a PoET is run.
    ///
    /// # Errors
    ///
    /// As [`Self::node`], and when the config does not say how long layers and epochs are.
    pub fn poet(&self, facts: &PoetFacts) -> Result<Launch> {
        poet::launch(self.generation, &self.templates, facts)
    }

    /// How the nodes of web services are run.
    ///
    /// # Errors
    ///
    /// As [`Self::node`].
    pub fn web_node(&self, facts: &WebNodeFacts) -> Result<WebNode> {
        web_node::web_node(self.generation, &self.templates, facts)
    }

    /// The config that a network publishes for those who join.
    ///
    /// # Errors
    ///
    /// As [`Self::node`].
    pub fn published_config(&self, facts: &PublishedFacts) -> Result<Value> {
        overlay::published_config(self.generation, facts)
    }

    /// The files that give nodes of a new v1 network the beacon of epoch 2; none for v0, whose first beacon is constant.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`](crate::Meaning::Invalid) when an operator's template does not fit.
    pub fn beacon_files(&self, facts: &BeaconFacts) -> Result<Vec<ConfigFile>> {
        match self.generation {
            Generation::V0 => Ok(Vec::new()),
            Generation::V1 => beacon_files(&self.templates, facts),
        }
    }
}

/// The environment of a Go program in a pod: as many threads as it has processors, and a home that can be written to.
pub(super) fn golang_environment(resources: &Resources) -> BTreeMap<String, String> {
    let processors = resources.cpu.0.div_ceil(1000).max(1);
    BTreeMap::from([
        ("GOMAXPROCS".to_owned(), processors.to_string()),
        ("HOME".to_owned(), SCRATCH.to_owned()),
    ])
}

/// A document as people read it.
pub(super) fn pretty_json(document: &Value) -> String {
    let mut text = format!("{document:#}");
    text.push('\n');
    text
}
