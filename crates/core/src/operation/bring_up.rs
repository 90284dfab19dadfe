//! Bringing a network up, in steps that every command shares that makes or changes one: cluster, foundation, keys, charts, workloads, firewall, published config, record.
//!
//! A command reads the record, makes the spec that the network is to have, plans it, and calls the steps it needs, each of which looks first and writes only what differs.

mod charts;
mod cluster;
mod fleet;
mod genesis;
mod host_ports;
mod keys;
mod logs;
mod poets;
mod publish;
mod record;
mod report;
mod workloads;

pub(super) use charts::{chart_step, find_charts};
pub use cluster::binding_of;
pub(super) use cluster::{poets_open, refuse_public_state};
pub(super) use fleet::{Fleet, Places, all_new};
pub use genesis::planned_genesis;
pub use keys::secrets_of;
pub(crate) use keys::{ELASTIC_SECRET, GRAFANA_SECRET};
pub(super) use keys::{NetworkKeys, recorded_keys};
pub(super) use logs::dns_step;
pub(crate) use publish::archive;
pub(super) use workloads::Wanted;

use super::Services;
use super::run::Run;
use crate::error::{Error, Meaning};
use crate::generation::Profile;
use crate::plan::{Plan, Problem};
use crate::secret::SecretString;
use crate::spec::NetworkSpec;
use crate::state::RecordStore;
use crate::templates::Templates;

/// What a network is made with besides its spec: templates, files and tokens.
#[derive(Debug)]
pub struct NetworkMaterials {
    /// How nodes and PoETs of its generation are launched.
    pub profile: Profile,
    /// The templates of chart values.
    pub chart_templates: Templates,
    /// The whole `filebeat.yml`.
    pub filebeat_config: String,
    /// The built-in Kibana objects, newline-delimited JSON.
    pub kibana_objects: String,
    /// The Slack token that spacemesh-watch gets, when there are alerts.
    pub slack_token: Option<SecretString>,
}

/// A network that is being brought up, or changed.
#[derive(Debug)]
pub(super) struct BringUp<'a> {
    /// The run whose steps these are.
    pub run: &'a Run,
    /// The network as it is to be.
    pub spec: &'a NetworkSpec,
    /// The plan of that spec.
    pub plan: &'a Plan,
    /// Templates, files and tokens.
    pub materials: &'a NetworkMaterials,
    /// The network's record.
    pub records: RecordStore,
}

impl BringUp<'_> {
    fn services(&self) -> &Services {
        self.run.services()
    }
}

/// That a spec cannot be planned, with all reasons.
pub(super) fn unplannable(problems: &[Problem]) -> Error {
    let reasons = problems.iter().map(|problem| {
        let Problem { key, value, message } = problem;
        format!("{key} {value}: {message}")
    });
    Error::new(Meaning::Invalid, "plan network", "", reasons.collect::<Vec<_>>().join("; "))
}
