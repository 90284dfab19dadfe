//! A whole cloud in memory, with one ledger over all its services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use spacecraft_core::Result;
use spacecraft_core::charts::{self, ChartSecrets, Namespaces};
use spacecraft_core::generation::{Profile, default_images};
use spacecraft_core::image::ImageReference;
use spacecraft_core::interrupt::Interrupt;
use spacecraft_core::names::NetworkName;
use spacecraft_core::node_config::{NetworkTiming, NodeConfig};
use spacecraft_core::operation::{
    AddMinersRequest, CreateOptions, CreateRequest, DeleteRequest, Limits, NetworkMaterials, NewMiners,
    OperationFailure, RemoveMinersRequest, Services, UpgradeRequest, binding_of, create_network,
    delete_network, upgrade_network,
};
use spacecraft_core::plan::Plan;
use spacecraft_core::quantity::{Bytes, MilliCpu, Resources};
use spacecraft_core::report::{DeletionReport, NetworkReport, UpgradeReport};
use spacecraft_core::secret::SecretBytes;
use spacecraft_core::spec::{
    ClusterSpec, ExposureSpec, FleetSpec, Generation, GenesisSpec, LogsSpec, NetworkSpec, NodeSpec, PoetSpec,
    ProviderKind, Publish, RolloutOrder, RolloutSpec, StorageSpec, UpgradeSpec, WaitFor,
};
use spacecraft_core::state::{Holder, HolderProbe, NetworkRecord};
use spacecraft_core::templates::Templates;
use spacecraft_core::time::{Clock, SeededRandom};
use spacecraft_core::traits::{
    Access, ChartInstaller, ClusterConnector, ClusterProvider, ClusterServices, LogStore, LogStoreAccess,
    MachineShape, NetworkBinding, NodeStatus, PoetInfo, ServiceName,
};
use spacecraft_core::wait::Wait;
use spacecraft_core::workload::NetworkSecret;
use spacecraft_testkit::{
    InMemoryCharts, InMemoryCluster, InMemoryDns, InMemoryLogs, InMemoryObjects, InMemorySpacemesh,
    InMemoryWorkloads, Ledger, RecordingNotifier, RecordingObserver, TestClock,
};

const MININET_V1: &str = include_str!("../../configs/v1/mininet.json");
const MININET_V0: &str = include_str!("../../configs/v0/mininet.json");

pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) clock: TestClock,
    pub(crate) observer: RecordingObserver,
    pub(crate) cluster: InMemoryCluster,
    pub(crate) workloads: InMemoryWorkloads,
    pub(crate) charts: InMemoryCharts,
    pub(crate) logs: InMemoryLogs,
    pub(crate) config: InMemoryObjects,
    pub(crate) state: InMemoryObjects,
    pub(crate) discovery: InMemoryObjects,
    pub(crate) dns: InMemoryDns,
    pub(crate) notifier: RecordingNotifier,
    pub(crate) spacemesh: InMemorySpacemesh,
}

