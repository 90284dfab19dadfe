//! One run of a command: where it writes, what it was given, and what the network's record adds.

use std::collections::BTreeMap;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::Value;
use spacecraft_core::names::NetworkName;
use spacecraft_core::settings::{
    Command, RecordRank, Settings, SettingsBuilder, SettingsError, SettingsErrors, SystemFiles, find,
};
use spacecraft_core::spec::NetworkSpec;

use crate::environment::Environment;
use crate::output::Output;

/// What every command gets.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The command's arguments.
    pub matches: &'a ArgMatches,
    /// The environment.
    pub environment: &'a Environment,
    /// Where it writes.
    pub output: &'a Output,
}

impl Session<'_> {
    /// The settings of `command` from flags, environment and config file, over what `known` says.
    pub(crate) fn settings(&self, command: Command, known: &Known) -> Result<Settings, SettingsErrors> {
        let settings = self.builder(command, known).build(&SystemFiles)?;
        self.tell_warnings(&settings);
        Ok(settings)
    }

    /// The settings of `command` with the network that they describe; what is wrong with either is told together.
    pub(crate) fn spec(
        &self,
        command: Command,
        known: &Known,
    ) -> Result<(Settings, NetworkSpec), SettingsErrors> {
        let (settings, spec, _) = NetworkSpec::from_sources(self.builder(command, known), &SystemFiles)?;
        self.tell_warnings(&settings);
        Ok((settings, spec))
    }

    fn builder(&self, command: Command, known: &Known) -> SettingsBuilder {
        let rank = if command.creates() { RecordRank::BelowConfigFile } else { RecordRank::BelowFlags };
        let mut values = known.of_sandbox.clone();
        values.extend(known.of_record.clone());
        Settings::builder(command)
            .flags(crate::arguments::given_flags(self.matches))
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
