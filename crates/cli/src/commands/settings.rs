//! `settings`: every setting with its default, as the Markdown of `docs/settings.md`.

use clap::{Arg, Command};
use serde::Serialize;
use spacecraft_core::settings::{self, BareUnit, DefaultValue, Kind, Setting};
use spacecraft_core::state::SCHEMA;

use crate::arguments::command_line;
use crate::exit::ExitStatus;
use crate::session::Session;

const HEADING: &str = "# Settings

<!-- Printed by `spacecraft settings`; change crates/core/src/settings/catalogue.rs and print it again. -->

Every setting has one name. It is the flag, the variable and the key in the JSON, YAML or TOML file of `--config`, and the first of these that
has a value wins. Config files may also spell it in camel case (`minerRam`), and flags too.

- **secret**: comes from its variable or from the file that the setting with `-file` names. It is refused on the command line.
- *Italic* defaults follow from something else. All of them are those of a creation: commands for a network that exists take its own values.
- A bare number is cores for processors, GiB for memory and disks, and minutes for durations unless another unit is named.
- Lists are written with commas, as arrays, or by giving the flag several times.

| setting | value | default | commands | what it is |
|---|---|---|---|---|
";

/// All settings, as a document.
#[derive(Serialize)]
struct SettingsDocument {
    schema: &'static str,
    kind: &'static str,
    settings: Vec<Row>,
}

/// One setting, as people are told of it.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    flags: Vec<String>,
    variables: Vec<String>,
    kind: String,
    secret: bool,
    default: Option<&'static str>,
    /// True when the default is an explanation and not a value.
    default_follows: bool,
    commands: Vec<String>,
    help: &'static str,
}

/// Its command line.
pub(crate) fn arguments() -> Command {
    Command::new("settings").about("Print every setting with its default, as Markdown")
}

pub(crate) fn run(session: &Session<'_>) -> ExitStatus {
    let rows = rows();
    let text = markdown(&rows);
    session.output.result(&SettingsDocument { schema: SCHEMA, kind: "SettingsList", settings: rows }, || text)
}

fn rows() -> Vec<Row> {
    let known = command_line();
    settings::catalogue().iter().map(|setting| row(setting, &known)).collect()
}

fn row(setting: &Setting, known: &Command) -> Row {
    let (default, default_follows) = match setting.default {
        DefaultValue::None => (None, false),
        DefaultValue::Is(value) => (Some(value), false),
        DefaultValue::Follows(what) => (Some(what), true),
    };
    let takes = |command: &&settings::Command| {
        known.find_subcommand(command.name()).is_some_and(|command| takes(command, setting))
    };
    Row {
        name: setting.name,
        flags: flags(setting),
        variables: variables(setting),
        kind: kind(setting.kind),
        secret: setting.kind.is_secret(),
        default,
        default_follows,
        commands: setting.commands.iter().filter(takes).map(ToString::to_string).collect(),
        help: setting.help,
    }
}

/// True when the command, or one below it, has the setting as an argument. An argument of the same name that is the command's own has a
/// help of its own.
fn takes(command: &Command, setting: &Setting) -> bool {
    let is_setting = |argument: &Arg| {
        argument.get_id() == setting.name
            && argument.get_help().is_some_and(|help| help.to_string().starts_with(setting.help))
    };
    !setting.kind.has_flag()
        || command.get_arguments().any(is_setting)
        || command.get_subcommands().any(|inner| takes(inner, setting))
}

/// The flag with its short form; a secret has none that could be used.
fn flags(setting: &Setting) -> Vec<String> {
    if setting.kind == Kind::Secret || !setting.kind.has_flag() {
        return Vec::new();
    }
    let short = setting.short.map(|letter| format!("-{letter}"));
    [format!("--{}", setting.name)].into_iter().chain(short).collect()
}

/// The setting's own variable and those of lower rank; none for what only a config file can hold.
fn variables(setting: &Setting) -> Vec<String> {
    if !setting.kind.has_flag() {
        return Vec::new();
    }
    let others = setting.variables.iter().map(|name| (*name).to_owned());
    [setting.variable()].into_iter().chain(others).collect()
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Path | Kind::SecretFile => "path".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Number { least, most } => format!("{least} to {most}"),
        Kind::Cpu => "processor, such as 1.5 or 100m".to_owned(),
        Kind::Bytes => "size, such as 2 or 500Mi".to_owned(),
        Kind::Duration(BareUnit::Seconds) => "duration, such as 90s; seconds".to_owned(),
        Kind::Duration(BareUnit::Minutes) => "duration, such as 1h30m".to_owned(),
        Kind::Choice(words) => words.join(", "),
        Kind::List => "list".to_owned(),
        Kind::NodeConfig => "name, path, or in a config file the config itself".to_owned(),
        Kind::Objects => "path, or in a config file an array".to_owned(),
        Kind::Charts => "map, in a config file only".to_owned(),
        Kind::Secret => "secret".to_owned(),
        Kind::Pem => "path, or in the variable PEM text".to_owned(),
        Kind::SecretPem => "secret: path, or in the variable PEM text".to_owned(),
    }
}

fn markdown(rows: &[Row]) -> String {
    let mut text = HEADING.to_owned();
    for row in rows {
        text.push_str(&line(row));
    }
    text
}

fn line(row: &Row) -> String {
    let code = |words: &[String]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
    let flags = match row.flags.as_slice() {
        [] => format!("`{}` (no flag)", row.name),
        flags => code(flags).join(" "),
    };
    let spellings = match row.variables.as_slice() {
        [] => flags,
        variables => format!("{flags}<br>{}", code(variables).join(" ")),
    };
    let default = match (row.default, row.default_follows) {
        (None, _) => String::new(),
        (Some(value), false) => format!("`{value}`"),
        (Some(what), true) => format!("*{}*", escaped(what)),
    };
    let commands = row.commands.join(", ");
    let kind = if row.secret { row.kind.replacen("secret", "**secret**", 1) } else { escaped(&row.kind) };
    format!("| {spellings} | {kind} | {default} | {commands} | {} |\n", escaped(row.help))
}

/// Text that Markdown prints as it is, within a table.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('|', "\\|")
        .replace('*', "\\*")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_documentation_lists_the_settings_that_there_are() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
        let documented = std::fs::read_to_string(path).unwrap();
        assert!(
            documented == markdown(&rows()),
            "docs/settings.md is not what the catalogue says; write it anew: cargo run -- settings > docs/settings.md"
        );
    }

    #[test]
    fn an_argument_that_only_shares_a_settings_name_is_not_the_setting() {
        let rows = rows();
        let namespace = rows.iter().find(|row| row.name == "namespace").unwrap();
        assert!(namespace.commands.iter().any(|command| command == "create-network"));
        assert!(!namespace.commands.iter().any(|command| command == "chart"));
    }

    #[test]
    fn no_secret_is_offered_as_a_flag() {
        for row in rows().iter().filter(|row| row.kind == "secret") {
            assert!(row.secret && row.flags.is_empty(), "{}", row.name);
        }
    }

    #[test]
    fn marks_of_markdown_are_printed_as_they_are() {
        assert_eq!(escaped("a|b <c> *d*"), "a\\|b &lt;c&gt; \\*d\\*");
    }
}
