//! `chart ...`: charts rendered and installed like Helm, without Helm.

use clap::{Arg, ArgAction, Command};
use spacecraft_core::Result;
use spacecraft_helm::charts::TemplateOptions;
use spacecraft_helm::source::ChartReference;
use spacecraft_helm::values::ValueOptions;

use crate::connector::Connector;
use crate::exit::ExitStatus;
use crate::folders;
use crate::session::Session;

/// The command line of `chart`.
pub(crate) fn arguments() -> Command {
    Command::new("chart")
        .about("Charts, rendered and installed like Helm, without Helm")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("template")
                .about("Render a chart, as helm template does")
                .args(chart_arguments())
                .args(value_arguments())
                .args([
                    many(
                        "api-versions",
                        Some('a'),
                        "VERSION",
                        "API versions that the cluster is taken to serve",
                    )
                    .value_delimiter(','),
                    one(
                        "kube-version",
                        None,
                        "VERSION",
                        "Kubernetes version that the cluster is taken to have",
                    ),
                    switch("include-crds", "print the chart's CRDs too"),
                    switch("is-upgrade", "set .Release.IsUpgrade instead of .Release.IsInstall"),
                    switch("no-hooks", "leave hooks out"),
                    switch("skip-tests", "leave tests out"),
                    switch("skip-schema-validation", "do not check values against values.schema.json"),
                    switch("render-subchart-notes", "render the notes of subcharts too"),
                    many("show-only", Some('s'), "FILE", "print only these templates"),
                ]),
        )
}

fn chart_arguments() -> [Arg; 5] {
    [
        Arg::new("release").value_name("RELEASE").required(true).help("the release's name"),
        Arg::new("chart")
            .value_name("CHART")
            .required(true)
            .help("a folder, an archive, a URL, oci://..., or with --repo a name"),
        one("namespace", Some('n'), "NAMESPACE", "the release's namespace").default_value("default"),
        one("repo", None, "URL", "the chart repository"),
        one("version", None, "VERSION", "a version or a constraint; the newest if not given"),
    ]
}

fn value_arguments() -> [Arg; 6] {
    [
        many("values", Some('f'), "FILE", "values in YAML; later files win"),
        many("set", None, "NAME=VALUE", "a value, typed by how it looks"),
        many("set-string", None, "NAME=VALUE", "a value that is text"),
        many("set-json", None, "NAME=JSON", "a value in JSON"),
        many("set-file", None, "NAME=FILE", "a value that is a file's content"),
        many("set-literal", None, "NAME=TEXT", "a value that is all the text behind the first ="),
    ]
}

fn one(name: &'static str, short: Option<char>, value: &'static str, help: &'static str) -> Arg {
    let argument = Arg::new(name).long(name).value_name(value).help(help);
    match short {
        Some(letter) => argument.short(letter),
        None => argument,
    }
}

fn many(name: &'static str, short: Option<char>, value: &'static str, help: &'static str) -> Arg {
    one(name, short, value, help).action(ArgAction::Append)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let Some(("template", matches)) = session.matches.subcommand() else { return ExitStatus::Usage };
    let session = Session { matches, ..*session };
    match template(&session).await {
        Ok(text) => session.output.write(&text),
        Err(error) => session.output.failed(error),
    }
}

async fn template(session: &Session<'_>) -> Result<String> {
    let connector = connector(session)?;
    let charts = connector.charts(None);
    let text = |name: &str| session.argument(name).unwrap_or_default().to_owned();
    let options = TemplateOptions {
        release_name: text("release"),
        chart: ChartReference { chart: text("chart"), repository: text("repo"), version: text("version") },
        namespace: text("namespace"),
        values: charts.read_values(&values(session))?,
        kube_version: session.argument("kube-version").map(str::to_owned),
        api_versions: list(session, "api-versions"),
        include_crds: session.switch("include-crds"),
        is_upgrade: session.switch("is-upgrade"),
        no_hooks: session.switch("no-hooks"),
        skip_tests: session.switch("skip-tests"),
        show_only: list(session, "show-only"),
        skip_schema_validation: session.switch("skip-schema-validation"),
        render_subchart_notes: session.switch("render-subchart-notes"),
        patches: Vec::new(),
    };
    Ok(charts.template(&options).await?.text)
}

fn values(session: &Session<'_>) -> ValueOptions {
    ValueOptions {
        values_files: list(session, "values"),
        set_json: list(session, "set-json"),
        set: list(session, "set"),
        set_string: list(session, "set-string"),
        set_file: list(session, "set-file"),
        set_literal: list(session, "set-literal"),
    }
}

fn list(session: &Session<'_>, name: &str) -> Vec<String> {
    let given = session.matches.try_get_many::<String>(name).ok().flatten();
    given.into_iter().flatten().cloned().collect()
}

fn connector(session: &Session<'_>) -> Result<Connector> {
    let (client, options) = crate::wiring::client(session.environment)?;
    Ok(Connector::new(
        client,
        options,
        folders::charts(session.environment),
        std::collections::BTreeMap::new(),
    ))
}
