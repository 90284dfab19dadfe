//! Workers: the nodes that a node pool provides.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kubernetes::Cluster;
use crate::kubernetes::brief::DISKS;
use crate::kubernetes::object::{self, set};
use crate::kubernetes::resources::{NODES, PODS};
use crate::kubernetes::shape::WorkerShape;
use crate::kubernetes::store::Key;

impl Cluster {
    /// Makes the workers those that are given: new ones join, changed ones change, others leave with their pods.
    pub fn set_workers(&mut self, workers: Vec<WorkerShape>, now: Timestamp) {
        self.advance(now);
        let leaving: Vec<Key> = self
            .store
            .keys(NODES, None)
            .into_iter()
            .filter(|key| workers.iter().all(|worker| worker.name != key.name))
            .collect();
        for key in leaving {
            self.erase(&key);
            self.erase_pods_on(&key.name);
        }
        for worker in &workers {
            self.set_worker(worker);
        }
    }

    fn erase_pods_on(&mut self, node: &str) {
        let on_it: Vec<Key> = self
            .store
            .list(PODS, None)
            .filter(|stored| stored.pod.as_ref().is_some_and(|pod| pod.node == node))
            .map(|stored| Key::new(PODS, &stored.namespace, &stored.name))
            .collect();
        for key in on_it {
            self.erase(&key);
        }
    }

    fn set_worker(&mut self, worker: &WorkerShape) {
        let key = Key::new(NODES, "", &worker.name);
        if self.store.get(&key).is_none() {
            let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {}, "spec": {}});
            self.make(&key, node);
        }
        let (version, now) = (self.shape.version.clone(), self.now);
        self.edit(&key, |node| describe(node, worker, &version, now));
    }
}

fn describe(node: &mut Value, worker: &WorkerShape, version: &str, now: Timestamp) {
    let inborn = [
        ("kubernetes.io/hostname", worker.name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ];
    let labels: BTreeMap<&str, &str> = inborn
        .into_iter()
        .chain(worker.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())))
        .collect();
    for (key, value) in labels {
        set(node, &format!("/metadata/labels/{}", key.replace('~', "~0").replace('/', "~1")), value);
    }
    if !worker.provider_id.is_empty() {
        set(node, "/spec/providerID", worker.provider_id.as_str());
    }
    let mut addresses = vec![json!({"type": "InternalIP", "address": worker.internal_ip})];
    if let Some(address) = &worker.external_ip {
        addresses.push(json!({"type": "ExternalIP", "address": address}));
    }
    addresses.push(json!({"type": "Hostname", "address": worker.name}));
    set(node, "/status/addresses", addresses);
    let resources = |cpu_milli: u64, memory: u64| {
        let mut map = json!({
            "cpu": millis(cpu_milli),
            "memory": format!("{}Ki", memory / 1024),
            "ephemeral-storage": "98831908Ki",
            "pods": worker.pods.to_string(),
        });
        map[DISKS] = worker.disks.to_string().into();
        map
    };
    set(node, "/status/capacity", resources(worker.cpu_milli, worker.memory_bytes));
    set(
        node,
        "/status/allocatable",
        resources(worker.allocatable_cpu_milli, worker.allocatable_memory_bytes),
    );
    set(node, "/status/nodeInfo", node_info(worker, version));
    set(node, "/status/daemonEndpoints/kubeletEndpoint/Port", 10250);
    for (kind, status, reason, message) in [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ] {
        let condition = json!({"type": kind, "status": status, "reason": reason, "message": message});
        object::set_condition(node, condition, now);
    }
}

fn millis(cpu: u64) -> String {
    if cpu.is_multiple_of(1000) { (cpu / 1000).to_string() } else { format!("{cpu}m") }
}

fn node_info(worker: &WorkerShape, version: &str) -> Value {
    let kubelet = if worker.kubelet_version.is_empty() { version } else { &worker.kubelet_version };
    json!({
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
        "kernelVersion": "6.12.0",
        "osImage": "Container-Optimized OS from Google",
        "containerRuntimeVersion": "containerd://2.1.0",
        "kubeletVersion": kubelet,
        "kubeProxyVersion": kubelet,
        "operatingSystem": "linux",
        "architecture": "amd64",
    })
}
