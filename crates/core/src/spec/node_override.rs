use super::node_config::{completed, found_at};
use super::reader::Reader;
use super::{Generation, NetworkSpec, NodeOverride};
use crate::consensus::check_with_keys;
use crate::generation::generation_of_image;
use crate::image::ImageReference;
use crate::settings::{FileReader, Settings, SettingsErrors};
use crate::upgrade::{ConfigChange, OwnValues, Reach, key_changes};

impl NodeOverride {
    /// What the settings that were given for this run say of new nodes of a network otherwise than its nodes are. What is not given, or given as the network has it, is
    /// absent. `own` is what the network sets in every node's config; a config may say that too.
    ///
    /// # Errors
    ///
    /// All that is wrong, with key, value and what would be right: an image of another generation or without a tag, a config that is one of another network, an
    /// address of another network.
    pub fn from_settings(
        settings: &Settings,
        network: &NetworkSpec,
        own: &OwnValues<'_>,
        files: &dyn FileReader,
    ) -> Result<Self, SettingsErrors> {
        let mut reader = Reader::new(settings);
        let differences = reader.node_override(network, own, files);
        SettingsErrors::unless_empty(reader.into_errors(), || differences)
    }

    /// What is wrong with these settings whatever the network is: all that can be told before its record is read.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, but for what depends on the network.
    pub fn check_alone(settings: &Settings, files: &dyn FileReader) -> Result<(), SettingsErrors> {
        let mut reader = Reader::new(settings);
        reader.look_at_override(files);
        SettingsErrors::unless_empty(reader.into_errors(), || ())
    }
}

