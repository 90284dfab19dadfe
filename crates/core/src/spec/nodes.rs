use serde_json::Value;

use super::reader::Reader;
use super::{FleetSpec, Generation, NodeSpec, PoetSpec};
use crate::generation::default_images;
use crate::identity::check_coinbase;
use crate::image::ImageReference;
use crate::node_config::NodeConfig;
use crate::settings::FileReader;

impl Reader<'_> {
    /// What nodes are made of; none when their config or image cannot be read.
    pub(super) fn node(
        &mut self,
        generation: Generation,
        fleet: &FleetSpec,
        files: &dyn FileReader,
    ) -> Option<NodeSpec> {
        let base_config = self.base_config(generation, fleet.bootstrap, files);
        let image = self.image_or_default("go-sm-image", default_images(generation).0);
        let resources = self.resources("miner-cpu", "miner-ram");
        let disk = self.bytes("miner-disk-size");
        Some(NodeSpec {
            image: image?,
            resources,
            disk,
            base_config: base_config?,
            json_api: self.settings.flag("enable-json-api"),
            go_debug: self.settings.flag("enable-go-debug"),
            p2p_port_base: self.p2p_port_base(),
        })
    }

    /// What PoETs are made of; none when their image cannot be read.
    pub(super) fn poet(&mut self, generation: Generation) -> Option<PoetSpec> {
        let image = self.image_or_default("poet-image", default_images(generation).1);
        let resources = self.resources("poet-cpu", "poet-ram");
        let disk = self.bytes("poet-disk-size");
        Some(PoetSpec {
            image: image?,
            resources,
            disk,
            initial_phase_shift: self.settings.duration("init-phase-shift").unwrap_or_default(),
        })
    }

    fn image_or_default(&mut self, name: &str, default: &str) -> Option<ImageReference> {
        match self.text(name) {
            Some(_) => self.image(name),
            None => ImageReference::parse(default).ok(),
        }
    }

    /// The address that all rewards go to, which must be one of the network.
    pub(super) fn coinbase(&mut self, generation: Generation, config: &Value) -> Option<String> {
        let prefix = NodeConfig::new(generation, config).address_prefix();
        self.parsed("coinbase", |address| {
            check_coinbase(generation, prefix, address).map(|()| address.to_owned())
        })
    }
}
