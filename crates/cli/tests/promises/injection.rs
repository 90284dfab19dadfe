//! Hostile names, paths, values and replies.

use crate::cloud::Cloud;

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
    !text.chars().any(|c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c))
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
