use super::setting::{BareUnit, Command, Kind, Setting};

/// Every setting there is, in the order in which help shows them.
///
/// ```
/// use spacecraft_core::settings::catalogue;
///
/// let miners = catalogue().iter().find(|setting| setting.name == "miners").unwrap();
/// assert_eq!((miners.short, miners.help), (Some('m'), "nodes of the network: bootstrap node, bootnodes and miners together"));
/// ```
#[must_use]
pub fn catalogue() -> &'static [Setting] {
    &CATALOGUE
}

/// The setting that is spelled so: by its name, its camel-case form or another spelling that is taken.
#[must_use]
pub fn find(spelling: &str) -> Option<&'static Setting> {
    let exact = |setting: &&Setting| setting.name == spelling || setting.aliases.contains(&spelling);
    CATALOGUE.iter().find(exact).or_else(|| CATALOGUE.iter().find(|setting| setting.camel_case() == spelling))
}

/// Why a setting that the original had means nothing any more; none for all others. Such settings are accepted with a warning.
#[must_use]
pub fn retired(spelling: &str) -> Option<&'static str> {
    RETIRED.iter().find(|(name, _)| *name == spelling).map(|(_, why)| *why)
}

/// The names of settings that mean nothing any more, as [`retired`] takes them.
pub fn retired_names() -> impl Iterator<Item = &'static str> {
    RETIRED.iter().map(|(name, _)| *name)
}

const RETIRED: [(&str, &str); 4] = [
    ("es-cert", "certificates of Elasticsearch are generated for each network"),
    ("image-type", "workers run the image that the cluster's release channel brings"),
    (
        "prometheus-cpu",
        "the chart kube-prometheus-stack sets its own requests; charts.kube-prometheus-stack.values changes them",
    ),
    (
        "prometheus-memory",
        "the chart kube-prometheus-stack sets its own requests; charts.kube-prometheus-stack.values changes them",
    ),
];

use Command as C;

/// Commands that make a network or show what would be made.
const CREATE: &[Command] = &[C::CreateNetwork, C::Plan];
/// Commands that make nodes.
const NODES: &[Command] = &[C::CreateNetwork, C::Plan, C::AddMiner];
/// Commands that make nodes or web services with nodes of their own.
const ALL_NODES: &[Command] = &[C::CreateNetwork, C::Plan, C::AddMiner, C::DeployWs];
/// Commands that decide what nodes run.
const RELEASES: &[Command] = &[C::CreateNetwork, C::Plan, C::AddMiner, C::UpgradeNetwork];
/// Commands that wait for nodes or ask them, and those of a network's life that take part in the same command lines without doing either.
const WAITING: &[Command] = &[
    C::CreateNetwork,
    C::Plan,
    C::AddMiner,
    C::UpgradeNetwork,
    C::Status,
    C::DeleteMiner,
    C::DeleteNetwork,
    C::Hosts,
    C::List,
];
/// Commands that tell people on Slack what they do.
const TELLING: &[Command] = &[
    C::CreateNetwork,
    C::Plan,
    C::DeleteNetwork,
    C::AddMiner,
    C::DeleteMiner,
    C::UpgradeNetwork,
    C::DeployWs,
    C::DeployCm,
];
/// Commands that change DNS names.
const NAMING: &[Command] = &[C::CreateNetwork, C::Plan, C::DeleteNetwork, C::DeployWs, C::Status, C::Gc];
/// Commands that keep or read what is remembered of a network.
const REMEMBERING: &[Command] = &[
    C::CreateNetwork,
    C::Plan,
    C::DeleteNetwork,
    C::AddMiner,
    C::DeleteMiner,
    C::UpgradeNetwork,
    C::DeployWs,
    C::DeployCm,
    C::Hosts,
    C::List,
    C::Status,
    C::Rewards,
    C::ReleaseNetwork,
    C::Kubeconfig,
    C::Tunnel,
    C::Logs,
    C::Keys,
    C::Gc,
];
/// Commands that talk to a cluster or its provider.
const CONNECTED: &[Command] = &[
    C::CreateNetwork,
    C::Plan,
    C::DeleteNetwork,
    C::AddMiner,
    C::DeleteMiner,
    C::UpgradeNetwork,
    C::DeployWs,
    C::DeployCm,
    C::Hosts,
    C::List,
    C::Status,
    C::Rewards,
    C::ReleaseNetwork,
    C::Kubeconfig,
    C::Tunnel,
    C::Logs,
    C::Keys,
    C::Gc,
    C::Chart,
];
/// All of them.
const ALL: &[Command] = &Command::ALL;

