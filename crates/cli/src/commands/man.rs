//! `man`: the manual pages, one file per command.

use std::path::Path;

use crate::arguments::command_line;
use crate::exit::ExitStatus;
use crate::session::Session;

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