pub(crate) fn network() -> NetworkName {
    NetworkName::new("net1").unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(InMemoryCluster::new(Ledger::default()))
    }

    pub(crate) fn shared() -> Self {
        Self::over(InMemoryCluster::shared(Ledger::default()))
    }

    fn over(cluster: InMemoryCluster) -> Self {
        let ledger = cluster.ledger().clone();
        let workloads =
            InMemoryWorkloads::in_cluster(&network(), cluster.link(&network())).in_namespace("default");
        let spacemesh = InMemorySpacemesh::with_ledger(ledger.clone());
        let status =
            NodeStatus { connected_peers: 3, synced: true, synced_layer: 0, top_layer: 0, verified_layer: 0 };
        spacemesh.answer_anywhere(status, PoetInfo { public_key: String::new(), started: false });
        Self {
            clock: TestClock::default(),
            observer: RecordingObserver::default(),
            charts: InMemoryCharts::in_cluster(cluster.link(&network())),
            logs: InMemoryLogs::with_ledger(ledger.clone()),
            config: InMemoryObjects::with_ledger("config", ledger.clone()),
            state: InMemoryObjects::with_ledger("state", ledger.clone()),
            discovery: InMemoryObjects::with_ledger("discovery", ledger.clone()),
            dns: InMemoryDns::with_ledger("spacemesh.io", ledger.clone()),
            notifier: RecordingNotifier::with_ledger(ledger.clone()),
            spacemesh,
            workloads,
            cluster,
            ledger,
        }
    }

    pub(crate) fn services(&self, process: u32) -> Services {
        Services {
            cluster: Arc::new(self.cluster.clone()),
            connector: Arc::new(Connector {
                workloads: self.workloads.clone(),
                charts: self.charts.clone(),
                logs: self.logs.clone(),
            }),
            spacemesh: Arc::new(self.spacemesh.clone()),
            config_store: Arc::new(self.config.clone()),
            state_store: Arc::new(self.state.clone()),
            discovery_store: Arc::new(self.discovery.clone()),
            dns: Some(Arc::new(self.dns.clone())),
            notifier: Some(Arc::new(self.notifier.clone())),
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SeededRandom::new(u64::from(process))),
            observer: Arc::new(self.observer.clone()),
            interrupt: Interrupt::never(),
            holder: Holder {
                operation: "test".to_owned(),
                operator: "tester@host".to_owned(),
                host: "host".to_owned(),
                process_id: process,
                process_started: "1".to_owned(),
            },
            probe: Arc::new(OthersAreDead(process)),
            version: "0".to_owned(),
        }
    }

    pub(crate) async fn create(
        &self,
        spec: &NetworkSpec,
        process: u32,
    ) -> Result<NetworkReport, OperationFailure> {
        create_network(&self.services(process), request(spec, CreateOptions::default())).await
    }

    pub(crate) async fn delete(
        &self,
        spec: &NetworkSpec,
        process: u32,
    ) -> Result<DeletionReport, OperationFailure> {
        delete_network(&self.services(process), self.removal(spec)).await
    }

    /// What asks for the network's removal.
    pub(crate) fn removal(&self, spec: &NetworkSpec) -> DeleteRequest {
        DeleteRequest {
            network: spec.network.clone(),
            fallback: binding_of(spec, self.owns_clusters()),
            limits: LIMITS,
        }
    }

    /// Makes the network's cluster beforehand, as somebody else might.
    pub(crate) async fn make_cluster(&self, spec: &NetworkSpec) {
        let plan = Plan::new(spec, &self.cluster.capabilities()).unwrap();
        let deadline = self.clock.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
        let wait = Wait::new(Arc::new(self.clock.clone()), Arc::new(self.observer.clone()), "test", deadline);
        self.cluster.ensure_cluster(&plan.cluster_request(spec), &wait).await.unwrap();
    }

    /// Upgrades the network as `asked` says, on a chain whose nodes keep the time.
    pub(crate) async fn upgrade(
        &self,
        asked: UpgradeSpec,
        process: u32,
    ) -> Result<UpgradeReport, OperationFailure> {
        let request = self.upgrade_request(asked);
        upgrade_network(&self.services(process), request).await
    }

    /// What asks for such an upgrade, once the chain's nodes keep the time.
    pub(crate) fn upgrade_request(&self, asked: UpgradeSpec) -> UpgradeRequest {
        let generation = asked.keys.generation();
        if let Some(genesis) = self.record().and_then(|record| record.genesis) {
            let config = spec(generation).node.base_config;
            let timing = NetworkTiming::read(NodeConfig::new(generation, &config)).unwrap();
            self.spacemesh.follow_chain(&self.clock, genesis.genesis.time, timing.layer);
        }
        UpgradeRequest { network: network(), asked, materials: materials(generation) }
    }

    /// The network's record.
    pub(crate) fn record(&self) -> Option<NetworkRecord> {
        let text = self.state.contents().get("net1/network.json").cloned()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// The names of the Secrets that the network keeps for its parts.
    pub(crate) async fn secret_names(&self) -> Vec<String> {
        let secrets = spacecraft_core::traits::Workloads::secrets(&self.workloads).await.unwrap();
        secrets.into_iter().map(|secret| secret.name).collect()
    }

    fn owns_clusters(&self) -> bool {
        self.cluster.capabilities().creates_clusters
    }
}

