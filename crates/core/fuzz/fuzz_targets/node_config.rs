//! Any node config is checked and read without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spacecraft_core::consensus;
use spacecraft_core::node_config::NodeConfig;
use spacecraft_core::spec::Generation;

fuzz_target!(|bytes: &[u8]| {
    let Ok(config) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    for generation in [Generation::V0, Generation::V1] {
        let _ = consensus::check(generation, &config);
        let config = NodeConfig::new(generation, &config);
        let _ = (config.genesis_time(), config.network_id(), config.bootnodes(), config.address_prefix());
    }
});
