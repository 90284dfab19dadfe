//! `kubeconfig`: how kubectl and helm reach the network's cluster.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Arg;
use serde_json::json;
use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::with_way_out;
use spacecraft_core::secret::{ExposeSecret, SecretString};
use spacecraft_core::settings::Command;
use spacecraft_core::state::{SCHEMA, unknown_network};
use spacecraft_core::traits::{Access, BearerTokens};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_kubernetes::kubeconfig::{self, KubeconfigEntry, KubeconfigUser};

use crate::arguments::{of, switch};
use crate::exit::ExitStatus;
use crate::recorded::{PossibleNetwork, open};
use crate::session::Session;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Kubeconfig, "Print a kubeconfig for the network's cluster, good for an hour").args([
        Arg::new("merge")
            .long("merge")
            .value_name("FILE")
            .help("merge it into this kubeconfig instead of printing it"),
        switch("exec-plugin", "let gke-gcloud-auth-plugin give the tokens, so that it stays good"),
    ])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (settings, network) = match session.named(Command::Kubeconfig) {
        Ok(named) => named,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let delivered = async {
        let PossibleNetwork { settings, record, services, .. } =
            open(session, Command::Kubeconfig, &settings, &network).await?;
        let (record, provider) = (record?, &services.cluster);
        if record.is_none() && provider.get(&network).await?.is_none() {
            return Err(unknown_network(&*services.state_store, "make a kubeconfig for", &network).await);
        }
        match services.access(&network).await? {
            Access::Kubeconfig { text, .. } => {
                refuse_changes(session)?;
                Ok(print(session, &network, text.expose_secret()))
            }
            Access::Bearer { server, certificate_authority, tokens } => {
                let recorded = record.map(|record| record.spec.cluster.namespace);
                let namespace = recorded.or_else(|| settings.text("namespace").map(str::to_owned));
                let user = user(session, &*tokens).await?;
                let name = network.to_string();
                let entry = KubeconfigEntry { name, server, certificate_authority, namespace, user };
                deliver(session, &network, &entry)
            }
        }
    };
    match delivered.await {
        Ok(status) => status,
        Err(error) => session.output.failed(with_way_out(error)),
    }
}

/// A cluster that a kubeconfig names has its own users there, which are neither ours to change nor to move.
fn refuse_changes(session: &Session<'_>) -> Result<()> {
    for (flag, given) in
        [("--merge", session.argument("merge").is_some()), ("--exec-plugin", session.switch("exec-plugin"))]
    {
        if given {
            let reason =
                format!("{flag} means nothing for a cluster that is reached by a kubeconfig already");
            return Err(Error::new(
                Meaning::Invalid,
                "make a kubeconfig for",
                session.argument("network-name").unwrap_or_default(),
                reason,
            )
            .with_hint("use the kubeconfig that --kubeconfig names"));
        }
    }
    Ok(())
}

async fn user(session: &Session<'_>, tokens: &dyn BearerTokens) -> Result<KubeconfigUser> {
    if !session.switch("exec-plugin") {
        return Ok(KubeconfigUser::Token(tokens.bearer_token().await?));
    }
    Ok(KubeconfigUser::Exec {
        command: "gke-gcloud-auth-plugin".to_owned(),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        install_hint: "install it with: gcloud components install gke-gcloud-auth-plugin".to_owned(),
    })
}

/// Prints the kubeconfig, or merges it into a file.
fn deliver(session: &Session<'_>, network: &NetworkName, entry: &KubeconfigEntry) -> Result<ExitStatus> {
    let Some(path) = session.argument("merge") else {
        return Ok(print(session, network, kubeconfig::print(entry)?.expose_secret()));
    };
    merge(Path::new(path), entry)?;
    let document = json!({ "schema": SCHEMA, "kind": "Kubeconfig", "network": network, "merged_into": path });
    let sentence = format!("merged into {path}; its current context is the network's cluster");
    Ok(session.output.done(&document, &sentence))
}

fn print(session: &Session<'_>, network: &NetworkName, text: &str) -> ExitStatus {
    if !session.output.is_json() {
        return session.output.write(text);
    }
    let document = json!({ "schema": SCHEMA, "kind": "Kubeconfig", "network": network, "kubeconfig": text });
    session.output.result(&document, String::new)
}

/// Merges into a kubeconfig that only its owner can read, by writing beside it and renaming.
fn merge(path: &Path, entry: &KubeconfigEntry) -> Result<()> {
    let about = |reason: String| {
        Error::new(Meaning::Invalid, "merge kubeconfig into", path.display().to_string(), reason)
    };
    let failed = |error: std::io::Error| about("the file cannot be written".to_owned()).with_source(error);
    let merged = match std::fs::read_to_string(path) {
        Ok(text) => {
            let merged = kubeconfig::merge(&SecretString::from(text), entry);
            merged.map_err(|error| about(error.reason().to_owned()))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => kubeconfig::print(entry)?,
        Err(error) => return Err(failed(error)),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::io::Write::write_all(&mut beside, merged.expose_secret().as_bytes()).map_err(failed)?;
    beside.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
