//! Kubeconfig files as text: writing one, merging an entry into one, and making one independent of the folder it was in. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use spacecraft_core::secret::{ExposeSecret, SecretString};
use spacecraft_core::{Error, Meaning, Result};

/// The API of exec plugins that current kubectl versions speak.
const EXEC_API: &str = "client.authentication.k8s.io/v1";
/// Fields of a kubeconfig's clusters and users that name files.
const FILE_FIELDS: [&str; 4] = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/// A cluster, a user and the context that joins them, all of one name.
#[derive(Debug, Clone)]
pub struct KubeconfigEntry {
    /// The name of all three.
    pub name: String,
    /// The server, such as `https://203.0.113.7`.
    pub server: String,
    /// The certificate authority of the server, in PEM; none trusts the public authorities.
    pub certificate_authority: Option<String>,
    /// The namespace that kubectl uses by itself; none takes `default`.
    pub namespace: Option<String>,
    /// How the user is known.
    pub user: KubeconfigUser,
}

/// How a user of a kubeconfig is known to the server.
#[derive(Debug, Clone)]
pub enum KubeconfigUser {
    /// By a bearer token, which ends with its lifetime.
    Token(SecretString),
    /// By a program that prints tokens, such as `gke-gcloud-auth-plugin`.
    Exec {
        /// The program.
        command: String,
        /// Its arguments.
        arguments: Vec<String>,
        /// Environment variables it gets besides its caller's.
        environment: BTreeMap<String, String>,
        /// What to do when the program is missing.
        install_hint: String,
    },
    /// By a client certificate.
    Certificate {
        /// The certificate, in PEM.
        certificate: String,
        /// Its key, in PEM.
        key: SecretString,
    },
}

/// A kubeconfig with this one entry, which is the current context. It may hold keys, so it is a secret as a whole.
///
/// # Errors
///
/// [`Meaning::Invalid`] when the text cannot be written as YAML.
pub fn print(entry: &KubeconfigEntry) -> Result<SecretString> {
    written(&with_entry(Map::new(), entry))
}

/// `existing` with the entry added, or put in place of those of its name, and made the current context. Everything else stays,
/// fields that are not known here included; comments do not.
///
/// # Errors
///
/// [`Meaning::Invalid`] when `existing` is no kubeconfig.
pub fn merge(existing: &SecretString, entry: &KubeconfigEntry) -> Result<SecretString> {
    written(&with_entry(read(existing)?, entry))
}

/// The kubeconfig with every path to a file made absolute, as seen from the folder that the kubeconfig was in.
///
/// # Errors
///
/// [`Meaning::Invalid`] when the text is no kubeconfig.
pub fn with_absolute_paths(text: &SecretString, directory: &Path) -> Result<SecretString> {
    let mut config = read(text)?;
    for (list, inner) in [("clusters", "cluster"), ("users", "user")] {
        let entries = config.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for fields in entries.filter_map(|entry| entry.get_mut(inner)).filter_map(Value::as_object_mut) {
            make_absolute(fields, directory);
        }
    }
    written(&Value::Object(config))
}

fn make_absolute(fields: &mut Map<String, Value>, directory: &Path) {
    let join = |path: &str| directory.join(path).to_string_lossy().into_owned();
    for field in FILE_FIELDS {
        if let Some(Value::String(path)) = fields.get_mut(field)
            && !path.is_empty()
        {
            *path = join(path);
        }
    }
    // A plugin named by a path, not by a bare name, is found from the folder too.
    if let Some(Value::String(command)) = fields.get_mut("exec").and_then(|exec| exec.get_mut("command"))
        && command.contains('/')
    {
        *command = join(command);
    }
}

fn read(text: &SecretString) -> Result<Map<String, Value>> {
    let invalid = |reason: &str| Error::new(Meaning::Invalid, "read", "the kubeconfig", reason);
    if text.expose_secret().trim().is_empty() {
        return Ok(Map::new());
    }
    // The parser's own words may quote keys, so they are not passed on.
    match serde_saphyr::from_str_with_options(text.expose_secret(), options()) {
        Ok(Value::Object(config)) => Ok(config),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(invalid("it is YAML, but no kubeconfig")),
        Err(_) => Err(invalid("it is no YAML")),
    }
}

