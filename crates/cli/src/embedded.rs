//! Commands inside another program, on a machine that this program plays: its time, its chance, its processes. What a command writes is
//! handed back instead of printed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::pin::Pin;
use std::sync::Arc;

use spacecraft_core::interrupt::Interrupt;
use spacecraft_core::state::HolderProbe;
use spacecraft_core::time::{Clock, Random};
use spacecraft_helm::keys::RsaKeys;

use crate::exit::ExitStatus;
use crate::output::{Output, Streams};
use crate::{arguments, commands, environment, typed};

/// The machine that a command is to run on.
#[derive(Clone)]
pub struct Machine {
    /// The environment variables.
    pub variables: BTreeMap<String, String>,
    /// The clock of everything that waits.
    pub clock: Arc<dyn Clock>,
    /// The source of keys, passwords and jitter.
    pub random: Arc<dyn Random>,
    /// The source of the RSA keys that charts ask for.
    pub rsa_keys: Arc<dyn RsaKeys>,
    /// The number of the process that the command is.
    pub process_id: u32,
    /// Who knows which other processes still run.
    pub probe: Arc<dyn HolderProbe>,
    /// The operator's wish to stop.
    pub interrupt: Interrupt,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What its exit code would say.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// A command that runs.
///
/// A trait object: so all that commands do is compiled with this crate once, and not again with every program that runs them.
pub type Running<'a> = Pin<Box<dyn Future<Output = Ended> + 'a>>;

/// Runs a command line, the program's name left out, on the tokio runtime of the caller. Dropping the future is the death of the process.
#[must_use]
pub fn run<'a>(command_line: &'a [String], machine: &'a Machine) -> Running<'a> {
    Box::pin(run_to_end(command_line, machine))
}

async fn run_to_end(command_line: &[String], machine: &Machine) -> Ended {
    let streams = Streams::kept();
    let environment = environment::played(machine, streams.clone());
    let words = std::iter::once("spacecraft").chain(command_line.iter().map(String::as_str));
    let status = match typed::read(arguments::command_line(), words.map(OsString::from).collect()) {
        Ok(typed) => {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let output = Output::new(&typed.matches, &environment);
            Box::pin(commands::run(&typed, &environment, &output)).await
        }
        Err(error) => {
            streams.to_stderr(&error.to_string());
            ExitStatus::Usage
        }
    };
    let (stdout, stderr) = streams.taken();
    Ended { status, stdout, stderr }
}
