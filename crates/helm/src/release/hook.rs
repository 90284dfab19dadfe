//! Objects that run at events of a release's life.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::go_time;

/// A hook, with what its last run gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// The object's name.
    pub name: String,
    /// The object's kind.
    pub kind: String,
    /// The template that it comes from.
    pub path: String,
    /// The object's text.
    pub manifest: String,
    /// When it runs.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "super::or_default")]
    pub events: Vec<HookEvent>,
    /// Its last run.
    pub last_run: HookRun,
    /// Hooks of one event run by rising weight.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When it is deleted: `before-hook-creation` (also if none is given), `hook-succeeded`, `hook-failed`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "super::or_default")]
    pub delete_policies: Vec<String>,
    /// When its logs are shown.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "super::or_default")]
    pub output_log_policies: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(weight: &i64) -> bool {
    *weight == 0
}

/// One run of a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRun {
    /// When it began.
    #[serde(with = "go_time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "go_time")]
    pub completed_at: Option<Timestamp>,
    /// How it went.
    pub phase: HookPhase,
}

/// How the run of a hook went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookPhase {
    /// It never ran.
    #[default]
    #[serde(rename = "")]
    Never,
    /// It runs, or its client died.
    Running,
    /// It did what it should.
    Succeeded,
    /// It failed.
    Failed,
    /// Unclear.
    #[serde(other)]
    Unknown,
}

/// An event of a release's life at which hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum HookEvent {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl HookEvent {
    /// As Helm spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }

    /// The event that one item of the annotation `helm.sh/hook` names.
    pub(crate) fn from_annotation(item: &str) -> Option<Self> {
        Some(match item.trim().to_lowercase().as_str() {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }
}
