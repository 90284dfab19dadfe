//! A release: what Helm remembers of a chart installed under a name, revision by revision.

mod codec;
mod hook;
pub(crate) mod storage;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Map;

pub use codec::{CodecError, decode, encode};
pub use hook::{Hook, HookEvent, HookPhase, HookRun};

use crate::chart::{Chart, File, Lock, Metadata};
use crate::values::Values;

/// One revision of a release, as Helm stores it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// When and how it came about.
    pub info: Info,
    /// The chart that was installed, without its subcharts.
    #[serde(deserialize_with = "or_default")]
    pub chart: ChartRecord,
    /// The values that were given, not those of the chart.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "or_default")]
    pub config: Values,
    /// The objects as they were applied, hooks apart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// The hooks with the outcome of their last run.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub hooks: Vec<Hook>,
    /// The revision, from 1.
    pub version: u32,
    /// The namespace that the record is in and that objects go to if they name none.
    pub namespace: String,
    /// How objects were applied (`ssa`, `csa`), as Helm 4 writes it; empty for client-side apply.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub apply_method: String,
}

/// When and how a revision came about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// When the release's first revision was made.
    #[serde(with = "go_time")]
    pub first_deployed: Option<Timestamp>,
    /// When this revision was made.
    #[serde(with = "go_time")]
    pub last_deployed: Option<Timestamp>,
    /// When the release was uninstalled.
    #[serde(with = "go_time")]
    pub deleted: Option<Timestamp>,
    /// What happened, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The state of this revision.
    pub status: Status,
    /// The rendered `NOTES.txt`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// The part of a chart that a record keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartRecord {
    /// `Chart.yaml`.
    pub metadata: Metadata,
    /// `Chart.lock`.
    pub lock: Option<Lock>,
    /// The templates.
    #[serde(serialize_with = "null_if_empty", deserialize_with = "or_default")]
    pub templates: Vec<File>,
    /// The chart's own values, with those imported from subcharts.
    #[serde(deserialize_with = "or_default")]
    pub values: Values,
    /// `values.schema.json`.
    #[serde(with = "optional_bytes")]
    pub schema: Option<bytes::Bytes>,
    /// The other files.
    #[serde(serialize_with = "null_if_empty", deserialize_with = "or_default")]
    pub files: Vec<File>,
}

impl From<&Chart> for ChartRecord {
    fn from(chart: &Chart) -> Self {
        Self {
            metadata: chart.metadata.clone(),
            lock: chart.lock.clone(),
            templates: chart.templates.clone(),
            values: chart.values.clone(),
            schema: chart.schema.clone(),
            files: chart.files.clone(),
        }
    }
}

/// The state of a revision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In force.
    Deployed,
    /// Uninstalled, its history kept.
    Uninstalled,
    /// A later revision is in force.
    Superseded,
    /// It did not come into force, or not whole.
    Failed,
    /// Being uninstalled.
    Uninstalling,
    /// Being installed, or left so by a client that died.
    PendingInstall,
    /// Being upgraded, or left so by a client that died.
    PendingUpgrade,
    /// Being rolled back, or left so by a client that died.
    PendingRollback,
    /// Unclear; also any status that is not known here.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Status {
    /// As Helm spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }

    /// True while an operation is under way, or was when its client died.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Default for Release {
    fn default() -> Self {
        Self {
            name: String::new(),
            info: Info::default(),
            chart: ChartRecord::default(),
            config: Values::new(),
            manifest: String::new(),
            hooks: Vec::new(),
            version: 1,
            namespace: String::new(),
            apply_method: String::new(),
        }
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn null_if_empty<S: Serializer>(files: &[File], serializer: S) -> Result<S::Ok, S::Error> {
    (!files.is_empty()).then_some(files).serialize(serializer)
}

mod optional_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(data: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
        data.as_ref().map(|data| STANDARD.encode(data)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)).transpose()
    }
}

/// Times as Helm writes them: RFC 3339, with an empty text for none.
pub(crate) mod go_time {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.to_string()).unwrap_or_default().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        // Go's zero time stands for none as well.
        const ZERO: &str = "0001-01-01T00:00:00Z";
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None | Some("" | ZERO) => Ok(None),
            Some(text) => text.parse().map(Some).map_err(D::Error::custom),
        }
    }
}
