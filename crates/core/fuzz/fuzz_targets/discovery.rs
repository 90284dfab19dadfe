//! Any discovery file is edited or refused, and an entry that was added is there once and can be taken out again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use spacecraft_core::discovery::{with_entry, without_entry};
use spacecraft_core::names::NetworkName;

fuzz_target!(|text: &str| {
    let Ok(network) = NetworkName::new("net1") else { return };
    let entry = json!({ "netName": "net1" });
    let Ok(Some(added)) = with_entry(text, &network, &entry) else { return };
    assert!(matches!(with_entry(&added, &network, &entry), Ok(None)));
    assert!(matches!(without_entry(&added, &network), Ok(Some(_))));
});
