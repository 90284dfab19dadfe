//! Any config file describes a network or is refused with what is wrong, and what it describes can be planned or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spacecraft_core::plan::Plan;
use spacecraft_core::settings::{Command, FileReader, Settings};
use spacecraft_core::spec::NetworkSpec;
use spacecraft_core::traits::ClusterCapabilities;

/// No file can be read.
#[derive(Debug)]
struct NoFiles;

impl FileReader for NoFiles {
    fn read_text(&self, _: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

fuzz_target!(|text: &str| {
    let provider = [("provider".to_owned(), "sandbox".to_owned())];
    let sources = Settings::builder(Command::Plan).flags(provider).config_file("a", text);
    let Ok((_, spec, _)) = NetworkSpec::from_sources(sources, &NoFiles) else { return };
    let capabilities =
        ClusterCapabilities { creates_clusters: true, manages_infrastructure: true, plans_node_ports: true };
    let _ = Plan::new(&spec, &capabilities);
});
