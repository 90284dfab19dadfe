//! `man`: the manual pages, one file per command.

use std::path::Path;

use clap::Arg;

use crate::arguments::command_line;
use crate::exit::ExitStatus;
use crate::session::Session;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    clap::Command::new("man")
        .about("Write the manual pages into a folder")
        .arg(Arg::new("folder").value_name("FOLDER").required(true).help("the folder; made if need be"))
}

pub(crate) fn run(session: &Session<'_>) -> ExitStatus {
    let Some(folder) = session.argument("folder").map(Path::new) else { return ExitStatus::Usage };
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command_line(), folder));
    match written {
        Ok(()) => ExitStatus::Done,
        Err(error) => {
            session.output.complain(&format!("write manual pages into {}: {error}", folder.display()));
            ExitStatus::Failed
        }
    }
}
