//! Settings to spec, and back.

mod upgrades;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::consensus;
use crate::identity::{P2pKey, peer_multiaddress};
use crate::node_config::{base_config, set};
use crate::settings::{Command, Kind, RecordRank, Settings, SettingsBuilder, SettingsError, catalogue};
use crate::time::SeededRandom;

type Files = BTreeMap<String, String>;

fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Flags on the sandbox, where nothing else has to be given.
fn sandbox(flags: &[(&str, &str)]) -> SettingsBuilder {
    Settings::builder(Command::CreateNetwork).flags(pairs(&[("provider", "sandbox")])).flags(pairs(flags))
}

fn read(builder: SettingsBuilder, files: &Files) -> Result<(NetworkSpec, Credentials), Vec<SettingsError>> {
    let (_, spec, credentials) = NetworkSpec::from_sources(builder, files).map_err(|errors| errors.errors)?;
    Ok((spec, credentials))
}

fn spec(flags: &[(&str, &str)]) -> NetworkSpec {
    read(sandbox(flags), &Files::new()).unwrap().0
}

/// Flags on GKE.
fn gcp(flags: &[(&str, &str)]) -> SettingsBuilder {
    let place =
        [("gcp-project", "my-project"), ("gcp-location", "us-central1"), ("gcp-zone", "us-central1-a")];
    Settings::builder(Command::CreateNetwork).flags(pairs(&place)).flags(pairs(flags))
}

/// Keys and values of what is wrong.
fn mistakes(builder: SettingsBuilder, files: &Files) -> Vec<(String, String)> {
    read(builder, files).unwrap_err().into_iter().map(|error| (error.key, error.value)).collect()
}

