//! What was typed. Flags that a command does not have and arguments that are missing do not end the reading, so that they are told with all other mistakes.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command};
use spacecraft_core::settings::{self, Kind, SettingsError};
use spacecraft_core::spelling::nearest;

/// A command line that was read.
#[derive(Debug)]
pub(crate) struct Typed {
    /// What it says.
    pub matches: ArgMatches,
    /// What is wrong with it.
    pub strays: Strays,
}

/// What a command line has that it should not have, and has not that it should. With any of it, nothing is run.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    /// Flags that the command does not have, with what was given for them.
    pub flags: Vec<(String, String)>,
    /// The flags that the command has.
    pub own_flags: Vec<String>,
    /// Words that belong to no flag, and arguments that are missing.
    pub others: Vec<SettingsError>,
    /// Where the last unknown flag was, while what follows it may be its value.
    last_flag: Option<usize>,
}

/// Reads a command line that begins with the program's name.
///
/// # Errors
///
/// What else is wrong with it, and what is no mistake: that help or the version is asked for.
pub(crate) fn read(mut root: Command, mut words: Vec<OsString>) -> Result<Typed, clap::Error> {
    let mut strays = Strays::default();
    loop {
        match root.try_get_matches_from_mut(&words) {
            Ok(matches) => return Ok(Typed { matches, strays }),
            Err(error) => match asked(&root, &words).filter(|command| takes_settings(command)) {
                Some(command) if strays.take(&error, command, &mut words) => {
                    if error.kind() == ErrorKind::MissingRequiredArgument {
                        root = needing_nothing(root);
                    }
                }
                _ => return Err(error),
            },
        }
    }
}

/// The innermost command that is named.
fn asked<'a>(root: &'a Command, words: &[OsString]) -> Option<&'a Command> {
    let mut found = None;
    for word in words.iter().skip(1).filter_map(|word| word.to_str()) {
        let inner = found.unwrap_or(root).find_subcommand(word);
        found = inner.or(found);
    }
    found
}

/// Whether it is a command whose mistakes are collected: one with settings, unlike those that take Helm's flags.
fn takes_settings(command: &Command) -> bool {
    command.get_arguments().any(|argument| argument.get_id() == "config")
}

/// The same command line, which is content without anything.
fn needing_nothing(command: Command) -> Command {
    command.mut_args(|argument| argument.required(false)).mut_subcommands(needing_nothing)
}

impl Strays {
    /// True when nothing is wrong.
    pub(crate) fn are_none(&self) -> bool {
        self.flags.is_empty() && self.others.is_empty()
    }

    /// Notes what is wrong and takes it out of the command line; false for what cannot be taken out.
    fn take(&mut self, error: &clap::Error, command: &Command, words: &mut Vec<OsString>) -> bool {
        self.own_flags = own_flags(command);
        match (error.kind(), error.get(ContextKind::InvalidArg)) {
            (ErrorKind::UnknownArgument, Some(ContextValue::String(unknown))) => {
                self.take_word(unknown, command, words)
            }
            (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) => {
                let mistake = |argument: &String| SettingsError::new(argument, "", "this must be given");
                self.others.extend(missing.iter().map(mistake));
                true
            }
            (ErrorKind::InvalidValue, Some(ContextValue::String(flag))) => {
                self.take_wrong_value(flag, error, command, words)
            }
            _ => false,
        }
    }

    fn take_word(&mut self, unknown: &str, command: &Command, words: &mut Vec<OsString>) -> bool {
        let with_value = format!("{unknown}=");
        let is_it = |word: &OsString| {
            word.to_str().is_some_and(|word| word == unknown || word.starts_with(&with_value))
        };
        let Some(place) = words.iter().position(is_it) else { return false };
        let word = words.remove(place).to_string_lossy().into_owned();
        let Some(name) = unknown.strip_prefix("--").or_else(|| unknown.strip_prefix('-')) else {
            self.take_stray(word, place);
            return true;
        };
        let mut value = word.strip_prefix(&with_value).map(str::to_owned);
        if value.is_none() && takes_value(name, command) {
            value = take_value(words, place);
        }
        self.last_flag = value.is_none().then_some(place);
        self.flags.push((name.to_owned(), value.unwrap_or_default()));
        true
    }

