//! What the templates of a chart see as their dot.

use std::collections::HashMap;

use bytes::Bytes;
use spacecraft_gotemplate::value::{NamedList, NamedMap};
use spacecraft_gotemplate::{CallError, Function, List, Map, Type, Value, yaml};

use super::context::RenderContext;
use super::files::files;
use super::record::{Field, Record, optional};
use crate::capabilities::{Capabilities, HELM_VERSION};
use crate::chart::{Chart, Dependency, File, Maintainer, Metadata};

static VALUES: NamedMap = NamedMap { name: "chartutil.Values", method: values_method };
static VERSION_SET: NamedList = NamedList { name: "chartutil.VersionSet", method: version_set_method };

/// What of a chart its templates can see.
#[derive(Debug)]
pub(super) struct ChartScope {
    metadata: Metadata,
    /// `parent/charts/kid`.
    path: String,
    files: Vec<File>,
    dependencies: Vec<ChartScope>,
    is_root: bool,
}

/// A template as it stands in the chart.
pub(super) struct TemplateSource {
    pub(super) name: String,
    pub(super) chart_path: String,
    pub(super) data: Bytes,
}

impl ChartScope {
    pub(super) fn of(chart: &Chart) -> Self {
        Self::below(chart, chart.name().to_owned(), true)
    }

    fn below(chart: &Chart, path: String, is_root: bool) -> Self {
        let dependencies = chart
            .dependencies
            .iter()
            .map(|dependency| Self::below(dependency, dependency.path_below(&path), false))
            .collect();
        Self { metadata: chart.metadata.clone(), path, files: chart.files.clone(), dependencies, is_root }
    }

    /// The templates of this chart and its dependencies; of a library only those that define templates.
    pub(super) fn collect_templates(&self, chart: &Chart, sources: &mut Vec<TemplateSource>) {
        for (scope, dependency) in self.dependencies.iter().zip(&chart.dependencies) {
            scope.collect_templates(dependency, sources);
        }
        for template in &chart.templates {
            let name = format!("{}/{}", self.path, template.name);
            if chart.is_library() && !super::is_partial(&name) {
                continue;
            }
            sources.push(TemplateSource { name, chart_path: self.path.clone(), data: template.data.clone() });
        }
    }
}

/// The dot of every chart of a rendering, by the chart's path.
pub(super) struct Scopes(HashMap<String, Map>);

impl Scopes {
    pub(super) fn new(chart: &ChartScope, values: &serde_json::Value, context: &RenderContext) -> Self {
        let values = match Value::from(values) {
            Value::Map(map) => map,
            _ => Map::new(),
        };
        let common = Common { release: release(context), capabilities: capabilities(&context.capabilities) };
        let mut scopes = HashMap::new();
        common.add(chart, values, &mut scopes);
        Self(scopes)
    }

    /// The dot for a template, with `.Template` set.
    pub(super) fn data_for(&self, name: &str, chart_path: &str) -> Map {
        let data = self.0.get(chart_path).cloned().unwrap_or_default();
        let template = Map::new();
        template.insert("Name", name.into());
        template.insert("BasePath", format!("{chart_path}/templates").into());
        data.insert("Template", Value::Map(template.named(&VALUES)));
        data.named(&VALUES)
    }
}

/// What all charts of a rendering share.
struct Common {
    release: Value,
    capabilities: Value,
}

impl Common {
    /// Adds a chart's dot and those of its dependencies, and gives the chart's.
    fn add(&self, chart: &ChartScope, values: Map, scopes: &mut HashMap<String, Map>) -> Map {
        let subcharts = Map::new();
        for dependency in &chart.dependencies {
            let own = table(&values, &dependency.metadata.name).unwrap_or_default();
            share_globals(&values, &own);
            let scope = self.add(dependency, own, scopes);
            subcharts.insert(dependency.metadata.name.as_str(), Value::Map(scope));
        }
        let data = Map::new();
        data.insert("Chart", chart_record(chart));
        data.insert("Files", files(&chart.files));
        data.insert("Release", self.release.clone());
        data.insert("Capabilities", self.capabilities.clone());
        data.insert("Values", Value::Map(values.named(&VALUES)));
        data.insert("Subcharts", Value::Map(subcharts));
        scopes.insert(chart.path.clone(), data.clone());
        data
    }
}

