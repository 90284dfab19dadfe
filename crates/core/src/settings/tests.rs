//! Settings from all their sources together.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::secret::ExposeSecret;

const NO_FILES: BTreeMap<String, String> = BTreeMap::new();

fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn creating() -> SettingsBuilder {
    Settings::builder(Command::CreateNetwork)
}

fn errors(builder: SettingsBuilder) -> Vec<SettingsError> {
    builder.build(&NO_FILES).unwrap_err().errors
}

#[test]
fn flags_beat_variables_which_beat_the_config_file_which_beats_the_record_which_beats_defaults() {
    let record = BTreeMap::from([("miners".to_owned(), json!(4)), ("poets".to_owned(), json!(4))]);
    let mut builder = creating().record(record, RecordRank::BelowConfigFile);
    let miners = |builder: &SettingsBuilder| builder.clone().build(&NO_FILES).unwrap().number("miners");
    assert_eq!(creating().build(&NO_FILES).unwrap().number("miners"), Some(10));
    assert_eq!(miners(&builder), Some(4));
    builder = builder.config_file("c.json", r#"{"miners": "3"}"#);
    assert_eq!(miners(&builder), Some(3));
    builder = builder.environment(pairs(&[("SPACECRAFT_MINERS", "2"), ("PATH", "/bin")]));
    assert_eq!(miners(&builder), Some(2));
    builder = builder.flags(pairs(&[("miners", "1")]));
    let settings = builder.build(&NO_FILES).unwrap();
    assert_eq!((settings.number("miners"), settings.origin("miners")), (Some(1), Some(&Origin::Flag)));
    assert_eq!((settings.number("poets"), settings.origin("poets")), (Some(4), Some(&Origin::Record)));
}

#[test]
fn for_later_commands_the_record_beats_the_config_file_and_that_is_said() {
    let settings = Settings::builder(Command::AddMiner)
        .flags(pairs(&[("network-name", "net1"), ("miner-ram", "8")]))
        .config_file("c.yaml", "miner-cpu: 3\nminer-ram: 5\nwave-size: 7\n")
        .record(
            BTreeMap::from([("miner-cpu".to_owned(), json!("1")), ("miner-ram".to_owned(), json!("2Gi"))]),
            RecordRank::BelowFlags,
        )
        .build(&NO_FILES)
        .unwrap();
    assert_eq!(settings.cpu("miner-cpu").unwrap().0, 1000);
    assert_eq!(settings.bytes("miner-ram").unwrap().to_string(), "8Gi");
    assert_eq!(settings.number("wave-size"), Some(7));
    let about_cpu: Vec<_> =
        settings.warnings().iter().filter(|warning| warning.starts_with("miner-cpu")).collect();
    assert_eq!(about_cpu.len(), 1, "{:?}", settings.warnings());
}

#[test]
fn every_mistake_is_reported_at_once_with_its_key_and_value() {
    let found = errors(
        creating()
            .flags(pairs(&[("poets", "0"), ("minres", "5")]))
            .environment(pairs(&[("SPACECRAFT_MINER_RAM", "lots"), ("SPACECRAFT_MINER", "5")]))
            .config_file("c.json", r#"{"miner-cpu": [], "max-concurrent-deployments": 0, "go-sm-imgae": "x", "bootstrap": "perhaps"}"#),
    );
    let keys: Vec<_> = found.iter().map(|error| (error.key.as_str(), error.value.as_str())).collect();
    assert_eq!(
        keys,
        [
            ("SPACECRAFT_MINER", "5"),
            ("bootstrap", "perhaps"),
            ("go-sm-imgae", "x"),
            ("max-concurrent-deployments", "0"),
            ("miner-cpu", "[]"),
            ("miner-ram", "lots"),
            ("minres", "5"),
            ("poets", "0"),
        ]
    );
    assert!(found[0].message.ends_with("did you mean SPACECRAFT_MINERS?"), "{}", found[0].message);
    assert!(found[2].message.ends_with("did you mean go-sm-image?"), "{}", found[2].message);
    assert!(found[7].message.ends_with("(the command line)"), "{}", found[7].message);
}

#[test]
fn a_wrong_value_is_an_error_even_where_a_better_one_beats_it() {
    let builder = creating().flags(pairs(&[("miners", "5")])).config_file("c.json", r#"{"miners": "x"}"#);
    assert_eq!(errors(builder)[0].key, "miners");
}

#[test]
fn a_config_file_that_is_missing_or_broken_is_an_error() {
    let found = errors(creating().flags(pairs(&[("config", "gone.json")])));
    assert_eq!((found[0].key.as_str(), found[0].value.as_str()), ("config", "gone.json"));
    let files = BTreeMap::from([("bad.json".to_owned(), "{".to_owned())]);
    let found =
        creating().environment(pairs(&[("SPACECRAFT_CONFIG", "bad.json")])).build(&files).unwrap_err();
    assert!(found.errors[0].message.starts_with("it is no JSON"), "{found}");
}

#[test]
fn a_config_file_named_by_a_flag_is_read() {
    let files = BTreeMap::from([("c.toml".to_owned(), "miners = 7\n".to_owned())]);
    let settings = creating().flags(pairs(&[("config", "c.toml")])).build(&files).unwrap();
    assert_eq!(settings.origin("miners"), Some(&Origin::ConfigFile("c.toml".to_owned())));
}

#[test]
fn one_setting_under_two_spellings_is_an_error() {
    let found = errors(creating().config_file("c.json", r#"{"minerRam": "1", "miner-ram": "2"}"#));
    assert!(found[0].message.contains("twice"), "{}", found[0]);
}

#[test]
fn secrets_come_from_variables_and_files_and_never_from_the_command_line() {
    let files = BTreeMap::from([("token".to_owned(), "from-file\n".to_owned())]);
    let token = |builder: SettingsBuilder| {
        let settings = builder.build(&files).unwrap();
        settings.secret("slack-token").map(|secret| secret.expose_secret().to_owned())
    };
    assert_eq!(token(creating()), None);
    assert_eq!(
        token(creating().environment(pairs(&[("SPACECRAFT_SLACK_TOKEN", "from-variable")]))).as_deref(),
        Some("from-variable")
    );
    assert_eq!(
        token(creating().flags(pairs(&[("slack-token-file", "token")]))).as_deref(),
        Some("from-file")
    );
    assert_eq!(
        token(creating().config_file("c.json", r#"{"slack-token": "from-config"}"#)).as_deref(),
        Some("from-config")
    );
    let both = creating()
        .environment(pairs(&[("SPACECRAFT_SLACK_TOKEN", "from-variable")]))
        .flags(pairs(&[("slack-token-file", "token")]));
    assert_eq!(token(both).as_deref(), Some("from-file"), "a flag beats a variable");

    let found = errors(creating().flags(pairs(&[("slack-token", "very-secret-words")])));
    assert_eq!((found[0].key.as_str(), found[0].value.as_str()), ("slack-token", "[redacted]"));
    assert!(
        found[0].message.contains("SPACECRAFT_SLACK_TOKEN")
            && found[0].message.contains("--slack-token-file")
    );
}

#[test]
fn a_secret_and_its_file_from_the_same_source_are_a_mistake() {
    let files = BTreeMap::from([("token".to_owned(), "x".to_owned())]);
    let builder = creating()
        .environment(pairs(&[("SPACECRAFT_SLACK_TOKEN", "a"), ("SPACECRAFT_SLACK_TOKEN_FILE", "token")]));
    assert!(builder.build(&files).unwrap_err().errors[0].message.contains("both given"));
}

#[test]
fn what_the_provider_brings_along_gives_way_to_everything_that_is_given() {
    let brought = || BTreeMap::from([("slack-token".to_owned(), "brought".to_owned())]);
    let files = BTreeMap::from([("token".to_owned(), "mine".to_owned())]);
    let token = |builder: SettingsBuilder| {
        let settings = builder.brought(brought()).build(&files).unwrap();
        settings.secret("slack-token").unwrap().expose_secret().to_owned()
    };
    assert_eq!(token(creating()), "brought");
    assert_eq!(token(creating().environment(pairs(&[("SPACECRAFT_SLACK_TOKEN", "mine")]))), "mine");
    assert_eq!(token(creating().environment(pairs(&[("SPACECRAFT_SLACK_TOKEN_FILE", "token")]))), "mine");
    assert_eq!(token(creating().config_file("c.json", r#"{"slack-token-file": "token"}"#)), "mine");
}

#[test]
fn a_private_key_is_a_path_or_in_the_variable_its_text() {
    let pem = format!("{}-----END", super::resolution::PEM_START);
    let files = BTreeMap::from([("tls.key".to_owned(), pem.clone())]);
    let builder = || Settings::builder(Command::DeployWs).flags(pairs(&[("network-name", "n")]));
    let by_path = builder().flags(pairs(&[("tls-key", "tls.key")])).build(&files).unwrap();
    assert_eq!(by_path.secret("tls-key").unwrap().expose_secret(), pem);
    let by_text = builder().environment(pairs(&[("SPACECRAFT_TLS_KEY", &pem)])).build(&NO_FILES).unwrap();
    assert_eq!(by_text.secret("tls-key").unwrap().expose_secret(), pem);
    let refused = builder().flags(pairs(&[("tls-key", &pem)])).build(&NO_FILES).unwrap_err();
    assert_eq!((refused.errors[0].key.as_str(), refused.errors[0].value.as_str()), ("tls-key", "[redacted]"));
}

#[test]
fn a_certificate_is_a_path_or_in_the_variable_its_text() {
    let pem = format!("{}\nx\n-----END", super::resolution::PEM_START);
    let files =
        BTreeMap::from([("tls.crt".to_owned(), pem.clone()), ("other".to_owned(), "words".to_owned())]);
    let builder = || Settings::builder(Command::DeployWs).flags(pairs(&[("network-name", "n")]));
    let by_path = builder().flags(pairs(&[("tls-crt", "tls.crt")])).build(&files).unwrap();
    assert_eq!(by_path.text("tls-crt"), Some(pem.as_str()));
    let by_text = builder().environment(pairs(&[("SPACECRAFT_TLS_CRT", &pem)])).build(&files).unwrap();
    assert_eq!(by_text.text("tls-crt"), Some(pem.as_str()));
    assert_eq!(builder().build(&files).unwrap().text("tls-crt"), None, "the default file is not there");
    let found = builder().flags(pairs(&[("tls-crt", "other")])).build(&files).unwrap_err();
    assert!(found.errors[0].message.starts_with("it holds no PEM"), "{found}");
}

#[test]
fn files_of_settings_that_a_command_does_not_use_need_not_be_there() {
    let text = r#"{"tls-crt": "gone.crt", "tls-key": "gone.key", "github-token-file": "gone"}"#;
    assert!(creating().config_file("c.json", text).build(&NO_FILES).is_ok());
    let found = errors(
        Settings::builder(Command::DeployWs)
            .flags(pairs(&[("network-name", "n")]))
            .config_file("c.json", text),
    );
    let keys: Vec<_> = found.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(keys, ["tls-crt", "tls-key"]);
}

#[test]
fn no_secret_is_in_debug_output_errors_or_warnings() {
    let planted = "planted-secret-words";
    let settings =
        creating().environment(pairs(&[("SPACECRAFT_SLACK_TOKEN", planted)])).build(&NO_FILES).unwrap();
    assert!(!format!("{settings:?}").contains(planted));
    let attempts = [
        creating().flags(pairs(&[("slack-token", planted)])),
        creating().flags(pairs(&[("slack-tokn", planted)])),
        creating().environment(pairs(&[("SPACECRAFT_SLACK_TOKN", planted)])),
        creating().config_file("c.json", format!(r#"{{"slack-tokn": "{planted}"}}"#)),
        creating().config_file("c.json", format!(r#"{{"slack-token": ["{planted}"]}}"#)),
    ];
    for attempt in attempts {
        let text = format!("{:?}", attempt.build(&NO_FILES).unwrap_err());
        assert!(!text.contains(planted), "{text}");
    }
}

#[test]
fn a_record_never_brings_a_secret_back() {
    let record = BTreeMap::from([("slack-token".to_owned(), json!("x"))]);
    let settings = creating().record(record, RecordRank::BelowConfigFile).build(&NO_FILES).unwrap();
    assert!(settings.secret("slack-token").is_none());
}

#[test]
fn variables_that_are_far_from_every_setting_are_only_warned_of() {
    let settings =
        creating().environment(pairs(&[("SPACECRAFT_XYZZY_PLUGH_QUUX", "1")])).build(&NO_FILES).unwrap();
    assert_eq!(settings.warnings(), ["SPACECRAFT_XYZZY_PLUGH_QUUX is no setting and has no effect"]);
}

#[test]
fn settings_that_mean_nothing_any_more_are_taken_with_an_explanation() {
    let settings = creating()
        .config_file("c.json", r#"{"es-cert": "./artifacts/elk/elastic-certificates.p12"}"#)
        .flags(pairs(&[("es-cert", "./artifacts/elk/elastic-certificates.p12")]))
        .build(&NO_FILES)
        .unwrap();
    let why = "means nothing any more: certificates of Elasticsearch are generated for each network";
    assert_eq!(settings.warnings(), [format!("--es-cert {why}"), format!("es-cert in c.json {why}")]);
}

#[test]
fn empty_texts_set_nothing_as_in_the_originals_files() {
    let settings = creating()
        .config_file("c.json", r#"{"miner-go-sm-config": "", "accelerator-type": "", "go-sm-config": ""}"#)
        .environment(pairs(&[("SPACECRAFT_MINERS", "")]))
        .build(&NO_FILES)
        .unwrap();
    assert_eq!(settings.text("miner-go-sm-config"), None);
    assert_eq!(settings.text("go-sm-config"), Some("mininet"));
    assert_eq!(settings.number("miners"), Some(10));
}

#[test]
fn only_creating_has_a_default_name() {
    assert_eq!(creating().build(&NO_FILES).unwrap().text("network-name"), Some("mininet"));
    assert_eq!(Settings::builder(Command::List).build(&NO_FILES).unwrap().text("network-name"), None);
    let found = errors(Settings::builder(Command::DeleteNetwork));
    assert_eq!(found[0].key, "network-name");
}

#[test]
fn flags_that_are_given_several_times_are_joined() {
    let settings = creating()
        .flags(pairs(&[("allow-from", "10.0.0.0/8"), ("allow-from", "203.0.113.0/24")]))
        .build(&NO_FILES)
        .unwrap();
    assert_eq!(settings.list("allow-from"), ["10.0.0.0/8", "203.0.113.0/24"]);
}

#[test]
fn a_flag_that_is_given_twice_is_a_mistake_that_names_both_values() {
    let twice = |flags: &[(&str, &str)]| creating().flags(pairs(flags)).build(&NO_FILES);
    let found = twice(&[("miners", "5"), ("miners", "7"), ("metrics", "true"), ("metrics", "false")]);
    let found = found.unwrap_err().errors;
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            r#"metrics: it is given twice, as "true" and as "false": leave one out"#,
            r#"miners: it is given twice, as "5" and as "7": leave one out"#,
        ]
    );
    assert_eq!(twice(&[("miners", "5"), ("miners", "5")]).unwrap().number("miners"), Some(5));
    let secret = twice(&[("slack-token", "planted-one"), ("slack-token", "planted-two")]).unwrap_err();
    assert!(!secret.to_string().contains("planted"), "{secret}");
}

#[test]
fn a_flag_that_a_command_does_not_have_is_told_with_the_nearest_that_it_has() {
    let told = |command: Command, name: &str| {
        let builder = Settings::builder(command)
            .flags(pairs(&[("network-name", "net1"), (name, "3")]))
            .own_flags(["rollback".to_owned()]);
        errors(builder).into_iter().map(|error| error.message).collect::<Vec<_>>()
    };
    assert_eq!(told(Command::Plan, "minres"), ["plan has no flag --minres; did you mean --miners?"]);
    assert_eq!(told(Command::Plan, "rolback"), ["plan has no flag --rolback; did you mean --rollback?"]);
    assert_eq!(told(Command::Hosts, "minres"), ["hosts has no flag --minres"]);
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvg";
    assert_eq!(told(Command::Hosts, key), ["hosts has no flag -------BEGIN..."], "it may be a value");
    assert_eq!(
        told(Command::Hosts, "miners"),
        ["hosts has no flag --miners: the setting means nothing to it"]
    );
}

#[test]
fn what_stands_in_for_a_setting_that_cannot_be_read_is_known() {
    let builder = creating()
        .flags(pairs(&[("miners", "x"), ("potes", "3"), ("rollout", "ordered")]))
        .config_file("c.json", r#"{"rollout": "x", "logs": "none"}"#);
    let (settings, _) = builder.build_what_can_be_read(&NO_FILES);
    let unread = |name: &str| settings.is_unread(name);
    assert!(unread("miners") && unread("poets"), "poets were meant by potes");
    assert!(!unread("rollout") && !unread("logs"), "what counts was read");
    let (settings, _) = creating()
        .flags(pairs(&[("config", "gone.json"), ("miners", "5")]))
        .build_what_can_be_read(&NO_FILES);
    assert!(settings.is_unread("poets"), "the file may have set it");
    assert!(!settings.is_unread("miners"));
}

#[test]
fn google_credentials_may_come_from_googles_own_variable() {
    let settings = creating()
        .environment(pairs(&[("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")]))
        .build(&NO_FILES)
        .unwrap();
    assert_eq!(settings.text("gcp-credentials-file"), Some("/key.json"));
}

#[test]
fn errors_are_written_as_machines_read_them() {
    let errors = errors(creating().flags(pairs(&[("poets", "0")])));
    insta::assert_json_snapshot!(SettingsErrors { errors }, @r#"
    {
      "errors": [
        {
          "key": "poets",
          "value": "0",
          "message": "write a whole number from 1 to 1000 (the command line)"
        }
      ]
    }
    "#);
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z-]{1,12}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

fn names() -> impl Strategy<Value = String> {
    let known: Vec<String> = catalogue().iter().map(|setting| setting.name.to_owned()).collect();
    prop_oneof![prop::sample::select(known), "\\PC{0,12}"]
}

proptest! {
    #[test]
    fn no_input_makes_building_panic(
        entries in prop::collection::btree_map(names(), documents(), 0..6),
        flags in prop::collection::vec((names(), "\\PC{0,12}"), 0..6),
        variables in prop::collection::vec(("(SPACECRAFT_[A-Z_]{0,16})|[A-Z]{1,5}", "\\PC{0,12}"), 0..6),
    ) {
        let _ = creating()
            .flags(flags)
            .environment(variables)
            .config_file("c.json", json!(entries).to_string())
            .record(entries, RecordRank::BelowFlags)
            .build(&NO_FILES);
    }

    #[test]
    fn every_unknown_key_is_refused_by_name(key in "[a-z]{3,20}") {
        prop_assume!(find(&key).is_none() && retired(&key).is_none());
        let text = json!({key.clone(): 1}).to_string();
        let found = errors(creating().config_file("c.json", text));
        prop_assert!(found.iter().any(|error| error.key == key));
    }
}