    /// A flag that came without its value, or with a word that is none of its choices.
    fn take_wrong_value(
        &mut self,
        flag: &str,
        error: &clap::Error,
        command: &Command,
        words: &mut Vec<OsString>,
    ) -> bool {
        let Some(name) = flag.split_whitespace().next().and_then(|flag| flag.strip_prefix("--")) else {
            return false;
        };
        let value = match error.get(ContextKind::InvalidValue) {
            Some(ContextValue::String(value)) => value.as_str(),
            _ => "",
        };
        let Some(place) = place_of(&spellings(name, command), value, words) else { return false };
        let word = words.remove(place);
        let message = match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(choices)) if !value.is_empty() => {
                if !word.to_string_lossy().ends_with(&format!("={value}")) {
                    words.remove(place);
                }
                format!("write one of {}", choices.join(", "))
            }
            _ => "a value must follow".to_owned(),
        };
        self.others.push(SettingsError::new(name, value, message));
        true
    }

    /// A word that belongs to no flag that is known: perhaps the value of the unknown flag before it.
    fn take_stray(&mut self, word: String, place: usize) {
        let flag = self.flags.last_mut().filter(|_| self.last_flag == Some(place));
        self.last_flag = None;
        match flag {
            Some((_, value)) => *value = word,
            None => {
                let message = "nothing is expected here; a switch is given as --name or --name=false";
                self.others.push(SettingsError::new("argument", word, message));
            }
        }
    }
}

/// How a flag can be written.
fn spellings(name: &str, command: &Command) -> Vec<String> {
    let global = crate::arguments::global_arguments();
    let mut spellings = vec![format!("--{name}")];
    for argument in command.get_arguments().chain(&global).filter(|one| one.get_long() == Some(name)) {
        spellings.extend(argument.get_all_aliases().into_iter().flatten().map(|alias| format!("--{alias}")));
        spellings.extend(argument.get_short().map(|letter| format!("-{letter}")));
    }
    spellings
}

/// Where a flag stands with this value, or, for an empty value, without any.
fn place_of(spellings: &[String], value: &str, words: &[OsString]) -> Option<usize> {
    let text = |place: usize| words.get(place).and_then(|word| word.to_str());
    let is_place = |place: &usize| {
        text(*place).is_some_and(|word| match spellings.iter().find(|flag| word.starts_with(flag.as_str())) {
            None => false,
            Some(_) if value.is_empty() => {
                let bare = spellings.iter().any(|flag| word == flag || word == format!("{flag}="));
                bare && text(place + 1).is_none_or(|next| next.starts_with('-'))
            }
            Some(flag) => {
                word == format!("{flag}={value}")
                    || (spellings.iter().any(|flag| word == flag) && text(place + 1) == Some(value))
            }
        })
    };
    (1..words.len()).find(is_place)
}

/// What follows a flag that is gone, unless that is a flag itself.
fn take_value(words: &mut Vec<OsString>, place: usize) -> Option<String> {
    let next = words.get(place)?.to_str()?;
    (!next.starts_with('-')).then(|| words.remove(place).to_string_lossy().into_owned())
}

/// Whether an unknown flag was probably given with a value, which is so for the one that was meant.
fn takes_value(name: &str, command: &Command) -> bool {
    if let Some(setting) = settings::find(name) {
        return setting.kind != Kind::Flag;
    }
    let flags: Vec<&Arg> = command.get_arguments().filter(|argument| argument.get_long().is_some()).collect();
    let meant = nearest(name, flags.iter().filter_map(|argument| argument.get_long()));
    let is_meant = |argument: &&&Arg| argument.get_long() == meant;
    let meant = meant.and_then(|_| flags.iter().find(is_meant));
    meant.is_some_and(|flag| flag.get_action().takes_values() && !flag.is_require_equals_set())
}

