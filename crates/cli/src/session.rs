//! One run of a command: where it writes, what it was given, and what the network's record adds.

use std::collections::BTreeMap;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::Value;
use spacecraft_core::names::NetworkName;
use spacecraft_core::plan::Plan;
use spacecraft_core::settings::{
    Command, RecordRank, Settings, SettingsBuilder, SettingsError, SettingsErrors, SystemFiles, find,
};
use spacecraft_core::spec::NetworkSpec;

use crate::access;
use crate::environment::Environment;
use crate::output::Output;
use crate::typed::Strays;

/// What every command gets.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The command's arguments.
    pub matches: &'a ArgMatches,
    /// The environment.
    pub environment: &'a Environment,
    /// Where it writes.
    pub output: &'a Output,
    /// What is wrong with the command line itself.
    pub strays: &'a Strays,
}

impl Session<'_> {
    /// The settings of `command` from flags, environment and config file, over what `known` says.
    pub(crate) fn settings(&self, command: Command, known: &Known) -> Result<Settings, SettingsErrors> {
        let built = self.builder(command, known).build(&SystemFiles);
        let (settings, ()) = SettingsErrors::both(built, self.check_strays())?;
        self.tell_warnings(&settings);
        Ok(settings)
    }

    /// The settings of `command` before anything is called, with what `look` makes of them. What is wrong with the command line, with single settings and with what they
    /// say together is told together.
    pub(crate) fn checked<T>(
        &self,
        command: Command,
        look: impl FnOnce(&Settings) -> Result<T, SettingsErrors>,
    ) -> Result<(Settings, T), SettingsErrors> {
        let builder = self.builder(command, &Known::default());
        let (settings, mut errors) = builder.build_what_can_be_read(&SystemFiles);
        let looked = look(&settings).map_err(|wrong| {
            let told: Vec<String> = errors.iter().map(|error| error.key.clone()).collect();
            let is_new =
                |error: &SettingsError| !told.contains(&error.key) && !settings.is_unread(&error.key);
            errors.extend(wrong.errors.into_iter().filter(is_new));
        });
        errors.extend(self.strays.others.iter().cloned());
        let others = looked.is_err() || !errors.is_empty();
        errors.extend(access::mistake(&settings, self.environment, others));
        match looked {
            Ok(found) if errors.is_empty() => {
                self.tell_warnings(&settings);
                Ok((settings, found))
            }
            _ => Err(SettingsErrors::of(errors)),
        }
    }

    /// The settings of a command for one network, with its name.
    pub(crate) fn named(&self, command: Command) -> Result<(Settings, NetworkName), SettingsErrors> {
        self.checked(command, network_name)
    }

    fn check_strays(&self) -> Result<(), SettingsErrors> {
        SettingsErrors::unless_empty(self.strays.others.clone(), || ())
    }

    /// The settings of `command` with the network that they describe and its plan; what is wrong with any of it is told together.
    pub(crate) fn plan(
        &self,
        command: Command,
        known: &Known,
    ) -> Result<(Settings, NetworkSpec, Plan), SettingsErrors> {
        let planned = Plan::from_sources(self.builder(command, known), &SystemFiles);
        let planned = SettingsErrors::both(planned, self.check_strays());
        let access = self.check_access(command, known, planned.is_err());
        let (((settings, spec, plan), ()), ()) = SettingsErrors::both(planned, access)?;
        self.tell_warnings(&settings);
        Ok((settings, spec, plan))
    }

    /// Whether what leads to the cloud is there, for a command that calls something.
    fn check_access(&self, command: Command, known: &Known, others: bool) -> Result<(), SettingsErrors> {
        if command == Command::Plan {
            return Ok(());
        }
        let (settings, _) = self.builder(command, known).build_what_can_be_read(&SystemFiles);
        let mistake = access::mistake(&settings, self.environment, others);
        SettingsErrors::unless_empty(mistake.into_iter().collect(), || ())
    }

    fn builder(&self, command: Command, known: &Known) -> SettingsBuilder {
        let rank = if command.creates() { RecordRank::BelowConfigFile } else { RecordRank::BelowFlags };
        let mut values = known.of_sandbox.clone();
        values.extend(known.of_record.clone());
        Settings::builder(command)
            .flags(crate::arguments::given_flags(self.matches))
            .flags(self.strays.flags.iter().cloned())
            .own_flags(self.strays.own_flags.iter().cloned())
            .environment(self.environment.variables().filter(|(_, value)| !value.is_empty()))
            .record(values, rank)
            .brought(known.credentials.clone())
    }

    fn tell_warnings(&self, settings: &Settings) {
        for warning in settings.warnings() {
            self.output.warn(warning);
        }
    }

    /// Whether the simulated cloud is meant, as far as can be told while other settings may be wrong.
    pub(crate) fn means_sandbox(&self, command: Command) -> bool {
        let provider = crate::arguments::given_flags(self.matches)
            .into_iter()
            .filter(|(name, _)| name == "provider" || name == "config");
        let builder = Settings::builder(command).flags(provider).environment(self.environment.variables());
        builder.build(&SystemFiles).is_ok_and(|settings| settings.text("provider") == Some("sandbox"))
    }

    /// The flags that lead `command` to the same network from here: provider and places, as they were given on the command line.
    pub(crate) fn again(&self, command: &str, network: &str) -> String {
        const PLACES: [&str; 18] = [
            "config",
            "provider",
            "gcp-project",
            "gcp-location",
            "gcp-zone",
            "kubeconfig",
            "context",
            "sandbox-dir",
            "object-dir",
            "bucket",
            "state-bucket",
            "discovery-bucket",
            "namespace",
            "domain",
            "templates",
            "gcp-credentials-file",
            "cloudflare-api-token-file",
            "slack-token-file",
        ];
        let takes = |name: &str| {
            name == "config"
                || find(name).is_some_and(|setting| setting.commands.iter().any(|one| one.name() == command))
        };
        let places = crate::arguments::given_flags(self.matches)
            .into_iter()
            .filter(|(name, _)| PLACES.contains(&name.as_str()) && takes(name));
        let flags: String = places.map(|(name, value)| format!(" --{name} {}", quoted(&value))).collect();
        format!("spacecraft {command}{flags} --network-name {network}")
    }

    /// The very command that runs, as it was given on the command line.
    pub(crate) fn same_again(&self, command: &str) -> String {
        let settings = crate::arguments::given_flags(self.matches);
        let flags: String =
            settings.iter().map(|(name, value)| format!(" --{name}={}", quoted(value))).collect();
        let given = |name: &&str| self.matches.value_source(name) == Some(ValueSource::CommandLine);
        let switches =
            self.matches.ids().map(clap::Id::as_str).filter(given).filter(|name| self.switch(name));
        let switches: String = switches.map(|name| format!(" --{name}")).collect();
        format!("spacecraft {command}{flags}{switches}")
    }

    /// True when a switch of the command itself is given.
    pub(crate) fn switch(&self, name: &str) -> bool {
        matches!(self.matches.try_get_one::<bool>(name), Ok(Some(true)))
    }

    /// All texts of an argument of the command itself.
    pub(crate) fn arguments(&self, name: &str) -> Vec<String> {
        self.matches.try_get_many::<String>(name).ok().flatten().into_iter().flatten().cloned().collect()
    }

    /// The text of an argument of the command itself.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        self.matches.try_get_one::<String>(name).ok().flatten().map(String::as_str)
    }
}

/// Settings that follow from what exists.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// What the simulated cloud brings.
    pub of_sandbox: BTreeMap<String, Value>,
    /// Credentials that the simulated cloud brings, by setting; those that are given win.
    pub credentials: BTreeMap<String, String>,
    /// What the network was made with.
    pub of_record: BTreeMap<String, Value>,
}

/// The network's name; a mistake in it is told like any other.
pub(crate) fn network_name(settings: &Settings) -> Result<NetworkName, SettingsErrors> {
    let name = settings.text("network-name").unwrap_or_default();
    NetworkName::new(name).map_err(|message| one_mistake("network-name", name, message))
}

/// A single mistake.
pub(crate) fn one_mistake(key: &str, value: &str, message: impl Into<String>) -> SettingsErrors {
    SettingsErrors { errors: vec![SettingsError::new(key, value, message)] }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '=' | ',' | '@');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_that_a_shell_would_read_otherwise_are_quoted() {
        assert_eq!(quoted("/a/b-c.json"), "/a/b-c.json");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
