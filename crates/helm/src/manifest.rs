//! From rendered files to manifests in Helm's order, hooks apart.

mod order;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};
use spacecraft_gotemplate::{json, yaml};

pub use order::{INSTALL_ORDER, UNINSTALL_ORDER, by_kind};

use crate::chart::ChartError;
use crate::release::{Hook, HookEvent, HookRun};

/// One document of a rendered file.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The file it comes from, as after `# Source:`.
    pub path: String,
    /// Its text, without white space around it.
    pub content: String,
    /// What it says it is.
    pub head: Head,
}

/// The fields of an object that decide what becomes of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Head {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
}

/// The manifests of a chart and its hooks, each in the order in which they are installed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sorted {
    /// What makes up the release.
    pub manifests: Vec<Manifest>,
    /// What runs at the events of the release's life.
    pub hooks: Vec<Hook>,
}

/// The annotation that makes a hook of an object: a comma-separated list of events.
pub(crate) const HOOK: &str = "helm.sh/hook";
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";
const HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
const HOOK_OUTPUT_LOG_POLICY: &str = "helm.sh/hook-output-log-policy";

/// Splits rendered files (path to text) into documents and sorts them.
///
/// # Errors
/// If a document is no YAML, or not the shape of an object.
pub fn sort(files: &BTreeMap<String, String>) -> Result<Sorted, ChartError> {
    let mut sorted = Sorted::default();
    for (path, text) in files {
        let file_name = path.rsplit('/').next().unwrap_or(path);
        if file_name.starts_with('_') || text.trim().is_empty() {
            continue;
        }
        for content in split(text) {
            sort_document(path, content, &mut sorted)
                .map_err(|error| error.within(format!("YAML parse error on {path}")))?;
        }
    }
    sorted.manifests.sort_by(|one, other| by_kind(&one.head.kind, &other.head.kind, INSTALL_ORDER));
    sorted.hooks.sort_by(|one, other| by_kind(&one.kind, &other.kind, INSTALL_ORDER));
    Ok(sorted)
}

/// The documents of a text, without white space around them. A separator may be followed by content on its line.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    static SEPARATOR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|\s*\n)---\s*").ok());
    let text = text.trim();
    let documents: Vec<&str> = match &*SEPARATOR {
        Some(separator) => separator.split(text).collect(),
        None => vec![text],
    };
    documents.into_iter().filter(|document| !document.is_empty()).map(str::trim)
}

impl Sorted {
    /// The text of all manifests, hooks apart.
    pub(crate) fn manifest_text(&self) -> String {
        to_text(self.manifests.iter().map(|manifest| (manifest.path.as_str(), manifest.content.as_str())))
    }
}

/// The path inside its chart that a document's first `# Source:` line names, wherever it stands.
pub(crate) fn source_inside_chart(document: &str) -> Option<&str> {
    static SOURCE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("# Source: [^/]+/(.+)").ok());
    let found = SOURCE.as_ref()?.captures(document)?;
    Some(found.get(1)?.as_str())
}

fn sort_document(path: &str, content: &str, sorted: &mut Sorted) -> Result<(), ChartError> {
    let value = yaml::from_str(content).map_err(|error| ChartError::new(error.to_string()))?;
    let head = Head::from_value(&value)?;
    let Some(events) = head.annotations.get(HOOK) else {
        sorted.manifests.push(Manifest { path: path.to_owned(), content: content.to_owned(), head });
        return Ok(());
    };
    let known: Option<Vec<HookEvent>> = events.split(',').map(HookEvent::from_annotation).collect();
    match known {
        Some(events) => sorted.hooks.push(hook(path, content, &head, events)),
        None => tracing::info!("skipping unknown hook: {events:?}"),
    }
    Ok(())
}

fn hook(path: &str, content: &str, head: &Head, events: Vec<HookEvent>) -> Hook {
    let listed = |annotation: &str| -> Vec<String> {
        let values = head.annotations.get(annotation).into_iter().flat_map(|list| list.split(','));
        values.map(|value| value.trim().to_lowercase()).collect()
    };
    let weight = head.annotations.get(HOOK_WEIGHT).and_then(|weight| weight.parse().ok()).unwrap_or(0);
    Hook {
        name: head.name.clone(),
        kind: head.kind.clone(),
        path: path.to_owned(),
        manifest: content.to_owned(),
        events,
        last_run: HookRun::default(),
        weight,
        delete_policies: listed(HOOK_DELETE_POLICY),
        output_log_policies: listed(HOOK_OUTPUT_LOG_POLICY),
    }
}

