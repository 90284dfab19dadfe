//! From a chart and the values that were given to manifests, hooks and notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use spacecraft_core::time::Random;
use spacecraft_core::traits::ObjectPatch;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_gotemplate::yaml;

use crate::capabilities::Capabilities;
use crate::chart::{Chart, ChartError, check, dependencies};
use crate::cluster::Served;
use crate::engine::{Compiled, ReleaseContext, RenderContext, Seed};
use crate::keys::RsaKeys;
use crate::lookup::Lookups;
use crate::manifest::{self, Sorted};
use crate::modernise::modernise;
use crate::values::{Values, as_kubernetes_json, coalesce};
use crate::{patches, schema};

/// What rendering depends on besides chart and values.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) release: ReleaseInfo,
    pub(crate) capabilities: Capabilities,
    pub(crate) lookups: Arc<Lookups>,
    pub(crate) now: Timestamp,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) keys: Arc<dyn RsaKeys>,
    pub(crate) skip_schema_validation: bool,
    pub(crate) subchart_notes: bool,
}

/// What templates see as `.Release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReleaseInfo {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) revision: u32,
    pub(crate) is_upgrade: bool,
}

/// A chart rendered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    /// The chart with its dependencies settled.
    pub(crate) chart: Chart,
    /// Manifests and hooks in the order in which they are installed.
    pub(crate) sorted: Sorted,
    /// The rendered `NOTES.txt`.
    pub(crate) notes: String,
}

/// A chart with its dependencies settled, its values complete and its templates parsed, ready to be rendered any number of
/// times.
pub(crate) struct Prepared {
    chart: Chart,
    values: Value,
    compiled: Compiled,
}

impl Prepared {
    /// Prepares `chart` to be rendered with the values that were `given`.
    ///
    /// # Errors
    /// If the values do not fit the chart or its schemas, if the cluster is not one for the chart, or if a template cannot be
    /// parsed.
    pub(crate) fn new(
        mut chart: Chart,
        given: &Values,
        surroundings: &Surroundings,
    ) -> Result<Self, ChartError> {
        dependencies::process(&mut chart, given)?;
        let values = coalesce(&chart, given)?;
        if !surroundings.skip_schema_validation {
            schema::validate(&chart, &values)?;
        }
        check::kube_version(&chart, &surroundings.capabilities.kube_version)?;
        let compiled = Compiled::new(&chart).map_err(|error| ChartError::new(error.to_string()))?;
        Ok(Self { chart, values: Value::Object(values), compiled })
    }

    /// Renders the chart.
    ///
    /// # Errors
    /// If a template fails.
    pub(crate) fn render(&self, surroundings: &Surroundings) -> Result<Parts, ChartError> {
        let mut files = self
            .compiled
            .render(&self.values, &context(surroundings))
            .map_err(|error| ChartError::new(error.to_string()))?;
        let notes = take_notes(&mut files, self.chart.name(), surroundings.subchart_notes);
        Ok(Parts { sorted: manifest::sort(&files)?, notes })
    }

    /// What came of rendering, with the chart.
    pub(crate) fn into_output(self, parts: Parts) -> Output {
        Output { chart: self.chart, sorted: parts.sorted, notes: parts.notes }
    }
}

/// What rendering gave.
pub(crate) struct Parts {
    sorted: Sorted,
    notes: String,
}

/// Prepares `chart` and renders it once.
///
/// # Errors
/// As [`Prepared::new`] and [`Prepared::render`].
pub(crate) fn render(
    chart: Chart,
    given: &Values,
    surroundings: &Surroundings,
) -> Result<Output, ChartError> {
    let prepared = Prepared::new(chart, given, surroundings)?;
    let parts = prepared.render(surroundings)?;
    Ok(prepared.into_output(parts))
}

fn context(surroundings: &Surroundings) -> RenderContext {
    let Surroundings { release, capabilities, lookups, now, random, keys, .. } = surroundings;
    let mut seed = [0; 32];
    random.fill(&mut seed);
    RenderContext {
        release: ReleaseContext {
            name: release.name.clone(),
            namespace: release.namespace.clone(),
            revision: i64::from(release.revision),
            is_upgrade: release.is_upgrade,
        },
        capabilities: capabilities.clone(),
        lookup: Some(Arc::<Lookups>::clone(lookups)),
        now: *now,
        time_zone: TimeZone::UTC,
        seed: Seed::new(seed),
        keys: Arc::clone(keys),
    }
}

/// Takes all notes out of the rendered files; those of subcharts only count when asked for.
fn take_notes(files: &mut BTreeMap<String, String>, chart: &str, subcharts: bool) -> String {
    const NOTES: &str = "NOTES.txt";
    let own = format!("{chart}/templates/{NOTES}");
    let mut notes = String::new();
    files.retain(|path, text| {
        let is_notes = path.ends_with(NOTES);
        if is_notes && (subcharts || *path == own) {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(text);
        }
        !is_notes
    });
    notes
}

