//! What the exit code of the command says.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done.
    Done,
    /// 1: failed, and nothing was left behind.
    Failed,
    /// 2: wrong usage or settings; nothing was called or changed.
    Usage,
    /// 3: failed or interrupted with resources left; the same command goes on.
    Resumable,
    /// 4: a difference was found that was asked about.
    Difference,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Usage => 2,
            ExitStatus::Resumable => 3,
            ExitStatus::Difference => 4,
        })
    }
}