impl Reader<'_> {
    fn look_at_override(&mut self, files: &dyn FileReader) {
        if self.settings.is_given_now("miner-cpu") {
            self.cpu("miner-cpu");
        }
        for size in ["miner-ram", "miner-disk-size"] {
            if self.settings.is_given_now(size) {
                self.bytes(size);
            }
        }
        if self.settings.is_given_now("go-sm-image") {
            self.image("go-sm-image");
        }
        if let Some(name) = self.name_of_config() {
            self.read_config(name, Generation::V1, files);
        }
    }

    fn node_override(
        &mut self,
        network: &NetworkSpec,
        own: &OwnValues<'_>,
        files: &dyn FileReader,
    ) -> NodeOverride {
        let node = &network.node;
        let is_given = |name: &str| self.settings.is_given_now(name);
        let (cpu, memory, disk) = (is_given("miner-cpu"), is_given("miner-ram"), is_given("miner-disk-size"));
        let (metrics, coinbase) = (is_given("metrics"), is_given("coinbase"));
        let mut resources = node.resources;
        if cpu {
            resources.cpu = self.cpu("miner-cpu");
        }
        if memory {
            resources.memory = self.bytes("miner-ram");
        }
        let disk = disk.then(|| self.bytes("miner-disk-size"));
        let coinbase = coinbase.then(|| self.coinbase(network.generation, &node.base_config)).flatten();
        let metrics = metrics.then(|| self.settings.flag("metrics"));
        NodeOverride {
            image: self.image_of_new_node(network).filter(|image| *image != node.image),
            config: self.config_of_new_node(network, own, files),
            resources: Some(resources).filter(|resources| *resources != node.resources),
            disk: disk.filter(|disk| *disk != node.disk),
            coinbase: coinbase.filter(|address| Some(address) != network.coinbase.as_ref()),
            metrics: metrics.filter(|metrics| *metrics != network.metrics.is_some()),
            profiling: None,
        }
    }

    fn image_of_new_node(&mut self, network: &NetworkSpec) -> Option<ImageReference> {
        const NAME: &str = "go-sm-image";
        if !self.settings.is_given_now(NAME) {
            return None;
        }
        let image = self.image(NAME)?;
        let told = generation_of_image(&image);
        if let Some(told) = told.filter(|told| *told != network.generation) {
            let message =
                format!("this image is of generation {told}, but the network is of {}", network.generation);
            self.wrong(NAME, &image, message);
        }
        Some(image)
    }

    /// The setting that has the config of new nodes: the original's add-miner knows only the one that names a parent's.
    fn name_of_config(&self) -> Option<&'static str> {
        let names = ["miner-go-sm-config", "go-sm-config"];
        names.into_iter().find(|name| self.settings.is_given_now(name))
    }

    fn config_of_new_node(
        &mut self,
        network: &NetworkSpec,
        own: &OwnValues<'_>,
        files: &dyn FileReader,
    ) -> Option<serde_json::Value> {
        let name = self.name_of_config()?;
        let given = self.read_config(name, network.generation, files)?;
        let running = &network.node.base_config;
        let replaced = ConfigChange::Replace(given).applied_to(running, network.generation, own);
        let wanted = completed(network.generation, replaced);
        let catalogue = self.key_catalogue(network.generation, files);
        for change in key_changes(network.generation, running, &wanted) {
            if change.reach != Reach::Node {
                let message = "all nodes of a network must agree on this: leave it as the network has it";
                self.wrong(name, format!("{} = {}", change.path, change.to), message);
            }
        }
        for problem in check_with_keys(&catalogue, &wanted) {
            self.wrong(name, found_at(&problem), &problem.message);
        }
        Some(wanted).filter(|wanted| wanted != running)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::node_config::set;
    use crate::quantity::MilliCpu;
    use crate::settings::{Command, RecordRank, SettingsError};

    type Files = BTreeMap<String, String>;

    fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
        items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn network() -> NetworkSpec {
        let flags = [("provider", "sandbox"), ("metrics", "true"), ("miner-ram", "3")];
        let settings = Settings::builder(Command::CreateNetwork).flags(pairs(&flags)).build(&Files::new());
        NetworkSpec::from_settings(&settings.unwrap(), &Files::new()).unwrap().0
    }

    fn read(flags: &[(&str, &str)], files: &Files) -> Result<NodeOverride, Vec<SettingsError>> {
        let network = network();
        let settings = Settings::builder(Command::AddMiner)
            .flags(pairs(flags))
            .record(network.to_settings(), RecordRank::BelowFlags)
            .build(files)
            .unwrap();
        let own = OwnValues { genesis: None, fleet_nodes: Some(10), bootnodes: &[] };
        NodeOverride::from_settings(&settings, &network, &own, files).map_err(|wrong| wrong.errors)
    }

    fn with_config(change: impl FnOnce(&mut Value)) -> Files {
        let mut config = network().node.base_config;
        change(&mut config);
        Files::from([("c.json".to_owned(), config.to_string())])
    }

    #[test]
    fn what_is_not_given_or_given_as_the_network_has_it_is_no_difference() {
        let none = Files::new();
        assert_eq!(read(&[], &none), Ok(NodeOverride::default()));
        let same = [
            ("miner-ram", "3"),
            ("metrics", "true"),
            ("go-sm-config", "mininet"),
            ("miner-disk-size", "10Gi"),
        ];
        assert_eq!(read(&same, &none), Ok(NodeOverride::default()));
    }

    #[test]
    fn what_is_given_otherwise_is_a_difference_and_the_rest_is_as_the_network_has_it() {
        let flags =
            [("miner-cpu", "500m"), ("metrics", "false"), ("go-sm-image", "spacemeshos/go-spacemesh:v1.9.0")];
        let differences = read(&flags, &Files::new()).unwrap();
        let resources = differences.resources.unwrap();
        assert_eq!((resources.cpu, resources.memory), (MilliCpu(500), crate::quantity::Bytes::gibi(3)));
        assert_eq!(differences.metrics, Some(false));
        assert_eq!(differences.image.unwrap().tag(), Some("v1.9.0"));
        assert!(differences.disk.is_none() && differences.config.is_none() && differences.coinbase.is_none());
    }

    #[test]
    fn a_config_may_differ_in_what_a_node_decides_alone_and_in_nothing_that_all_must_agree_on() {
        let files = with_config(|config| set(config, "logging.hare", json!("debug")).unwrap());
        let differences = read(&[("miner-go-sm-config", "c.json")], &files).unwrap();
        assert_eq!(differences.config.unwrap()["logging"]["hare"], "debug");
        for (path, value) in
            [("main.layers-per-epoch", json!(99)), ("genesis.genesis-extra-data", json!("another"))]
        {
            let files = with_config(|config| set(config, path, value).unwrap());
            let wrong = read(&[("go-sm-config", "c.json")], &files).unwrap_err();
            assert!(wrong.iter().any(|wrong| wrong.value.contains(path)), "{wrong:?}");
        }
    }

    #[test]
    fn an_image_without_a_tag_or_of_another_generation_and_a_wrong_address_are_refused() {
        let wrong = |flag: (&str, &str)| read(&[flag], &Files::new()).unwrap_err()[0].message.clone();
        assert!(wrong(("go-sm-image", "spacemeshos/go-spacemesh")).contains("add a tag or a digest"));
        assert!(
            wrong(("go-sm-image", "spacemeshos/go-spacemesh-dev:v0.2.17-beta.0")).contains("generation v0")
        );
        assert!(!wrong(("coinbase", "sm1qqqqqq")).is_empty());
    }
}
