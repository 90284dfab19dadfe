//! Mistakes in command lines, and what machines read of it all.

use serde_json::Value;

use super::Cloud;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn keys(wrong: &Value) -> Vec<&str> {
    let errors = wrong["errors"].as_array().unwrap_or_else(|| panic!("{wrong}"));
    errors.iter().filter_map(|error| error["key"].as_str()).collect()
}

#[test]
fn unknown_flags_wrong_values_and_what_does_not_go_together_are_told_at_once_before_any_call() {
    let cloud = Cloud::new();
    for (line, wrong) in [
        (
            "create-network --provider sandbox --minres 5 --bucket x --es-heap-memory 9 --max-nodes -1 --force",
            vec!["bucket", "es-heap-memory", "force", "max-nodes", "minres"],
        ),
        ("create-network --provider sandbox --rolback --miner-cpu 64", vec!["gcp-machine-type", "rolback"]),
        ("create-network --provider sandbox --new-genesis --poets 0", vec!["poets", "yes"]),
        ("create-network --provider sandbox --yes", vec!["yes"]),
        ("plan --provider sandbox --poets 1 --poets 2 --domain x", vec!["domain", "poets"]),
        (
            "upgrade-network --only x --hold-at 0% --go-sm-image a/b --rollbck",
            vec!["go-sm-image", "hold-at", "network-name", "only", "rollbck"],
        ),
        (
            "add-miner -n Net --miner-number 3,4 --miner-ram 0",
            vec!["miner-number", "miner-ram", "network-name"],
        ),
        ("delete-miner 3-x --yse -n net1", vec!["miner-number", "yse"]),
        ("deploy-cm -n net1 --chaos-mesh-version new --x", vec!["chaos-mesh-version", "x"]),
        ("deploy-ws -n net1 --dash-version a:b --tls-crt none", vec!["dash-version", "tls-crt"]),
        ("tunnel --port 0 mine-1", vec!["network-name", "port", "service"]),
        ("logs --tail 0", vec!["<NODE>", "network-name", "tail"]),
        ("hosts -n net1 --miners 3 --metrics", vec!["metrics", "miners"]),
    ] {
        let (code, told) = cloud.json(&words(line));
        assert_eq!((code, &told["kind"]), (2, &"SettingsErrors".into()), "{line}: {told}");
        assert_eq!(keys(&told), wrong, "{line}: {told}");
    }
    assert!(!std::path::Path::new(&cloud.sandbox_dir()).exists(), "a simulated cloud was started");
}

#[test]
fn the_simulated_cloud_answers_in_documents_and_refuses_what_it_does_not_know() {
    let cloud = Cloud::new();
    let kind = |line: &str| {
        let (code, document) = cloud.json(&words(line));
        (code, document["kind"].as_str().map(str::to_owned))
    };
    let done = |kind: &str| (0, Some(kind.to_owned()));
    assert_eq!(kind("sandbox configure pod_start_seconds=1"), done("SandboxSettings"));
    assert_eq!(kind("sandbox fault reset --service gke"), done("SandboxFault"));
    assert_eq!(kind("sandbox fault --clear"), done("SandboxFault"));
    assert_eq!(kind("sandbox reset"), done("SandboxReset"));
    for wrong in ["sandbox configure nonsense=1", "sandbox configure x --advance y", "sandbox fault"] {
        assert_eq!(kind(wrong), (2, Some("SettingsErrors".to_owned())), "{wrong}");
    }
    assert_eq!(kind("sandbox stop"), done("SandboxStop"));
}

#[test]
fn machines_read_documents_on_stdout_and_lines_of_json_on_stderr() {
    let cloud = Cloud::new();
    let create = "create-network --provider sandbox -n net1 -m 1 -p 1 --bootnode-amount 0 --poet-gateway-amount 1 --logs none";
    assert_eq!(cloud.json(&words(create)).0, 0);
    let keys = cloud.file("unused", "") + "-keys.json";
    for line in
        ["hosts", "kubeconfig", "status --no-drift", "logs miner-1", "list", &format!("keys export {keys}")]
    {
        let mut arguments = words(line);
        let sandbox_dir = cloud.sandbox_dir();
        arguments.extend(["--provider", "sandbox", "--sandbox-dir", &sandbox_dir, "--output", "json"]);
        if line != "list" {
            arguments.extend(["-n", "net1"]);
        }
        let output = cloud.run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{line}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["schema"], "spacecraft/v1", "{line}");
        for said in String::from_utf8(output.stderr).unwrap().lines() {
            assert!(serde_json::from_str::<Value>(said).is_ok(), "{line} says {said}");
        }
    }
    let missing = "tunnel grafana --provider sandbox -n net1";
    assert_eq!(cloud.json(&words(missing)).0, 2, "the network has no Grafana");
    let (code, refused) = cloud.json(&words("tunnel miner-1 --port 9 --provider sandbox -n net1"));
    assert_eq!(code, 2, "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("6000"), "{refused}");
}