/// Makes the tables inside tables of globals, which a chart and its subchart have in common, one and the same: what a template of either
/// sets in them shows in the other.
fn share_globals(parent: &Map, own: &Map) {
    let globals = table(parent, "global").zip(table(own, "global"));
    for (key, above) in globals.iter().flat_map(|(above, _)| above.entries()) {
        let below = globals.as_ref().and_then(|(_, own)| own.get(&key));
        let (Value::Map(above), Some(Value::Map(below))) = (above, below) else { continue };
        for (key, shared) in above.entries() {
            if matches!((&shared, below.get(&key)), (Value::Map(_), Some(Value::Map(_)))) {
                below.insert(key, shared);
            }
        }
    }
}

/// The table at a dotted path.
fn table(values: &Map, path: &str) -> Option<Map> {
    let mut table = values.clone();
    for key in path.split('.') {
        table = match table.get(key)? {
            Value::Map(map) => map,
            _ => return None,
        };
    }
    Some(table)
}

fn release(context: &RenderContext) -> Value {
    let release = &context.release;
    Value::map([
        ("Name", release.name.as_str().into()),
        ("Namespace", release.namespace.as_str().into()),
        ("Revision", Value::Int(release.revision)),
        ("IsUpgrade", release.is_upgrade.into()),
        ("IsInstall", (!release.is_upgrade).into()),
        ("Service", "Helm".into()),
    ])
}

fn capabilities(capabilities: &Capabilities) -> Value {
    let version = &capabilities.kube_version;
    let fields: Vec<Field> = vec![
        ("Version", Some("Version"), version.version.as_str().into()),
        ("Major", Some("Major"), version.major.as_str().into()),
        ("Minor", Some("Minor"), version.minor.as_str().into()),
    ];
    let kube_version = Record {
        text: Some(version.version.clone()),
        getters: vec![
            ("String", version.version.as_str().into()),
            ("GitVersion", version.version.as_str().into()),
        ],
        ..Record::new("chartutil.KubeVersion", fields)
    };
    let api_versions = capabilities.api_versions.iter().map(Value::from).collect();
    let helm_version = Record::new(
        "version.BuildInfo",
        vec![
            ("Version", Some("version"), HELM_VERSION.into()),
            ("GitCommit", None, "".into()),
            ("GitTreeState", None, "".into()),
            ("GoVersion", None, "".into()),
        ],
    );
    Record::new(
        "*chartutil.Capabilities",
        vec![
            ("KubeVersion", Some("KubeVersion"), kube_version.into_value()),
            (
                "APIVersions",
                Some("APIVersions"),
                Value::List(List::named(&VERSION_SET, "string", api_versions)),
            ),
            ("HelmVersion", Some("HelmVersion"), helm_version.into_value()),
        ],
    )
    .into_value()
}

fn version_set_method(versions: &List, name: &str) -> Option<Function> {
    (name == "Has").then(|| {
        let versions = versions.clone();
        Function::new(&[Type::String], move |call| {
            let wanted = call.bytes(0);
            let has =
                versions.iter().any(|known| known.as_text().is_some_and(|known| known.as_bytes() == wanted));
            Ok(has.into())
        })
    })
}

fn values_method(values: &Map, name: &str) -> Option<Function> {
    if !matches!(name, "AsMap" | "YAML" | "Table" | "PathValue") {
        return None;
    }
    let values = values.clone();
    Some(match name {
        "AsMap" => Function::new(&[], move |_| Ok(Value::Map(values.unnamed()))),
        "YAML" => Function::new(&[], move |_| {
            yaml::to_string(&Value::Map(values.clone()))
                .map(Value::from)
                .map_err(|error| CallError::of(&error))
        }),
        "Table" => Function::new(&[Type::String], move |call| {
            let path = call.text(0);
            let found = table(&values, &path).map(|table| Value::Map(table.named(&VALUES)));
            found.ok_or_else(|| CallError::new(format!("{path:?} is not a table")))
        }),
        "PathValue" => Function::new(&[Type::String], move |call| path_value(&values, &call.text(0))),
        _ => return None,
    })
}

