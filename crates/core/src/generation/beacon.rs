use serde_json::json;

use super::arguments::render_text;
use super::facts::BeaconFacts;
use crate::error::Result;
use crate::identity::Genesis;
use crate::templates::Templates;
use crate::workload::ConfigFile;

/// The epoch whose beacon has to be served: the beacon protocol does not run in epochs 0 and 1 of a new v1 network.
pub const BEACON_EPOCH: u32 = 2;

/// What nodes expect in the `version` of a served beacon unless their `bootstrap.bootstrap-version` says otherwise.
pub const BEACON_SCHEMA_VERSION: &str = "https://spacemesh.io/bootstrap.schema.json.1.0";

/// Nodes ask for the full update first (`-bs`), and only when that is absent for the beacon alone (`-bc`). Both are there, because some stores answer a request
/// for what is absent with something else than 404, at which nodes stop looking.
const SUFFIXES: [&str; 2] = ["bs", "bc"];

/// The files that a web server must answer `epoch-2-update-bs` and `epoch-2-update-bc` with.
///
/// The beacon follows from the genesis, so that a later run serves the same one; the set of ATXs is left to the nodes, which take it from the epoch's first
/// block.
///
/// # Errors
///
/// When the template does not fit its data.
pub(super) fn beacon_files(templates: &Templates, facts: &BeaconFacts) -> Result<Vec<ConfigFile>> {
    let data = json!({
        "version": BEACON_SCHEMA_VERSION,
        "epoch": BEACON_EPOCH,
        "beacon": hex::encode(beacon(&facts.genesis)),
    });
    let content = render_text(templates, "v1/beacon.json", &data)?;
    let file = |suffix: &&str| ConfigFile {
        name: format!("epoch-{BEACON_EPOCH}-update-{suffix}"),
        directory: facts.directory.clone(),
        content: content.clone(),
    };
    Ok(SUFFIXES.iter().map(file).collect())
}

/// Four bytes that nobody can choose: a beacon only has to be the same for all nodes.
fn beacon(genesis: &Genesis) -> [u8; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"beacon of epoch 2");
    hasher.update(&genesis.golden_atx());
    let mut beacon = [0; 4];
    for (target, byte) in beacon.iter_mut().zip(hasher.finalize().as_bytes()) {
        *target = *byte;
    }
    beacon
}
