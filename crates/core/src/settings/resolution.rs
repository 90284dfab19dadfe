//! Which of the values given for a setting counts, and what is wrong with the others.

use serde_json::Value;

use super::builder::{RecordRank, VARIABLE_PREFIX, variable_name};
use super::catalogue::{catalogue, find, retired, retired_names};
use super::error::{REDACTED, SettingsError};
use super::files::FileReader;
use super::setting::{Command, DefaultValue, Kind, Setting};
use super::value::SettingValue;
use super::{Origin, Settings};
use crate::secret::SecretString;
use crate::spelling::nearest;

/// What starts a text in PEM.
pub(super) const PEM_START: &str = "-----BEGIN";
/// The name of a network that is created without one.
const DEFAULT_NETWORK: &str = "mininet";

/// A value that was given, before it is read.
#[derive(Clone)]
pub(super) enum Given {
    Text(String),
    Document(Value),
}

/// Settings as far as they are resolved.
pub(super) struct Resolution<'a> {
    command: Command,
    pub(super) files: &'a dyn FileReader,
    pub(super) errors: Vec<SettingsError>,
    pub(super) settings: Settings,
}

impl<'a> Resolution<'a> {
    pub(super) fn new(command: Command, files: &'a dyn FileReader) -> Self {
        Self { command, files, errors: Vec::new(), settings: Settings::default() }
    }

    /// Checks every candidate and takes the first.
    pub(super) fn resolve(
        &mut self,
        setting: &'static Setting,
        given: Vec<(Origin, Given)>,
        rank: RecordRank,
    ) {
        let mut values = Vec::new();
        for (rank, (origin, candidate)) in given.into_iter().enumerate() {
            match self.read(setting, &origin, &candidate) {
                Ok(value) => values.push((origin, value)),
                Err(message) => {
                    if rank == 0 {
                        self.settings.unread.insert(setting.name);
                    }
                    let message = format!("{message} ({origin})");
                    self.errors.push(SettingsError::new(
                        setting.name,
                        candidate.shown(setting.kind),
                        message,
                    ));
                }
            }
        }
        if rank == RecordRank::BelowFlags {
            self.report_ignored(setting, &values);
        }
        let chosen = values.into_iter().next().map(|(origin, read)| (read, origin));
        match chosen {
            Some((Read::Value(value), origin)) => {
                self.settings.values.insert(setting.name, (value, origin));
            }
            Some((Read::Secret(secret), origin)) => {
                self.warn_of_stored_secret(setting, &origin);
                self.settings.secrets.insert(setting.name, (secret, origin));
            }
            Some((Read::Nothing, _)) | None => self.take_default(setting),
        }
    }

    fn read(&self, setting: &Setting, origin: &Origin, candidate: &Given) -> Result<Read, String> {
        if candidate.is_empty_text() && takes_empty_text(setting.kind) {
            return Ok(Read::Nothing);
        }
        match setting.kind {
            Kind::Secret => {
                check_secrecy(setting, origin)?;
                secret_text(candidate.text().ok_or("write a text")?).map(Read::Secret)
            }
            Kind::Pem | Kind::SecretPem => {
                self.read_pem(setting, origin, candidate.text().ok_or("write a text")?)
            }
            _ => SettingValue::read_document(setting.kind, &candidate.as_document()).map(Read::Value),
        }
    }

    /// A text in PEM, or that of the file at `text`. Files are read for the commands alone that use them: others need not have them.
    fn read_pem(&self, setting: &Setting, origin: &Origin, text: &str) -> Result<Read, String> {
        let is_secret = setting.kind == Kind::SecretPem;
        let pem = if text.trim_start().starts_with(PEM_START) {
            if is_secret {
                check_secrecy(setting, origin)?;
            }
            text.to_owned()
        } else if setting.commands.contains(&self.command) {
            self.files.read_text(text).map_err(|error| format!("the file cannot be read: {error}"))?
        } else {
            return Ok(Read::Nothing);
        };
        if !pem.contains(PEM_START) {
            return Err("it holds no PEM".to_owned());
        }
        Ok(if is_secret {
            Read::Secret(SecretString::from(pem))
        } else {
            Read::Value(SettingValue::Text(pem))
        })
    }

    /// Config files are shared and kept with other files, where a secret is seen by more people than it should be.
    fn warn_of_stored_secret(&mut self, setting: &Setting, origin: &Origin) {
        if setting.kind == Kind::Secret && matches!(origin, Origin::ConfigFile(_)) {
            self.settings.warnings.push(format!(
                "{} is written out in {origin}: let {}-file name a file of its own there, or set {}",
                setting.name,
                setting.name,
                variable_name(setting.name)
            ));
        }
    }

