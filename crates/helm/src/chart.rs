//! A chart as it is in memory: its metadata, templates, values, schema, other files and the charts it depends on.
//!
//! The loaders make it from a folder or an archive, [`dependencies`] settles which subcharts take part, and the engine
//! renders it. File names use `/` and are relative to the chart's own folder.

mod archive;
pub mod check;
pub mod dependencies;
mod error;
mod folder;
mod ignore;
mod load;
pub mod metadata;
pub(crate) mod pattern;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use archive::{MAX_CHART_BYTES, MAX_FILE_BYTES, MAX_FILES};
pub use error::ChartError;
pub use load::{load, load_archive, unpacked};
pub use metadata::{Dependency, Lock, Maintainer, Metadata};

/// A chart with everything in it, subcharts included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// What `Chart.yaml` says (for `apiVersion: v1`, with the dependencies of `requirements.yaml`).
    pub metadata: Metadata,
    /// `Chart.lock`, or `requirements.lock` in a chart of `apiVersion: v1`.
    pub lock: Option<Lock>,
    /// The files under `templates/`, named with that prefix, in the order of their names.
    pub templates: Vec<File>,
    /// `values.yaml`; whole numbers are floats, as they come through YAML.
    pub values: Map<String, Value>,
    /// The text of `values.yaml`, with its comments.
    pub values_text: Bytes,
    /// `values.schema.json`, unparsed.
    pub schema: Option<Bytes>,
    /// All other files (README, `crds/`, `LICENSE`, ...) in the order of their names: what `.Files` shows.
    pub files: Vec<File>,
    /// The chart's full path (`parent/charts/kid`) where it is not the one that its place in the tree gives: a chart that was packed with one that
    /// goes by an alias stays below the other name.
    pub full_path: Option<String>,
    /// The charts of `charts/`; once dependencies are processed, those that take part, under their aliases.
    pub dependencies: Vec<Chart>,
}

/// A file of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Path inside the chart, with `/` between its parts.
    pub name: String,
    /// The content, byte for byte but for a byte order mark, which the loader removes.
    #[serde(with = "base64_bytes")]
    pub data: Bytes,
}

/// A custom resource definition shipped in `crds/`, which is installed as it is, never rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd {
    /// Path with the chart's full path in front, as in `# Source: parent/charts/kid/crds/widget.yaml`.
    pub path: String,
    /// The file's name inside its own chart.
    pub name: String,
    /// The file's text; it may hold several documents.
    pub data: Bytes,
}

impl Chart {
    /// The chart's name, which for an aliased dependency is the alias.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// True of a chart that only provides templates to others and gives no manifest of its own.
    #[must_use]
    pub fn is_library(&self) -> bool {
        self.metadata.chart_type == "library"
    }

    /// The name of the release chart's archive: `name-version`.
    #[must_use]
    pub fn name_and_version(&self) -> String {
        format!("{}-{}", self.metadata.name, self.metadata.version)
    }

    /// The files of `crds/` that Helm takes as CRDs (`.yaml`, `.yml`, `.json`), this chart's first, then those of its
    /// dependencies.
    #[must_use]
    pub fn crds(&self) -> Vec<Crd> {
        let mut found = Vec::new();
        self.collect_crds(self.name(), &mut found);
        found
    }

    /// The chart's full path, where its parent's is this.
    pub(crate) fn path_below(&self, parent: &str) -> String {
        self.full_path.clone().unwrap_or_else(|| format!("{parent}/charts/{}", self.name()))
    }

    fn collect_crds(&self, full_path: &str, found: &mut Vec<Crd>) {
        found.extend(self.files.iter().filter(|file| is_crd_file(&file.name)).map(|file| Crd {
            path: format!("{full_path}/{}", file.name),
            name: file.name.clone(),
            data: file.data.clone(),
        }));
        for dependency in &self.dependencies {
            dependency.collect_crds(&dependency.path_below(full_path), found);
        }
    }
}

fn is_crd_file(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    name.starts_with("crds/") && matches!(extension, Some("yaml" | "yml" | "json"))
}

/// Bytes as Go's JSON writes them: a base64 string.
pub(crate) mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(data: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(data))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> File {
        File { name: name.to_owned(), data: Bytes::from_static(b"x") }
    }

    fn chart(name: &str, files: &[&str], dependencies: Vec<Chart>) -> Chart {
        let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
        Chart {
            metadata,
            files: files.iter().map(|name| file(name)).collect(),
            dependencies,
            ..Chart::default()
        }
    }

    #[test]
    fn crds_are_found_in_subcharts_too_and_named_by_their_full_path() {
        let kid = chart("kid", &["crds/k.json"], vec![]);
        let parent =
            chart("parent", &["README.md", "crds/a.yaml", "crds/deep/b.yml", "crds/notes.txt"], vec![kid]);
        let paths: Vec<String> = parent.crds().into_iter().map(|crd| crd.path).collect();
        assert_eq!(paths, ["parent/crds/a.yaml", "parent/crds/deep/b.yml", "parent/charts/kid/crds/k.json"]);
    }

    #[test]
    fn a_file_in_a_record_is_base64_as_go_writes_bytes() {
        let json = serde_json::to_string(&file("templates/a.yaml")).unwrap();
        assert_eq!(json, r#"{"name":"templates/a.yaml","data":"eA=="}"#);
        assert_eq!(serde_json::from_str::<File>(&json).unwrap(), file("templates/a.yaml"));
    }
}
