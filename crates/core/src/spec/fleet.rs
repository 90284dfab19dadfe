use super::reader::Reader;
use super::{FleetSpec, Generation};
use crate::generation::{generation_of_image, is_of_no_generation};
use crate::ports::{NodePortBlock, p2p_port};
use crate::spelling::counted;

impl Reader<'_> {
    /// The generation: as given, else as the image's tag tells, else v1.
    pub(super) fn generation(&mut self) -> Generation {
        let given =
            self.text("generation").map(|text| if text == "v0" { Generation::V0 } else { Generation::V1 });
        let image = self.image("go-sm-image");
        let told = image.as_ref().and_then(generation_of_image);
        if let (Some(given), Some(told), Some(image)) = (given, told, &image)
            && given != told
        {
            let message = format!("this image is of generation {told}, but generation is {given}");
            self.wrong("go-sm-image", image, message);
        }
        let nothing_tells = given.is_none() && self.were_read(&["generation"]);
        if let Some(image) = image.filter(|image| nothing_tells && is_of_no_generation(image)) {
            let message = "releases v0.2.13-beta.0 to v0.2.17-beta.0 and v1 are supported; give --generation to try this one all the same";
            self.wrong("go-sm-image", image, message);
        }
        given.or(told).unwrap_or(Generation::V1)
    }

    /// Whether it is known which generation is wanted, so that what a generation demands can be judged.
    pub(super) fn knows_generation(&self) -> bool {
        let is_given = self.text("generation").is_some();
        self.were_read(&["generation"]) && (is_given || self.were_read(&["go-sm-image"]))
    }

    /// How many of what; a fleet that cannot hold its bootnodes or gateways is refused.
    pub(super) fn fleet(&mut self, generation: Generation) -> FleetSpec {
        let fleet = FleetSpec {
            bootstrap: self.settings.flag("bootstrap"),
            nodes: self.number("miners"),
            bootnodes: self.number("bootnode-amount"),
            poets: self.number("poets"),
            gateways: self.number("poet-gateway-amount"),
            ..FleetSpec::default()
        };
        self.check_bootnodes(&fleet);
        self.check_ports(&fleet);
        FleetSpec { gateways: self.gateways(generation, &fleet), ..fleet }
    }

    fn check_bootnodes(&mut self, fleet: &FleetSpec) {
        let room = fleet.nodes.saturating_sub(u32::from(fleet.bootstrap));
        if fleet.bootnodes <= room || !self.were_read(&["miners", "bootstrap"]) {
            return;
        }
        let besides = if fleet.bootstrap { "a bootstrap node and " } else { "" };
        let message = format!(
            "{} have room for {besides}at most {}: lower bootnode-amount or raise miners",
            counted(fleet.nodes, "node", "nodes"),
            counted(room, "bootnode", "bootnodes"),
        );
        self.wrong("bootnode-amount", fleet.bootnodes, message);
    }

    /// v0 PoETs need gateways; v1 has none, so there the number means nothing. The default shrinks with the fleet.
    fn gateways(&mut self, generation: Generation, fleet: &FleetSpec) -> u32 {
        let name = "poet-gateway-amount";
        if fleet.gateways > fleet.nodes && self.settings.is_given(name) && self.were_read(&["miners"]) {
            let message = format!("gateways are nodes, of which there are {}", fleet.nodes);
            self.wrong(name, fleet.gateways, message);
        }
        if fleet.gateways == 0 && generation == Generation::V0 && self.knows_generation() {
            self.wrong(
                name,
                0,
                "v0 PoETs send their proofs to the network through gateways: they need at least 1",
            );
        }
        fleet.gateways.min(fleet.nodes)
    }

    /// Node N listens on port base + N of its worker, which must be free for all N; and there must be enough node ports for all Services.
    fn check_ports(&mut self, fleet: &FleetSpec) {
        let base = self.p2p_port_base();
        if !self.were_read(&["miners"]) {
            return;
        }
        if let Some(message) = (1..=fleet.nodes).find_map(|number| p2p_port(base, number).err()) {
            self.wrong("p2p-port-base", base, message);
        }
        if !self.were_read(&["poets", "enable-json-api"]) {
            return;
        }
        let json_api = self.settings.flag("enable-json-api");
        if let Err(message) = NodePortBlock::new(fleet.poets, fleet.nodes, json_api) {
            self.wrong("miners", fleet.nodes, message);
        }
    }

    pub(super) fn p2p_port_base(&self) -> u16 {
        u16::try_from(self.number("p2p-port-base")).unwrap_or(u16::MAX)
    }
}