    /// Says which variables and config keys are not applied because the record has something else.
    fn report_ignored(&mut self, setting: &Setting, values: &[(Origin, Read)]) {
        let Some((_, recorded)) = values.iter().find(|(origin, _)| *origin == Origin::Record) else { return };
        for (origin, value) in values {
            let given = matches!(origin, Origin::Environment(_) | Origin::ConfigFile(_));
            let differs =
                matches!((value, recorded), (Read::Value(value), Read::Value(recorded)) if value != recorded);
            if given && differs {
                self.settings.warnings.push(format!(
                    "{} of {origin} is not applied: the network was made with another value, and only flags change that",
                    setting.name
                ));
            }
        }
    }

    /// The default, if it can be read: the file that it may name need not be there.
    fn take_default(&mut self, setting: &'static Setting) {
        let DefaultValue::Is(text) = setting.default else { return };
        match self.read(setting, &Origin::Default, &Given::Text(text.to_owned())) {
            Ok(Read::Value(value)) => {
                self.settings.values.insert(setting.name, (value, Origin::Default));
            }
            Ok(Read::Secret(secret)) => {
                self.settings.secrets.insert(setting.name, (secret, Origin::Default));
            }
            Ok(Read::Nothing) | Err(_) => {}
        }
    }

    /// Puts the content of `<name>-file` in the place of `<name>`, unless that was given by something more important.
    pub(super) fn take_secret_files(&mut self) {
        let used =
            |setting: &&Setting| setting.kind == Kind::SecretFile && setting.commands.contains(&self.command);
        let settings: Vec<&Setting> = catalogue().iter().filter(used).collect();
        for setting in settings {
            let Some(secret) = setting.name.strip_suffix("-file").and_then(find) else { continue };
            let Some((SettingValue::Text(path), origin)) = self.settings.values.get(setting.name).cloned()
            else {
                continue;
            };
            if let Some((_, other)) = self.settings.secrets.get(secret.name) {
                if rank(other) < rank(&origin) {
                    continue;
                }
                if rank(other) == rank(&origin) {
                    let message =
                        format!("{} and {} are both given: leave one out", secret.name, setting.name);
                    self.errors.push(SettingsError::new(setting.name, path, message));
                    continue;
                }
            }
            let read =
                self.files.read_text(&path).map_err(|error| format!("the file cannot be read: {error}"));
            match read.and_then(|text| secret_text(&text)) {
                Ok(text) => {
                    self.settings.secrets.insert(secret.name, (text, origin));
                }
                Err(message) => {
                    self.settings.unread.insert(secret.name);
                    self.errors.push(SettingsError::new(setting.name, path, message));
                }
            }
        }
    }

    /// The value of a flag that may be there several times: lists are joined, of anything else there can be one.
    pub(super) fn one_value(&mut self, name: &'static str, values: &[&str]) -> Option<String> {
        let kind = find(name).map(|setting| setting.kind)?;
        let (first, others) = values.split_first()?;
        if kind == Kind::List {
            return Some(values.join(","));
        }
        let Some(other) = others.iter().find(|other| *other != first) else {
            return Some((*first).to_owned());
        };
        let message = if kind.is_secret() {
            "it is given twice: give it once".to_owned()
        } else {
            format!("it is given twice, as {first:?} and as {other:?}: leave one out")
        };
        self.settings.unread.insert(name);
        self.errors.push(SettingsError::new(name, "", message));
        None
    }

    /// A flag that the command does not have and that is no setting either.
    pub(super) fn unknown_flag(&mut self, name: &str, value: &str, own: &[String]) {
        let command = self.command;
        let settings = catalogue().iter().filter(|setting| setting.commands.contains(&command));
        let settings = settings.filter(|setting| setting.kind.has_flag() && setting.kind != Kind::Secret);
        let spellings = settings.flat_map(Setting::spellings);
        let near = nearest(name, spellings.chain(own.iter().map(String::as_str)));
        let hint = near.map(|near| format!("; did you mean --{near}?")).unwrap_or_default();
        let value = unless_sensitive(&[name, near.unwrap_or_default()], value);
        self.doubt(near);
        let name = flag_shown(name);
        let message = format!("{command} has no flag --{name}{hint}");
        self.errors.push(SettingsError::new(name, value, message));
    }

    /// A flag that is a setting of other commands.
    pub(super) fn misplaced_flag(&mut self, setting: &'static Setting, name: &str, value: &str) {
        let message = format!("{} has no flag --{name}: the setting means nothing to it", self.command);
        let value = unless_sensitive(&[setting.name], value);
        self.errors.push(SettingsError::new(name, value, message));
    }

    /// A key of the config file `file` that is no setting.
    pub(super) fn unknown_key(&mut self, key: &str, value: &Value, file: &str) {
        let near = nearest(key, catalogue().iter().flat_map(Setting::spellings).chain(retired_names()));
        let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let value = unless_sensitive(&[key, near.unwrap_or_default()], &shown(value));
        self.doubt(near);
        self.errors.push(SettingsError::new(key, value, format!("{key} in {file} is no setting{hint}")));
    }

