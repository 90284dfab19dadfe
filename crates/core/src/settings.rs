//! Everything an operator can set, and from where each value came.
//!
//! [`catalogue`] lists every setting. Flags, `SPACECRAFT_*` variables and keys of the config file share one name; the first of these that has a value wins, then
//! the network's record, then the default. Every value is checked wherever it was given, and all mistakes are reported together.

mod builder;
mod catalogue;
mod document;
mod error;
mod files;
mod resolution;
mod setting;
mod value;

pub use builder::{RecordRank, SettingsBuilder, variable_name};
pub use catalogue::{catalogue, find, retired, retired_names};
pub use error::{SettingsError, SettingsErrors};
pub use files::{FileReader, SystemFiles};
pub use setting::{BareUnit, Command, DefaultValue, Kind, Setting, camel_case};
pub use value::SettingValue;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::quantity::{Bytes, MilliCpu};
use crate::secret::SecretString;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment variable of that name.
    Environment(String),
    /// The config file of that name.
    ConfigFile(String),
    /// The record of the network.
    Record,
    /// Nowhere: it is the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => formatter.write_str("the command line"),
            Self::Environment(variable) => write!(formatter, "the variable {variable}"),
            Self::ConfigFile(name) => write!(formatter, "the config file {name}"),
            Self::Record => formatter.write_str("the network's record"),
            Self::Default => formatter.write_str("the default"),
        }
    }
}

/// All settings of one run, each with its value and where that came from.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, (SettingValue, Origin)>,
    secrets: BTreeMap<&'static str, (SecretString, Origin)>,
    warnings: Vec<String>,
    unread: BTreeSet<&'static str>,
    config_is_unread: bool,
}

impl Settings {
    /// Collects the settings of a run of `command`.
    #[must_use]
    pub fn builder(command: Command) -> SettingsBuilder {
        SettingsBuilder::new(command)
    }

    /// What the operator should know of the settings although nothing is wrong with them.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The value of a setting; none when it has none, not even a default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SettingValue> {
        self.values.get(name).map(|(value, _)| value)
    }

    /// Where a setting's value came from.
    #[must_use]
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        let value = self.values.get(name).map(|(_, origin)| origin);
        value.or_else(|| self.secrets.get(name).map(|(_, origin)| origin))
    }

    /// True when somebody gave the setting, now or when the network was made.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.origin(name).is_some_and(|origin| *origin != Origin::Default)
    }

    /// True when the setting was given for this very run.
    #[must_use]
    pub fn is_given_now(&self, name: &str) -> bool {
        self.origin(name).is_some_and(|origin| !matches!(origin, Origin::Default | Origin::Record))
    }

    /// True when somebody gave the setting and it could not be read, or may have given it in a config file that could not: what stands in for it says nothing.
    #[must_use]
    pub fn is_unread(&self, name: &str) -> bool {
        let may_be_in_config = || !matches!(self.origin(name), Some(Origin::Flag | Origin::Environment(_)));
        self.unread.contains(name) || (self.config_is_unread && may_be_in_config())
    }

    /// A text, path or choice.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            SettingValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A switch; off when it has no value.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(SettingValue::Flag(true)))
    }

    /// A whole number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            SettingValue::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// An amount of processor.
    #[must_use]
    pub fn cpu(&self, name: &str) -> Option<MilliCpu> {
        match self.get(name)? {
            SettingValue::Cpu(cpu) => Some(*cpu),
            _ => None,
        }
    }

    /// An amount of memory or disk.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Bytes> {
        match self.get(name)? {
            SettingValue::Bytes(bytes) => Some(*bytes),
            _ => None,
        }
    }

    /// A duration.
    #[must_use]
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name)? {
            SettingValue::Duration(duration) => Some(*duration),
            _ => None,
        }
    }

    /// A list; empty when it has no value.
    #[must_use]
    pub fn list(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(SettingValue::List(items)) => items,
            _ => &[],
        }
    }

    /// A document: a node config given in place, or the changes to charts.
    #[must_use]
    pub fn document(&self, name: &str) -> Option<&Value> {
        match self.get(name)? {
            SettingValue::Document(document) => Some(document),
            _ => None,
        }
    }

    /// A secret, from its variable, its file or the config file.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        self.secrets.get(name).map(|(secret, _)| secret)
    }
}

#[cfg(test)]
mod tests;
