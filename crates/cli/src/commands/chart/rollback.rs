//! `chart rollback`.

use clap::{Arg, Command, value_parser};
use spacecraft_core::Result;
use spacecraft_helm::charts::RollbackOptions;

use super::flags::{self, number, parsed, switch, text};
use super::target::{Target, patience};
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("rollback")
        .about("Go back to an earlier revision of a release, as helm rollback does")
        .arg(flags::release())
        .arg(
            Arg::new("revision")
                .value_name("REVISION")
                .value_parser(value_parser!(u32))
                .help("the revision; the one before the last if none is named, or 0"),
        )
        .arg(flags::namespace())
        .args(flags::waiting())
        .args([
            switch("no-hooks", "run no hooks"),
            switch("cleanup-on-fail", "delete what a failed rollback made"),
            switch("force", "delete and make anew what cannot be changed"),
            switch("dry-run", "change nothing"),
            number("history-max", "how many revisions are kept; 0 for all").default_value("10"),
        ])
        .args(flags::places())
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?;
    let options = RollbackOptions {
        name: text(session, "release"),
        namespace: target.namespace,
        revision: parsed(session, "revision").unwrap_or_default(),
        no_hooks: session.switch("no-hooks"),
        wait: session.switch("wait"),
        wait_for_jobs: session.switch("wait-for-jobs"),
        force: session.switch("force"),
        cleanup_on_fail: session.switch("cleanup-on-fail"),
        dry_run: session.switch("dry-run"),
        history_max: parsed(session, "history-max").unwrap_or_default(),
    };
    target.charts.rollback(&options, &patience(session, "rollback")).await?;
    Ok("Rollback was a success! Happy Helming!\n".to_owned())
}