pub(crate) fn request(spec: &NetworkSpec, options: CreateOptions) -> CreateRequest {
    CreateRequest {
        spec: spec.clone(),
        settings: BTreeMap::new(),
        materials: materials(spec.generation),
        options,
    }
}

pub(crate) fn materials(generation: Generation) -> NetworkMaterials {
    NetworkMaterials {
        profile: Profile::new(generation, &BTreeMap::new()).unwrap(),
        chart_templates: Templates::new(&charts::TEMPLATES, &BTreeMap::new()).unwrap(),
        filebeat_config: "filebeat.inputs: []\n".to_owned(),
        kibana_objects: "{\"type\":\"index-pattern\",\"id\":\"sm\",\"attributes\":{}}\n".to_owned(),
        slack_token: Some("a token".into()),
    }
}

pub(crate) const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(3600),
    step_timeout: Duration::from_secs(1200),
    force_unlock: false,
};

pub(crate) fn add_request(generation: Generation, miners: NewMiners) -> AddMinersRequest {
    AddMinersRequest {
        network: network(),
        miners,
        most_workers: None,
        materials: materials(generation),
        wait: WaitFor::Ready,
        limits: LIMITS,
    }
}

pub(crate) fn remove_request(generation: Generation, numbers: &[u32], forced: bool) -> RemoveMinersRequest {
    RemoveMinersRequest {
        network: network(),
        numbers: numbers.iter().copied().collect(),
        forced,
        materials: materials(generation),
        limits: LIMITS,
    }
}

/// Every process but the one that asks is dead.
#[derive(Debug)]
struct OthersAreDead(u32);

impl HolderProbe for OthersAreDead {
    fn is_certainly_dead(&self, holder: &Holder) -> bool {
        holder.process_id != self.0
    }
}

#[derive(Debug)]
struct Connector {
    workloads: InMemoryWorkloads,
    charts: InMemoryCharts,
    logs: InMemoryLogs,
}

impl Connector {
    /// What charts would have made: the ingress controller's load balancer, and Elasticsearch's certificates.
    fn fill(&self) {
        let workloads = &self.workloads;
        workloads
            .set_load_balancer(ServiceName::new("ingress-nginx", "ingress-nginx-controller"), "203.0.113.7");
        workloads.put_secret(
            "default",
            NetworkSecret {
                name: "elasticsearch-master-certs".to_owned(),
                part: None,
                data: BTreeMap::from([("ca.crt".to_owned(), SecretBytes::new(*b"an authority"))]),
            },
        );
    }
}

#[async_trait]
impl ClusterConnector for Connector {
    async fn connect(&self, _access: &Access, _network: &NetworkBinding) -> Result<ClusterServices> {
        // A new cluster begins empty at the first call, and charts are installed after that.
        spacecraft_core::traits::Workloads::workers(&self.workloads).await?;
        self.fill();
        Ok(ClusterServices {
            workloads: Arc::new(self.workloads.clone()),
            charts: Arc::new(self.charts.clone()),
        })
    }

    fn charts(&self) -> Arc<dyn ChartInstaller> {
        Arc::new(self.charts.clone())
    }

    async fn log_store(&self, _access: &LogStoreAccess) -> Result<Arc<dyn LogStore>> {
        Ok(Arc::new(self.logs.clone()))
    }
}

pub(crate) fn small_pod() -> Resources {
    Resources { cpu: MilliCpu::cores(1), memory: Bytes::gibi(2) }
}

