//! The `spacecraft` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    spacecraft_cli::run()
}
