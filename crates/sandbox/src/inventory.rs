//! Everything that exists in a sandbox, but for what it has by itself: the judge of leaks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calls::CallCounts;

/// What exists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Clusters as `LOCATION/NAME`.
    pub clusters: Vec<String>,
    /// Disks as `ZONE/NAME`; workers' boot disks are not listed.
    pub disks: Vec<String>,
    /// Firewall rules; those that GKE keeps for itself are not listed.
    pub firewall_rules: Vec<String>,
    /// Load balancers as `NAMESPACE/SERVICE`, with the cluster they were made for.
    pub load_balancers: Vec<String>,
    /// Reserved addresses.
    pub addresses: Vec<String>,
    /// The generation of every object by bucket and name.
    pub buckets: BTreeMap<String, BTreeMap<String, i64>>,
    /// DNS records as `NAME TYPE CONTENT`.
    pub dns_records: Vec<String>,
    /// Slack messages: channel, ts, thread_ts, text.
    pub slack_messages: Vec<Value>,
    /// GitHub releases as `OWNER/REPOSITORY TAG`, with a mark for drafts, and their assets.
    pub releases: Vec<Value>,
    /// Objects by cluster name and kind, each `NAMESPACE/NAME` or `NAME`.
    pub kubernetes: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// How often each service was called.
    pub calls: CallCounts,
}
