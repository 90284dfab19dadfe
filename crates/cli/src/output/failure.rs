//! How failures are told: once, with what is left behind and what to do next.

use std::path::{Path, PathBuf};

use serde::Serialize;
use spacecraft_core::operation::{Leftover, OperationFailure, StepReport};
use spacecraft_core::settings::{SettingsError, SettingsErrors};
use spacecraft_core::state::SCHEMA;
use spacecraft_core::traits::Evidence;
use spacecraft_core::{Error, render_chain};

use super::Output;
use crate::access;
use crate::exit::ExitStatus;

/// Wrong settings, as a document.
#[derive(Serialize)]
struct WrongSettings<'a> {
    schema: &'static str,
    kind: &'static str,
    errors: &'a [SettingsError],
}

/// A failed operation, as a document.
#[derive(Serialize)]
struct Failed<'a> {
    schema: &'static str,
    kind: &'static str,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    resumable: bool,
    steps: &'a [StepReport],
    leftovers: &'a [Leftover],
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_bundle: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back: Option<&'a [StepReport]>,
    next: Vec<String>,
}

/// What was done about a failed operation.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Where its support bundle is.
    pub support_bundle: Option<PathBuf>,
    /// What its rollback removed, when that got to its end.
    pub rolled_back: Option<Vec<StepReport>>,
}

impl Output {
    /// Tells wrong settings, all of them, that were found before anything was called.
    pub(crate) fn wrong_settings(&self, wrong: &SettingsErrors) -> ExitStatus {
        self.tell_settings(wrong, "nothing was called")
    }

    /// Tells wrong settings that were found once something had been read.
    pub(crate) fn refused_settings(&self, wrong: &SettingsErrors) -> ExitStatus {
        self.tell_settings(wrong, "nothing was changed")
    }

    fn tell_settings(&self, wrong: &SettingsErrors, consequence: &str) -> ExitStatus {
        self.end_progress();
        if self.is_json() {
            self.result(
                &WrongSettings { schema: SCHEMA, kind: "SettingsErrors", errors: &wrong.errors },
                String::new,
            );
        } else {
            let count = wrong.errors.len();
            self.complain(&format!(
                "{count} {} in the settings; {consequence}",
                if count == 1 { "mistake" } else { "mistakes" }
            ));
            for error in &wrong.errors {
                self.progress.line(&spacecraft_core::error::printable(&format!("  {error}")));
            }
        }
        ExitStatus::Usage
    }

    /// Tells an error after which nothing is left behind.
    pub(crate) fn failed(&self, error: Error) -> ExitStatus {
        if let Some(mistake) = access::as_mistake(&error) {
            return self.wrong_settings(&SettingsErrors::of(vec![mistake]));
        }
        self.operation_failed(&OperationFailure::untouched(error), &[])
    }

    /// Tells a failed operation: why, what was seen, what is left, and the commands that go on from there.
    pub(crate) fn operation_failed(&self, failure: &OperationFailure, next: &[(&str, String)]) -> ExitStatus {
        self.operation_failed_with(failure, next, &Aftermath::default())
    }

    /// The same, with what was done about it.
    pub(crate) fn operation_failed_with(
        &self,
        failure: &OperationFailure,
        next: &[(&str, String)],
        aftermath: &Aftermath,
    ) -> ExitStatus {
        self.end_progress();
        let changed_nothing = aftermath.rolled_back.is_none();
        let status = match (failure.is_resumable(), failure.is_usage() && changed_nothing) {
            (true, _) => ExitStatus::Resumable,
            (false, true) => ExitStatus::Usage,
            (false, false) => ExitStatus::Failed,
        };
        if self.is_json() {
            let document = Failed {
                schema: SCHEMA,
                kind: "Failure",
                error: render_chain(&failure.error),
                hint: failure.error.hint(),
                resumable: failure.is_resumable(),
                steps: &failure.steps,
                leftovers: &failure.leftovers,
                evidence: failure.evidence.as_ref(),
                support_bundle: aftermath.support_bundle.as_deref(),
                rolled_back: aftermath.rolled_back.as_deref(),
                next: if failure.is_resumable() {
                    next.iter().map(|(_, command)| command.clone()).collect()
                } else {
                    Vec::new()
                },
            };
            self.result(&document, String::new);
            return status;
        }
        self.complain(&render_chain(&failure.error));
        self.tell_evidence(failure.evidence.as_ref());
        self.tell_aftermath(aftermath);
        if failure.is_resumable() {
            self.tell_leftovers(&failure.leftovers);
            for (what, command) in next {
                self.progress.line(&format!("{what}:\n  {command}"));
            }
        }
        status
    }

    fn tell_aftermath(&self, aftermath: &Aftermath) {
        if let Some(path) = &aftermath.support_bundle {
            self.progress.line(&format!("support bundle: {}", path.display()));
        }
        if aftermath.rolled_back.is_some() {
            self.progress.line("everything that was made is removed again");
        }
    }

    fn tell_evidence(&self, evidence: Option<&Evidence>) {
        let Some(evidence) = evidence.filter(|evidence| !evidence.pods.is_empty()) else { return };
        self.progress.line("not ready:");
        for pod in evidence.pods.iter().take(20) {
            self.progress
                .line(&spacecraft_core::error::printable(&format!("  {}: {}", pod.workload, pod.reason)));
            for line in pod.last_log_lines.iter().rev().take(3).rev() {
                self.progress.line(&spacecraft_core::error::printable(&format!("    | {line}")));
            }
        }
        if evidence.pods.len() > 20 {
            self.progress.line(&format!("  and {} more", evidence.pods.len() - 20));
        }
    }

    fn tell_leftovers(&self, leftovers: &[Leftover]) {
        self.progress.line("what exists now:");
        for leftover in leftovers {
            let doubt = if leftover.certain { "" } else { " (perhaps, or in part)" };
            self.progress.line(&format!("  {}{doubt}", leftover.resources.join(", ")));
        }
    }
}
