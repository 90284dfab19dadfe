//! The command line, built from the catalogue of settings.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;
use spacecraft_core::settings::{self, Kind, Setting};
use spacecraft_core::state::SCHEMA;

use crate::exit::ExitStatus;

const ABOUT: &str = "Deploys and runs whole Spacemesh networks";

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed, nothing left behind
  2  wrong usage or settings, nothing was changed
  3  failed or interrupted with resources left: the same command goes on
  4  a difference was found (status, plan --check)

Every setting can be given as a flag, as a variable SPACECRAFT_<NAME> or in the file of --config; the first of these wins.";

/// The whole command line.
#[must_use]
pub fn command_line() -> Command {
    Command::new("spacecraft")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(120)
        .args(global_arguments())
        .subcommands(crate::commands::arguments())
}

/// A command with all its settings, under its name and the original's.
pub(crate) fn of(command: settings::Command, about: &'static str) -> Command {
    let retired = settings::retired_names().filter(|_| command.creates()).map(retired_argument);
    let built = of_named(command.name(), command, about).args(retired);
    match command.original_name() {
        Some(original) => built.visible_alias(original),
        None => built,
    }
}

/// The same under another name.
pub(crate) fn of_named(name: &'static str, command: settings::Command, about: &'static str) -> Command {
    let used = settings::catalogue().iter().filter(|setting| setting.commands.contains(&command));
    // Commands of the simulated cloud need none of a network's settings; those that all commands take are taken, but not advertised.
    let means_something =
        |setting: &Setting| command != settings::Command::Sandbox || setting.name == "sandbox-dir";
    let flags = used.filter(|setting| setting.kind.has_flag()).map(|setting| {
        let argument = argument(setting, command);
        if means_something(setting) { argument } else { argument.hide(true) }
    });
    Command::new(name).about(about).args(flags)
}

fn argument(setting: &'static Setting, command: settings::Command) -> Arg {
    let mut argument = Arg::new(setting.name)
        .long(setting.name)
        .help(help(setting, command))
        .value_name(value_name(setting.kind))
        .action(ArgAction::Append)
        .value_parser(AnyText(setting.kind))
        .hide(setting.kind == Kind::Secret);
    if let Some(letter) = setting.short {
        argument = argument.short(letter);
    }
    let camel = setting.camel_case();
    if camel != setting.name {
        argument = argument.alias(camel);
    }
    for alias in setting.aliases {
        argument = argument.alias(*alias);
    }
    if setting.kind == Kind::Flag {
        argument = argument.num_args(0..=1).require_equals(true).default_missing_value("true");
    }
    argument.allow_hyphen_values(matches!(setting.kind, Kind::Number { .. }))
}

/// A flag of the original that has no effect any more, so that its command lines still work; the settings warn of it.
fn retired_argument(name: &'static str) -> Arg {
    Arg::new(name).long(name).alias(settings::camel_case(name)).action(ArgAction::Append).hide(true)
}

fn help(setting: &Setting, command: settings::Command) -> String {
    match setting.default_text(command) {
        None if setting.name == "network-name" && command.needs_network() => {
            format!("{}, which must be given", setting.help)
        }
        None => setting.help.to_owned(),
        Some(usual) => format!("{} [default: {usual}]", setting.help),
    }
}

fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Secret => "TEXT",
        Kind::Path | Kind::Pem | Kind::SecretFile | Kind::SecretPem => "PATH",
        Kind::Flag => "BOOL",
        Kind::Number { .. } => "NUMBER",
        Kind::Cpu => "CPU",
        Kind::Bytes => "SIZE",
        Kind::Duration(_) => "DURATION",
        Kind::Choice(_) => "CHOICE",
        Kind::List => "LIST",
        Kind::NodeConfig => "NAME|PATH",
        Kind::Objects => "PATH",
        Kind::Charts => "MAP",
    }
}

/// The switch of every command that takes a network's lock.
pub(crate) fn force_unlock() -> Arg {
    switch("force-unlock", "break the lock of another operation that is certainly dead")
}

/// An argument that is there or not.
pub(crate) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

