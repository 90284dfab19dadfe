//! The command line, built from the catalogue of settings.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;
use spacecraft_core::settings::{self, DefaultValue, Kind, Setting};
use spacecraft_core::state::SCHEMA;

use crate::exit::ExitStatus;

const ABOUT: &str = "Deploys and runs whole Spacemesh networks";

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed, nothing left behind
  2  wrong usage or settings, nothing was called
  3  failed or interrupted with resources left: the same command goes on
  4  a difference was found (status, plan --check)

Every setting can be given as a flag, as a variable SPACECRAFT_<NAME> or in the file of --config; the first of these wins.";

const FORCE_UNLOCK: &str = "break the lock of another operation that is certainly dead";

const ADD_MINER: &str = "New miners are as the network's nodes are but for what is given here. Workers are added where they do not fit. No other node is
touched; spacemesh-watch watches the new ones too.

Run again after it was stopped or failed, the same command goes on with the same miners. Run again after it ended, it adds the
next ones. While some are not finished, other ones are refused; delete-miner takes them back.";

const DELETE_MINER: &str = "A node goes with its data, disk, config, Services and keys; its wallet key goes too, unless rewards go to a coinbase of your own
(keys export writes wallet keys out). Its number can be given again.

The published config forgets a bootnode at once. Nodes that know it are not restarted for that: they are told of others on
their next change, and only those that would know nobody any more at once.

Run again after it was stopped or failed, the same command finishes it.";

/// The whole command line.
#[must_use]
pub fn command_line() -> Command {
    use settings::Command as C;
    Command::new("spacecraft")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(120)
        .args(global_arguments())
        .subcommand(
            of(C::CreateNetwork, "Create a network, go on with one, or see that nothing is to be done").args(
                [
                    switch("force-unlock", FORCE_UNLOCK),
                    switch(
                        "rollback",
                        "when it fails, remove what it and earlier unfinished runs have made, but no cluster that was there before",
                    ),
                    switch(
                        "new-genesis",
                        "start the chain of a network that was begun anew, with new keys and data",
                    ),
                ],
            ),
        )
        .subcommand(of(C::Plan, "Show what create-network would make, without calling anything").args([
            switch("manifests", "print the Kubernetes objects as YAML, secrets blanked"),
            switch("check", "compare with the network that exists; exit code 4 when something differs"),
        ]))
        .subcommand(of(C::DeleteNetwork, "Delete a network with all that belongs to it").args([
            switch("yes", "do not ask for the network's name"),
            switch("force-unlock", FORCE_UNLOCK),
        ]))
        .subcommand(
            of(C::AddMiner, "Add plain miners to a network that is up")
                .args([switch("force-unlock", FORCE_UNLOCK)])
                .after_help(ADD_MINER),
        )
        .subcommand(
            of(C::DeleteMiner, "Delete nodes of a network that is up, with all they own")
                .args([
                    Arg::new("numbers")
                        .value_name("NUMBERS")
                        .num_args(0..)
                        .help("numbers of the nodes: 3, 3,5 or 7-9; --miner-number does the same"),
                    switch("force", "delete even the bootstrap node or the last bootnode"),
                    switch("yes", "do not ask for the network's name"),
                    switch("force-unlock", FORCE_UNLOCK),
                ])
                .after_help(DELETE_MINER),
        )
        .subcommand(of(
            C::Hosts,
            "Show where the network's nodes answer, and the list that spacemesh-watch takes",
        ))
        .subcommand(
            of(C::Gc, "List what networks left behind that no longer exist")
                .args([switch("apply", "remove it"), switch("yes", "do not ask before removing it")]),
        )
        .subcommand(
            of(C::List, "Show all networks, with what is known of each")
                .args([switch("show-secrets", "show the passwords of Kibana and Grafana too")]),
        )
        .subcommand(of(C::Status, "Show how a network is; exit code 4 when something is off").args([
            switch("watch", "show it again every few seconds, until Ctrl-C"),
            switch("no-drift", "do not compare the network with what create-network would make"),
        ]))
        .subcommand(
            of(C::Logs, "Show what a part of the network wrote").args([
                Arg::new("node")
                    .value_name("NODE")
                    .required(true)
                    .help("miner-N, poet-N, beacon, spacemesh-watch or pyroscope"),
                switch("follow", "go on with what it writes, until Ctrl-C").short('f'),
                switch("previous", "what its container wrote before it was restarted"),
            ]),
        )
        .subcommand(
            of(C::ReleaseNetwork, "Publish builds of go-spacemesh with the network's config, and draft their release")
                .args([switch("force-unlock", "break the lock of another operation that is certainly dead")]),
        )
        .subcommand(of(C::Rewards, "Report what the chain paid to whom, and whether it is what it should be").args([
            Arg::new("chart")
                .long("chart")
                .value_name("FILE")
                .help("draw rewards per epoch and the managed share into this SVG file as well"),
            Arg::new("output")
                .long("output")
                .value_name("FORMAT")
                .value_parser(["text", "table", "json", "csv"])
                .default_value("text")
                .hide_possible_values(true)
                .help("text (or table) for people, json for one document, csv for the table of --by, in smidge"),
        ]))
        .subcommand(
            of(
                C::DeployWs,
                "Deploy public API nodes, explorer and dashboard, with names and discovery entry",
            )
            .args([switch("force-unlock", FORCE_UNLOCK)]),
        )
        .subcommand(
            of(C::DeployCm, "Install chaos mesh for the network")
                .args([switch("force-unlock", FORCE_UNLOCK)]),
        )
        .subcommand(
            of(
                C::UpgradeNetwork,
                "Upgrade nodes, PoETs or their config in waves, each healthy before the next, or go on with an upgrade",
            )
            .args([
                switch(
                    "replace-config",
                    "put the config in the place of the running one instead of merging it (null takes a key away)",
                ),
                switch(
                    "restart-all",
                    "stop all nodes and PoETs, then start them: for values that nodes must agree on",
                ),
                switch(
                    "rollback",
                    "return to the old image and config when a wave is not healthy; alone, take back an upgrade that did not end",
                ),
                switch("force-unlock", "break the lock of another operation that is certainly dead"),
            ]),
        )
        .subcommand(
            of(C::Kubeconfig, "Print a kubeconfig for the network's cluster, good for an hour").args([
                Arg::new("merge")
                    .long("merge")
                    .value_name("FILE")
                    .help("merge it into this kubeconfig instead of printing it"),
                switch("exec-plugin", "let gke-gcloud-auth-plugin give the tokens, so that it stays good"),
            ]),
        )
        .subcommand(
            of(C::Tunnel, "Open a local port that leads to a private service, until Ctrl-C").args([
                Arg::new("service").value_name("SERVICE").required(true).help(
                    "kibana, elasticsearch, grafana, pyroscope, miner-N, poet-N, or NAMESPACE/SERVICE:PORT",
                ),
                Arg::new("port")
                    .long("port")
                    .value_name("PORT")
                    .help("port of the service, instead of its usual one"),
            ]),
        )
        .subcommand(
            Command::new("keys")
                .about("Wallet keys of a network's nodes")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(
                    of_named(
                        "export",
                        C::Keys,
                        "Write the nodes' wallet keys into a file that only you can read",
                    )
                    .args([Arg::new("file")
                        .value_name("FILE")
                        .required(true)
                        .help("the file to write; it must not exist")]),
                ),
        )
        .subcommand(crate::commands::sandbox::arguments())
        .subcommand(crate::commands::chart::arguments())
        .subcommand(Command::new("settings").about("Print every setting with its default, as Markdown"))
        .subcommand(
            Command::new("completions").about("Print a completion script for a shell").arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(clap::value_parser!(clap_complete::Shell)),
            ),
        )
        .subcommand(
            Command::new("man").about("Write the manual pages into a folder").arg(
                Arg::new("folder").value_name("FOLDER").required(true).help("the folder; made if need be"),
            ),
        )
}

