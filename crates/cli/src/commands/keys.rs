//! `keys export`: the wallet keys of a network's nodes, into a file that only its owner can read.

use std::path::Path;

use clap::Arg;
use serde::Serialize;
use serde_json::json;
use spacecraft_core::operation::with_way_out;
use spacecraft_core::settings::Command;
use spacecraft_core::state::SCHEMA;
use spacecraft_core::workload::{NetworkSecret, Part};
use spacecraft_core::{Error, Meaning, Result};

use super::tunnel::open_network;
use crate::arguments::of_named;
use crate::exit::ExitStatus;
use crate::private_file;
use crate::session::Session;

/// The keys, as they are written.
#[derive(Serialize)]
struct KeysDocument<'a> {
    schema: &'static str,
    kind: &'static str,
    network: &'a str,
    keys: Vec<WalletKey<'a>>,
}

#[derive(Serialize)]
struct WalletKey<'a> {
    node: &'a str,
    address: &'a str,
    public_key: &'a str,
    private_key: &'a str,
}

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    clap::Command::new("keys")
        .about("Wallet keys of a network's nodes")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            of_named(
                "export",
                Command::Keys,
                "Write the nodes' wallet keys into a file that only you can read",
            )
            .args([Arg::new("file")
                .value_name("FILE")
                .required(true)
                .help("the file to write; it must not exist")]),
        )
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let Some(("export", matches)) = session.matches.subcommand() else { return ExitStatus::Usage };
    let session = Session { matches, ..*session };
    let opened = match open_network(&session, Command::Keys).await {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    let Some(file) = session.argument("file").map(Path::new) else { return ExitStatus::Usage };
    let exported = async {
        let secrets = opened.cluster.workloads.secrets().await?;
        let keys: Vec<WalletKey<'_>> = secrets.iter().filter_map(wallet_key).collect();
        if keys.is_empty() {
            return Err(Error::new(
                Meaning::NotFound,
                "export keys of",
                opened.network.as_str(),
                "its nodes have no wallet keys of their own",
            )
            .with_hint(
                "with --coinbase, rewards go to the operator's address and no key exists in the cluster",
            ));
        }
        let count = keys.len();
        write(
            file,
            &KeysDocument { schema: SCHEMA, kind: "WalletKeys", network: opened.network.as_str(), keys },
        )?;
        Ok::<usize, Error>(count)
    };
    match exported.await {
        Ok(count) => {
            let keys = if count == 1 { "key" } else { "keys" };
            let document = json!({
                "schema": SCHEMA, "kind": "KeysExport", "network": opened.network, "file": file, "keys": count,
            });
            session.output.done(&document, &format!("wrote {count} wallet {keys} into {}", file.display()))
        }
        Err(error) => session.output.failed(with_way_out(error)),
    }
}

fn wallet_key(secret: &NetworkSecret) -> Option<WalletKey<'_>> {
    let Some(Part::Node { .. }) = secret.part else { return None };
    let text = |entry: &str| secret.data.get(entry)?.expose_text();
    Some(WalletKey {
        node: secret.name.strip_suffix("-keys").unwrap_or(&secret.name),
        address: text("address")?,
        public_key: text("publicKey")?,
        private_key: text("privateKey")?,
    })
}

fn write(path: &Path, document: &KeysDocument<'_>) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(document).map_err(|error| {
        Error::new(Meaning::Other, "encode keys", "", "they cannot be written as JSON").with_source(error)
    })?;
    private_file::write_new("keys", path, &bytes)
}
