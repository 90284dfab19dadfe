//! Networks in a namespace that was there before them.

use super::Cloud;
use super::web_services::shared_cluster;

#[test]
fn the_log_store_takes_its_claims_along_from_a_namespace_that_stays() {
    let cloud = Cloud::new();
    let place = shared_cluster(&cloud);
    let kubeconfig = cloud.home.path().join("kubeconfig").display().to_string();
    let chart = cloud.home.path().join("chart");
    std::fs::create_dir(&chart).unwrap();
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: somebody\nversion: 1.0.0\n").unwrap();
    let place_of_chart = [chart.to_str().unwrap(), "-n", "theirs", "--create-namespace", "--kubeconfig"];
    let install = [&["chart", "install", "somebody"], &place_of_chart[..], &[&kubeconfig]].concat();
    assert!(cloud.run(&install).status.success());
    let before = cloud.inventory();
    let on = |arguments: &[&str]| cloud.succeeds_at(&place, arguments);
    let guest = ["-n", "guest", "--namespace", "theirs", "--p2p-port-base", "5200"];
    let small = ["-m", "1", "-p", "1", "--bootnode-amount", "0", "--logs", "elastic"];
    on(&[&["create-network"], &guest[..], &small].concat());
    let claims = cloud.inventory()["kubernetes"]["host"]["PersistentVolumeClaim"].to_string();
    assert!(claims.contains("elasticsearch-master"), "{claims}");
    on(&["delete-network", "-n", "guest", "--yes"]);
    assert_eq!(cloud.inventory()["kubernetes"]["host"], before["kubernetes"]["host"]);
}