impl Head {
    /// Reads the head of an object; scalars are taken as text, as Helm does with annotations.
    ///
    /// # Errors
    /// If the document is no object, or one of these fields has the wrong shape.
    pub fn from_value(value: &Value) -> Result<Self, ChartError> {
        match value {
            Value::Null => Ok(Self::default()),
            Value::Object(fields) => Self::from_fields(fields),
            other => Err(wrong_shape(other, "value", "releaseutil.SimpleHead")),
        }
    }

    fn from_fields(fields: &Map<String, Value>) -> Result<Self, ChartError> {
        let api_version = text(fields.get("apiVersion"), "SimpleHead.apiVersion")?;
        let kind = text(fields.get("kind"), "SimpleHead.kind")?;
        let (annotations, name) = match fields.get("metadata") {
            None | Some(Value::Null) => (BTreeMap::new(), String::new()),
            Some(Value::Object(metadata)) => {
                let annotations = texts(metadata.get("annotations"))?;
                (annotations, text(metadata.get("name"), ".metadata.name")?)
            }
            Some(other) => return Err(wrong_shape(other, "struct field SimpleHead.metadata", METADATA_TYPE)),
        };
        Ok(Self { api_version, kind, name, annotations })
    }
}

/// The Go type of `metadata`.
const METADATA_TYPE: &str =
    r#"struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }"#;

fn wrong_shape(found: &Value, place: &str, wanted: &str) -> ChartError {
    let found = json::kind_of(found);
    ChartError::new(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {place} of type {wanted}"
    ))
}

/// What stands in a field for text: numbers and booleans do as well.
fn text(value: Option<&Value>, field: &str) -> Result<String, ChartError> {
    Ok(match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => {
            number.as_f64().map_or_else(|| number.to_string(), |float| float.to_string())
        }
        Some(Value::Bool(value)) => value.to_string(),
        Some(other) => return Err(wrong_shape(other, &format!("struct field {field}"), "string")),
    })
}

fn texts(annotations: Option<&Value>) -> Result<BTreeMap<String, String>, ChartError> {
    const FIELD: &str = ".metadata.annotations";
    match annotations {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => {
            entries.iter().map(|(key, value)| Ok((key.clone(), text(Some(value), FIELD)?))).collect()
        }
        Some(other) => Err(wrong_shape(other, &format!("struct field {FIELD}"), "map[string]string")),
    }
}

/// The text that Helm stores as a release's manifest and that `helm template` prints: each document after its source.
#[must_use]
pub fn to_text<'a>(documents: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    documents.into_iter().fold(String::new(), |mut text, (path, content)| {
        text.push_str("---\n# Source: ");
        text.push_str(path);
        text.push('\n');
        text.push_str(content);
        text.push('\n');
        text
    })
}