    /// A config file that cannot be read: what it sets nobody knows.
    pub(super) fn config_is_wrong(&mut self, file: &str, message: String) {
        self.settings.config_is_unread = true;
        self.errors.push(SettingsError::new("config", file, message));
    }

    /// A setting that was probably meant by something else: its value is not what the operator wants.
    fn doubt(&mut self, spelling: Option<&str>) {
        self.settings.unread.extend(spelling.and_then(find).map(|setting| setting.name));
    }

    pub(super) fn name_network(&mut self) {
        let command = self.command;
        if self.settings.get("network-name").is_some() {
            return;
        }
        if command.creates() {
            let name = SettingValue::Text(DEFAULT_NETWORK.to_owned());
            self.settings.values.insert("network-name", (name, Origin::Default));
        } else if command.needs_network() && !self.settings.is_unread("network-name") {
            let message = format!("{command} must be told which network: give --network-name");
            self.errors.push(SettingsError::missing("network-name", message));
        }
    }

    /// A variable that is nearly a setting is a mistake; one that is far from all may belong to somebody else.
    pub(super) fn unknown_variable(&mut self, variable: &str, value: &str) {
        let key = variable.trim_start_matches(VARIABLE_PREFIX).to_ascii_lowercase().replace('_', "-");
        if let Some(why) = retired(&key) {
            self.settings.warnings.push(format!("{variable} means nothing any more: {why}"));
            return;
        }
        match nearest(&key, catalogue().iter().flat_map(Setting::spellings)) {
            Some(near) => {
                self.doubt(Some(near));
                let message = format!("this variable is no setting; did you mean {}?", variable_name(near));
                self.errors.push(SettingsError::new(
                    variable,
                    unless_sensitive(&[&key, near], value),
                    message,
                ));
            }
            None => self.settings.warnings.push(format!("{variable} is no setting and has no effect")),
        }
    }
}

/// A value that was read.
enum Read {
    Value(SettingValue),
    Secret(SecretString),
    /// An empty text, which takes a value back.
    Nothing,
}

impl Given {
    fn as_document(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Document(value) => value.clone(),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Document(value) => value.as_str(),
        }
    }

    fn is_empty_text(&self) -> bool {
        self.text().is_some_and(str::is_empty)
    }

    /// The value as an error shows it.
    fn shown(&self, kind: Kind) -> String {
        match self {
            _ if kind.is_secret() => REDACTED.to_owned(),
            Self::Text(text) => text.clone(),
            Self::Document(value) => shown(value),
        }
    }
}

/// Kinds for which the original's config files have empty texts where nothing is set.
fn takes_empty_text(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Text
            | Kind::Path
            | Kind::List
            | Kind::NodeConfig
            | Kind::Objects
            | Kind::Secret
            | Kind::SecretFile
            | Kind::Pem
            | Kind::SecretPem
    )
}

/// A value as an error shows it. What is inside of objects is left out: values of charts may be passwords.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => "{...}".to_owned(),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            "[...]".to_owned()
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Which sources beat which.
fn rank(origin: &Origin) -> u8 {
    match origin {
        Origin::Flag => 0,
        Origin::Environment(_) => 1,
        Origin::ConfigFile(_) => 2,
        Origin::Record => 3,
        Origin::Default => 4,
    }
}

/// Refuses a secret on the command line, which everybody on the machine can read.
fn check_secrecy(setting: &Setting, origin: &Origin) -> Result<(), String> {
    if *origin != Origin::Flag {
        return Ok(());
    }
    let instead = match setting.kind {
        Kind::Secret => format!("--{}-file", setting.name),
        _ => "the path of a file".to_owned(),
    };
    let variable = variable_name(setting.name);
    Err(format!(
        "everybody on this machine can read a secret on the command line: set {variable} or give {instead}"
    ))
}

/// A secret without the line end that editors put at the end of files.
fn secret_text(text: &str) -> Result<SecretString, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it has a line end or another control character in it".to_owned());
    }
    Ok(SecretString::from(text.to_owned()))
}

/// A word that was given as a flag, as far as it looks like one: whatever else may be the value of another flag, and a secret.
fn flag_shown(name: &str) -> String {
    const LONGEST: usize = 40;
    let like_a_flag = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let shown: String = name.chars().take_while(like_a_flag).take(LONGEST).collect();
    if shown.len() == name.len() { shown } else { format!("{shown}...") }
}

/// `value`, unless one of the names looks like that of a secret.
fn unless_sensitive(names: &[&str], value: &str) -> String {
    const SENSITIVE: [&str; 4] = ["tok", "key", "secret", "passw"];
    let sensitive = names.iter().any(|name| SENSITIVE.iter().any(|part| name.to_lowercase().contains(part)));
    if sensitive { REDACTED.to_owned() } else { value.to_owned() }
}
