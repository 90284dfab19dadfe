//! `release-network`: builds of go-spacemesh with the network's config in them, and a draft of the release that leads to them.

use std::sync::Arc;

use spacecraft_core::operation::{
    ReleaseReport, ReleaseRequest, ReleaseVersion, release_network, release_templates,
};
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_github::RepositoryName;

use crate::additions::limits;
use crate::arguments::{force_unlock, of};
use crate::exit::ExitStatus;
use crate::materials::template_overrides;
use crate::output::table::{or_dash, table};
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Session, network_name, one_mistake};
use crate::support::tell_failure;
use crate::wiring::Wiring;

/// What must be right before anything is called.
pub(crate) struct Wanted {
    version: ReleaseVersion,
    repository: RepositoryName,
}

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(
        Command::ReleaseNetwork,
        "Publish builds of go-spacemesh with the network's config, and draft their release",
    )
    .args([force_unlock()])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let wanted = match asked(session) {
        Ok(wanted) => wanted,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let network = match recorded_network(session, Command::ReleaseNetwork).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let name = network.record.network.clone();
    let (settings, services) = (network.settings.clone(), network.services.clone());
    let request = match request(session, network, wanted).await {
        Ok(request) => request,
        Err(error) => return session.output.failed(error),
    };
    match Box::pin(release_network(&services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            let again = session.same_again("release-network");
            let next = [("to go on, run the same command again", again)];
            tell_failure(session, (&settings, &services), (&name, "release-network"), &failure, &next).await
        }
    }
}

/// What is asked for, checked before anything is called.
pub(crate) fn asked(session: &Session<'_>) -> Result<Wanted, SettingsErrors> {
    let look = |settings: &Settings| SettingsErrors::both(network_name(settings), wanted(settings));
    session.checked(Command::ReleaseNetwork, look).map(|(_, (_, wanted))| wanted)
}

fn wanted(settings: &Settings) -> Result<Wanted, SettingsErrors> {
    let mut mistakes = SettingsErrors { errors: Vec::new() };
    let mut note = |key: &str, value: &str, message: String| {
        mistakes.errors.extend(one_mistake(key, value, message).errors)
    };
    let version = settings.text("go-sm-release-version").unwrap_or_default();
    let repository = settings.text("repository").unwrap_or_default();
    let read = (ReleaseVersion::new(version), RepositoryName::new(repository));
    if let Err(message) = &read.0 {
        note("go-sm-release-version", version, message.clone());
    }
    if let Err(message) = &read.1 {
        note("repository", repository, message.clone());
    }
    if settings.secret("github-token").is_none() && settings.text("provider") != Some("sandbox") {
        note(
            "github-token",
            "",
            "a token is needed: SPACECRAFT_GITHUB_TOKEN or --github-token-file".to_owned(),
        );
    }
    match read {
        (Ok(version), Ok(repository)) if mistakes.errors.is_empty() => Ok(Wanted { version, repository }),
        _ => Err(mistakes),
    }
}

async fn request(session: &Session<'_>, network: RecordedNetwork, wanted: Wanted) -> Result<ReleaseRequest> {
    let RecordedNetwork { settings, record, sandbox, .. } = network;
    let wiring = Wiring::new(&settings, session.environment, sandbox)?;
    let overrides = template_overrides(&settings)?;
    let publisher = wiring.publisher(wanted.repository)?;
    let publisher = publisher.ok_or_else(|| {
        Error::new(Meaning::Denied, "draft release", "", "there is no GitHub token")
            .with_hint("give SPACECRAFT_GITHUB_TOKEN or --github-token-file")
    })?;
    Ok(ReleaseRequest {
        record,
        version: wanted.version,
        builds: Arc::new(wiring.builds().await?),
        publisher,
        notes: release_templates(&overrides)?,
        limits: limits(session, &settings),
    })
}

fn text(report: &ReleaseReport) -> String {
    let builds = report.builds.iter().map(|build| [build.platform.to_string(), build.url.clone()]);
    let steps = report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]);
    format!(
        "{} of network {} is ready to be looked over and published: {}\n\n{}\n{}",
        report.version,
        report.network,
        or_dash(report.page.as_deref()),
        table(["PLATFORM", "BUILD"], builds),
        table(["STEP", "OUTCOME"], steps)
    )
}
