use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    ClusterSpec, ExposureSpec, LogsSpec, NetworkSpec, NodeSpec, PoetSpec, ProfilingSpec, Publish,
    RolloutOrder, StorageSpec, WaitFor,
};
use crate::quantity::{Bytes, Resources};
use crate::settings::SettingValue;

/// Settings by name, as a record keeps them.
#[derive(Default)]
struct Recorded(BTreeMap<String, Value>);

impl NetworkSpec {
    /// The settings that describe this network, complete: a record that holds them gives the same spec again whatever defaults a later version has. Files are in
    /// it by their contents. Secrets, and the limits of a single run (`timeout`, `step-timeout`), are not.
    #[must_use]
    pub fn to_settings(&self) -> BTreeMap<String, Value> {
        let mut recorded = Recorded::default();
        recorded.set("network-name", json!(self.network));
        recorded.set("provider", json!(self.provider));
        recorded.set("generation", json!(self.generation));
        recorded.add_fleet(self);
        recorded.add_node(&self.node);
        recorded.add_poet(&self.poet);
        recorded.set_some("coinbase", self.coinbase.as_deref());
        recorded.duration("genesis-delay", self.genesis.delay);
        recorded.add_rollout(self);
        recorded.add_cluster(&self.cluster);
        recorded.add_logs(self.logs.as_ref());
        recorded.add_extras(self);
        recorded.add_profiling(self.profiling.as_ref());
        recorded.add_exposure(&self.exposure);
        recorded.add_storage(&self.storage);
        recorded.0
    }
}

