//! What an upgrade was asked for, validated as far as it can be without the network's record.

use std::collections::BTreeSet;
use std::time::Duration;

use super::reader::Reader;
use super::{Generation, WaitFor};
use crate::generation::{generation_of_image, is_of_no_generation};
use crate::image::ImageReference;
use crate::node_config::KeyCatalogue;
use crate::settings::{FileReader, Settings, SettingsErrors};
use crate::upgrade::{ConfigChange, HoldAt, parse_numbers};

/// An upgrade of a network that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct UpgradeSpec {
    /// The image that nodes are to run; none leaves it.
    pub image: Option<ImageReference>,
    /// How the config of nodes is to change; none leaves it.
    pub config: Option<ConfigChange>,
    /// The image that PoETs are to run; none leaves it.
    pub poet_image: Option<ImageReference>,
    /// The keys that nodes take in their configs.
    pub keys: KeyCatalogue,
    /// The numbers of the nodes to upgrade; none is all.
    pub only: Option<BTreeSet<u32>>,
    /// The most nodes of a wave; none is a tenth of the network.
    pub wave_size: Option<u32>,
    /// The share of the nodes after which the upgrade holds.
    pub hold_at: Option<HoldAt>,
    /// The time between waves.
    pub between_waves: Duration,
    /// What a wave must be before the next one.
    pub wait: WaitFor,
    /// What the command line says besides.
    pub switches: UpgradeSwitches,
    /// The limit of the whole operation, without the time between waves.
    pub timeout: Duration,
    /// The limit of each step.
    pub step_timeout: Duration,
}

/// How an upgrade goes about it, as the command line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpgradeSwitches {
    /// The config takes the place of the running one instead of being merged into it.
    pub replace_config: bool,
    /// All nodes and PoETs are stopped, then started with what is new.
    pub restart_all: bool,
    /// What was touched returns to what it was when a wave is not healthy; without anything new, an upgrade that did not end is taken back.
    pub rollback: bool,
    /// Breaks the lock of another operation.
    pub force_unlock: bool,
}

impl UpgradeSpec {
    /// The upgrade that the settings of `upgrade-network` describe, for a network of this generation. What the network's record brings among them is no wish to
    /// change anything.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn from_settings(
        settings: &Settings,
        switches: UpgradeSwitches,
        generation: Generation,
        files: &dyn FileReader,
    ) -> Result<Self, SettingsErrors> {
        let mut reader = Reader::new(settings);
        let spec = reader.upgrade(switches, Some(generation), files);
        SettingsErrors::unless_empty(reader.into_errors(), || spec)
    }

    /// What is wrong with an upgrade whatever the network is: all that can be told before its record is read.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, but for what depends on the network's generation.
    pub fn check_alone(
        settings: &Settings,
        switches: UpgradeSwitches,
        files: &dyn FileReader,
    ) -> Result<(), SettingsErrors> {
        let mut reader = Reader::new(settings);
        reader.upgrade(switches, None, files);
        SettingsErrors::unless_empty(reader.into_errors(), || ())
    }

    /// True when nothing new is asked for.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.image.is_none() && self.config.is_none() && self.poet_image.is_none()
    }
}

impl Reader<'_> {
    fn upgrade(
        &mut self,
        switches: UpgradeSwitches,
        known: Option<Generation>,
        files: &dyn FileReader,
    ) -> UpgradeSpec {
        let generation = known.unwrap_or(Generation::V1);
        let keys = self.key_catalogue(generation, files);
        let spec = UpgradeSpec {
            image: self.new_node_image(known),
            config: self.config_change(switches.replace_config, generation, files),
            poet_image: self.new_image("poet-image"),
            keys,
            only: self.only(),
            wave_size: self.settings.number("wave-size").and_then(|size| u32::try_from(size).ok()),
            hold_at: self.parsed("hold-at", HoldAt::parse),
            between_waves: self.settings.duration("restart-wait-time").unwrap_or_default(),
            wait: WaitFor::given_now(self.settings),
            switches,
            timeout: self.settings.duration("timeout").unwrap_or_default(),
            step_timeout: self.settings.duration("step-timeout").unwrap_or_default(),
        };
        self.check_together(&spec);
        spec
    }

    fn check_together(&mut self, spec: &UpgradeSpec) {
        let news = ["go-sm-image", "go-sm-config", "poet-image"];
        let asks_nothing =
            self.were_read(&news) && news.into_iter().all(|name| !self.settings.is_given_now(name));
        if asks_nothing && !spec.switches.rollback {
            let message = "an upgrade needs something new: give --go-sm-image, --go-sm-config or --poet-image, or --rollback to take back one that did not end";
            self.missing("go-sm-image", message);
        }
        if spec.switches.replace_config && !self.settings.is_given_now("go-sm-config") {
            self.missing(
                "go-sm-config",
                "--replace-config puts this one in the place of the running config: give --go-sm-config",
            );
        }
        if spec.switches.restart_all {
            for name in ["only", "hold-at"] {
                if let Some(given) = self.settings.get(name).filter(|_| self.settings.is_given_now(name)) {
                    let value = given.to_document().to_string();
                    self.wrong(
                        name,
                        value,
                        "--restart-all stops all nodes: it has no waves and leaves none out",
                    );
                }
            }
        }
    }

    /// The image of nodes, which must be of the network's generation once that is known.
    fn new_node_image(&mut self, known: Option<Generation>) -> Option<ImageReference> {
        let image = self.new_image("go-sm-image")?;
        let told = generation_of_image(&image);
        let differing = known.zip(told).filter(|(generation, told)| told != generation);
        if let Some((generation, told)) = differing {
            let message = format!(
                "this image is of generation {told}, and the network of {generation}: no upgrade leads from one to the other"
            );
            self.wrong("go-sm-image", &image, message);
        } else if is_of_no_generation(&image) {
            let message = "releases v0.2.13-beta.0 to v0.2.17-beta.0 and v1 are supported";
            self.wrong("go-sm-image", &image, message);
        }
        Some(image)
    }

    /// An image that is given for this run.
    fn new_image(&mut self, name: &str) -> Option<ImageReference> {
        self.settings.is_given_now(name).then(|| self.image(name)).flatten()
    }

    fn config_change(
        &mut self,
        replaces: bool,
        generation: Generation,
        files: &dyn FileReader,
    ) -> Option<ConfigChange> {
        const NAME: &str = "go-sm-config";
        if !self.settings.is_given_now(NAME) {
            return None;
        }
        let config = self.read_config(NAME, generation, files)?;
        if !config.is_object() {
            self.wrong(
                NAME,
                self.text(NAME).unwrap_or_default(),
                "a node config is a JSON object with sections such as main and p2p",
            );
            return None;
        }
        Some(if replaces { ConfigChange::Replace(config) } else { ConfigChange::Merge(config) })
    }

    fn only(&mut self) -> Option<BTreeSet<u32>> {
        let items = self.settings.list("only");
        if items.is_empty() {
            return None;
        }
        parse_numbers(items).map_err(|message| self.wrong("only", items.join(","), message)).ok()
    }
}
