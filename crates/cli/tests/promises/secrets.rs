//! Secrets are where they are meant to be and nowhere else.

mod mistakes;
mod places;
mod search;

use std::collections::BTreeSet;
use std::fs;

use rand::Rng as _;
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::cloud::{Cloud, until};
use search::Secrets;

/// Where a secret may be, besides the Secret that it is named after. `*` stands for any end.
const MEANT: [(&str, &str); 10] = [
    // spacemesh-watch and the ingress controller read theirs from the cluster.
    ("Slack token", "Secret default/spacemesh-watch-slack"),
    ("TLS key", "Secret ws/*"),
    // Charts get the passwords as values, from which they make Secrets of their own, and their releases tell them as Helm's do.
    ("password of Secret default/*", "Secret default/*"),
    ("admin-password of Secret metrics/*", "Secret default/grafana-credentials"),
    ("password of Secret default/*", "stdout of chart get *"),
    ("admin-password of Secret metrics/*", "stdout of chart get *"),
    ("tls.key of Secret *", "stdout of chart get *"),
    // What an operator asks to see.
    ("password of Secret default/*", "stdout of list --show-secrets*"),
    ("admin-password of Secret metrics/*", "stdout of list --show-secrets*"),
    ("privateKey of Secret default/miner-*", "file keys-of-*"),
];
/// Files that the test itself writes secrets into, and the simulated cloud's own memory of everything.
const GIVEN: [&str; 3] = ["file given/*", "file sandbox/*", "state of faults"];

const FULL: &str = "-n net1 -m 3 -p 1 --bootnode-amount 1 --genesis-delay 1 --metrics --enable-slack-alerts \
                    --deploy-pyroscope --profile-miners 1";
/// Commands that show something and change nothing in the cloud.
const LOOKS: [&str; 38] = [
    "plan",
    "plan --check",
    "plan --manifests",
    "status",
    "list",
    "list --show-secrets",
    "hosts",
    "logs miner-1",
    "logs poet-1",
    "logs no-such-node",
    "gc",
    "rewards",
    "rewards --host 127.0.0.1:1",
    "keys export {home}/keys-of-nodes",
    "kubeconfig --merge {home}/kubeconfig",
    "settings",
    "completions bash",
    "man {home}/man",
    "chart list --all",
    "chart history elasticsearch",
    "chart get all elasticsearch",
    "chart get metadata elasticsearch",
    "chart get values kube-prometheus-stack -n metrics",
    "chart get manifest kibana",
    "chart get hooks kibana",
    "chart get notes filebeat",
    "chart template mine {home}/given/mine",
    "chart status kibana",
    "chart show all {home}/given/mine",
    "chart show chart {home}/given/mine",
    "chart show values {home}/given/mine",
    "chart show readme {home}/given/mine",
    "chart show crds {home}/given/mine",
    "chart pull {home}/given/mine",
    "sandbox inventory",
    "sandbox calls",
    "sandbox configure",
    "sandbox fault --clear",
];
/// Commands that change the network, in this order.
const CHANGES: [&str; 13] = [
    "add-miner --count 1",
    "delete-miner 4 --yes",
    "upgrade-network --go-sm-image spacemeshos/go-spacemesh:v1.7.7 --restart-wait-time 0",
    "deploy-cm",
    "deploy-ws --tls-crt {home}/given/tls.crt",
    "release-network --go-sm-release-version v1.7.6",
    "sandbox configure --advance 3600",
    "rewards --output csv",
    "chart install mine {home}/given/mine",
    "chart upgrade mine {home}/given/mine --set a=b",
    "chart rollback mine 1",
    "chart uninstall mine",
    "gc --apply --yes",
];
/// Commands that are run in another way, because they do not end, end the cloud, or tell all that it holds.
const APART: [&str; 5] = ["tunnel", "sandbox serve", "sandbox stop", "sandbox reset", "sandbox contents"];

pub(crate) fn random_token() -> String {
    let mut random = rand::rng();
    (0..40).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect()
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |beginning| text.starts_with(beginning))
}

fn is_meant(secret: &str, place: &str) -> bool {
    secret.ends_with(&format!(" of {place}"))
        || GIVEN.iter().any(|given| matches(given, place))
        || MEANT.iter().any(|(which, at)| matches(which, secret) && matches(at, place))
}