/// Reads words such as `n` and numbers such as `007` as the texts that they are, so that they are written back as they were.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    }
}

fn written(config: &Value) -> Result<SecretString> {
    serde_saphyr::to_string(config).map(SecretString::from).map_err(|error| {
        Error::new(Meaning::Invalid, "write", "the kubeconfig", "it cannot be written as YAML")
            .with_source(error)
    })
}

fn with_entry(mut config: Map<String, Value>, entry: &KubeconfigEntry) -> Value {
    config.entry("apiVersion").or_insert(json!("v1"));
    config.entry("kind").or_insert(json!("Config"));
    put(&mut config, "clusters", json!({ "name": entry.name, "cluster": cluster(entry) }));
    put(&mut config, "users", json!({ "name": entry.name, "user": user(&entry.user) }));
    put(&mut config, "contexts", json!({ "name": entry.name, "context": context(entry) }));
    config.insert("current-context".to_owned(), json!(entry.name));
    Value::Object(config)
}

/// Puts a named element into a list, in the place of the one of its name.
fn put(config: &mut Map<String, Value>, list: &str, element: Value) {
    let slot = config.entry(list).or_insert_with(|| json!([]));
    if !slot.is_array() {
        *slot = json!([]);
    }
    let Some(elements) = slot.as_array_mut() else { return };
    match elements.iter_mut().find(|other| other.get("name") == element.get("name")) {
        Some(present) => *present = element,
        None => elements.push(element),
    }
}

fn cluster(entry: &KubeconfigEntry) -> Value {
    match &entry.certificate_authority {
        Some(pem) => {
            json!({ "server": entry.server, "certificate-authority-data": STANDARD.encode(pem) })
        }
        None => json!({ "server": entry.server }),
    }
}

fn context(entry: &KubeconfigEntry) -> Value {
    match &entry.namespace {
        Some(namespace) => json!({ "cluster": entry.name, "user": entry.name, "namespace": namespace }),
        None => json!({ "cluster": entry.name, "user": entry.name }),
    }
}