/// Ten nodes and three PoETs with logs, on a cluster of its own.
pub(crate) fn spec(generation: Generation) -> NetworkSpec {
    let (node_image, poet_image) = default_images(generation);
    let base = match generation {
        Generation::V0 => MININET_V0,
        Generation::V1 => MININET_V1,
    };
    let small = small_pod();
    NetworkSpec {
        network: network(),
        provider: ProviderKind::Gcp,
        generation,
        fleet: FleetSpec {
            bootstrap: true,
            nodes: 10,
            bootnodes: 6,
            poets: 3,
            gateways: 4,
            ..FleetSpec::default()
        },
        node: NodeSpec {
            image: ImageReference::parse(node_image).unwrap(),
            resources: small,
            disk: Bytes::gibi(10),
            base_config: serde_json::from_str(base).unwrap(),
            json_api: true,
            go_debug: false,
            p2p_port_base: 5000,
        },
        poet: PoetSpec {
            image: ImageReference::parse(poet_image).unwrap(),
            resources: small,
            disk: Bytes::gibi(10),
            initial_phase_shift: Duration::ZERO,
        },
        coinbase: None,
        genesis: GenesisSpec { delay: Duration::from_secs(600) },
        rollout: RolloutSpec {
            max_concurrent_deployments: 100,
            order: RolloutOrder::Parallel,
            wait: WaitFor::Ready,
            timeout: Duration::from_secs(3600),
            step_timeout: Duration::from_secs(1200),
        },
        cluster: ClusterSpec {
            project: "p".to_owned(),
            location: "us-central1".to_owned(),
            zone: "us-central1-a".to_owned(),
            machine: MachineShape {
                machine_type: "e2-standard-16".to_owned(),
                cpu: MilliCpu::cores(16),
                memory: Bytes::gibi(64),
            },
            accelerator: None,
            vpc: None,
            kubernetes_version: None,
            release_channel: "stable".to_owned(),
            most_workers: None,
            namespace: "default".to_owned(),
        },
        logs: Some(LogsSpec {
            elasticsearch: small,
            heap: Bytes::gibi(1),
            disk: Bytes::gibi(10),
            replicas: 1,
            master_nodes: 1,
            kibana: small,
            expiry_days: 1,
            saved_objects: None,
        }),
        metrics: None,
        profiling: None,
        alerts: None,
        chaos: None,
        web_services: None,
        exposure: ExposureSpec {
            allow_from: Vec::new(),
            publish: Publish::Dashboards,
            domain: "spacemesh.io".to_owned(),
            dns: true,
        },
        storage: StorageSpec {
            object_dir: None,
            bucket: "config".to_owned(),
            state_bucket: "state".to_owned(),
            discovery_bucket: "discovery".to_owned(),
        },
        charts: BTreeMap::new(),
        node_overrides: BTreeMap::new(),
    }
}

/// Three nodes and a PoET with logs, on a cluster of its own.
pub(crate) fn small(generation: Generation) -> NetworkSpec {
    let mut spec = spec(generation);
    spec.fleet.nodes = 3;
    spec.fleet.bootnodes = 1;
    spec.fleet.poets = 1;
    spec.fleet.gateways = 1;
    spec
}

/// Chart values are made of a spec alone; this is what a test needs to look at them.
pub(crate) fn release_values(spec: &NetworkSpec, chart: &str) -> serde_json::Value {
    let secrets = ChartSecrets {
        elastic_password: "elastic-password".into(),
        grafana_password: "grafana-password".into(),
        filebeat_config: "filebeat.inputs: []\n".to_owned(),
    };
    let templates = Templates::new(&charts::TEMPLATES, &BTreeMap::new()).unwrap();
    let planned = charts::planned(spec).into_iter().find(|planned| planned.name == chart).unwrap();
    charts::release(&planned, spec, &secrets, &templates).unwrap().values
}

#[test]
fn namespaces_of_a_cluster_of_its_own_have_the_well_known_names() {
    assert_eq!(Namespaces::of(&spec(Generation::V1)).network, "default");
}
