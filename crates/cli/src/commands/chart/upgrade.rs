//! `chart upgrade`.

use clap::Command;
use spacecraft_core::Result;
use spacecraft_helm::charts::{Reuse, UpgradeOptions};

use super::flags::{self, number, parsed, switch, text};
use super::install;
use super::naming::Named;
use super::source;
use super::target::{Target, patience};
use super::text::{Form, form, installed};
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("upgrade")
        .about("Make a new revision of a release, as helm upgrade does")
        .arg(flags::release())
        .arg(flags::chart())
        .args(source::arguments())
        .arg(source::dependency_update())
        .arg(flags::namespace())
        .args(flags::values())
        .args(flags::rendering())
        .args(flags::releasing())
        .args(flags::waiting())
        .args([
            switch("install", "install the release if there is none").short('i'),
            switch("reset-values", "forget the values that the release was installed with"),
            switch(
                "reuse-values",
                "keep the values of the release, and its chart's defaults, under those given",
            )
            .conflicts_with("reset-values"),
            switch(
                "reset-then-reuse-values",
                "keep the values of the release, over the new chart's defaults",
            )
            .conflicts_with_all(["reset-values", "reuse-values"]),
            switch("cleanup-on-fail", "delete what a failed upgrade made"),
            number("history-max", "how many revisions are kept; 0 for all").default_value("10"),
        ])
        .args(flags::places())
        .arg(flags::output())
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?.with_sources(session)?;
    let named = Named { release: text(session, "release"), chart: text(session, "chart") };
    let options = UpgradeOptions {
        release: install::options(session, &target, named).await?,
        install: session.switch("install"),
        reuse: reuse(session),
        cleanup_on_fail: session.switch("cleanup-on-fail"),
        history_max: parsed(session, "history-max").unwrap_or_default(),
    };
    let release = target.charts.upgrade(&options, &patience(session, "upgrade")).await?;
    let said = installed(session, &release)?;
    if form(session) != Form::Table {
        return Ok(said);
    }
    // Only an installation makes a first revision.
    Ok(match release.version {
        1 => format!("Release \"{}\" does not exist. Installing it now.\n{said}", release.name),
        _ => format!("Release \"{}\" has been upgraded. Happy Helming!\n{said}", release.name),
    })
}

fn reuse(session: &Session<'_>) -> Reuse {
    if session.switch("reset-values") {
        Reuse::Never
    } else if session.switch("reuse-values") {
        Reuse::Always
    } else if session.switch("reset-then-reuse-values") {
        Reuse::OverNewDefaults
    } else {
        Reuse::UnlessGiven
    }
}
