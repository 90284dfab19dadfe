//! `chart template`: a chart rendered without a cluster.

use clap::Command;
use spacecraft_core::Result;
use spacecraft_helm::charts::TemplateOptions;

use super::flags::{self, list, many, one, switch, text};
use crate::connector::Connector;
use crate::folders;
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("template")
        .about("Render a chart, as helm template does")
        .arg(flags::release())
        .args(flags::chart())
        .arg(flags::namespace())
        .args(flags::values())
        .args([
            many("api-versions", "VERSION", "API versions that the cluster is taken to serve")
                .short('a')
                .value_delimiter(','),
            one("kube-version", "VERSION", "Kubernetes version that the cluster is taken to have"),
            switch("include-crds", "print the chart's CRDs too"),
            switch("is-upgrade", "set .Release.IsUpgrade instead of .Release.IsInstall"),
            switch("no-hooks", "leave hooks out"),
            switch("skip-tests", "leave tests out"),
            switch("render-subchart-notes", "render the notes of subcharts too"),
            many("show-only", "FILE", "print only these templates").short('s'),
        ])
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let (client, options) = crate::wiring::client(session.environment)?;
    let cache = folders::charts(session.environment);
    let charts = Connector::new(client, options, cache, std::collections::BTreeMap::new()).charts(None);
    let options = TemplateOptions {
        release_name: text(session, "release"),
        chart: flags::reference(session),
        namespace: session.argument("release-namespace").unwrap_or("default").to_owned(),
        values: charts.read_values(&flags::value_options(session))?,
        kube_version: session.argument("kube-version").map(str::to_owned),
        api_versions: list(session, "api-versions"),
        include_crds: session.switch("include-crds"),
        is_upgrade: session.switch("is-upgrade"),
        no_hooks: session.switch("no-hooks"),
        skip_tests: session.switch("skip-tests"),
        show_only: list(session, "show-only"),
        skip_schema_validation: session.switch("skip-schema-validation"),
        render_subchart_notes: session.switch("render-subchart-notes"),
        patches: flags::patches(session)?,
    };
    Ok(charts.template(&options).await?.text)
}
