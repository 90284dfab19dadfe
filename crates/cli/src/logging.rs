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

/// Opens a log for appending; only its owner may read it, also when it is there already and others could read it so far.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(OWNER_ONLY);
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    close_to_others(&file)?;
    Ok(file)
}

/// The mode of a file that only its owner reads and writes.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// What is no plain file, such as a terminal or a pipe, keeps nothing that could be read later.
#[cfg(unix)]
fn close_to_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    file.set_permissions(std::fs::Permissions::from_mode(OWNER_ONLY)).map_err(|error| {
        let reason = "others can read it, and it cannot be closed to them: name a file of your own";
        io::Error::new(error.kind(), format!("{reason} ({error})"))
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_log_that_others_could_read_is_closed_to_them_and_keeps_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        for mode in [0o644, 0o666, 0o640, 0o600] {
            fs::write(&log, "before\n").unwrap();
            fs::set_permissions(&log, fs::Permissions::from_mode(mode)).unwrap();
            open(&log).unwrap();
            assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600, "{mode:o}");
            assert_eq!(fs::read_to_string(&log).unwrap(), "before\n");
        }
        open(Path::new("/dev/null")).unwrap();
    }
}