/// A command with all its settings, under its name and the original's.
fn of(command: settings::Command, about: &'static str) -> Command {
    let built = of_named(command.name(), command, about);
    match command.original_name() {
        Some(original) => built.visible_alias(original),
        None => built,
    }
}

pub(crate) fn of_named(name: &'static str, command: settings::Command, about: &'static str) -> Command {
    let used = settings::catalogue().iter().filter(|setting| setting.commands.contains(&command));
    // Commands of the simulated cloud need none of a network's settings; those that all commands take are taken, but not advertised.
    let means_something =
        |setting: &Setting| command != settings::Command::Sandbox || setting.name == "sandbox-dir";
    let flags = used.filter(|setting| setting.kind.has_flag()).map(|setting| {
        let argument = argument(setting);
        if means_something(setting) { argument } else { argument.hide(true) }
    });
    Command::new(name).about(about).args(flags)
}

fn argument(setting: &'static Setting) -> Arg {
    let mut argument = Arg::new(setting.name)
        .long(setting.name)
        .help(help(setting))
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

fn help(setting: &Setting) -> String {
    match setting.default {
        DefaultValue::None => setting.help.to_owned(),
        DefaultValue::Is(value) => format!("{} [default: {value}]", setting.help),
        DefaultValue::Follows(what) => format!("{} [default: {what}]", setting.help),
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

pub(crate) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

fn global_arguments() -> Vec<Arg> {
    vec![
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
    ]
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

/// The settings given as flags, in the order of the catalogue.
pub(crate) fn given_flags(matches: &ArgMatches) -> Vec<(String, String)> {
    let mut flags = Vec::new();
    for setting in settings::catalogue() {
        if let Ok(Some(values)) = matches.try_get_many::<String>(setting.name) {
            flags.extend(values.map(|value| (setting.name.to_owned(), value.clone())));
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
    fn wrong_choices_are_left_to_the_settings_so_that_all_mistakes_are_told_together() {
        let matches =
            command_line().try_get_matches_from(["spacecraft", "plan", "--logs", "splunk", "--miners", "-3"]);
        assert!(matches.is_ok(), "{:?}", matches.err());
    }
}