impl Recorded {
    fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn set_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value.into());
        }
    }

    fn set_text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.set(name, json!(text));
        }
    }

    fn bytes(&mut self, name: &str, bytes: Bytes) {
        self.set(name, SettingValue::Bytes(bytes).to_document());
    }

    fn duration(&mut self, name: &str, duration: Duration) {
        self.set(name, SettingValue::Duration(duration).to_document());
    }

    fn resources(&mut self, cpu: &str, memory: &str, resources: Resources) {
        self.set(cpu, SettingValue::Cpu(resources.cpu).to_document());
        self.bytes(memory, resources.memory);
    }

    fn add_fleet(&mut self, spec: &NetworkSpec) {
        let fleet = &spec.fleet;
        self.set("bootstrap", json!(fleet.bootstrap));
        self.set("miners", json!(fleet.nodes));
        self.set("bootnode-amount", json!(fleet.bootnodes));
        self.set("poets", json!(fleet.poets));
        self.set("poet-gateway-amount", json!(fleet.gateways));
        let config = if fleet.bootstrap { "go-sm-config" } else { "miner-go-sm-config" };
        self.set(config, spec.node.base_config.clone());
    }

    fn add_node(&mut self, node: &NodeSpec) {
        self.set("go-sm-image", json!(node.image));
        self.resources("miner-cpu", "miner-ram", node.resources);
        self.bytes("miner-disk-size", node.disk);
        self.set("enable-json-api", json!(node.json_api));
        self.set("enable-go-debug", json!(node.go_debug));
        self.set("p2p-port-base", json!(node.p2p_port_base));
    }

    fn add_poet(&mut self, poet: &PoetSpec) {
        self.set("poet-image", json!(poet.image));
        self.resources("poet-cpu", "poet-ram", poet.resources);
        self.bytes("poet-disk-size", poet.disk);
        self.duration("init-phase-shift", poet.initial_phase_shift);
    }

    fn add_rollout(&mut self, spec: &NetworkSpec) {
        let rollout = &spec.rollout;
        self.set("max-concurrent-deployments", json!(rollout.max_concurrent_deployments));
        let order = match rollout.order {
            RolloutOrder::Parallel => "parallel",
            RolloutOrder::Ordered => "ordered",
        };
        self.set("rollout", json!(order));
        let wait = match rollout.wait {
            WaitFor::Ready => "ready",
            WaitFor::Healthy => "healthy",
        };
        self.set("wait", json!(wait));
    }

    fn add_cluster(&mut self, cluster: &ClusterSpec) {
        self.set_text("gcp-project", &cluster.project);
        self.set_text("gcp-location", &cluster.location);
        self.set_text("gcp-zone", &cluster.zone);
        self.set_text("gcp-machine-type", &cluster.machine.machine_type);
        let size = Resources { cpu: cluster.machine.cpu, memory: cluster.machine.memory };
        self.resources("gcp-machine-cpu", "gcp-machine-memory", size);
        if let Some(accelerator) = &cluster.accelerator {
            self.set_text("accelerator-type", &accelerator.accelerator_type);
            self.set("accelerator-count", json!(accelerator.count));
        }
        self.set("use-vpc", json!(cluster.vpc.is_some()));
        self.set_some("vpc", cluster.vpc.as_deref());
        self.set_some("kubernetes-version", cluster.kubernetes_version.as_deref());
        self.set_text("release-channel", &cluster.release_channel);
        self.set_some("max-nodes", cluster.most_workers);
        self.set_text("namespace", &cluster.namespace);
    }

    fn add_logs(&mut self, logs: Option<&LogsSpec>) {
        let Some(logs) = logs else {
            self.set("logs", json!("none"));
            return;
        };
        self.set("logs", json!("elastic"));
        self.resources("es-cpu", "es-memory", logs.elasticsearch);
        self.bytes("es-heap-memory", logs.heap);
        self.bytes("es-disk-size", logs.disk);
        self.set("es-replicas", json!(logs.replicas));
        self.set("es-master-nodes", json!(logs.master_nodes));
        self.resources("kibana-cpu", "kibana-memory", logs.kibana);
        self.set("logs-expiry", json!(logs.expiry_days));
        if let Some(objects) = &logs.saved_objects {
            let objects: Vec<Value> =
                objects.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            self.set("kibana-saved-objects", Value::Array(objects));
        }
    }

    fn add_extras(&mut self, spec: &NetworkSpec) {
        self.set("metrics", json!(spec.metrics.is_some()));
        if let Some(metrics) = &spec.metrics {
            self.set_some("push-gateway-url", metrics.push_gateway_url.as_deref());
        }
        self.set("enable-slack-alerts", json!(spec.alerts.is_some()));
        if let Some(alerts) = &spec.alerts {
            self.set("sw-image", json!(alerts.image));
            self.set("slack-channel-id", json!(alerts.channel));
        }
        self.set("chaos-mesh", json!(spec.chaos.is_some()));
        if let Some(chaos) = &spec.chaos {
            self.set("chaos-mesh-version", json!(chaos.version));
        }
        if !spec.charts.is_empty() {
            self.set("charts", json!(spec.charts));
        }
    }

    fn add_profiling(&mut self, profiling: Option<&ProfilingSpec>) {
        self.set("deploy-pyroscope", json!(profiling.is_some()));
        if let Some(profiling) = profiling {
            self.set("pyroscope-image", json!(profiling.image));
            self.resources("pyroscope-cpu", "pyroscope-memory", profiling.resources);
            self.set("profile-miners", json!(profiling.nodes));
        }
    }

    /// Whether dashboards were meant to have names shows in whether there was a token: without one nothing was recorded, so that none is missed later.
    fn add_exposure(&mut self, exposure: &ExposureSpec) {
        self.set("allow-from", json!(exposure.allow_from));
        match exposure.publish {
            Publish::None => self.set("publish", json!("none")),
            Publish::Dashboards if exposure.dns => self.set("publish", json!("dashboards")),
            Publish::Dashboards => {}
        }
        self.set_text("domain", &exposure.domain);
    }

    fn add_storage(&mut self, storage: &StorageSpec) {
        self.set_some("object-dir", storage.object_dir.as_deref());
        self.set_text("bucket", &storage.bucket);
        self.set_text("state-bucket", &storage.state_bucket);
        self.set_text("discovery-bucket", &storage.discovery_bucket);
    }
}
