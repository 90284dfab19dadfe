//! How another tool embeds Spacecraft: settings from a map, the spec and the plan they make, and `create_network` over the in-memory
//! providers of `spacecraft-testkit`. The report goes to stdout as JSON.
//!
//! A real tool hands in real providers instead: `spacecraft_gcp::Gke`, `spacecraft_folder::FolderStore`, ... Nothing else changes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use spacecraft_core::generation::Profile;
use spacecraft_core::interrupt::Interrupt;
use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{CreateOptions, CreateRequest, NetworkMaterials, Services, create_network};
use spacecraft_core::plan::Plan;
use spacecraft_core::settings::{Command, Settings, SystemFiles};
use spacecraft_core::spec::NetworkSpec;
use spacecraft_core::state::{Holder, HolderProbe};
use spacecraft_core::templates::Templates;
use spacecraft_core::time::SeededRandom;
use spacecraft_core::traits::{
    Access, ChartInstaller, ClusterConnector, ClusterServices, LogStore, LogStoreAccess, NetworkBinding,
    NodeStatus, PoetInfo,
};
use spacecraft_core::{Error, Result, charts};
use spacecraft_testkit::{
    InMemoryCharts, InMemoryCluster, InMemoryObjects, InMemorySpacemesh, InMemoryWorkloads, Ledger,
    RecordingObserver, TestClock,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given = BTreeMap::from([
        ("network-name", "embedded"),
        ("miners", "12"),
        ("poets", "2"),
        ("logs", "none"),
        ("gcp-project", "example"),
        ("gcp-location", "us-central1"),
        ("gcp-zone", "us-central1-a"),
    ]);
    let given = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::builder(Command::CreateNetwork).flags(given).build(&SystemFiles)?;
    let (spec, _credentials) = NetworkSpec::from_settings(&settings, &SystemFiles)?;

    // The operation computes its plan itself; here it is looked at first.
    let capabilities = spec.provider.capabilities();
    let plan = Plan::new(&spec, &capabilities).map_err(|problems| anyhow::anyhow!("{problems:#?}"))?;
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "planned: {} nodes on {} workers", plan.nodes.len(), plan.cluster.workers)?;
    drop(stderr);

    let services = in_memory_services(&spec.network);
    let report = Box::pin(create_network(&services, request(spec)?)).await?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    Ok(())
}

fn request(spec: NetworkSpec) -> Result<CreateRequest> {
    Ok(CreateRequest {
        settings: spec.to_settings(),
        materials: materials(&spec)?,
        options: CreateOptions::default(),
        spec,
    })
}

fn materials(spec: &NetworkSpec) -> Result<NetworkMaterials> {
    let built_in = BTreeMap::new();
    let namespace = charts::Namespaces::of(spec).network;
    Ok(NetworkMaterials {
        profile: Profile::new(spec.generation, &built_in)?,
        chart_templates: Templates::new(&charts::TEMPLATES, &built_in)?,
        filebeat_config: spacecraft_elastic::filebeat_config(&spec.network, &namespace),
        kibana_objects: spacecraft_elastic::built_in_objects(),
        slack_token: None,
    })
}

/// A whole cloud in memory. Its clock is set forward by whoever waits, so that nothing takes time.
fn in_memory_services(network: &NetworkName) -> Services {
    let ledger = Ledger::default();
    let cluster = InMemoryCluster::new(ledger.clone());
    let workloads = InMemoryWorkloads::in_cluster(network, cluster.link(network)).in_namespace("default");
    let in_cluster = InMemoryCharts::in_cluster(cluster.link(network));
    let store = |name: &str| Arc::new(InMemoryObjects::with_ledger(name, ledger.clone()));
    let spacemesh = InMemorySpacemesh::with_ledger(ledger.clone());
    spacemesh.answer_anywhere(
        NodeStatus { connected_peers: 3, synced: true, synced_layer: 0, top_layer: 0, verified_layer: 0 },
        PoetInfo { public_key: String::new(), started: false },
    );
    Services {
        cluster: Arc::new(cluster),
        connector: Arc::new(InMemoryConnector { workloads, charts: in_cluster }),
        spacemesh: Arc::new(spacemesh),
        config_store: store("config"),
        state_store: store("state"),
        discovery_store: store("discovery"),
        dns: None,
        notifier: None,
        clock: Arc::new(TestClock::default()),
        random: Arc::new(SeededRandom::new(1)),
        observer: Arc::new(RecordingObserver::default()),
        interrupt: Interrupt::never(),
        holder: Holder {
            operation: "create-network".to_owned(),
            operator: "embed".to_owned(),
            host: "localhost".to_owned(),
            process_id: std::process::id(),
            process_started: String::new(),
        },
        probe: Arc::new(NobodyElse),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// No other process can hold a lock that lives in this one's memory.
#[derive(Debug)]
struct NobodyElse;

impl HolderProbe for NobodyElse {
    fn is_certainly_dead(&self, _holder: &Holder) -> bool {
        false
    }
}

/// Hands out the services of the one cluster in memory.
#[derive(Debug)]
struct InMemoryConnector {
    workloads: InMemoryWorkloads,
    charts: InMemoryCharts,
}

#[async_trait]
impl ClusterConnector for InMemoryConnector {
    async fn connect(&self, _access: &Access, _network: &NetworkBinding) -> Result<ClusterServices> {
        Ok(ClusterServices {
            workloads: Arc::new(self.workloads.clone()),
            charts: Arc::new(self.charts.clone()),
        })
    }

    fn charts(&self) -> Arc<dyn ChartInstaller> {
        Arc::new(self.charts.clone())
    }

    async fn log_store(&self, _access: &LogStoreAccess) -> Result<Arc<dyn LogStore>> {
        Err(Error::unsupported("reach a log store", "in memory"))
    }
}
