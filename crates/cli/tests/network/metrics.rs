//! Metrics of networks that share a cluster.

use serde_json::Value;

use super::Cloud;
use super::web_services::shared_cluster;

/// Names so long and so alike that what charts cut from them would be the same.
const NETWORKS: [(&str, &str); 2] =
    [("a-network-of-many-words-one", "5100"), ("a-network-of-many-words-two", "5200")];

fn named<'a>(inventory: &'a Value, kind: &str) -> Vec<&'a str> {
    let objects = inventory["kubernetes"]["host"][kind].as_array();
    objects.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn two_networks_with_metrics_come_up_on_one_cluster_and_leave_nothing() {
    let cloud = Cloud::new();
    let place = shared_cluster(&cloud);
    let before = cloud.inventory();
    let on = |arguments: &[&str]| cloud.succeeds_at(&place, arguments);
    let small = ["-m", "2", "-p", "1", "--bootnode-amount", "1", "--logs", "none", "--metrics"];
    for (name, ports) in NETWORKS {
        on(&[&["create-network", "-n", name, "--p2p-port-base", ports][..], &small].concat());
    }
    let both = cloud.inventory();
    for (name, _) in NETWORKS {
        let grafana = format!("grafana-{name}-metrics-clusterrole");
        assert!(named(&both, "ClusterRole").contains(&grafana.as_str()), "{both}");
    }
    let node_exporters =
        named(&both, "DaemonSet").iter().filter(|name| name.contains("node-exporter")).count();
    assert_eq!(node_exporters, 0, "two would want the same port of the workers");
    for (name, _) in NETWORKS {
        on(&["delete-network", "-n", name, "--yes"]);
    }
    let after = cloud.inventory();
    for kind in ["ClusterRole", "ClusterRoleBinding", "Namespace", "PersistentVolumeClaim"] {
        let (found, had) = (&after["kubernetes"]["host"][kind], &before["kubernetes"]["host"][kind]);
        assert_eq!(found, had, "{kind}");
    }
}
