//! Hostile names, paths, values and replies.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::cloud::{Cloud, Ended};

/// Values that mean something to shells, YAML, JSON, URLs, paths, templates or terminals.
const HOSTILE: [&str; 12] = [
    "a\nb: c",
    "\"},{\"x\":\"",
    "../../etc/passwd",
    "{{ .Values.x }}",
    "{{x}}",
    "%2e%2e%2f",
    "a?b=c#d",
    "$(id)",
    "'; id #",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{202e}drowssap",
    "\u{7}bell\rreturn",
];

fn is_harmless(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || ('\u{202a}'..='\u{202e}').contains(&c))
}

#[test]
fn a_hostile_value_of_any_setting_never_reaches_the_terminal_and_starts_nothing() {
    let cloud = Cloud::new();
    for setting in [
        "network-name",
        "namespace",
        "domain",
        "go-sm-image",
        "poet-image",
        "gcp-machine-type",
        "coinbase",
        "allow-from",
        "vpc",
        "miner-ram",
        "genesis-delay",
        "go-sm-config",
        "templates",
        "config",
        "sw-image",
    ] {
        for value in HOSTILE {
            let mut command = cloud.command("plan");
            let output = command.arg(format!("--{setting}={value}")).output().unwrap();
            let text = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(is_harmless(&text), "--{setting}={value:?} prints {text:?}");
            assert!(!text.contains("panicked"), "--{setting}={value:?}: {text}");
        }
    }
    assert!(!cloud.folder().exists(), "the simulated cloud was started");
}

#[test]
fn a_hostile_reply_is_told_without_its_control_characters() {
    let cloud = Cloud::new();
    let body = r#"{"error":{"code":400,"message":"\u001b]0;owned\u0007\u001b[2J no \r way","status":"INVALID_ARGUMENT"}}"#;
    let mut fault = cloud.command("sandbox fault status --status 400 --service gke --times 0");
    assert!(fault.args(["--body", body]).output().unwrap().status.success());
    for format in ["", "-vv", "--output json"] {
        let ended =
            cloud.run(&format!("create-network -n net1 -m 3 --bootnode-amount 1 --logs none {format}"));
        assert_ne!(ended.code, Some(0), "{ended:?}");
        assert!(is_harmless(&ended.stderr) && is_harmless(&ended.stdout), "{ended:?}");
        assert!(format!("{}{}", ended.stdout, ended.stderr).contains("no"), "{ended:?}");
    }
}

/// A text that steers terminals, and means something to YAML, JSON, URLs, paths, templates and shells.
const TEXT: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\u{202e}\u{9b}31m\"},{\"x\":\"../../../x?y#z {{.Values}} $(touch owned)\n- evil: yes";

/// A service that answers some calls in a hostile way, and the commands that make such calls.
struct Hostile {
    service: &'static str,
    method: &'static str,
    path: &'static str,
    status: u16,
    body: Value,
    commands: &'static [&'static str],
}

impl Hostile {
    fn says(
        service: &'static str,
        path: &'static str,
        body: Value,
        commands: &'static [&'static str],
    ) -> Self {
        Self { service, method: "GET", path, status: 200, body, commands }
    }

    fn refuses(
        service: &'static str,
        method: &'static str,
        body: Value,
        commands: &'static [&'static str],
    ) -> Self {
        Self { service, method, path: "*", status: 400, body, commands }
    }
}

const CREATE: &str = "create-network -n net1 -m 2 -p 1 --bootnode-amount 1";
const STATUS: &str = "status --provider sandbox -n net1";
const LIST: &str = "list --provider sandbox";
const GARBAGE: &str = "gc --provider sandbox";

fn hostile_clusters() -> Vec<Hostile> {
    let labels = json!({ "managed-by": "spacecraft", "spacecraft-network": "net1" });
    let cluster = json!({
        "name": TEXT, "location": TEXT, "status": TEXT, "statusMessage": TEXT, "endpoint": TEXT, "selfLink": TEXT,
        "currentMasterVersion": TEXT, "resourceLabels": labels, "masterAuth": { "clusterCaCertificate": TEXT },
        "conditions": [{ "code": TEXT, "message": TEXT }],
        "nodePools": [{ "name": TEXT, "status": TEXT, "statusMessage": TEXT, "config": { "machineType": TEXT } }],
    });
    let operation = json!({
        "name": TEXT, "status": "DONE", "statusMessage": TEXT, "detail": TEXT, "error": { "code": 3, "message": TEXT },
    });
    let refusal =
        json!({ "error": { "code": 400, "message": TEXT, "status": TEXT, "details": [{ "reason": TEXT }] } });
    let clusters = json!({ "clusters": [cluster], "missingZones": [TEXT] });
    let commands = &[LIST, GARBAGE, STATUS, CREATE];
    vec![
        Hostile::says("gke", "*/clusters", clusters, commands),
        Hostile::says("gke", "*/clusters/net1", cluster, commands),
        Hostile::says("gke", "*/operations*", json!({ "operations": [operation] }), commands),
        Hostile::refuses("gke", "GET", refusal.clone(), commands),
        Hostile::refuses("compute", "GET", refusal.clone(), &[GARBAGE, CREATE]),
        Hostile::refuses("storage", "GET", refusal, &[STATUS, LIST, CREATE]),
    ]
}

