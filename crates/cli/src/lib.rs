//! The spacecraft command: arguments, settings, wiring, output.
//!
//! One file per command below [`commands`]; everything that a command needs of the machine (environment, terminal, signals,
//! processes) is read in one place each and handed on.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod access;
mod additions;
mod arguments;
mod certificate;
mod commands;
mod confirmation;
mod connector;
pub mod embedded;
mod environment;
mod exit;
mod folders;
mod holder;
mod logging;
mod materials;
mod output;
mod private_file;
mod recorded;
mod session;
mod signals;
mod support;
mod typed;
mod wiring;

use std::process::ExitCode;

pub use arguments::command_line;
pub use exit::ExitStatus;

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let environment = environment::read();
    let typed = match typed::read(command_line(), std::env::args_os().collect()) {
        Ok(typed) => typed,
        Err(error) => return arguments::report(&error, std::env::args_os()),
    };
    let output = output::Output::new(&typed.matches, &environment);
    commands::dispatch(&typed, environment, output).into()
}