fn path_value(values: &Map, path: &str) -> Result<Value, CallError> {
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (table(values, parent), key),
        None => (Some(values.clone()), path),
    };
    match parent.and_then(|parent| parent.get(key)) {
        Some(Value::Map(_)) | None => Err(CallError::new(format!("{path:?} is not a value"))),
        Some(value) => Ok(value),
    }
}

fn chart_record(chart: &ChartScope) -> Value {
    let metadata = &chart.metadata;
    let annotations = if metadata.annotations.is_empty() { Map::nil("string") } else { Map::of("string") };
    for (key, value) in &metadata.annotations {
        annotations.insert(key.as_str(), value.as_str().into());
    }
    let text = |text: &str| Value::from(text);
    let mut fields = vec![
        optional("Name", "name", text(&metadata.name)),
        optional("Home", "home", text(&metadata.home)),
        optional("Sources", "sources", texts(&metadata.sources)),
        optional("Version", "version", text(&metadata.version)),
        optional("Description", "description", text(&metadata.description)),
        optional("Keywords", "keywords", texts(&metadata.keywords)),
        optional("Maintainers", "maintainers", maintainers(&metadata.maintainers)),
        optional("Icon", "icon", text(&metadata.icon)),
        optional("APIVersion", "apiVersion", text(&metadata.api_version)),
        optional("Condition", "condition", text(&metadata.condition)),
        optional("Tags", "tags", text(&metadata.tags)),
        optional("AppVersion", "appVersion", text(&metadata.app_version)),
        optional("Deprecated", "deprecated", metadata.deprecated.into()),
        optional("Annotations", "annotations", Value::Map(annotations)),
        optional("KubeVersion", "kubeVersion", text(&metadata.kube_version)),
        optional("Dependencies", "dependencies", dependencies(&metadata.dependencies)),
        optional("Type", "type", text(&metadata.chart_type)),
    ];
    let embedded = Record::new("chart.Metadata", fields.clone()).into_value();
    fields.push(("IsRoot", Some("IsRoot"), chart.is_root.into()));
    let record = Record::new("struct { chart.Metadata; IsRoot bool }", fields);
    Record { embedded: Some(("Metadata", embedded)), ..record }.into_value()
}

/// A `[]string`, which is nil if there is nothing in it.
fn texts(texts: &[String]) -> Value {
    if texts.is_empty() { Value::List(List::nil("string")) } else { Value::strings(texts) }
}

/// A slice of pointers, which is nil if there is nothing in it.
fn pointers(element: &'static str, items: Vec<Value>) -> Value {
    Value::List(if items.is_empty() { List::nil(element) } else { List::of(element, items) })
}

fn maintainers(maintainers: &[Maintainer]) -> Value {
    let records = maintainers.iter().map(|maintainer| {
        Record::new(
            "*chart.Maintainer",
            vec![
                optional("Name", "name", maintainer.name.as_str().into()),
                optional("Email", "email", maintainer.email.as_str().into()),
                optional("URL", "url", maintainer.url.as_str().into()),
            ],
        )
        .into_value()
    });
    pointers("*chart.Maintainer", records.collect())
}

fn dependencies(dependencies: &[Dependency]) -> Value {
    let records = dependencies.iter().map(|dependency| {
        let import_values = dependency.import_values.iter().map(Value::from).collect();
        Record::new(
            "*chart.Dependency",
            vec![
                ("Name", Some("name"), dependency.name.as_str().into()),
                optional("Version", "version", dependency.version.as_str().into()),
                ("Repository", Some("repository"), dependency.repository.as_str().into()),
                optional("Condition", "condition", dependency.condition.as_str().into()),
                optional("Tags", "tags", texts(&dependency.tags)),
                optional("Enabled", "enabled", dependency.enabled.into()),
                optional("ImportValues", "import-values", Value::list(import_values)),
                optional("Alias", "alias", dependency.alias.as_str().into()),
            ],
        )
        .into_value()
    });
    pointers("*chart.Dependency", records.collect())
}