fn hostile_infrastructure() -> Vec<Hostile> {
    let rule = json!({
        "name": TEXT, "description": TEXT, "network": TEXT, "sourceRanges": [TEXT], "targetTags": [TEXT],
        "allowed": [{ "IPProtocol": TEXT, "ports": [TEXT] }],
    });
    let ours = json!({ "name": "spacecraft-net2-public", "description": "{\"managed-by\":\"spacecraft\"}", "network": TEXT });
    let forwarding = json!({
        "name": TEXT, "description": format!("{{\"kubernetes.io/service-name\":\"default/{TEXT}\"}}"), "IPAddress": TEXT,
        "region": TEXT, "target": TEXT, "loadBalancingScheme": "EXTERNAL",
    });
    let disk = json!({
        "name": TEXT, "zone": TEXT, "sizeGb": TEXT, "users": [TEXT], "description": TEXT, "status": TEXT,
        "labels": { "goog-k8s-cluster-name": "net1", "spacecraft-network": TEXT },
    });
    let object = json!({
        "name": format!("net1/{TEXT}"), "generation": "7", "contentType": TEXT, "metadata": { "made-by": TEXT },
    });
    let record = |content: &str| json!({ "id": TEXT, "name": format!("kibana-net2.{TEXT}"), "type": "A", "content": content, "comment": TEXT, "ttl": 1 });
    let records = json!({
        "success": true, "errors": [], "messages": [{ "code": 1, "message": TEXT }],
        "result": [record(TEXT), record("203.0.113.7")], "result_info": { "total_pages": 1, "page": 1 },
    });
    let refused = json!({ "success": false, "errors": [{ "code": 1, "message": TEXT }], "messages": [], "result": null });
    vec![
        Hostile::says("compute", "*/firewalls*", json!({ "items": [rule, ours] }), &[GARBAGE, CREATE]),
        Hostile::says(
            "compute",
            "*forwardingRules*",
            json!({ "items": { TEXT: { "forwardingRules": [forwarding] } } }),
            &[GARBAGE],
        ),
        Hostile::says("compute", "*disks*", json!({ "items": { TEXT: { "disks": [disk] } } }), &[GARBAGE]),
        Hostile::says("storage", "*/o?*", json!({ "items": [object], "prefixes": [TEXT] }), &[LIST, GARBAGE]),
        Hostile::says(
            "storage",
            "*network.json*",
            json!({ "network": TEXT, "spec": TEXT, TEXT: TEXT }),
            &[STATUS, LIST, CREATE],
        ),
        Hostile::says("cloudflare", "*dns_records*", records, &[GARBAGE, CREATE]),
        Hostile::refuses("cloudflare", "GET", refused, &[GARBAGE, CREATE]),
    ]
}

fn hostile_programs() -> Vec<Hostile> {
    let elastic = json!({ "error": { "type": TEXT, "reason": TEXT, "root_cause": [{ "reason": TEXT }] }, "status": 400 });
    let release = json!([{
        "id": 1, "tag_name": TEXT, "name": TEXT, "draft": true, "body": TEXT, "html_url": TEXT, "upload_url": TEXT,
        "assets": [{ "id": 1, "name": TEXT, "state": TEXT, "size": 1, "url": TEXT, "browser_download_url": TEXT }],
    }]);
    let status =
        json!({ "kind": "Status", "status": "Failure", "message": TEXT, "reason": TEXT, "code": 400 });
    let pod = json!({
        "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [{
            "metadata": { "name": TEXT, "labels": { "name": "miner-1", "app": "miner", "spacecraft.io/network": "net1" } },
            "status": { "phase": "Pending", "message": TEXT, "reason": TEXT, "conditions": [{ "type": "PodScheduled", "status": "False", "reason": TEXT, "message": TEXT }] },
        }],
    });
    let index = json!({ "apiVersion": "v1", "entries": { "kibana": [{ "name": TEXT, "version": TEXT, "urls": [TEXT] }], TEXT: [] } });
    let slack = json!({ "ok": false, "error": TEXT, "response_metadata": { "messages": [TEXT] } });
    let node = json!({ "error": TEXT });
    vec![
        Hostile::refuses("elasticsearch", "GET", elastic.clone(), &[CREATE]),
        Hostile::refuses("kibana", "GET", elastic.clone(), &[CREATE]),
        Hostile::refuses("kibana", "POST", elastic, &[CREATE]),
        Hostile::says(
            "github",
            "*/releases*",
            release,
            &["release-network --provider sandbox -n net1 --go-sm-release-version v1.7.6"],
        ),
        Hostile::refuses(
            "github",
            "GET",
            json!({ "message": TEXT, "errors": [{ "message": TEXT }] }),
            &["release-network --provider sandbox -n net1 --go-sm-release-version v1.7.6"],
        ),
        Hostile::refuses("kubernetes", "GET", status, &[STATUS, CREATE]),
        Hostile::says("kubernetes", "*/pods?*", pod, &[STATUS, "logs miner-1 --provider sandbox -n net1"]),
        Hostile::says(
            "charts",
            "*index.yaml",
            index,
            &[
                "upgrade-network --provider sandbox -n net1 --kibana-cpu 400m",
                "deploy-cm --provider sandbox -n net1",
            ],
        ),
        Hostile::refuses(
            "slack",
            "POST",
            slack,
            &[
                "create-network -n net2 -m 1 -p 1 --bootnode-amount 0 --logs none --enable-slack-alerts --wait none",
            ],
        ),
        Hostile::refuses("node", "POST", node.clone(), &[STATUS, "rewards --provider sandbox -n net1"]),
        Hostile::refuses("poet", "GET", node, &[STATUS]),
    ]
}

