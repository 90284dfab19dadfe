use std::collections::BTreeMap;

use serde_json::Value;

use super::catalogue::{catalogue, find, retired};
use super::document::read_config;
use super::error::{SettingsError, SettingsErrors};
use super::files::FileReader;
use super::resolution::{Given, Resolution};
use super::setting::{Command, Setting};
use super::{Origin, Settings};

/// What starts the name of every environment variable that is a setting.
pub(super) const VARIABLE_PREFIX: &str = "SPACECRAFT_";
/// The environment variable of a setting: `SPACECRAFT_MINER_RAM` for `miner-ram`.
#[must_use]
pub fn variable_name(setting: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", setting.to_ascii_uppercase().replace('-', "_"))
}

/// How the record of a network compares with what is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordRank {
    /// It fills in what nobody gives: creating again.
    #[default]
    BelowConfigFile,
    /// Only flags beat it: every later command. A variable or config file that differs is reported and not applied.
    BelowFlags,
}

/// Collects settings from all their sources. See [`Settings::builder`].
#[derive(Debug, Clone)]
pub struct SettingsBuilder {
    command: Command,
    flags: Vec<(String, String)>,
    environment: BTreeMap<String, String>,
    config_file: Option<(String, String)>,
    record: BTreeMap<String, Value>,
    rank: RecordRank,
    brought: BTreeMap<String, String>,
    own_flags: Vec<String>,
}

/// Everything that was given for one setting, most important first.
type Candidates = BTreeMap<&'static str, Vec<(Origin, Given)>>;

impl SettingsBuilder {
    pub(super) fn new(command: Command) -> Self {
        Self {
            command,
            flags: Vec::new(),
            environment: BTreeMap::new(),
            config_file: None,
            record: BTreeMap::new(),
            rank: RecordRank::default(),
            brought: BTreeMap::new(),
            own_flags: Vec::new(),
        }
    }

    /// Flags, by name without `--`; one that may be given several times comes several times.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = (String, String)>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// The environment; variables that are no settings are left alone.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// The config file's name and text, when the caller has read it; otherwise the file that the setting `config` names is read.
    #[must_use]
    pub fn config_file(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.config_file = Some((name.into(), text.into()));
        self
    }

    /// The settings that a network's record holds.
    #[must_use]
    pub fn record(mut self, record: BTreeMap<String, Value>, rank: RecordRank) -> Self {
        self.record = record;
        self.rank = rank;
        self
    }

    /// Settings, secrets among them, that the provider brings along: they take the place of defaults.
    #[must_use]
    pub fn brought(mut self, settings: BTreeMap<String, String>) -> Self {
        self.brought = settings;
        self
    }

    /// The flags that the command has besides settings: those that it has not are compared with them.
    #[must_use]
    pub fn own_flags(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.own_flags.extend(names);
        self
    }

    /// Reads everything. `files` reads the config file and the files of secrets.
    ///
    /// # Errors
    ///
    /// Every value that cannot be read, every name that is no setting, every file that is missing.
    pub fn build(self, files: &dyn FileReader) -> Result<Settings, SettingsErrors> {
        let (settings, errors) = self.build_what_can_be_read(files);
        SettingsErrors::unless_empty(errors, || settings)
    }

    /// Reads everything, and answers with what could be read although there are mistakes: settings with mistakes have their defaults. For callers that look for
    /// further mistakes before they report all.
    #[must_use]
    pub fn build_what_can_be_read(mut self, files: &dyn FileReader) -> (Settings, Vec<SettingsError>) {
        let mut resolution = Resolution::new(self.command, files);
        let mut candidates = Candidates::new();
        self.add_flags(&mut candidates, &mut resolution);
        self.add_environment(&mut candidates, &mut resolution);
        self.read_named_config(&candidates, &mut resolution);
        self.add_config_file(&mut candidates, &mut resolution);
        self.add_record(&mut candidates);
        self.add_brought(&mut candidates);
        for setting in catalogue() {
            let given = candidates.remove(setting.name).unwrap_or_default();
            resolution.resolve(setting, given, self.rank);
        }
        resolution.take_secret_files();
        resolution.name_network();
        (resolution.settings, resolution.errors)
    }

