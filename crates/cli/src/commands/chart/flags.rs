//! Helm's flags that several commands have, and what they say.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::{Arg, ArgAction, value_parser};
use spacecraft_core::go_duration;
use spacecraft_core::traits::ObjectPatch;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::PostRenderer;
use spacecraft_helm::values::ValueOptions;

use crate::session::Session;

/// Settings that lead to a cluster. They are named here because Helm's own flags use some of their letters.
const PLACES: [&str; 9] = [
    "provider",
    "gcp-project",
    "gcp-location",
    "gcp-zone",
    "gcp-credentials-file",
    "sandbox-dir",
    "network-name",
    "kubeconfig",
    "context",
];

pub(super) fn one(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

pub(super) fn many(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    one(name, value, help).action(ArgAction::Append)
}

pub(super) use crate::arguments::switch;

pub(super) fn release() -> Arg {
    Arg::new("release").value_name("RELEASE").required(true).help("the release's name")
}

pub(super) fn number(name: &'static str, help: &'static str) -> Arg {
    one(name, "NUMBER", help).value_parser(value_parser!(usize))
}

pub(super) fn revision() -> Arg {
    one("revision", "REVISION", "this revision instead of the last one").value_parser(value_parser!(u32))
}

/// `--namespace`, which is the release's and not the setting of that name.
pub(super) fn namespace() -> Arg {
    Arg::new("release-namespace")
        .long("namespace")
        .short('n')
        .value_name("NAMESPACE")
        .help("the release's namespace [default: that of the kubeconfig's context, else default]")
}

/// `-o`, with the forms that Helm knows. `text` is another word for `table`.
pub(super) fn output() -> Arg {
    Arg::new("output")
        .long("output")
        .short('o')
        .value_name("FORMAT")
        .value_parser(["table", "json", "yaml", "text"])
        .default_value("table")
        .hide_possible_values(true)
        .help("table, json or yaml")
}

/// Where the cluster is.
pub(super) fn places() -> Vec<Arg> {
    let settings = spacecraft_core::settings::catalogue().iter();
    let places = settings.filter(|setting| PLACES.contains(&setting.name));
    places
        .map(|setting| {
            let argument = one(setting.name, "TEXT", setting.help).action(ArgAction::Append);
            match setting.name {
                "network-name" => argument.help("the network whose cluster it is, instead of a kubeconfig's"),
                "provider" => argument
                    .requires_ifs([("gcp", "network-name"), ("sandbox", "network-name")])
                    .help("where the network runs: gcp, kubernetes or sandbox"),
                "context" => argument.alias("kube-context"),
                "kubeconfig" => argument.help("the kubeconfig of the cluster [default: ~/.kube/config]"),
                _ => argument,
            }
        })
        .chain(unheeded())
        .collect()
}

/// Helm's flags for all of its commands that change nothing here.
fn unheeded() -> impl Iterator<Item = Arg> {
    const WITH_VALUE: [&str; 5] =
        ["burst-limit", "qps", "registry-config", "repository-cache", "repository-config"];
    const HELP: &str = "has no effect";
    let with_value = WITH_VALUE.into_iter().map(|name| many(name, "TEXT", HELP).hide(true));
    with_value.chain([switch("debug", HELP).hide(true)])
}

/// Which chart.
pub(super) fn chart() -> Arg {
    Arg::new("chart")
        .value_name("CHART")
        .required(true)
        .help("a folder, an archive, a URL, oci://..., or with --repo a name")
}

/// The values, and what is changed in what comes of them.
pub(super) fn values() -> [Arg; 8] {
    [
        many("values", "FILE", "values in YAML, - for those of standard input, or a URL; later files win")
            .short('f'),
        many("set", "NAME=VALUE", "a value, typed by how it looks"),
        many("set-string", "NAME=VALUE", "a value that is text"),
        many("set-json", "NAME=JSON", "a value in JSON"),
        many("set-file", "NAME=FILE", "a value that is a file's content"),
        many("set-literal", "NAME=TEXT", "a value that is all the text behind the first ="),
        switch("skip-schema-validation", "do not check values against values.schema.json"),
        one(
            "patches",
            "FILE",
            "changes to rendered objects: a list of {kind, name, type: merge|json, patch} in YAML or JSON",
        ),
    ]
}

/// How long, and for what, commands wait.
pub(super) fn waiting() -> [Arg; 3] {
    [
        switch("wait", "wait until what it made is ready"),
        switch("wait-for-jobs", "wait until Jobs are complete too"),
        limit(),
    ]
}

/// `--timeout`.
pub(super) fn limit() -> Arg {
    Arg::new("wait-limit")
        .long("timeout")
        .value_name("DURATION")
        .value_parser(|text: &str| go_duration::parse(text))
        .default_value("5m0s")
        .help("limit of every wait, hooks included")
}

/// What is done with what was rendered, before anything else.
pub(super) fn rendering() -> [Arg; 3] {
    [
        switch("render-subchart-notes", "render the notes of subcharts too"),
        one(
            "post-renderer",
            "PROGRAM",
            "a program that reads the rendered objects and writes those to apply",
        ),
        many("post-renderer-args", "TEXT", "an argument of that program")
            .requires("post-renderer")
            .allow_hyphen_values(true),
    ]
}

/// What `install` and `upgrade` have in common, the chart and its values apart.
pub(super) fn releasing() -> Vec<Arg> {
    vec![
        switch("no-modernise", "leave objects of API versions that the cluster no longer serves as they are")
            .alias("no-modernize"),
        switch("create-namespace", "make the namespace if there is none"),
        switch("skip-crds", "do not install the chart's CRDs"),
        switch("no-hooks", "run no hooks"),
        switch("atomic", "undo what fails; waits too"),
        switch("force", "delete and make anew what cannot be changed"),
        switch("hide-notes", "do not print the chart's notes"),
        Arg::new("dry-run")
            .long("dry-run")
            .value_name("WHERE")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("client")
            .value_parser(["client", "server", "true", "none", "false"])
            .hide_possible_values(true)
            .help("change nothing, and print what would be installed"),
        switch("take-ownership", "make objects that exist part of the release, whoever made them"),
        one("description", "TEXT", "what the release's history says of this revision"),
        switch("disable-openapi-validation", "has no effect: the cluster checks what is applied").hide(true),
        many("labels", "NAME=VALUE", "labels of the release's record")
            .short('l')
            .value_delimiter(',')
            .value_parser(label),
    ]
}

/// Flags of Helm's that `helm template` takes from `helm install`, and that change nothing of what is rendered.
pub(super) fn installing_only() -> Vec<Arg> {
    const SWITCHES: [&str; 10] = [
        "atomic",
        "create-namespace",
        "disable-openapi-validation",
        "force",
        "hide-notes",
        "replace",
        "skip-crds",
        "take-ownership",
        "wait",
        "wait-for-jobs",
    ];
    const HELP: &str = "has no effect where nothing is installed";
    let switches = SWITCHES.into_iter().map(|name| switch(name, HELP));
    let labels = many("labels", "NAME=VALUE", HELP).short('l');
    let description = many("description", "TEXT", HELP);
    switches.chain([description, labels, limit()]).map(|argument| argument.hide(true)).collect()
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn text(session: &Session<'_>, name: &str) -> String {
    session.argument(name).unwrap_or_default().to_owned()
}

pub(super) fn list(session: &Session<'_>, name: &str) -> Vec<String> {
    let given = session.matches.try_get_many::<String>(name).ok().flatten();
    given.into_iter().flatten().cloned().collect()
}

/// A value that the command line's parser has read.
pub(super) fn parsed<T: Clone + Send + Sync + 'static>(session: &Session<'_>, name: &str) -> Option<T> {
    session.matches.try_get_one::<T>(name).ok().flatten().cloned()
}

pub(super) fn value_options(session: &Session<'_>) -> ValueOptions {
    ValueOptions {
        values_files: list(session, "values"),
        set_json: list(session, "set-json"),
        set: list(session, "set"),
        set_string: list(session, "set-string"),
        set_file: list(session, "set-file"),
        set_literal: list(session, "set-literal"),
    }
}

pub(super) fn labels(session: &Session<'_>) -> BTreeMap<String, String> {
    let given = session.matches.try_get_many::<(String, String)>("labels").ok().flatten();
    given.into_iter().flatten().cloned().collect()
}

pub(super) fn post_renderer(session: &Session<'_>) -> Option<PostRenderer> {
    let program = session.argument("post-renderer")?.into();
    Some(PostRenderer { program, arguments: list(session, "post-renderer-args") })
}

/// Whether `--dry-run` says so; wherever Helm would look, the cluster is looked at.
pub(super) fn dry_run(session: &Session<'_>) -> bool {
    matches!(session.argument("dry-run"), Some("client" | "server" | "true"))
}

pub(super) fn timeout(session: &Session<'_>) -> Duration {
    parsed(session, "wait-limit").unwrap_or_default()
}

/// The patches of `--patches`; none without it.
pub(super) fn patches(session: &Session<'_>) -> Result<Vec<ObjectPatch>> {
    let Some(path) = session.argument("patches") else { return Ok(Vec::new()) };
    let failed = |reason: &str| Error::new(Meaning::Invalid, "read patches", path, reason);
    let text = std::fs::read_to_string(Path::new(path))
        .map_err(|error| failed("the file cannot be read").with_source(error))?;
    serde_saphyr::from_str(&text).map_err(|error| {
        failed("it is no list of patches, each with kind, name, type and patch").with_source(error)
    })
}