fn assert_harmless(ended: &Ended, what: &str) {
    assert!(is_harmless(&ended.stdout) && is_harmless(&ended.stderr), "{what}: {ended:?}");
    assert!(!ended.stderr.contains("panicked") && ended.signal.is_none(), "{what}: {ended:?}");
    if what.contains("--output json") {
        let document: Result<Value, _> = serde_json::from_str(&ended.stdout);
        assert!(ended.stdout.is_empty() || document.is_ok(), "{what}: {ended:?}");
    }
}

/// The paths below the home of the commands, but for what the simulated cloud and its users keep.
fn files(cloud: &Cloud) -> BTreeSet<String> {
    let entries = fs::read_dir(cloud.home()).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn no_reply_of_any_service_steers_a_terminal_or_breaks_out_of_what_is_printed() {
    let cloud = Cloud::new();
    cloud.done(CREATE);
    let before = files(&cloud);
    let all = hostile_clusters().into_iter().chain(hostile_infrastructure()).chain(hostile_programs());
    for Hostile { service, method, path, status, body, commands } in all {
        let words =
            format!("sandbox fault status --status {status} --service {service} --method {method} --times 0");
        let mut fault = cloud.command(&words);
        assert!(fault.args(["--path", path, "--body", &body.to_string()]).output().unwrap().status.success());
        for command in commands {
            for format in ["-vv", "--output json"] {
                let what = format!("{command} --timeout 20s {format}");
                let ended = cloud.run(&what);
                assert_harmless(&ended, &format!("{service} {method} {path}: {what}"));
            }
        }
        cloud.done("sandbox fault --clear");
    }
    let mut after = files(&cloud);
    // Support bundles of what failed.
    after.remove(".local");
    assert_eq!(after, before, "a reply made files");
}

#[test]
fn notes_and_names_of_a_chart_are_told_without_their_control_characters() {
    let cloud = Cloud::new();
    let chart = cloud.home().join("mine");
    fs::create_dir_all(chart.join("templates")).unwrap();
    let metadata = json!({ "apiVersion": "v2", "name": "mine", "version": "0.1.0", "description": TEXT, "appVersion": TEXT, "home": TEXT });
    fs::write(chart.join("Chart.yaml"), metadata.to_string()).unwrap();
    fs::write(chart.join("templates/NOTES.txt"), TEXT.replace("{{", "{")).unwrap();
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "mine" }, "data": { "text": TEXT.replace("{{", "{") } });
    fs::write(chart.join("templates/map.yaml"), map.to_string()).unwrap();
    fs::write(
        chart.join("templates/fails.yaml"),
        format!("{{{{ if .Values.fails }}}}{{{{ fail {} }}}}{{{{ end }}}}", json!("\u{1b}[2J\u{7}")),
    )
    .unwrap();
    cloud.done("create-network -n net1 -m 1 -p 1 --bootnode-amount 0 --logs none");
    let path = chart.display();
    let on = "--provider sandbox --network-name net1";
    for line in [
        format!("chart show chart {path}"),
        format!("chart template mine {path}"),
        format!("chart template mine {path} --set fails=true"),
        format!("chart install mine {path} {on}"),
        format!("chart upgrade mine {path} --set fails=true {on}"),
        format!("chart list --all {on}"),
        format!("chart status mine {on}"),
        format!("chart history mine {on}"),
        format!("chart get notes mine {on}"),
        format!("chart get manifest mine {on}"),
        format!("chart get all mine {on}"),
    ] {
        let mut command = cloud.bare_command(&line);
        command.env("SPACECRAFT_SANDBOX_DIR", cloud.folder());
        let ended = cloud.start_command(command).end();
        assert_harmless(&ended, &line);
    }
}
