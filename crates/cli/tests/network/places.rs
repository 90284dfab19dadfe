//! A network is where its record says, not where the defaults are.

use super::Cloud;

#[test]
fn a_network_in_another_region_is_deleted_from_its_record_and_never_forgotten_with_its_cluster() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    let create = "create-network --provider sandbox -n far -m 1 -p 1 --bootnode-amount 0 --poet-gateway-amount 1 --logs none \
                  --gcp-location europe-west4 --gcp-zone europe-west4-a";
    let words = |line: &'static str| line.split_whitespace().collect::<Vec<_>>();
    let (code, report) = cloud.json(&words(create));
    assert_eq!(code, 0, "{report}");
    assert_eq!(cloud.inventory()["clusters"].as_array().unwrap().len(), 1);

    let elsewhere = "delete-network --provider sandbox -n far --yes --gcp-location us-central1";
    let (code, failure) = cloud.json(&words(elsewhere));
    assert_eq!(code, 2, "{failure}");
    assert!(failure["error"].as_str().unwrap().contains("europe-west4"), "{failure}");

    let (code, kubeconfig) = {
        let sandbox_dir = cloud.sandbox_dir();
        let mut arguments = words("kubeconfig --provider sandbox -n far --sandbox-dir");
        arguments.push(&sandbox_dir);
        let output = cloud.run(&arguments);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(code, Some(0), "{kubeconfig}");

    let (code, deletion) = cloud.json(&words("delete-network --provider sandbox -n far --yes"));
    assert_eq!(code, 0, "{deletion}");
    let after = cloud.inventory();
    for kind in ["clusters", "disks", "firewall_rules", "dns_records", "buckets"] {
        assert_eq!(after[kind], before[kind], "{kind}");
    }
}

#[test]
fn a_network_that_is_recorded_in_another_bucket_is_left_alone() {
    let cloud = Cloud::new();
    let create = "create-network --provider sandbox -n far -m 1 -p 1 --bootnode-amount 0 --poet-gateway-amount 1 --logs none";
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let run = |line: &str| {
        let words = words(line);
        cloud.json(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (code, report) = run(create);
    assert_eq!(code, 0, "{report}");
    let before = cloud.inventory();
    let other = before["buckets"].as_object().unwrap().keys().find(|name| !name.contains("state")).unwrap();

    for line in [
        format!("{create} --state-bucket {other}"),
        format!("delete-network --provider sandbox -n far --yes --state-bucket {other}"),
    ] {
        let (code, failure) = run(&line);
        assert_eq!(code, 2, "{failure}");
        assert!(failure["error"].as_str().unwrap().contains("it is recorded in gs://"), "{failure}");
        assert!(
            failure["error"].as_str().unwrap().contains("--remove-labels spacecraft-state-bucket"),
            "{failure}"
        );
    }
    let mut after = cloud.inventory();
    after["calls"] = before["calls"].clone();
    assert_eq!(after, before);
}