/// The documents of a stored manifest, each with the path that its `# Source:` line names.
pub fn from_text(text: &str) -> impl Iterator<Item = (String, &str)> {
    split(text).map(|document| {
        let source = document.lines().next().and_then(|line| line.strip_prefix("# Source: "));
        (source.unwrap_or_default().trim().to_owned(), document)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(files: &[(&str, &str)]) -> Result<Sorted, ChartError> {
        sort(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn documents_are_split_at_separators_and_trimmed() {
        let documents: Vec<&str> = split("\n---\na: 1\n\n--- \n# only\n\n---   b: 2\n---\n").collect();
        assert_eq!(documents, ["a: 1", "# only", "b: 2"]);
        let after_an_empty_one: Vec<&str> = split("a: 1\n---\n\n---\nb: 2").collect();
        assert_eq!(
            after_an_empty_one,
            ["a: 1", "---\nb: 2"],
            "a separator takes the white space after it along"
        );
        assert_eq!(split("text: |\n  x --- y\n").count(), 1);
    }

    #[test]
    fn manifests_come_in_install_order_and_files_in_theirs() {
        let sorted = sorted(&[
            ("c/templates/b.yaml", "kind: Zebra\n---\nkind: Service\nmetadata: {name: one}"),
            ("c/templates/a.yaml", "kind: Service\nmetadata: {name: two}\n---\nkind: Namespace"),
            ("c/templates/_helpers.tpl", "kind: Never"),
        ])
        .unwrap();
        let kinds: Vec<String> = sorted
            .manifests
            .iter()
            .map(|manifest| format!("{}{}", manifest.head.kind, manifest.head.name))
            .collect();
        assert_eq!(kinds, ["Namespace", "Servicetwo", "Serviceone", "Zebra"]);
    }

    #[test]
    fn hooks_are_taken_out_with_their_weight_and_policies() {
        let text = "kind: Job\nmetadata:\n  name: j\n  annotations:\n    helm.sh/hook: pre-install, Post-Delete\n    \
                    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: before-hook-creation, hook-failed";
        let sorted = sorted(&[("c/templates/j.yaml", text)]).unwrap();
        assert!(sorted.manifests.is_empty());
        let hook = &sorted.hooks[0];
        assert_eq!(hook.events, [HookEvent::PreInstall, HookEvent::PostDelete]);
        assert_eq!((hook.weight, hook.name.as_str()), (-5, "j"));
        assert_eq!(hook.delete_policies, ["before-hook-creation", "hook-failed"]);
    }

    #[test]
    fn a_hook_of_an_unknown_event_is_left_out() {
        let text = "kind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: crd-install}}";
        assert_eq!(sorted(&[("c/t.yaml", text)]).unwrap(), Sorted::default());
    }

    #[test]
    fn what_is_no_object_is_an_error_that_names_the_file() {
        let error = sorted(&[("c/templates/a.yaml", "just text")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "YAML parse error on c/templates/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot \
             unmarshal string into Go value of type releaseutil.SimpleHead"
        );
        assert!(
            sorted(&[("c/a.yaml", "a: [")])
                .unwrap_err()
                .to_string()
                .starts_with("YAML parse error on c/a.yaml")
        );
    }

    #[test]
    fn a_field_of_another_shape_is_named_as_in_go() {
        for (text, message) in [
            ("kind: [a]", "array into Go struct field SimpleHead.kind of type string"),
            ("metadata: {name: {a: 1}}", "object into Go struct field .metadata.name of type string"),
            (
                "metadata: {annotations: x}",
                "string into Go struct field .metadata.annotations of type map[string]string",
            ),
            (
                "metadata: {annotations: {a: [1]}}",
                "array into Go struct field .metadata.annotations of type string",
            ),
        ] {
            let error = sorted(&[("c/a.yaml", text)]).unwrap_err().to_string();
            assert!(error.ends_with(&format!("json: cannot unmarshal {message}")), "{error}");
        }
    }

    #[test]
    fn an_annotation_may_be_a_number() {
        let text = "kind: A\nmetadata: {annotations: {port: 80, on: true}}";
        let sorted = sorted(&[("c/a.yaml", text)]).unwrap();
        let annotations: Vec<&str> =
            sorted.manifests[0].head.annotations.values().map(String::as_str).collect();
        assert!(annotations.contains(&"80"));
    }

    #[test]
    fn the_text_of_a_release_reads_back_with_its_sources() {
        let text = to_text([("c/templates/a.yaml", "kind: A"), ("c/templates/b.yaml", "kind: B")]);
        assert_eq!(
            text,
            "---\n# Source: c/templates/a.yaml\nkind: A\n---\n# Source: c/templates/b.yaml\nkind: B\n"
        );
        let sources: Vec<String> = from_text(&text).map(|(source, _)| source).collect();
        assert_eq!(sources, ["c/templates/a.yaml", "c/templates/b.yaml"]);
    }

    proptest! {
        #[test]
        fn any_text_is_split_into_trimmed_documents(text in "[a-z:\\- \\n#]{0,60}") {
            for document in split(&text) {
                prop_assert_eq!(document, document.trim());
            }
            let _ = sorted(&[("c/templates/a.yaml", &text)]);
        }
    }
}
