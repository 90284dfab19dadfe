//! Log lines: on stderr as many as were asked for, in full into the log file.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging: to stderr from `-vv` on, to `log_file` always.
///
/// # Errors
///
/// When the log file cannot be written.
pub(crate) fn start(verbosity: u8, colour: bool, log_file: Option<&Path>) -> io::Result<()> {
    let level = match verbosity {
        0 | 1 => LevelFilter::OFF,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let terminal = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(colour)
        .with_target(true)
        .with_filter(ours(level));
    let file = log_file.map(open).transpose()?.map(|file| {
        tracing_subscriber::fmt::layer()
            .json()
            .with_writer(Mutex::new(file))
            .with_filter(ours(LevelFilter::TRACE))
    });
    // A second start in the same process keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(terminal).with(file).try_init();
    Ok(())
}

/// Our own crates at `level`; libraries beneath could log headers and bodies, and stay silent.
fn ours(level: LevelFilter) -> tracing_subscriber::filter::Targets {
    tracing_subscriber::filter::Targets::new().with_target("spacecraft", level)
}

/// Opens a log for appending; only its owner may read it.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
