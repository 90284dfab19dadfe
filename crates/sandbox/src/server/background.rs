//! Starting a server in the background when none runs.

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    FolderError, SandboxInfo, ServeError,
    folder::{failed, info_file, private_file, read_json},
};
use crate::client::AdminClient;

/// How long a started server may take to come up.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How often the server is looked for meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// A server that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Where it is.
    pub info: SandboxInfo,
    /// True when it was started by this call.
    pub started: bool,
}

/// The server that serves a folder, if one does.
pub async fn running(folder: &Path) -> Option<SandboxInfo> {
    let info: SandboxInfo = read_json(&info_file(folder)).ok()??;
    AdminClient::new(info.clone()).is_up().await.then_some(info)
}

/// The server of a folder, started when none runs: `executable sandbox serve --sandbox-dir FOLDER --background`, apart
/// from this process' terminal and output. Callers at the same time get the same server.
///
/// # Errors
/// When the folder cannot be used, the executable cannot be run, or the server does not come up in time.
pub async fn ensure_running(folder: &Path, executable: &Path) -> Result<Running, ServeError> {
    let in_folder = |source| ServeError::Folder { folder: folder.display().to_string(), source };
    if let Some(info) = running(folder).await {
        return Ok(Running { info, started: false });
    }
    super::folder::make_private_folder(folder).map_err(in_folder)?;
    let deadline = Instant::now() + START_DEADLINE;
    let starter = take_turn(folder, deadline).await.map_err(in_folder)?;
    if let Some(info) = running(folder).await {
        return Ok(Running { info, started: false });
    }
    let log = folder.join("server.log");
    let mut child = spawn(folder, executable, &log)?;
    while Instant::now() < deadline {
        if let Some(info) = running(folder).await {
            drop(starter);
            return Ok(Running { info, started: true });
        }
        if child.try_wait().is_ok_and(|status| status.is_some_and(|status| !status.success())) {
            break;
        }
        sleep(LOOK_INTERVAL).await;
    }
    Err(ServeError::DidNotStart { folder: folder.display().to_string(), log: log.display().to_string() })
}

/// Waits until no other process is starting a server for the folder, and keeps others from it while the file is held.
async fn take_turn(folder: &Path, deadline: Instant) -> Result<std::fs::File, FolderError> {
    let path = folder.join("start.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| failed("open", &path, source))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOOK_INTERVAL).await,
            Err(std::fs::TryLockError::WouldBlock) => {
                let source = io::Error::new(io::ErrorKind::TimedOut, "another process holds it");
                return Err(failed("lock", &path, source));
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed("lock", &path, source)),
        }
    }
}

/// What tells the allocator to give memory back at once: a server that runs beside an operator's work should be small before it is quick.
const THRIFT: [(&str, &str); 2] = [("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_ARENA_EAGER_COMMIT", "0")];

/// Starts the server with its output in a file, in a process group of its own.
fn spawn(folder: &Path, executable: &Path, log: &PathBuf) -> Result<std::process::Child, ServeError> {
    let failure = |source| ServeError::Spawn { executable: executable.display().to_string(), source };
    let output = private_file().create(true).append(true).open(log).map_err(failure)?;
    let errors = output.try_clone().map_err(failure)?;
    let mut command = Command::new(executable);
    command.args(["sandbox", "serve", "--background", "--sandbox-dir"]).arg(folder);
    command.envs(THRIFT);
    command.stdin(Stdio::null()).stdout(Stdio::from(output)).stderr(Stdio::from(errors));
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(failure)
}