/// The tokens that a run is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tokens {
    /// Those that the services take, in variables.
    Right,
    /// The same in files.
    InFiles,
    /// Some that the services refuse.
    Wrong,
}

struct Walk {
    cloud: Cloud,
    secrets: Secrets,
    finder: search::Finder,
    ran: BTreeSet<String>,
    found: Vec<String>,
}

impl Walk {
    fn new() -> Self {
        let cloud = Cloud::new();
        cloud.inventory();
        let given = cloud.home().join("given");
        fs::create_dir_all(given.join("mine/templates")).unwrap();
        fs::write(given.join("mine/Chart.yaml"), "apiVersion: v2\nname: mine\nversion: 0.1.0\n").unwrap();
        fs::write(
            given.join("mine/templates/map.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n",
        )
        .unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["*.spacemesh.io".to_owned()]).unwrap();
        fs::write(given.join("tls.crt"), certificate.self_signed(&key).unwrap().pem()).unwrap();
        let mut secrets = Secrets::default();
        let read = |name: &str| -> Value {
            serde_json::from_str(&fs::read_to_string(cloud.folder().join(name)).unwrap()).unwrap()
        };
        let (info, account) = (read("info.json"), read("service-account.json"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        secrets.add("service account's key", text(&account["private_key"]));
        for (file, name, value) in [
            ("cloudflare-api-token", "Cloudflare token", text(&info["cloudflare_token"])),
            ("slack-token", "Slack token", text(&info["slack_token"])),
            ("github-token", "GitHub token", text(&info["github_token"])),
            ("tls-key", "TLS key", key.serialize_pem()),
            ("wrong-token", "wrong token", random_token()),
        ] {
            fs::write(given.join(file), &value).unwrap();
            secrets.add(name, value);
        }
        let finder = secrets.finder();
        Self { cloud, secrets, finder, ran: BTreeSet::new(), found: Vec::new() }
    }

    fn command(&self, line: &str, tokens: Tokens) -> std::process::Command {
        let given = self.cloud.home().join("given");
        let line = line.replace("{home}", self.cloud.home().to_str().unwrap());
        let mut command = self.cloud.bare_command(&line);
        command.env("SPACECRAFT_PROVIDER", "sandbox").env("SPACECRAFT_SANDBOX_DIR", self.cloud.folder());
        for name in ["slack-token", "cloudflare-api-token", "github-token", "tls-key"] {
            let variable = format!("SPACECRAFT_{}", name.to_uppercase().replace('-', "_"));
            let file = if tokens == Tokens::Wrong && name != "tls-key" { "wrong-token" } else { name };
            match tokens {
                Tokens::InFiles if name == "tls-key" => command.env(variable, given.join(file)),
                Tokens::InFiles => command.env(format!("{variable}_FILE"), given.join(file)),
                _ => command.env(variable, fs::read_to_string(given.join(file)).unwrap()),
            };
        }
        command
    }

    /// Runs a command at the highest verbosity with every secret at hand, and searches all that it says. Answers its exit code.
    fn run(&mut self, line: &str, tokens: Tokens, expected: Option<i32>) -> Option<i32> {
        let log = self.cloud.home().join(format!("log-{}", self.ran.len()));
        let mut command = self.command(line, tokens);
        let output = command.args(["-vvv", "--log-file"]).arg(&log).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{line}: {said}");
        assert!(
            expected.is_none_or(|code| output.status.code() == Some(code)),
            "{line} with {tokens:?} tokens: {} {} {said}",
            output.status,
            String::from_utf8_lossy(&output.stdout)
        );
        self.search(&format!("stdout of {line}"), &output.stdout);
        self.search(&format!("stderr of {line}"), &output.stderr);
        self.ran.insert(line.to_owned());
        output.status.code()
    }

    fn search(&mut self, place: &str, content: &[u8]) {
        for (secret, before) in self.finder.find(content) {
            if !is_meant(secret, place) {
                self.found.push(format!("{secret} is in {place}, after {before:?}"));
            }
        }
    }

    /// Searches the cloud, the operator's files and the server's arguments.
    fn search_everything(&mut self) {
        for (place, content) in places::of_cloud(&self.cloud.contents()) {
            self.search(&place, &content);
        }
        for (name, path) in places::of_files(self.cloud.home()) {
            let content = fs::read(&path).unwrap();
            self.search(&format!("file {name}"), &content);
            let is_given = name.starts_with("given/");
            if !is_given && !self.finder.find(&content).is_empty() && places::is_open_to_others(&path) {
                self.found.push(format!("{name} holds a secret and others may read it"));
            }
        }
        for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
            self.search("arguments of a process", &arguments);
        }
    }

    /// From now on, what was generated is looked for too.
    fn learn(&mut self) {
        places::add_generated(&mut self.secrets, &self.cloud.contents());
        self.finder = self.secrets.finder();
    }

    fn fault(&self, words: &str, body: &str) {
        let mut fault = self.cloud.command(&format!("sandbox fault {words}"));
        assert!(fault.args(["--body", body]).output().unwrap().status.success());
    }

    fn tunnel(&mut self) {
        let command = self.command("tunnel kibana -n net1 -vvv", Tokens::Right);
        let tunnel = self.cloud.start_command(command);
        until("the tunnel is open", || tunnel.said().contains("127.0.0.1"));
        tunnel.signal("INT");
        let ended = tunnel.end();
        self.search("stdout of tunnel", ended.stdout.as_bytes());
        self.search("stderr of tunnel", ended.stderr.as_bytes());
    }
}

/// The commands that do something, each with the words that lead to it.
fn all_commands(command: &clap::Command, path: &str) -> Vec<String> {
    let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help");
    let below = inner.flat_map(|inner| all_commands(inner, format!("{path} {}", inner.get_name()).trim()));
    let below: Vec<String> = below.collect();
    if below.is_empty() { vec![path.to_owned()] } else { below }
}

/// A look at or change of the network by its name, if the command takes one.
fn of_network(line: &str) -> String {
    match line.split(' ').next() {
        Some("settings" | "completions" | "man" | "sandbox") => line.to_owned(),
        Some("chart") if ["template", "show", "pull"].iter().any(|name| line[6..].starts_with(name)) => {
            line.to_owned()
        }
        Some("chart") => format!("{line} --network-name net1"),
        _ => format!("{line} -n net1"),
    }
}

#[test]
fn no_secret_is_anywhere_but_where_it_is_meant_to_be() {
    let mut walk = Walk::new();
    walk.run(&format!("create-network {FULL} --miner-ram much"), Tokens::Right, Some(2));
    walk.run(&format!("create-network {FULL}"), Tokens::Wrong, None);
    walk.run("delete-network -n net1 --yes", Tokens::Right, None);
    walk.run(&format!("create-network {FULL} --output text"), Tokens::InFiles, Some(0));
    walk.learn();
    assert!(walk.secrets.names().count() > 20, "{:?}", walk.secrets.names().collect::<Vec<_>>());
    walk.search_everything();
    for line in LOOKS.map(of_network) {
        walk.run(&line, Tokens::Right, None);
    }
    walk.tunnel();
    for line in CHANGES.map(of_network) {
        let done = walk.run(&line, Tokens::Wrong, None) == Some(0);
        walk.run(&line, Tokens::Right, (!done).then_some(0));
        walk.learn();
    }
    walk.search_everything();
    walk.run("delete-network -n net1 --yes --output json", Tokens::Wrong, None);
    walk.run("delete-network -n net1 --yes", Tokens::Right, Some(0));
    walk.search_everything();

    assert!(walk.found.is_empty(), "{:#?}", walk.found);

    for command in all_commands(&spacecraft_cli::command_line(), "") {
        let ran = walk.ran.iter().any(|line| line.starts_with(&command));
        assert!(ran || APART.contains(&command.as_str()), "{command} was not run");
    }
}

#[test]
fn a_rollback_and_its_support_bundle_hold_no_secret() {
    let mut walk = Walk::new();
    // A service that repeats what it was called with.
    let token = fs::read_to_string(walk.cloud.home().join("given/cloudflare-api-token")).unwrap();
    let body = format!(r#"{{"success":false,"errors":[{{"code":1,"message":"{token} is no good"}}]}}"#);
    walk.fault("status --status 400 --service cloudflare --method POST --times 0", &body);
    walk.run("create-network -n net1 -m 3 --bootnode-amount 1 --rollback", Tokens::Right, None);
    walk.search_everything();
    let bundles = places::of_files(walk.cloud.home());
    assert!(bundles.iter().any(|(name, _)| name.contains("/support/")), "no support bundle was written");
    assert!(walk.found.is_empty(), "{:#?}", walk.found);
}
