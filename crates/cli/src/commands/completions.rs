//! `completions`: a completion script for a shell.

use clap_complete::Shell;

use crate::arguments::command_line;
use crate::exit::ExitStatus;
use crate::session::Session;

pub(crate) fn run(session: &Session<'_>) -> ExitStatus {
    let Some(shell) = session.matches.get_one::<Shell>("shell") else { return ExitStatus::Usage };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command_line(), "spacecraft", &mut script);
    session.output.write(&String::from_utf8_lossy(&script))
}
