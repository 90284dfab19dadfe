//! `completions`: a completion script for a shell.

use clap::Arg;
use clap_complete::Shell;

use crate::arguments::command_line;
use crate::exit::ExitStatus;
use crate::session::Session;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    clap::Command::new("completions").about("Print a completion script for a shell").arg(
        Arg::new("shell")
            .value_name("SHELL")
            .required(true)
            .value_parser(clap::value_parser!(clap_complete::Shell)),
    )
}

pub(crate) fn run(session: &Session<'_>) -> ExitStatus {
    let Some(shell) = session.matches.get_one::<Shell>("shell") else { return ExitStatus::Usage };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command_line(), "spacecraft", &mut script);
    session.output.write(&String::from_utf8_lossy(&script))
}
