//! The two streams that a command writes to.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Where stdout and stderr lead.
#[derive(Debug, Clone, Default)]
pub(crate) enum Streams {
    /// To those of this process.
    #[default]
    OfProcess,
    /// To memory, for an embedding program.
    Kept(Arc<Mutex<(String, String)>>),
}

impl Streams {
    /// Streams that are kept in memory.
    pub(crate) fn kept() -> Self {
        Self::Kept(Arc::default())
    }

    /// True when the process' own streams are written to.
    pub(crate) fn are_of_process(&self) -> bool {
        matches!(self, Self::OfProcess)
    }

    /// Writes whole lines to stdout.
    ///
    /// # Errors
    ///
    /// What the system says when nobody takes them.
    pub(crate) fn to_stdout(&self, text: &str) -> io::Result<()> {
        let ended = if text.ends_with('\n') { "" } else { "\n" };
        match self {
            Self::OfProcess => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(text.as_bytes())?;
                stdout.write_all(ended.as_bytes())?;
                stdout.flush()
            }
            Self::Kept(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.0.push_str(text);
                kept.0.push_str(ended);
                Ok(())
            }
        }
    }

    /// Writes a line to stderr. Talk that nobody can hear is no reason to fail.
    pub(crate) fn to_stderr(&self, text: &str) {
        match self {
            Self::OfProcess => {
                let _ = writeln!(io::stderr().lock(), "{text}");
            }
            Self::Kept(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.1.push_str(text);
                kept.1.push('\n');
            }
        }
    }

    /// What was kept so far, which is then forgotten.
    pub(crate) fn taken(&self) -> (String, String) {
        match self {
            Self::OfProcess => Default::default(),
            Self::Kept(kept) => std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}