fn messages(builder: SettingsBuilder, files: &Files) -> Vec<String> {
    read(builder, files).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The published config of a v1 network that can be extended.
fn parent() -> Value {
    let peer = P2pKey::generate(&SeededRandom::new(1)).peer_id();
    let mut config = base_config(Generation::V1, "mininet").unwrap();
    set(&mut config, "genesis.genesis-time", json!("2026-01-01T00:00:00Z")).unwrap();
    set(&mut config, "genesis.genesis-extra-data", json!("parent")).unwrap();
    set(&mut config, "p2p.bootnodes", json!([peer_multiaddress("203.0.113.7", 5002, &peer)])).unwrap();
    config
}

fn with_file(name: &str, content: impl ToString) -> Files {
    Files::from([(name.to_owned(), content.to_string())])
}

#[test]
fn the_default_network_is_this() {
    let mut spec = spec(&[]);
    spec.node.base_config = json!("mininet");
    insta::assert_yaml_snapshot!(spec);
}

#[test]
fn images_and_config_follow_the_generation() {
    let v0 = spec(&[("generation", "v0")]);
    assert_eq!(v0.node.image.to_string(), "spacemeshos/go-spacemesh-dev:d298a63");
    assert_eq!(v0.poet.image.to_string(), "spacemeshos/poet:ef8f28a");
    assert_eq!(v0.node.base_config["p2p"]["network-id"], json!(205));
    let by_image = spec(&[("go-sm-image", "spacemeshos/go-spacemesh:v0.2.17-beta.0")]);
    assert_eq!(by_image.generation, Generation::V0);
    let unknown = spec(&[("go-sm-image", "mine/node:develop")]);
    assert_eq!(unknown.generation, Generation::V1);
    let conflict =
        sandbox(&[("generation", "v1"), ("go-sm-image", "spacemeshos/go-spacemesh:v0.2.17-beta.0")]);
    assert_eq!(mistakes(conflict, &Files::new())[0].0, "go-sm-image");
}

#[test]
fn no_image_is_taken_that_may_be_another_one_on_every_pull() {
    let refused = |image: &str| {
        let flags = [("deploy-pyroscope", "true"), ("enable-slack-alerts", "true"), (image, "mine/image")];
        let told = messages(sandbox(&flags), &Files::new());
        told.iter().any(|message| message.starts_with(image) && message.contains("add a tag or a digest"))
    };
    for name in ["go-sm-image", "poet-image", "pyroscope-image", "sw-image"] {
        assert!(refused(name), "{name} was taken without a tag");
    }
}

#[test]
fn every_mistake_in_one_command_line_is_reported_at_once() {
    let builder = gcp(&[
        ("network-name", "Net_1"),
        ("miners", "5"),
        ("poet-gateway-amount", "9"),
        ("poets", "0"),
        ("poet-cpu", "lots"),
        ("max-concurrent-deployments", "0"),
        ("miner-ram", "0"),
        ("go-sm-image", "bad image"),
        ("go-sm-config", "minient"),
        ("p2p-port-base", "10247"),
        ("kubernetes-version", "1.21.14-gke.3000"),
        ("accelerator-count", "2"),
        ("gcp-machine-type", "mine-16"),
        ("es-heap-memory", "4"),
        ("es-master-nodes", "3"),
        ("enable-slack-alerts", "true"),
        ("profile-miners", "3,7"),
        ("allow-from", "10.0.0.1/8"),
        ("publish", "dashboards"),
        ("domain", "no domain"),
        ("bucket", "x"),
        ("chaos-mesh-version", "new"),
        ("gcp-zone", "europe-west1-b"),
        ("namespace", "kube-system"),
    ]);
    let text = messages(builder, &Files::new()).join("\n");
    insta::assert_snapshot!(text);
}

#[test]
fn a_fleet_must_hold_its_bootnodes() {
    let bootnodes = |flags: &[(&str, &str)]| messages(sandbox(flags), &Files::new());
    assert_eq!(
        bootnodes(&[("miners", "5")]),
        [
            "bootnode-amount \"6\": 5 nodes have room for a bootstrap node and at most 4 bootnodes: lower bootnode-amount or raise miners"
        ]
    );
    assert_eq!(spec(&[("miners", "7")]).fleet.bootnodes, 6);
    assert_eq!(spec(&[("miners", "1"), ("bootnode-amount", "0")]).fleet.nodes, 1);
}

#[test]
fn gateways_are_nodes_and_v0_needs_one() {
    let v0 = |amount: &str| {
        sandbox(&[
            ("generation", "v0"),
            ("miners", "3"),
            ("bootnode-amount", "2"),
            ("poet-gateway-amount", amount),
        ])
    };
    assert_eq!(mistakes(v0("4"), &Files::new()), [("poet-gateway-amount".to_owned(), "4".to_owned())]);
    assert_eq!(mistakes(v0("0"), &Files::new()), [("poet-gateway-amount".to_owned(), "0".to_owned())]);
    assert_eq!(read(v0("3"), &Files::new()).unwrap().0.fleet.gateways, 3);
    assert_eq!(
        spec(&[("miners", "3"), ("bootnode-amount", "2")]).fleet.gateways,
        3,
        "the default shrinks with the fleet"
    );
}

#[test]
fn host_ports_must_be_free_for_every_node() {
    let message = |base: &str| messages(sandbox(&[("p2p-port-base", base)]), &Files::new()).remove(0);
    assert!(message("10245").contains("10248"), "{}", message("10245"));
    assert!(message("10249").contains("the kubelet"), "{}", message("10249"));
    assert!(message("29995").contains("node ports of Services"), "{}", message("29995"));
    assert!(message("65530").contains("65535"), "{}", message("65530"));
    assert_eq!(spec(&[("p2p-port-base", "7000")]).node.p2p_port_base, 7000);
}

#[test]
fn more_nodes_than_there_are_node_ports_are_refused() {
    let flags = [("miners", "1400"), ("enable-json-api", "true")];
    assert_eq!(mistakes(sandbox(&flags), &Files::new())[0].0, "miners");
    assert_eq!(spec(&[("miners", "1400"), ("enable-json-api", "false")]).fleet.nodes, 1400);
}

#[test]
fn a_config_file_that_is_missing_or_no_json_is_told_from_a_bad_name() {
    let of = |path: &str, files: &Files| messages(sandbox(&[("go-sm-config", path)]), files).remove(0);
    assert!(of("gone.json", &Files::new()).contains("built in are mininet, devnet, testnet"));
    assert!(of("devnte", &Files::new()).contains("did you mean devnet?"));
    assert!(of("bad.json", &with_file("bad.json", "{")).contains("it is no JSON"));
    let empty = of("a.json", &with_file("a.json", "{}"));
    assert!(
        empty.starts_with("go-sm-config \"main.layer-duration\": the layer duration is missing"),
        "{empty}"
    );
}

#[test]
fn keys_of_the_other_generation_are_named_with_what_replaces_them() {
    let v0 = base_config(Generation::V0, "mininet").unwrap();
    let builder = || sandbox(&[("go-sm-config", "a.json")]);
    let found = messages(builder(), &with_file("a.json", &v0));
    assert!(
        found.iter().any(|message| message.contains("main.layer-duration-sec = 200")
            && message.contains("main.layer-duration, with a unit")),
        "{found:?}"
    );
    let v1 = base_config(Generation::V1, "mininet").unwrap();
    let found = messages(builder().flags(pairs(&[("generation", "v0")])), &with_file("a.json", &v1));
    assert!(
        found.iter().any(|message| message.contains("hare3") && message.contains("it has hare")),
        "{found:?}"
    );
}

#[test]
fn a_config_of_the_other_generation_is_recognised() {
    let v0 = base_config(Generation::V0, "mininet").unwrap();
    let found = messages(sandbox(&[("go-sm-config", "a.json")]), &with_file("a.json", &v0));
    assert!(
        found.contains(
            &"generation \"v1\": the node config is one of generation v0: give --generation v0".to_owned()
        ),
        "{found:?}"
    );
    let (spec, _) =
        read(sandbox(&[("go-sm-config", "a.json"), ("generation", "v0")]), &with_file("a.json", &v0))
            .unwrap();
    assert_eq!(spec.generation, Generation::V0);
}

#[test]
fn the_prefix_of_addresses_is_written_out_where_only_the_preset_says_it() {
    let mut config = base_config(Generation::V1, "mininet").unwrap();
    config["main"].as_object_mut().unwrap().remove("network-hrp");
    let (spec, _) = read(sandbox(&[("go-sm-config", "a.json")]), &with_file("a.json", config)).unwrap();
    assert_eq!(spec.node.base_config["main"]["network-hrp"], json!("stest"));
}

#[test]
fn an_operators_list_of_keys_lets_a_newer_release_have_more() {
    let mut config = base_config(Generation::V1, "mininet").unwrap();
    config["brand-new"] = json!({"key": 1});
    let mut files = with_file("a.json", &config);
    let flags = [("go-sm-config", "a.json"), ("templates", "own/")];
    assert_eq!(mistakes(sandbox(&flags), &files)[0].1, "brand-new = {\"key\":1}");
    let keys = format!("{}\nbrand-new.*\n", include_str!("../../configs/v1/config.keys"));
    files.insert("own/v1/config.keys".to_owned(), keys);
    assert!(read(sandbox(&flags), &files).is_ok());
}

#[test]
fn a_network_that_extends_another_needs_the_parents_config() {
    let extends = |flags: &[(&str, &str)]| sandbox(&[("bootstrap", "false")]).flags(pairs(flags));
    let found = messages(extends(&[]), &Files::new());
    assert!(found[0].contains("give --miner-go-sm-config or set SPACECRAFT_MINER_GO_SM_CONFIG"), "{found:?}");

    let files = with_file("p.json", parent());
    let (spec, _) = read(extends(&[("miner-go-sm-config", "p.json")]), &files).unwrap();
    assert_eq!((spec.fleet.bootstrap, spec.fleet.nodes, spec.fleet.bootnodes), (false, 10, 6));

    let own = with_file("p.json", base_config(Generation::V1, "mininet").unwrap());
    let missing: Vec<_> = mistakes(extends(&[("miner-go-sm-config", "p.json")]), &own)
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(missing, ["genesis.genesis-extra-data", "genesis.genesis-time", "p2p.bootnodes"]);
}

#[test]
fn a_bootnode_of_the_parent_that_is_no_address_is_refused() {
    let mut config = parent();
    config["p2p"]["bootnodes"] = json!(["/ip4/1.2.3.4/tcp/5"]);
    let builder = sandbox(&[("bootstrap", "false"), ("miner-go-sm-config", "p.json")]);
    assert_eq!(mistakes(builder, &with_file("p.json", config))[0].1, "p2p.bootnodes = /ip4/1.2.3.4/tcp/5");
}

#[test]
fn a_coinbase_must_be_an_address_of_the_network() {
    let of = |flags: &[(&str, &str)]| mistakes(sandbox(flags), &Files::new());
    let v0 = format!("0x{}", "ab".repeat(20));
    assert_eq!(of(&[("coinbase", &v0)])[0].0, "coinbase");
    assert_eq!(spec(&[("coinbase", &v0), ("generation", "v0")]).coinbase, Some(v0));
    let sm = "sm1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8q2gdz9k";
    assert_eq!(of(&[("coinbase", sm)])[0].0, "coinbase", "mininet's addresses start with stest");
    let stest = "stest1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8qha56t0";
    assert_eq!(spec(&[("coinbase", stest)]).coinbase.as_deref(), Some(stest));
}

#[test]
fn gcp_needs_project_location_and_zone_and_names_the_variables() {
    let found = messages(Settings::builder(Command::CreateNetwork), &Files::new());
    assert_eq!(
        found,
        [
            "gcp-location: a cluster on GKE needs it: give --gcp-location or set SPACECRAFT_GCP_LOCATION",
            "gcp-project: a cluster on GKE needs it: give --gcp-project or set SPACECRAFT_GCP_PROJECT",
            "gcp-zone: a cluster on GKE needs it: give --gcp-zone or set SPACECRAFT_GCP_ZONE",
        ]
    );
}

#[test]
fn a_shared_cluster_gives_the_network_a_namespace_of_its_name_and_needs_a_place_for_objects() {
    let kubernetes = |flags: &[(&str, &str)]| {
        Settings::builder(Command::CreateNetwork)
            .flags(pairs(&[("provider", "kubernetes"), ("network-name", "net4")]))
            .flags(pairs(flags))
    };
    assert_eq!(mistakes(kubernetes(&[]), &Files::new())[0].0, "object-dir");
    let (spec, _) = read(kubernetes(&[("object-dir", "/objects")]), &Files::new()).unwrap();
    assert_eq!((spec.cluster.namespace.as_str(), spec.cluster.project.as_str()), ("net4", ""));
    assert!(read(kubernetes(&[("bucket", "b-1"), ("state-bucket", "b-2")]), &Files::new()).is_ok());
}

#[test]
fn credentials_that_are_asked_for_are_named_by_their_variables() {
    let found = messages(gcp(&[("enable-slack-alerts", "true"), ("publish", "dashboards")]), &Files::new())
        .join("\n");
    for name in ["SPACECRAFT_SLACK_TOKEN", "SPACECRAFT_SLACK_CHANNEL_ID", "SPACECRAFT_CLOUDFLARE_API_TOKEN"] {
        assert!(found.contains(name), "{found}");
    }
    let builder = gcp(&[("enable-slack-alerts", "true"), ("slack-channel-id", "C012")])
        .environment(pairs(&[("SPACECRAFT_SLACK_TOKEN", "t"), ("SPACECRAFT_CLOUDFLARE_API_TOKEN", "c")]));
    let (spec, credentials) = read(builder, &Files::new()).unwrap();
    assert!(spec.alerts.is_some() && spec.exposure.dns);
    assert!(!read(gcp(&[]), &Files::new()).unwrap().0.exposure.dns, "without a token nothing gets a name");
    assert!(credentials.slack_token.is_some() && credentials.cloudflare_api_token.is_some());
}

#[test]
fn sizes_of_common_machines_are_known_and_others_can_be_given() {
    let machine = spec(&[("gcp-machine-type", "n2-highmem-8")]).cluster.machine;
    assert_eq!((machine.cpu.to_string(), machine.memory.to_string()), ("8".to_owned(), "64Gi".to_owned()));
    let machine =
        spec(&[("gcp-machine-type", "mine"), ("gcp-machine-cpu", "3"), ("gcp-machine-memory", "5")])
            .cluster
            .machine;
    assert_eq!((machine.cpu.to_string(), machine.memory.to_string()), ("3".to_owned(), "5Gi".to_owned()));
}

#[test]
fn profiled_nodes_are_those_there_are() {
    let nodes = |flags: &[(&str, &str)]| spec(flags).profiling.unwrap().nodes;
    assert_eq!(nodes(&[("deploy-pyroscope", "true")]), [10]);
    assert_eq!(nodes(&[("deploy-pyroscope", "true"), ("miners", "30")]), [10, 20]);
    assert_eq!(nodes(&[("deploy-pyroscope", "true"), ("miners", "7")]), [7]);
    assert_eq!(nodes(&[("deploy-pyroscope", "true"), ("profile-miners", "3,1,3")]), [1, 3]);
}

#[test]
fn kibana_objects_are_one_json_object_a_line() {
    let flags = [("kibana-saved-objects", "k.ndjson")];
    let good = with_file("k.ndjson", "{\"a\": 1}\n\n{\"b\":2}\n");
    let (spec, _) = read(sandbox(&flags), &good).unwrap();
    assert_eq!(spec.logs.unwrap().saved_objects.as_deref(), Some("{\"a\":1}\n{\"b\":2}\n"));
    for bad in ["{\"a\": 1", "[1]"] {
        assert_eq!(mistakes(sandbox(&flags), &with_file("k.ndjson", bad))[0].0, "kibana-saved-objects");
    }
}

#[test]
fn a_devnet_config_file_of_the_original_still_describes_a_network() {
    let text = json!({
        "miners": "50", "poets": 1, "miner-ram": "4", "miner-cpu": "100m", "poet-ram": "4", "poet-cpu": "2",
        "miner-disk-size": "20", "poet-disk-size": "20", "es-memory": "16", "es-heap-memory": "8", "es-cpu": "2",
        "es-disk-size": "1000", "es-replicas": "3", "es-master-nodes": "2", "kibana-memory": "2", "kibana-cpu": "1",
        "logs-expiry": "14", "genesis-delay": "15", "prometheus-memory": "4", "prometheus-cpu": "2", "init-phase-shift": 0,
        "es-cert": "./artifacts/elk/elastic-certificates.p12", "miner-go-sm-config": "", "use-vpc": true, "vpc": "spacecraft",
        "gcp-machine-type": "e2-standard-16", "gcp-machine-cpu": 16, "gcp-machine-memory": 64, "bootstrap": true,
        "go-sm-image": "spacemeshos/go-spacemesh-dev:d298a63",
    });
    let (spec, _) = read(sandbox(&[]).config_file("config.json", text.to_string()), &Files::new()).unwrap();
    assert_eq!((spec.generation, spec.fleet.nodes), (Generation::V0, 50));
    assert_eq!(spec.node.resources.cpu.to_string(), "100m");
    assert_eq!(spec.cluster.vpc.as_deref(), Some("spacecraft"));
    assert_eq!(spec.genesis.delay.as_secs(), 900);
}

/// Flags of all kinds that together describe a network.
fn flag_sets() -> impl Strategy<Value = Vec<(String, String)>> {
    let choices: [(&str, &[&str]); 22] = [
        ("generation", &["v0", "v1"]),
        ("miners", &["7", "10", "57", "300"]),
        ("poets", &["1", "3", "10"]),
        ("bootnode-amount", &["0", "2", "6"]),
        ("go-sm-config", &["mininet", "devnet", "testnet"]),
        ("miner-ram", &["500Mi", "1G", "2", "123456"]),
        ("miner-cpu", &["100m", "1.5"]),
        ("poet-disk-size", &["7", "100Gi"]),
        ("genesis-delay", &["0", "90s", "1h"]),
        ("init-phase-shift", &["6000"]),
        ("rollout", &["parallel", "ordered"]),
        ("wait", &["ready", "healthy"]),
        ("enable-json-api", &["false"]),
        ("accelerator-type", &["nvidia-tesla-t4"]),
        ("use-vpc", &["true"]),
        ("max-nodes", &["100"]),
        ("logs", &["none", "elastic"]),
        ("metrics", &["true"]),
        ("deploy-pyroscope", &["true"]),
        ("chaos-mesh", &["true"]),
        ("publish", &["none"]),
        ("allow-from", &["203.0.113.0/24,198.51.100.7"]),
    ];
    let each: Vec<_> = choices
        .into_iter()
        .map(|(name, values)| {
            let value = prop::sample::select(values.to_vec());
            proptest::option::of(value.prop_map(move |value| (name.to_owned(), value.to_owned())))
        })
        .collect();
    each.prop_map(|flags| {
        let mut flags: Vec<_> = flags.into_iter().flatten().collect();
        if flags.iter().any(|(name, _)| name == "accelerator-type") {
            flags.push(("accelerator-count".to_owned(), "1".to_owned()));
        }
        flags
    })
}

/// Settings of a creation whose values have a form that can be wrong.
fn readable_wrongly() -> Vec<&'static str> {
    let can_be_wrong = |kind: Kind| {
        matches!(
            kind,
            Kind::Number { .. } | Kind::Cpu | Kind::Bytes | Kind::Flag | Kind::Choice(_) | Kind::Duration(_)
        )
    };
    let settings = catalogue().iter().filter(|setting| setting.commands.contains(&Command::CreateNetwork));
    settings.filter(|setting| can_be_wrong(setting.kind)).map(|setting| setting.name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_record_gives_the_same_spec_again(flags in flag_sets()) {
        let (spec, _) = read(sandbox(&[]).flags(flags), &Files::new()).unwrap();
        let record = spec.to_settings();
        for rank in [RecordRank::BelowConfigFile, RecordRank::BelowFlags] {
            let builder = Settings::builder(Command::CreateNetwork).record(record.clone(), rank);
            let (again, _) = read(builder, &Files::new()).unwrap();
            prop_assert_eq!(&again, &spec);
        }
    }

    #[test]
    fn a_record_of_a_network_on_gke_gives_the_same_spec_again(flags in flag_sets(), token in any::<bool>()) {
        let variables = if token { pairs(&[("SPACECRAFT_CLOUDFLARE_API_TOKEN", "c")]) } else { Vec::new() };
        let (spec, _) = read(gcp(&[]).flags(flags).environment(variables.clone()), &Files::new()).unwrap();
        let again = Settings::builder(Command::CreateNetwork)
            .environment(variables)
            .record(spec.to_settings(), RecordRank::BelowFlags);
        prop_assert_eq!(read(again, &Files::new()).unwrap().0, spec);
    }

    #[test]
    fn a_setting_that_cannot_be_read_hides_and_makes_no_other_mistake(
        flags in flag_sets(),
        setting in prop::sample::select(readable_wrongly()),
        misspelt in any::<bool>(),
    ) {
        let mut flags: Vec<_> = flags.into_iter().filter(|(name, _)| *name != setting).collect();
        let wrong = if misspelt { format!("{setting}x") } else { setting.to_owned() };
        flags.push((wrong.clone(), "?!".to_owned()));
        let found = mistakes(sandbox(&[("bucket", "x")]).flags(flags), &Files::new());
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        let mut wanted = vec!["bucket", wrong.as_str()];
        wanted.sort_unstable();
        prop_assert_eq!(keys, wanted);
    }

    #[test]
    fn a_spec_that_is_taken_has_a_config_with_which_nodes_start(flags in flag_sets()) {
        let (spec, _) = read(sandbox(&[]).flags(flags), &Files::new()).unwrap();
        prop_assert_eq!(consensus::check(spec.generation, &spec.node.base_config), vec![]);
        prop_assert!(spec.fleet.bootnodes + u32::from(spec.fleet.bootstrap) <= spec.fleet.nodes);
    }

    #[test]
    fn no_values_make_reading_panic(
        values in prop::collection::btree_map(
            prop::sample::select(catalogue().iter().map(|setting| setting.name.to_owned()).collect::<Vec<_>>()),
            prop_oneof![any::<u32>().prop_map(Value::from), any::<bool>().prop_map(Value::from), "\\PC{0,10}".prop_map(Value::from)],
            0..8,
        ),
    ) {
        let builder = Settings::builder(Command::CreateNetwork).config_file("c.json", json!(values).to_string());
        let _ = read(builder, &Files::new());
    }
}

#[test]
fn a_record_of_a_network_that_extends_another_holds_the_parents_config() {
    let files = with_file("p.json", parent());
    let builder =
        sandbox(&[("bootstrap", "false"), ("miner-go-sm-config", "p.json"), ("kibana-saved-objects", "k")]);
    let files: Files = files.into_iter().chain(with_file("k", "{\"id\":\"x\"}")).collect();
    let (spec, _) = read(builder, &files).unwrap();
    let again = Settings::builder(Command::CreateNetwork).record(spec.to_settings(), RecordRank::BelowFlags);
    assert_eq!(read(again, &Files::new()).unwrap().0, spec, "no file is needed any more");
}

#[test]
fn a_record_holds_no_secret() {
    let builder = sandbox(&[]).environment(pairs(&[
        ("SPACECRAFT_SLACK_TOKEN", "planted-words"),
        ("SPACECRAFT_CLOUDFLARE_API_TOKEN", "planted-words"),
    ]));
    let (spec, credentials) = read(builder, &Files::new()).unwrap();
    let stored = format!("{}{}", json!(spec.to_settings()), json!(spec));
    assert!(!stored.contains("planted") && !format!("{credentials:?}").contains("planted"));
}
