//! What `configure` can set: how long things take, what is refused, how time runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The behaviour of a sandbox's services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long every call waits before it is answered, in real milliseconds.
    pub api_latency_milliseconds: u64,
    /// How long a pod takes from being scheduled to being ready, in simulated seconds.
    pub pod_start_seconds: f64,
    /// How long the creation of a cluster takes, in simulated seconds.
    pub cluster_creation_seconds: f64,
    /// How long the deletion of a cluster takes, in simulated seconds.
    pub cluster_deletion_seconds: f64,
    /// How long creating, resizing or deleting a node pool takes, in simulated seconds.
    pub node_pool_seconds: f64,
    /// How long other operations of GKE and Compute Engine take, in simulated seconds.
    pub operation_seconds: f64,
    /// How long a load balancer takes to get its address, in simulated seconds.
    pub load_balancer_seconds: f64,
    /// Limits per region by Compute Engine's metric (`CPUS`, `IN_USE_ADDRESSES`, `DISKS_TOTAL_GB`, ...).
    pub quotas: BTreeMap<String, f64>,
    /// IAM permissions that the service account lacks.
    pub denied_permissions: BTreeSet<String>,
    /// Google APIs that are not enabled in the project, as in `container.googleapis.com`.
    pub disabled_services: BTreeSet<String>,
    /// Zones without free machines: cluster creation there fails after a while.
    pub stockout_zones: BTreeSet<String>,
    /// Cloudflare permissions that the token lacks: `zone:read`, `dns:edit`.
    pub denied_cloudflare_permissions: BTreeSet<String>,
    /// GitHub permissions that the token lacks: `contents:write`, `metadata:read` (without which it sees no repository).
    pub denied_github_permissions: BTreeSet<String>,
    /// How many Slack messages a channel takes in a second before it answers 429; 0 for no limit.
    pub slack_messages_per_second: u32,
    /// Images that cannot be pulled: whole references, or those without a tag.
    pub missing_images: BTreeSet<String>,
    /// Images whose containers exit soon after they start, told as in `missing_images`.
    pub crashing_images: BTreeSet<String>,
    /// How many simulated seconds pass in a real one; 0 lets time stand still but for `advance_seconds`.
    pub time_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let quotas = [
            ("CPUS", 20_000.0),
            ("IN_USE_ADDRESSES", 5_000.0),
            ("STATIC_ADDRESSES", 100.0),
            ("INSTANCES", 5_000.0),
            ("DISKS_TOTAL_GB", 500_000.0),
            ("SSD_TOTAL_GB", 500_000.0),
        ];
        Self {
            api_latency_milliseconds: 0,
            pod_start_seconds: 2.0,
            cluster_creation_seconds: 3.0,
            cluster_deletion_seconds: 2.0,
            node_pool_seconds: 2.0,
            operation_seconds: 0.2,
            load_balancer_seconds: 1.0,
            quotas: quotas.into_iter().map(|(metric, limit)| (metric.to_owned(), limit)).collect(),
            denied_permissions: BTreeSet::new(),
            disabled_services: BTreeSet::new(),
            stockout_zones: BTreeSet::new(),
            denied_cloudflare_permissions: BTreeSet::new(),
            denied_github_permissions: BTreeSet::new(),
            slack_messages_per_second: 0,
            missing_images: BTreeSet::new(),
            crashing_images: BTreeSet::new(),
            time_rate: 1.0,
        }
    }
}

/// A change of settings: what is given replaces what was there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// The fields of [`Settings`] to replace, by name; `quotas` are merged by metric.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Moves simulated time forward by this many seconds at once.
    #[serde(default)]
    pub advance_seconds: f64,
}

/// A setting that does not exist or whose value does not fit.
#[derive(Debug, thiserror::Error)]
#[error("change the sandbox's settings: they do not fit; see `sandbox configure --help` for the known ones")]
pub struct InvalidSettings(#[source] serde_json::Error);

impl Settings {
    /// These settings with a change applied.
    ///
    /// # Errors
    /// When a field is unknown or its value has another type.
    pub fn changed(&self, change: &SettingsChange) -> Result<Self, InvalidSettings> {
        let mut fields = serde_json::to_value(self).map_err(InvalidSettings)?;
        for (name, value) in &change.settings {
            match (fields.get_mut(name), value) {
                (Some(serde_json::Value::Object(known)), serde_json::Value::Object(given)) => {
                    known.extend(given.clone());
                }
                _ => fields[name] = value.clone(),
            }
        }
        serde_json::from_value(fields).map_err(InvalidSettings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(settings: serde_json::Value) -> SettingsChange {
        SettingsChange { settings: settings.as_object().unwrap().clone(), advance_seconds: 0.0 }
    }

    #[test]
    fn a_change_replaces_what_it_names_and_merges_quotas() {
        let changed = Settings::default()
            .changed(&change(json!({"api_latency_milliseconds": 30, "quotas": {"CPUS": 8.0}})))
            .unwrap();
        assert_eq!(changed.api_latency_milliseconds, 30);
        assert_eq!(changed.quotas["CPUS"], 8.0);
        assert_eq!(changed.quotas["INSTANCES"], Settings::default().quotas["INSTANCES"]);
    }

    #[test]
    fn unknown_names_and_wrong_types_are_refused() {
        for wrong in [json!({"latency": 1}), json!({"pod_start_seconds": "soon"})] {
            assert!(Settings::default().changed(&change(wrong)).is_err());
        }
    }
}
