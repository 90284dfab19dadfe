//! `chart ...`: charts rendered and installed like Helm, without Helm.

mod flags;
mod get;
mod history;
mod install;
mod list;
mod naming;
mod pull;
mod rollback;
mod show;
mod source;
mod status;
mod target;
mod template;
mod text;
mod uninstall;
mod upgrade;

use clap::Command;
use spacecraft_core::{Error, Result};

use crate::exit::ExitStatus;
use crate::session::Session;

/// The command line of `chart`.
pub(crate) fn arguments() -> Command {
    Command::new("chart")
        .about("Charts, rendered and installed like Helm, without Helm")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            template::arguments(),
            install::arguments(),
            upgrade::arguments(),
            rollback::arguments(),
            uninstall::arguments(),
            list::arguments(),
            get::arguments(),
            history::arguments(),
            status::arguments(),
            show::arguments(),
            pull::arguments(),
        ])
}

/// Runs the sub-command that was asked for.
pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let Some((name, matches)) = session.matches.subcommand() else { return ExitStatus::Usage };
    let session = &Session { matches, ..*session };
    let done = match name {
        "template" => match Box::pin(template::run(session)).await {
            Ok(text) => Ok(text),
            Err(template::Unrendered::Failure(error)) => Err(error),
            Err(template::Unrendered::Usage(error)) => {
                session.output.failed(error);
                return ExitStatus::Usage;
            }
        },
        "install" => Box::pin(install::run(session)).await,
        "upgrade" => Box::pin(upgrade::run(session)).await,
        "rollback" => Box::pin(rollback::run(session)).await,
        "uninstall" => Box::pin(uninstall::run(session)).await,
        "list" => Box::pin(list::run(session)).await,
        "get" => Box::pin(get::run(session)).await,
        "history" => Box::pin(history::run(session)).await,
        "status" => Box::pin(status::run(session)).await,
        "show" => Box::pin(show::run(session)).await,
        "pull" => Box::pin(pull::run(session)).await,
        _ => return ExitStatus::Usage,
    };
    written(session, done)
}

/// Writes what a command has to say. A chart, release or cluster that does not do is a failure: the command line was right.
fn written(session: &Session<'_>, done: Result<String>) -> ExitStatus {
    match done {
        Ok(text) if text.is_empty() => ExitStatus::Done,
        Ok(text) => session.output.write(&text),
        Err(error) => failed(session, error),
    }
}

fn failed(session: &Session<'_>, error: Error) -> ExitStatus {
    match session.output.failed(error) {
        ExitStatus::Usage => ExitStatus::Failed,
        status => status,
    }
}
