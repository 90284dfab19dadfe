//! The charts that a deletion uninstalls on a cluster that stays.

use crate::charts::{PlannedChart, usage_label};
use crate::error::Result;
use crate::observer::Outcome;
use crate::operation::Services;
use crate::state::NetworkRecord;
use crate::traits::{ClusterServices, Ownership};
use crate::wait::Wait;

/// The charts that go with a network: its own, and of those that it shares the ones that no other network of the cluster uses.
pub(super) async fn charts_to_remove(
    services: &Services,
    known: &NetworkRecord,
) -> Result<Vec<PlannedChart>> {
    let mut charts = crate::charts::planned(&known.spec);
    if charts.iter().any(|chart| chart.shared) {
        let clusters = services.cluster.list().await?.clusters;
        let used_by_others = |chart: &PlannedChart| {
            let label = usage_label(&chart.name);
            clusters.iter().any(|cluster| {
                matches!(&cluster.ownership, Ownership::Ours(network) if *network != known.network)
                    && cluster.labels.contains_key(&label)
            })
        };
        charts.retain(|chart| !(chart.shared && used_by_others(chart)));
    }
    Ok(charts)
}

/// Uninstalls charts, last installed first, and with those that were shared the namespaces that were made for them.
pub(super) async fn remove_charts(
    connected: &ClusterServices,
    charts: &[PlannedChart],
    wait: &Wait,
) -> Result<Outcome> {
    let mut outcome = Outcome::Absent;
    for chart in charts.iter().rev() {
        let mut removals = vec![connected.charts.remove(&chart.namespace, &chart.name, wait).await?];
        if chart.shared {
            removals.push(connected.workloads.remove_namespace(&chart.namespace, wait).await?);
        }
        if removals.contains(&Outcome::Removed) {
            outcome = Outcome::Removed;
        }
    }
    Ok(outcome)
}