/// Modernises and patches what was rendered; documents that do not change keep their text. Answers what was changed.
///
/// # Errors
/// If something cannot be modernised, or a patch does not fit.
pub(crate) fn finish(
    sorted: &mut Sorted,
    served: Option<&Served>,
    patches: &[ObjectPatch],
) -> Result<Vec<String>> {
    let manifests = sorted.manifests.iter().map(|manifest| manifest.content.as_str());
    let hooks = sorted.hooks.iter().map(|hook| hook.manifest.as_str());
    let before: Vec<Value> = manifests.chain(hooks).map(object).collect::<Result<_>>()?;
    let mut changes = Vec::new();
    let mut after: Vec<Option<Value>> = before.iter().cloned().map(Some).collect();
    if let Some(served) = served {
        let serves = |api_version: &str, kind: &str| served.resource(api_version, kind).is_some();
        let modernised = modernise(before.clone(), &serves).map_err(|error| {
            Error::new(Meaning::Invalid, "modernise", "the chart's objects", error.to_string())
                .with_hint("patch the object in the settings, or use a newer version of the chart")
        })?;
        after = modernised.objects;
        changes = modernised.changes;
    }
    patches::apply(patches, &mut after)?;
    let mut texts = before.iter().zip(&after).map(|(before, after)| rewritten(before, after.as_ref()));
    let mut next = |text: &mut String| match texts.next() {
        Some(Ok(Rewritten::Same)) | None => Ok(true),
        Some(Ok(Rewritten::Dropped)) => Ok(false),
        Some(Ok(Rewritten::Text(new))) => {
            *text = new;
            Ok(true)
        }
        Some(Err(error)) => Err(error),
    };
    let manifests = std::mem::take(&mut sorted.manifests);
    for mut manifest in manifests {
        if next(&mut manifest.content)? {
            sorted.manifests.push(manifest);
        }
    }
    let hooks = std::mem::take(&mut sorted.hooks);
    for mut hook in hooks {
        if next(&mut hook.manifest)? {
            sorted.hooks.push(hook);
        }
    }
    Ok(changes)
}

/// What became of a document.
enum Rewritten {
    Same,
    Dropped,
    Text(String),
}

fn rewritten(before: &Value, after: Option<&Value>) -> Result<Rewritten> {
    match after {
        None => Ok(Rewritten::Dropped),
        Some(after) if after == before => Ok(Rewritten::Same),
        Some(after) => yaml::to_string(&after.clone().into())
            .map(|text| Rewritten::Text(text.trim_end().to_owned()))
            .map_err(|error| Error::new(Meaning::Invalid, "write", "a changed object", error.to_string())),
    }
}

fn object(document: &str) -> Result<Value> {
    yaml::from_str(document)
        .map(as_kubernetes_json)
        .map_err(|error| Error::new(Meaning::Invalid, "read", "a rendered object", error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use spacecraft_core::traits::PatchKind;

    use super::*;
    use crate::cluster::Resource;

    fn sorted(text: &str) -> Sorted {
        manifest::sort(&BTreeMap::from([("c/templates/a.yaml".to_owned(), text.to_owned())])).unwrap()
    }

    #[test]
    fn documents_that_do_not_change_keep_their_text() {
        let text = "apiVersion: v1\nkind: Service # the one\nmetadata: {name: a}";
        let mut rendered = sorted(text);
        let resource = Resource {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            plural: "services".to_owned(),
            namespaced: true,
        };
        let changes = finish(&mut rendered, Some(&Served::new("v1.36.0", [resource])), &[]).unwrap();
        assert!(changes.is_empty());
        assert_eq!(rendered.manifests[0].content, text);
    }

    #[test]
    fn a_patched_document_is_written_anew() {
        let mut rendered = sorted("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: 1}");
        let patch = ObjectPatch {
            kind: "Service".to_owned(),
            name: None,
            patch_kind: PatchKind::Merge,
            patch: json!({"spec": {"port": 2}}),
        };
        finish(&mut rendered, None, &[patch]).unwrap();
        assert_eq!(
            rendered.manifests[0].content,
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  port: 2"
        );
    }

    #[test]
    fn notes_of_subcharts_only_count_when_asked_for() {
        let files = BTreeMap::from([
            ("demo/charts/kid/templates/NOTES.txt".to_owned(), "kid".to_owned()),
            ("demo/templates/NOTES.txt".to_owned(), "own".to_owned()),
            ("demo/templates/a.yaml".to_owned(), "a: 1".to_owned()),
        ]);
        let mut without = files.clone();
        assert_eq!(take_notes(&mut without, "demo", false), "own");
        assert_eq!(without.len(), 1);
        assert_eq!(take_notes(&mut files.clone(), "demo", true), "kid\nown");
    }
}
