//! What every cluster has by itself, and what is listed beside that.

use std::collections::BTreeMap;

use serde_json::json;

use super::Cluster;
use super::resources::{
    CONFIG_MAPS, ENDPOINT_SLICES, ENDPOINTS, EVENTS, LEASES, NAMESPACES, NODES, PRIORITY_CLASSES,
    SERVICE_ACCOUNTS, SERVICES, STORAGE_CLASSES,
};
use super::store::Key;

const NAMES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const BUILT_IN_LABEL: &str = "kubernetes.io/bootstrapping";
const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
const ROLES: [&str; 4] = ["admin", "cluster-admin", "edit", "view"];

impl Cluster {
    /// Makes what a fresh cluster has.
    pub(super) fn bootstrap(&mut self) {
        for name in NAMES {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.make(&Key::new(NAMESPACES, "", name), namespace);
        }
        self.make_classes();
        for role in ROLES {
            let object = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"labels": {BUILT_IN_LABEL: "rbac-defaults"}},
                "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
            });
            self.make(&Key::new(CLUSTER_ROLES, "", role), object);
        }
        let [first, second] = self.shape.service_range;
        let address = format!("{first}.{second}.0.1");
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}]},
        });
        self.make(&Key::new(SERVICES, "default", "kubernetes"), service);
        let now = self.now;
        self.advance(now);
    }

    fn make_classes(&mut self) {
        for (index, (name, disk_type)) in self.shape.storage_classes.clone().into_iter().enumerate() {
            let object = json!({
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {
                    "labels": {"addonmanager.kubernetes.io/mode": "EnsureExists"},
                    "annotations": {"storageclass.kubernetes.io/is-default-class": (index == 0).to_string()},
                },
                "provisioner": self.shape.disk_driver,
                "parameters": {"type": disk_type},
                "reclaimPolicy": "Delete",
                "volumeBindingMode": "WaitForFirstConsumer",
                "allowVolumeExpansion": true,
            });
            self.make(&Key::new(STORAGE_CLASSES, "", &name), object);
        }
        for (name, value) in
            [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)]
        {
            let object = json!({
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {},
                "value": value,
            });
            self.make(&Key::new(PRIORITY_CLASSES, "", name), object);
        }
    }

    /// What exists beside that which a fresh cluster has by itself, as `namespace/name` or `name` by kind. Nodes, events
    /// and what the cluster derives from other objects (endpoints, leases) are left out.
    #[must_use]
    pub fn inventory(&self) -> BTreeMap<String, Vec<String>> {
        let mut inventory = BTreeMap::new();
        let derived = [NODES, EVENTS, LEASES, ENDPOINTS, ENDPOINT_SLICES];
        for resource in self.store.resources().filter(|resource| !derived.contains(&resource.as_str())) {
            let Some(kind) = self.catalog.stored(resource).map(|resource| resource.kind.clone()) else {
                continue;
            };
            let names: Vec<String> = self
                .store
                .keys(resource, None)
                .into_iter()
                .filter(|key| !self.is_inborn(key))
                .map(|key| key.path())
                .collect();
            if !names.is_empty() {
                inventory.insert(kind, names);
            }
        }
        inventory
    }

    /// True for what a cluster makes by itself.
    fn is_inborn(&self, key: &Key) -> bool {
        let name = key.name.as_str();
        match key.resource.as_str() {
            NAMESPACES => NAMES.contains(&name),
            SERVICES => key.namespace == "default" && name == "kubernetes",
            SERVICE_ACCOUNTS => name == "default",
            CONFIG_MAPS => name == "kube-root-ca.crt",
            STORAGE_CLASSES => self.shape.storage_classes.iter().any(|(class, _)| class == name),
            PRIORITY_CLASSES => name.starts_with("system-"),
            CLUSTER_ROLES => ROLES.contains(&name),
            _ => false,
        }
    }
}
