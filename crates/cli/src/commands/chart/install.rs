//! `chart install`.

use clap::Command;
use spacecraft_core::Result;
use spacecraft_helm::charts::ReleaseOptions;

use super::flags::{self, text};
use super::target::{Target, patience};
use super::text::installed;
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("install")
        .about("Install a chart as a new release, as helm install does")
        .arg(flags::release())
        .args(flags::chart())
        .arg(flags::namespace())
        .args(flags::values())
        .args(flags::releasing())
        .args(flags::waiting())
        .args(flags::places())
        .arg(flags::output())
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?;
    let options = options(session, &target)?;
    let release = target.charts.install(&options, &patience(session, "install")).await?;
    installed(session, &release)
}

/// What the command line says of a release to make.
pub(super) fn options(session: &Session<'_>, target: &Target) -> Result<ReleaseOptions> {
    Ok(ReleaseOptions {
        name: text(session, "release"),
        namespace: target.namespace.clone(),
        chart: flags::reference(session),
        values: target.charts.read_values(&flags::value_options(session))?,
        patches: flags::patches(session)?,
        modernise: !session.switch("no-modernise"),
        create_namespace: session.switch("create-namespace"),
        skip_crds: session.switch("skip-crds"),
        no_hooks: session.switch("no-hooks"),
        wait: session.switch("wait"),
        wait_for_jobs: session.switch("wait-for-jobs"),
        atomic: session.switch("atomic"),
        take_ownership: session.switch("take-ownership"),
        skip_schema_validation: session.switch("skip-schema-validation"),
        description: text(session, "description"),
        labels: flags::labels(session),
        dry_run: flags::dry_run(session),
    })
}