/// The flags of a command that are no settings.
fn own_flags(command: &Command) -> Vec<String> {
    let flags = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let own = flags.filter_map(Arg::get_long).filter(|name| settings::find(name).is_none());
    let global = crate::arguments::global_arguments();
    own.chain(global.iter().filter_map(Arg::get_long)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        let words = format!("spacecraft {line}").split(' ').map(OsString::from).collect();
        read(crate::command_line(), words).unwrap()
    }

    fn flags(line: &str) -> Vec<(String, String)> {
        typed(line).strays.flags
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn every_flag_that_a_command_does_not_have_is_found_with_its_value() {
        let found = flags("create-network --minres 5 -n net1 --rolback --potes=3 --frobnicate x --miners 4");
        let wanted = [pair("minres", "5"), pair("rolback", ""), pair("potes", "3"), pair("frobnicate", "x")];
        assert_eq!(found, wanted);
        assert_eq!(flags("hosts -n net1 --miners 3 --metrics"), [pair("miners", "3"), pair("metrics", "")]);
        assert_eq!(flags("sandbox stop --sandbox-dri d"), [pair("sandbox-dri", "d")]);
    }

    #[test]
    fn the_rest_of_the_command_line_is_read() {
        let typed = typed("tunnel --portt 80 -n net1 miner-1");
        let (_, matches) = typed.matches.subcommand().unwrap();
        assert_eq!(matches.get_one::<String>("service").map(String::as_str), Some("miner-1"));
        assert_eq!(crate::arguments::given_flags(matches), [pair("network-name", "net1")]);
    }

    #[test]
    fn words_too_many_and_arguments_too_few_are_told_together() {
        let typed = typed("logs --tial 3 -n net1");
        let missing: Vec<&str> = typed.strays.others.iter().map(|other| other.key.as_str()).collect();
        assert_eq!((typed.strays.flags.len(), missing), (1, vec!["<NODE>"]));
        let stray = &typed_strays("create-network --metrics false");
        assert_eq!((stray[0].key.as_str(), stray[0].value.as_str()), ("argument", "false"));
    }

    fn typed_strays(line: &str) -> Vec<SettingsError> {
        typed(line).strays.others
    }

    #[test]
    fn flags_without_a_value_and_words_that_are_no_choice_are_told_with_all_others() {
        let told = |line: &str| typed(line).strays.others.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told("create-network --nope 3 --poets 0 --miners"), ["miners: a value must follow"]);
        assert_eq!(told("create-network -m"), ["miners: a value must follow"]);
        assert_eq!(told("createNetwork --minerRam"), ["miner-ram: a value must follow"]);
        let yaml = ["output \"yaml\": write one of text, json"];
        assert_eq!(told("create-network --output yaml -p 0"), yaml);
        assert_eq!(told("create-network --output=yaml -p 0"), yaml);
        let matches = typed("create-network --output yaml -p 0 --miners").matches;
        let (_, matches) = matches.subcommand().unwrap();
        assert_eq!(crate::arguments::given_flags(matches), [("poets".to_owned(), "0".to_owned())]);
    }

    #[test]
    fn what_is_right_has_no_strays_and_help_is_no_mistake() {
        assert!(typed("create-network -n net1 --rollback").strays.are_none());
        let words = ["spacecraft", "create-network", "--help"].map(OsString::from).to_vec();
        assert_eq!(read(crate::command_line(), words).unwrap_err().kind(), ErrorKind::DisplayHelp);
    }

    #[test]
    fn commands_without_settings_of_their_own_and_helms_keep_their_own_words() {
        for line in ["completions bash --x", "chart template a b --nmae x", "frobnicate --x"] {
            let words = format!("spacecraft {line}").split(' ').map(OsString::from).collect();
            assert!(read(crate::command_line(), words).is_err(), "{line}");
        }
    }
}
