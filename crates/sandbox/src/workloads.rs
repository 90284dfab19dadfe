//! The processes inside simulated clusters that answer calls: Elasticsearch, Kibana, PoETs and nodes.

pub(crate) mod chain;
pub(crate) mod economy;
pub(crate) mod elasticsearch;
pub(crate) mod jobs;
pub(crate) mod kibana;
pub(crate) mod poet;
pub(crate) mod process;
pub(crate) mod served;

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use self::{elasticsearch::Elasticsearch, kibana::Kibana, poet::Poet};
use crate::{
    address::{Workload, WorkloadKind},
    context::Context,
    wire::{Request, Response},
};

/// The state of all processes that keep any, by `CLUSTER/NAMESPACE/NAME`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Workloads {
    elasticsearch: BTreeMap<String, Elasticsearch>,
    kibana: BTreeMap<String, Kibana>,
    poets: BTreeMap<String, Poet>,
}

impl Workloads {
    /// Answers a request that its process let in.
    pub(crate) fn handle(
        &mut self,
        workload: &Workload,
        request: &Request,
        context: &mut Context<'_>,
    ) -> Response {
        let key = format!("{}/{}/{}", workload.cluster, workload.namespace, workload.name);
        match workload.kind {
            WorkloadKind::Elasticsearch => {
                self.elasticsearch.entry(key).or_default().handle(request, context)
            }
            WorkloadKind::Kibana => self.kibana.entry(key).or_default().handle(request),
            WorkloadKind::Poet => self.poets.entry(key).or_default().handle(request),
            WorkloadKind::Node | WorkloadKind::Other => Response::empty(StatusCode::NOT_FOUND),
        }
    }

    /// Forgets the processes of clusters that are gone.
    pub(crate) fn retain_clusters(&mut self, exists: impl Fn(&str) -> bool) {
        let keep = |key: &String| key.split('/').next().is_some_and(&exists);
        self.elasticsearch.retain(|key, _| keep(key));
        self.kibana.retain(|key, _| keep(key));
        self.poets.retain(|key, _| keep(key));
    }
}