const fn count(least: u64, most: u64) -> Kind {
    Kind::Number { least, most }
}

const fn set(name: &'static str, kind: Kind, commands: &'static [Command], help: &'static str) -> Setting {
    Setting::new(name, kind, commands, help)
}

const MANY: u64 = 100_000;

/// One line for each setting, so that the table reads as one.
#[rustfmt::skip]
static CATALOGUE: [Setting; 110] = [
    // Where
    set("config", Kind::Path, ALL, "config file (JSON, YAML or TOML) with any of these settings"),
    set("network-name", Kind::Text, ALL, "name of the network").short('n').follows("mininet; all commands but those that create must be told"),
    set("provider", Kind::Choice(&["gcp", "kubernetes", "sandbox"]), ALL, "where networks run").default("gcp"),
    set("gcp-project", Kind::Text, CONNECTED, "GCP project").follows("the sandbox has one of its own"),
    set("gcp-location", Kind::Text, CONNECTED, "GCP region or zone of clusters").follows("the sandbox has one of its own"),
    set("gcp-zone", Kind::Text, CONNECTED, "GCP zone of workers").follows("the sandbox has one of its own"),
    set("gcp-credentials-file", Kind::Path, CONNECTED, "GCP service account key or other credentials").variables(&["GOOGLE_APPLICATION_CREDENTIALS"]).follows("those of gcloud or of the machine"),
    set("kubeconfig", Kind::Path, CONNECTED, "kubeconfig of the cluster, for --provider kubernetes").variables(&["KUBECONFIG"]).follows("~/.kube/config"),
    set("context", Kind::Text, CONNECTED, "context of the kubeconfig").follows("its current context"),
    set("namespace", Kind::Text, CONNECTED, "namespace of the network's objects").follows("default on clusters of its own, else the network's name"),
    set("sandbox-dir", Kind::Path, ALL, "folder of the simulated cloud, for --provider sandbox").follows("a folder in the user's state directory"),
    set("bucket", Kind::Text, REMEMBERING, "public bucket of published configs").default("spacecraft-data"),
    set("state-bucket", Kind::Text, REMEMBERING, "private bucket of records, journals and locks").follows("spacecraft-state-<gcp-project>"),
    set("discovery-bucket", Kind::Text, REMEMBERING, "bucket of the discovery file networks.json").default("sm-discovery-service"),
    set("object-dir", Kind::Path, REMEMBERING, "folder to keep published configs and records in, instead of buckets"),
    set("templates", Kind::Path, ALL, "folder of templates that replace the built-in ones of the same names"),
    set("timeout", Kind::Duration(BareUnit::Minutes), CONNECTED, "limit of the whole operation").default("2h"),
    set("step-timeout", Kind::Duration(BareUnit::Minutes), CONNECTED, "limit of each step").default("45m"),

    // Fleet
    set("generation", Kind::Choice(&["v0", "v1"]), CREATE, "generation of go-spacemesh").follows("what the tag of go-sm-image tells, else v1"),
    set("bootstrap", Kind::Flag, CREATE, "make a network of its own; false extends the network of miner-go-sm-config").default("true"),
    set("miners", count(1, MANY), CREATE, "nodes of the network: bootstrap node, bootnodes and miners together").short('m').default("10"),
    set("poets", count(1, 1_000), CREATE, "PoETs").short('p').default("1"),
    set("bootnode-amount", count(0, MANY), CREATE, "bootnodes, the bootstrap node not counted").default("6"),
    set("poet-gateway-amount", count(0, MANY), CREATE, "v0: nodes that PoETs use as gateways").default("4"),
    set("go-sm-config", Kind::NodeConfig, RELEASES, "node config: mininet, devnet, testnet or a file").default("mininet"),
    set("miner-go-sm-config", Kind::NodeConfig, &[C::CreateNetwork, C::Plan, C::AddMiner], "node config of the parent network, for --bootstrap=false"),
    set("go-sm-image", Kind::Text, &[C::CreateNetwork, C::Plan, C::AddMiner, C::UpgradeNetwork, C::DeployWs], "image of nodes").follows("v1 spacemeshos/go-spacemesh:v1.7.6, v0 spacemeshos/go-spacemesh-dev:d298a63"),
    set("poet-image", Kind::Text, &[C::CreateNetwork, C::Plan, C::UpgradeNetwork], "image of PoETs").follows("v1 spacemeshos/poet:v0.10.4, v0 spacemeshos/poet:ef8f28a"),
    set("miner-ram", Kind::Bytes, ALL_NODES, "memory of each node, GiB or a quantity").default("2"),
    set("miner-cpu", Kind::Cpu, ALL_NODES, "processor of each node, cores or a quantity").default("1"),
    set("miner-disk-size", Kind::Bytes, NODES, "disk of each node, GiB or a quantity").default("10"),
    set("poet-ram", Kind::Bytes, CREATE, "memory of each PoET").default("2"),
    set("poet-cpu", Kind::Cpu, CREATE, "processor of each PoET").default("1"),
    set("poet-disk-size", Kind::Bytes, CREATE, "disk of each PoET").default("10"),
    set("coinbase", Kind::Text, &[C::CreateNetwork, C::Plan, C::AddMiner], "address that all rewards go to").follows("an account for each node, whose key is kept in the cluster"),
    set("genesis-delay", Kind::Duration(BareUnit::Minutes), CREATE, "time between the predicted end of the bring-up and the genesis").default("10m"),
    set("init-phase-shift", Kind::Duration(BareUnit::Seconds), CREATE, "v0: how much later each further PoET closes its first round").default("0"),
    set("max-concurrent-deployments", count(1, 10_000), CREATE, "deployments that are applied at the same time").default("100"),
    set("rollout", Kind::Choice(&["parallel", "ordered"]), CREATE, "parallel: all nodes through one window; ordered: PoETs, bootstrap node, bootnodes, miners").default("parallel"),
    set("wait", Kind::Choice(&["ready", "healthy"]), WAITING, "ready: pods are ready; healthy: every node answers over gRPC too, which is what upgrade-network and status take by themselves. Commands that neither wait for nodes nor ask them take it and do nothing with it").default("ready"),
    set("enable-json-api", Kind::Flag, CREATE, "nodes serve the JSON API").default("true"),
    set("enable-go-debug", Kind::Flag, CREATE, "the Go runtime of nodes traces itself").default("false"),
    set("p2p-port-base", count(1, 65_534), CREATE, "node N listens for peers on its worker's port of this number plus N, or 20,000 above that where the node has the port for something else (gRPC, JSON, pprof, metrics)").default("5000"),

    // Cluster
    set("gcp-machine-type", Kind::Text, CREATE, "machine type of workers").default("e2-standard-16"),
    set("gcp-machine-cpu", Kind::Cpu, CREATE, "processor of a worker").follows("what the machine type has"),
    set("gcp-machine-memory", Kind::Bytes, CREATE, "memory of a worker").follows("what the machine type has"),
    set("accelerator-type", Kind::Text, CREATE, "accelerators of each worker, such as nvidia-tesla-t4"),
    set("accelerator-count", count(0, 16), CREATE, "how many accelerators each worker has").default("0"),
    set("use-vpc", Kind::Flag, CREATE, "put the cluster into the VPC network of --vpc").default("false"),
    set("vpc", Kind::Text, CREATE, "VPC network, with --use-vpc").default("spacecraft"),
    set("kubernetes-version", Kind::Text, CREATE, "Kubernetes version of the cluster, such as 1.35").follows("what the release channel brings"),
    set("release-channel", Kind::Choice(&["rapid", "regular", "stable", "extended"]), CREATE, "GKE release channel").default("regular"),
    set("max-nodes", count(1, 15_000), &[C::CreateNetwork, C::Plan, C::AddMiner], "most workers that may ever be paid for").follows("a quarter more than planned"),

    // Logs
    set("logs", Kind::Choice(&["elastic", "none"]), CREATE, "log stack").default("elastic"),
    set("es-memory", Kind::Bytes, CREATE, "memory of each Elasticsearch node").default("2"),
    set("es-heap-memory", Kind::Bytes, CREATE, "Java heap of each Elasticsearch node").default("1"),
    set("es-cpu", Kind::Cpu, CREATE, "processor of each Elasticsearch node").default("1"),
    set("es-disk-size", Kind::Bytes, CREATE, "disk of each Elasticsearch node").default("10"),
    set("es-replicas", count(1, 100), CREATE, "Elasticsearch nodes").default("1"),
    set("es-master-nodes", count(1, 100), CREATE, "Elasticsearch nodes that must agree on a master").default("1"),
    set("kibana-memory", Kind::Bytes, CREATE, "memory of Kibana").default("2"),
    set("kibana-cpu", Kind::Cpu, CREATE, "processor of Kibana").default("1"),
    set("kibana-saved-objects", Kind::Objects, CREATE, "Kibana objects (newline-delimited JSON) instead of the built-in ones"),
    set("logs-expiry", count(1, 36_500), &[C::CreateNetwork, C::Plan, C::DeployWs], "days after which logs are deleted").default("1"),

    // Metrics, profiles, alerts, chaos
    set("metrics", Kind::Flag, &[C::CreateNetwork, C::Plan, C::AddMiner], "install Prometheus and Grafana, and have nodes push to them").default("false"),
    set("push-gateway-url", Kind::Text, CREATE, "Pushgateway that nodes push to").follows("the network's own"),
    set("deploy-pyroscope", Kind::Flag, CREATE, "install Pyroscope and have nodes serve pprof").default("false"),
    set("pyroscope-image", Kind::Text, CREATE, "image of Pyroscope").default("grafana/pyroscope:2.2.1"),
    set("pyroscope-cpu", Kind::Cpu, CREATE, "processor of Pyroscope").default("1"),
    set("pyroscope-memory", Kind::Bytes, CREATE, "memory of Pyroscope").default("2"),
    set("profile-miners", Kind::List, &[C::CreateNetwork, C::Plan, C::AddMiner], "numbers of the nodes that push profiles").follows("10,20, as far as there are that many"),
    set("enable-slack-alerts", Kind::Flag, TELLING, "run spacemesh-watch, which alerts on Slack").default("false"),
    set("sw-image", Kind::Text, CREATE, "image of spacemesh-watch").default("spacemeshos/spacemesh-watch:latest"),
    set("chaos-mesh", Kind::Flag, CREATE, "install chaos-mesh").default("false"),
    set("chaos-mesh-version", Kind::Text, &[C::CreateNetwork, C::Plan, C::DeployCm], "version of the chart chaos-mesh").default("2.8.3"),
    set("charts", Kind::Charts, &[C::CreateNetwork, C::Plan, C::DeployWs, C::DeployCm], "changes to charts: charts.<name>.{repo,version,values,patches}"),

    // Who can reach what
    set("allow-from", Kind::List, CREATE, "address ranges (CIDR) that may reach gRPC and JSON ports").follows("nobody outside"),
    set("publish", Kind::Choice(&["dashboards", "none"]), CREATE, "whether Kibana and Grafana get public names").default("dashboards"),
    set("domain", Kind::Text, NAMING, "domain of all public names").default("spacemesh.io"),

    // Credentials
    set("cloudflare-api-token", Kind::Secret, NAMING, "Cloudflare API token"),
    set("cloudflare-api-token-file", Kind::SecretFile, NAMING, "file that holds the Cloudflare API token"),
    set("slack-token", Kind::Secret, TELLING, "Slack bot token"),
    set("slack-token-file", Kind::SecretFile, TELLING, "file that holds the Slack bot token"),
    set("slack-channel-id", Kind::Text, TELLING, "id of the Slack channel"),
    set("github-token", Kind::Secret, &[C::ReleaseNetwork], "GitHub token"),
    set("github-token-file", Kind::SecretFile, &[C::ReleaseNetwork], "file that holds the GitHub token"),
    set("tls-crt", Kind::Pem, &[C::DeployWs], "certificate of the web services: a file, or in the variable the PEM text").aliases(&["tls-cert"]).default("./artifacts/ws/tls.crt"),
    set("tls-key", Kind::SecretPem, &[C::DeployWs], "its private key: a file, or in the variable the PEM text").aliases(&["tls-key-file"]).default("./artifacts/ws/tls.key"),

    // Miners
    set("miner-number", Kind::List, &[C::AddMiner, C::DeleteMiner], "number of the miner; to delete also several or a range"),
    set("count", count(1, MANY), &[C::AddMiner], "how many miners to add").default("1"),
    set("restart-wait-time", Kind::Duration(BareUnit::Minutes), &[C::UpgradeNetwork], "time between waves").default("2m"),
    set("wave-size", count(1, MANY), &[C::UpgradeNetwork], "nodes of a wave").follows("a tenth of the network"),
    set("only", Kind::List, &[C::UpgradeNetwork], "numbers of the nodes to upgrade").follows("all"),
    set("hold-at", Kind::Text, &[C::UpgradeNetwork], "stop after this share of the nodes, such as 30%"),
    set("keep-logs-metrics", Kind::Flag, &[C::DeleteNetwork], "keep logs and metrics with their disks").default("false"),

    // Web services, releases, rewards
    set("dash-version", Kind::Text, &[C::DeployWs], "version of the dashboard").default("v0.0.2"),
    set("explorer-version", Kind::Text, &[C::DeployWs], "version of the explorer").default("v0.0.10"),
    set("smapp-version", Kind::Text, &[C::DeployWs], "least release of the wallet app, for the discovery file").default("0.2.1"),
    set("private", Kind::Flag, &[C::DeployWs, C::DeleteNetwork], "use the private discovery file").default("false"),
    set("go-sm-release-version", Kind::Text, &[C::ReleaseNetwork], "version of go-spacemesh to release with the network's config"),
    set("builds-bucket", Kind::Text, &[C::ReleaseNetwork], "public bucket that builds of go-spacemesh are read from, or the address of a folder of them").default("go-spacemesh-release-builds"),
    set("release-bucket", Kind::Text, &[C::ReleaseNetwork], "bucket that builds with the network's config are published in").default("spacemesh-release-builds"),
    set("repository", Kind::Text, &[C::ReleaseNetwork], "GitHub repository of releases").default("spacemeshos/sm-net"),
    set("host", Kind::Text, &[C::Rewards], "gRPC address of the node to ask, host:port").follows("any healthy node of the network"),
    set("from-layer", count(0, u32::MAX as u64), &[C::Rewards], "first layer of the report").default("0"),
    set("to-layer", count(0, u32::MAX as u64), &[C::Rewards], "last layer of the report").follows("the newest layer"),
    set("by", Kind::Choice(&["coinbase", "smesher", "epoch", "layer"]), &[C::Rewards], "what the report is ordered by").default("coinbase"),
    set("since", Kind::Duration(BareUnit::Seconds), &[C::Logs], "only lines of the last while, such as 10m"),
    set("tail", count(1, u32::MAX as u64), &[C::Logs], "at most this many of the last lines").follows("200, or with --since all"),
    set("older-than", Kind::Duration(BareUnit::Minutes), &[C::Gc], "leave what is younger").default("1h"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generation::default_images;
    use crate::settings::{DefaultValue, SettingValue};
    use crate::spec::Generation;

    #[test]
    fn no_two_settings_share_a_spelling_or_a_letter() {
        let mut spellings = BTreeSet::new();
        let mut letters = BTreeSet::new();
        for setting in catalogue() {
            let camel = Some(setting.camel_case()).filter(|camel| camel != setting.name);
            let aliases = setting.aliases.iter().map(|alias| (*alias).to_owned());
            for spelling in [setting.name.to_owned()].into_iter().chain(camel).chain(aliases) {
                assert!(spellings.insert(spelling.clone()), "{spelling} is there twice");
            }
            assert!(
                setting.short.is_none_or(|letter| letters.insert(letter)),
                "{} shares its letter",
                setting.name
            );
        }
        assert!(retired_names().all(|name| !spellings.contains(name)));
    }

    #[test]
    fn every_default_can_be_read() {
        for setting in catalogue() {
            if let DefaultValue::Is(text) = setting.default {
                let value = SettingValue::read_text(setting.kind, text);
                assert!(value.is_ok(), "{}: {value:?}", setting.name);
            }
        }
    }

    #[test]
    fn commands_for_a_network_that_exists_have_its_own_values_as_defaults() {
        let told = |name: &str, command: Command| find(name).unwrap().default_text(command);
        let own = Some("as the network has it".to_owned());
        assert_eq!(told("miner-ram", C::CreateNetwork).as_deref(), Some("2"));
        for (name, command) in [
            ("miner-ram", C::AddMiner),
            ("wait", C::AddMiner),
            ("go-sm-image", C::DeployWs),
            ("chaos-mesh-version", C::DeployCm),
            ("gcp-zone", C::Status),
            ("bucket", C::DeleteNetwork),
        ] {
            assert_eq!(told(name, command), own, "{name} of {command}");
        }
        assert_eq!(told("wait", C::UpgradeNetwork).as_deref(), Some("healthy"));
        assert_eq!(told("wait", C::Status).as_deref(), Some("healthy"));
        assert_eq!(told("count", C::AddMiner).as_deref(), Some("1"));
        assert_eq!(told("dash-version", C::DeployWs).as_deref(), Some("as deployed before, else v0.0.2"));
        assert_eq!(told("timeout", C::AddMiner).as_deref(), Some("2h"));
        assert_eq!(told("network-name", C::Hosts), None);
        assert_eq!(told("bucket", C::List).as_deref(), Some("spacecraft-data"));
    }

    #[test]
    fn every_secret_can_come_from_a_file() {
        for setting in catalogue().iter().filter(|setting| setting.kind == Kind::Secret) {
            let twin = find(&format!("{}-file", setting.name)).unwrap();
            assert_eq!((twin.kind, twin.commands), (Kind::SecretFile, setting.commands));
        }
    }

    #[test]
    fn help_names_the_images_that_are_really_the_defaults() {
        for (name, pick) in [("go-sm-image", 0), ("poet-image", 1)] {
            let DefaultValue::Follows(text) = find(name).unwrap().default else { panic!("{name}") };
            for generation in [Generation::V0, Generation::V1] {
                let images = default_images(generation);
                assert!(text.contains([images.0, images.1][pick]), "{name}: {text}");
            }
        }
    }

    #[test]
    fn settings_are_found_by_name_camel_case_and_other_spellings() {
        let name = |spelling: &str| find(spelling).map(|setting| setting.name);
        assert_eq!(name("miner-ram"), Some("miner-ram"));
        assert_eq!(name("minerRam"), Some("miner-ram"));
        assert_eq!(name("tls-cert"), Some("tls-crt"));
        assert_eq!(name("miner_ram"), None);
    }
}