    fn add_flags(&self, candidates: &mut Candidates, resolution: &mut Resolution<'_>) {
        let mut by_setting: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &self.flags {
            match find(name) {
                Some(setting) if setting.commands.contains(&self.command) => {
                    by_setting.entry(setting.name).or_default().push(value);
                }
                Some(setting) => resolution.misplaced_flag(setting, name, value),
                None => match retired(name) {
                    Some(why) => {
                        resolution.settings.warnings.push(format!("--{name} means nothing any more: {why}"));
                    }
                    None => resolution.unknown_flag(name, value, &self.own_flags),
                },
            }
        }
        for (name, values) in by_setting {
            if let Some(value) = resolution.one_value(name, &values) {
                candidates.entry(name).or_default().push((Origin::Flag, Given::Text(value)));
            }
        }
    }

    fn add_environment(&self, candidates: &mut Candidates, resolution: &mut Resolution<'_>) {
        let known: BTreeMap<String, &Setting> = catalogue()
            .iter()
            .flat_map(|setting| {
                let spellings = [setting.name].into_iter().chain(setting.aliases.iter().copied());
                spellings.map(move |spelling| (variable_name(spelling), setting))
            })
            .collect();
        for (variable, value) in self.environment.iter().filter(|(_, value)| !value.is_empty()) {
            if let Some(setting) = known.get(variable) {
                let candidate = (Origin::Environment(variable.clone()), Given::Text(value.clone()));
                candidates.entry(setting.name).or_default().push(candidate);
            } else if variable.starts_with(VARIABLE_PREFIX) {
                resolution.unknown_variable(variable, value);
            }
        }
        for setting in catalogue() {
            for variable in setting.variables {
                if let Some(value) = self.environment.get(*variable).filter(|value| !value.is_empty()) {
                    let candidate = (Origin::Environment((*variable).to_owned()), Given::Text(value.clone()));
                    candidates.entry(setting.name).or_default().push(candidate);
                }
            }
        }
    }

    /// Reads the config file that a flag or variable names.
    fn read_named_config(&mut self, candidates: &Candidates, resolution: &mut Resolution<'_>) {
        if self.config_file.is_some() {
            return;
        }
        let Some((_, Given::Text(path))) = candidates.get("config").and_then(|given| given.first()) else {
            return;
        };
        match resolution.files.read_text(path) {
            Ok(text) => self.config_file = Some((path.clone(), text)),
            Err(error) => {
                resolution.config_is_wrong(path, format!("the file cannot be read: {error}"));
            }
        }
    }

    fn add_config_file(&self, candidates: &mut Candidates, resolution: &mut Resolution<'_>) {
        let Some((name, text)) = &self.config_file else { return };
        let entries = match read_config(name, text) {
            Ok(entries) => entries,
            Err(message) => {
                resolution.config_is_wrong(name, message);
                return;
            }
        };
        let origin = Origin::ConfigFile(name.clone());
        for (key, value) in entries {
            if let Some(why) = retired(&key) {
                resolution.settings.warnings.push(format!("{key} in {name} means nothing any more: {why}"));
                continue;
            }
            let Some(setting) = find(&key).filter(|setting| setting.name != "config") else {
                resolution.unknown_key(&key, &value, name);
                continue;
            };
            let given = candidates.entry(setting.name).or_default();
            if given.iter().any(|(before, _)| *before == origin) {
                let message = format!("{name} sets {} twice, under two spellings", setting.name);
                resolution.errors.push(SettingsError::new(key, "", message));
            }
            given.push((origin.clone(), Given::Document(value)));
        }
    }

    fn add_record(&self, candidates: &mut Candidates) {
        for (key, value) in &self.record {
            let Some(setting) = find(key).filter(|setting| !setting.kind.is_secret()) else { continue };
            let given = candidates.entry(setting.name).or_default();
            let place = match self.rank {
                RecordRank::BelowConfigFile => given.len(),
                RecordRank::BelowFlags => {
                    given.iter().take_while(|(origin, _)| *origin == Origin::Flag).count()
                }
            };
            given.insert(place, (Origin::Record, Given::Document(value.clone())));
        }
    }

    fn add_brought(&self, candidates: &mut Candidates) {
        for (key, value) in &self.brought {
            if let Some(setting) = find(key) {
                let given = candidates.entry(setting.name).or_default();
                given.push((Origin::Default, Given::Text(value.clone())));
            }
        }
    }
}