fn user(user: &KubeconfigUser) -> Value {
    match user {
        KubeconfigUser::Token(token) => json!({ "token": token.expose_secret() }),
        KubeconfigUser::Certificate { certificate, key } => json!({
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key.expose_secret()),
        }),
        KubeconfigUser::Exec { command, arguments, environment, install_hint } => {
            let environment: Vec<Value> =
                environment.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
            json!({ "exec": {
                "apiVersion": EXEC_API,
                "command": command,
                "args": arguments,
                "env": environment,
                "installHint": install_hint,
                "interactiveMode": "IfAvailable",
                "provideClusterInfo": true,
            } })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str) -> KubeconfigEntry {
        KubeconfigEntry {
            name: name.to_owned(),
            server: "https://203.0.113.7".to_owned(),
            certificate_authority: Some("-----BEGIN CERTIFICATE-----\n".to_owned()),
            namespace: Some("net1".to_owned()),
            user: KubeconfigUser::Token(SecretString::from("yes: 1 # no")),
        }
    }

    fn value(text: &SecretString) -> Value {
        Value::Object(read(text).unwrap())
    }

    #[test]
    fn an_entry_with_a_token() {
        insta::assert_snapshot!(print(&entry("spacecraft-net1")).unwrap().expose_secret());
    }

    #[test]
    fn an_entry_with_an_exec_plugin() {
        let user = KubeconfigUser::Exec {
            command: "gke-gcloud-auth-plugin".to_owned(),
            arguments: Vec::new(),
            environment: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            install_hint: "install gke-gcloud-auth-plugin".to_owned(),
        };
        let entry = KubeconfigEntry { user, certificate_authority: None, namespace: None, ..entry("n") };
        insta::assert_snapshot!(print(&entry).unwrap().expose_secret());
    }

    #[test]
    fn what_was_printed_is_a_kubeconfig_to_the_client_library() {
        let text = print(&entry("spacecraft-net1")).unwrap();
        let config = kube::config::Kubeconfig::from_yaml(text.expose_secret()).unwrap();
        assert_eq!(config.current_context.as_deref(), Some("spacecraft-net1"));
        let user = config.auth_infos.first().and_then(|user| user.auth_info.clone()).unwrap();
        assert_eq!(user.token.unwrap().expose_secret(), "yes: 1 # no");
    }

    #[test]
    fn merging_keeps_what_is_foreign_and_replaces_what_is_ours() {
        let existing = SecretString::from(
            "apiVersion: v1\nkind: Config\nextensions: [{name: x}]\ncurrent-context: work\n\
             clusters: [{name: work, cluster: {server: 'https://work', odd: 1}}, {name: n, cluster: {server: 'https://old'}}]\n\
             users: [{name: work, user: {username: off, password: 007}}]\n",
        );
        let merged = value(&merge(&existing, &entry("n")).unwrap());
        assert_eq!(merged["extensions"], json!([{ "name": "x" }]));
        assert_eq!(merged["current-context"], "n");
        assert_eq!(merged["clusters"][0]["cluster"]["odd"], 1);
        assert_eq!(merged["clusters"][1]["cluster"]["server"], "https://203.0.113.7");
        assert_eq!(merged["clusters"].as_array().unwrap().len(), 2);
        assert_eq!(merged["users"].as_array().unwrap().len(), 2);
        assert_eq!(merged["users"][0]["user"], json!({ "username": "off", "password": "007" }));
    }

    #[test]
    fn merging_into_nothing_is_printing() {
        let merged = merge(&SecretString::from(""), &entry("n")).unwrap();
        assert_eq!(merged.expose_secret(), print(&entry("n")).unwrap().expose_secret());
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused_without_quoting_it() {
        for text in ["- password", "\"password", "password"] {
            let error = merge(&SecretString::from(text), &entry("n")).unwrap_err();
            assert_eq!(error.meaning(), Meaning::Invalid);
            assert!(!spacecraft_core::render_chain(&error).contains("password"));
        }
    }

    #[test]
    fn relative_paths_are_seen_from_the_folder_of_the_kubeconfig() {
        let text = SecretString::from(
            "clusters: [{name: a, cluster: {certificate-authority: ca.pem}}]\n\
             users: [{name: a, user: {client-key: /etc/key.pem, exec: {command: bin/plugin}}}, {name: b, user: {exec: {command: plugin}}}]\n",
        );
        let config = value(&with_absolute_paths(&text, Path::new("/home/me/.kube")).unwrap());
        assert_eq!(config["clusters"][0]["cluster"]["certificate-authority"], "/home/me/.kube/ca.pem");
        assert_eq!(config["users"][0]["user"]["client-key"], "/etc/key.pem");
        assert_eq!(config["users"][0]["user"]["exec"]["command"], "/home/me/.kube/bin/plugin");
        assert_eq!(config["users"][1]["user"]["exec"]["command"], "plugin");
    }

    #[test]
    fn debug_output_of_an_entry_shows_no_token() {
        assert!(!format!("{:?}", entry("n")).contains("# no"));
    }

    proptest! {
        #[test]
        fn a_merged_entry_reads_back_as_itself(name in "[a-z0-9_@:.-]{1,20}", token in "[ -~]{0,30}") {
            let user = KubeconfigUser::Token(SecretString::from(token.clone()));
            let existing = print(&entry("other")).unwrap();
            let merged = value(&merge(&existing, &KubeconfigEntry { user, ..entry(&name) }).unwrap());
            let users = merged["users"].as_array().unwrap();
            let found = users.iter().find(|user| user["name"] == name.as_str()).unwrap();
            prop_assert_eq!(found["user"]["token"].as_str(), Some(token.as_str()));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC*") {
            let _ = with_absolute_paths(&SecretString::from(text), Path::new("/"));
        }
    }
}
