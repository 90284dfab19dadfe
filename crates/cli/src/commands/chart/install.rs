//! `chart install`.

use clap::Command;
use spacecraft_core::Result;
use spacecraft_helm::charts::ReleaseOptions;

use super::flags::{self, switch, text};
use super::naming::{self, Named};
use super::source;
use super::target::{Target, patience};
use super::text::installed;
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("install")
        .about("Install a chart as a new release, as helm install does")
        .args(naming::arguments())
        .args(source::arguments())
        .arg(source::dependency_update())
        .arg(flags::namespace())
        .args(flags::values())
        .args(flags::rendering())
        .args(flags::releasing())
        .arg(switch("replace", "use the name of a release that failed, or whose history was kept, again"))
        .args(flags::waiting())
        .args(flags::places())
        .arg(flags::output())
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?.with_sources(session)?;
    let named = naming::named(session, &target.charts, None)?;
    let options = options(session, &target, named).await?;
    let release = target.charts.install(&options, &patience(session, "install")).await?;
    installed(session, &release)
}

/// What the command line says of a release to make.
pub(super) async fn options(session: &Session<'_>, target: &Target, named: Named) -> Result<ReleaseOptions> {
    Ok(ReleaseOptions {
        chart: source::reference(session, &named.chart),
        name: named.release,
        namespace: target.namespace.clone(),
        values: target.charts.read_values(&flags::value_options(session)).await?,
        patches: flags::patches(session)?,
        modernise: !session.switch("no-modernise"),
        create_namespace: session.switch("create-namespace"),
        skip_crds: session.switch("skip-crds"),
        no_hooks: session.switch("no-hooks"),
        wait: session.switch("wait"),
        wait_for_jobs: session.switch("wait-for-jobs"),
        atomic: session.switch("atomic"),
        force: session.switch("force"),
        take_ownership: session.switch("take-ownership"),
        skip_schema_validation: session.switch("skip-schema-validation"),
        description: text(session, "description"),
        labels: flags::labels(session),
        render_subchart_notes: session.switch("render-subchart-notes"),
        post_renderer: flags::post_renderer(session),
        replace: session.switch("replace"),
        dry_run: flags::dry_run(session),
    })
}
