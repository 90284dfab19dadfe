use super::PlannedChart;
use crate::workload::SharedChart;

/// The charts that networks of a cluster share, by the names of their releases.
pub const SHARED: [&str; 2] = ["ingress-nginx", "chaos-mesh"];

/// The label, with the value `true`, of the namespaces of a network that uses a shared chart.
#[must_use]
pub fn usage_label(chart: &str) -> String {
    format!("spacecraft.io/uses-{chart}")
}

/// Those of the charts that networks of a cluster share.
#[must_use]
pub fn shared(charts: &[PlannedChart]) -> Vec<SharedChart> {
    let shared = charts.iter().filter(|chart| chart.shared);
    shared.map(|chart| SharedChart { name: chart.name.clone(), namespace: chart.namespace.clone() }).collect()
}