pub(crate) fn global_arguments() -> Vec<Arg> {
    let arguments = [
        Arg::new("output")
            .long("output")
            .global(true)
            .value_name("FORMAT")
            .value_parser(["text", "json"])
            .default_value("text")
            .hide_possible_values(true)
            .help("text for people, or json: one document on stdout and nothing else"),
        Arg::new("verbose")
            .short('v')
            .long("verbose")
            .global(true)
            .action(ArgAction::Count)
            .help("tell more on stderr: -v every resource, -vv every call"),
        Arg::new("quiet").long("quiet").global(true).action(ArgAction::SetTrue).help("tell errors only"),
        Arg::new("no-color").long("no-color").global(true).action(ArgAction::SetTrue).help("no colours"),
        Arg::new("log-file")
            .long("log-file")
            .global(true)
            .value_name("PATH")
            .help("write a detailed log as JSON lines"),
    ];
    arguments.map(|argument| argument.help_heading("What is told")).into()
}

/// Takes any text: values are checked with all other settings, so that all mistakes are told together. Completion still learns the choices.
#[derive(Debug, Clone, Copy)]
struct AnyText(Kind);

impl TypedValueParser for AnyText {
    type Value = String;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        value
            .to_str()
            .map(str::to_owned)
            .ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidUtf8).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        match self.0 {
            Kind::Choice(words) => Some(Box::new(words.iter().map(PossibleValue::new))),
            Kind::Flag => Some(Box::new(["true", "false"].into_iter().map(PossibleValue::new))),
            _ => None,
        }
    }
}

/// The settings given as flags, in the order of the catalogue, then flags that mean nothing any more.
pub(crate) fn given_flags(matches: &ArgMatches) -> Vec<(String, String)> {
    let mut flags = Vec::new();
    for name in settings::catalogue().iter().map(|setting| setting.name).chain(settings::retired_names()) {
        if let Ok(Some(values)) = matches.try_get_many::<String>(name) {
            flags.extend(values.map(|value| (name.to_owned(), value.clone())));
        }
    }
    flags
}

/// Wrong usage, as a document.
#[derive(Serialize)]
struct UsageError {
    schema: &'static str,
    kind: &'static str,
    error: String,
}

/// Prints what clap has to say, and ends with what that means: help and version are results, everything else is wrong usage. `arguments` are those of the
/// process, because an error leaves nothing else to tell whether a document is wanted.
pub(crate) fn report(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let failed_to_print = match error.use_stderr() && wants_json(arguments) {
        true => print_document(error).is_err(),
        false => error.print().is_err(),
    };
    match error.kind() {
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion if !failed_to_print => {
            ExitStatus::Done.into()
        }
        _ => ExitStatus::Usage.into(),
    }
}

/// Whether `--output json` is among the arguments.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments
            .windows(2)
            .any(|pair| matches!(pair, [name, value] if name == "--output" && value == "json"))
}

fn print_document(error: &clap::Error) -> std::io::Result<()> {
    let text = error.render().to_string();
    let text = text.trim().trim_start_matches("error: ").to_owned();
    let document = UsageError { schema: SCHEMA, kind: "UsageError", error: text };
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &document)?;
    writeln!(stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command_line().debug_assert();
    }

    #[test]
    fn the_originals_spellings_are_taken() {
        let matches = command_line()
            .try_get_matches_from([
                "spacecraft",
                "createNetwork",
                "-n",
                "net1",
                "--minerRam",
                "4",
                "--metrics",
                "--bootstrap=false",
            ])
            .unwrap();
        let (_, matches) = matches.subcommand().unwrap();
        let flags = given_flags(matches);
        let value = |name: &str| flags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(value("network-name"), Some("net1"));
        assert_eq!(value("miner-ram"), Some("4"));
        assert_eq!((value("metrics"), value("bootstrap")), (Some("true"), Some("false")));
    }

    #[test]
    fn flags_that_mean_nothing_any_more_are_taken_and_not_advertised() {
        let given = |command: &str, flag: &str| {
            let matches = command_line().try_get_matches_from(["spacecraft", command, flag, "x.p12"])?;
            Ok::<_, clap::Error>(matches.subcommand().map(|(_, matches)| given_flags(matches)))
        };
        for flag in ["--es-cert", "--esCert"] {
            let flags = given("create-network", flag).unwrap();
            assert_eq!(flags, Some(vec![("es-cert".to_owned(), "x.p12".to_owned())]));
        }
        assert!(given("delete-network", "--es-cert").is_err());
        let help = command_line().find_subcommand_mut("create-network").unwrap().render_long_help();
        assert!(!help.to_string().contains("es-cert"), "{help}");
    }

    #[test]
    fn wrong_choices_are_left_to_the_settings_so_that_all_mistakes_are_told_together() {
        let matches =
            command_line().try_get_matches_from(["spacecraft", "plan", "--logs", "splunk", "--miners", "-3"]);
        assert!(matches.is_ok(), "{:?}", matches.err());
    }
}
