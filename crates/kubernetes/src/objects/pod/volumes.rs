//! The volumes of a pod and where its containers see them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use spacecraft_core::workload::{ConfigFile, KeyFile, Workload};

/// The volume of the claim.
pub(super) const DATA: &str = "data";
/// Where the init container sees the Secrets with keys.
const KEYS_DIRECTORY: &str = "/var/run/spacecraft/keys";

/// Volumes with their mounts.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// The pod's volumes.
    pub(super) volumes: Vec<Value>,
    /// The mounts of the workload's own container.
    pub(super) of_container: Vec<Value>,
    /// The mounts of Secrets with keys, which only the init container sees.
    pub(super) of_keys: Vec<Value>,
}

impl Mounts {
    /// All volumes of the workload.
    pub(super) fn of(workload: &Workload) -> Self {
        let mut mounts = Self::default();
        mounts.add_data(workload);
        mounts.add_config(workload);
        mounts.add_scratch(workload);
        mounts.add_keys(workload);
        mounts
    }

    fn add_data(&mut self, workload: &Workload) {
        if let Some(data) = &workload.data {
            self.volumes.push(json!({
                "name": DATA,
                "persistentVolumeClaim": { "claimName": workload.name },
            }));
            self.of_container.push(json!({ "name": DATA, "mountPath": data.mount_path }));
        }
    }

    fn add_config(&mut self, workload: &Workload) {
        let mut directories: BTreeMap<&str, Vec<&ConfigFile>> = BTreeMap::new();
        for file in &workload.files {
            directories.entry(&file.directory).or_default().push(file);
        }
        for (index, (directory, files)) in directories.into_iter().enumerate() {
            let name = numbered("config", index);
            let items: Vec<Value> =
                files.iter().map(|file| json!({ "key": file.name, "path": file.name })).collect();
            self.volumes
                .push(json!({ "name": name, "configMap": { "name": workload.name, "items": items } }));
            self.of_container.push(json!({ "name": name, "mountPath": directory, "readOnly": true }));
        }
    }

    fn add_scratch(&mut self, workload: &Workload) {
        for (index, path) in workload.scratch.iter().enumerate() {
            let name = numbered("scratch", index);
            self.volumes.push(json!({ "name": name, "emptyDir": {} }));
            self.of_container.push(json!({ "name": name, "mountPath": path }));
        }
    }

    fn add_keys(&mut self, workload: &Workload) {
        let secrets: BTreeSet<&str> = workload.keys.iter().map(|key| key.secret.as_str()).collect();
        for (index, secret) in secrets.into_iter().enumerate() {
            let name = numbered("keys", index);
            let keys: BTreeSet<&str> =
                workload.keys.iter().filter(|key| key.secret == secret).map(|key| key.key.as_str()).collect();
            let items: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "path": key })).collect();
            // Readable for the group alone, which is the pod's.
            self.volumes.push(json!({
                "name": name,
                "secret": { "secretName": secret, "defaultMode": 0o440, "items": items },
            }));
            self.of_keys
                .push(json!({ "name": name, "mountPath": secret_directory(secret), "readOnly": true }));
        }
    }
}

/// Where the init container finds a key.
pub(super) fn key_path(key: &KeyFile) -> String {
    format!("{}/{}", secret_directory(&key.secret), key.key)
}

fn secret_directory(secret: &str) -> String {
    format!("{KEYS_DIRECTORY}/{secret}")
}

/// `name` for the first, `name-1` for the second, and so on.
fn numbered(name: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}-{index}") }
}
