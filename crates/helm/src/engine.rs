//! Rendering charts.
//!
//! All templates of a chart and its subcharts share one namespace. They are parsed in Helm's order, so that of two
//! definitions of a name the same one wins, and rendered in it, so that what one template sets in the values the later
//! ones see.

mod context;
mod error;
mod files;
mod glob;
mod linked;
mod record;
mod scope;
mod thread;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use spacecraft_gotemplate::value::lossy;
use spacecraft_gotemplate::{
    FunctionNames, Functions, Interpreter, Limits, Parsed, TemplateSet, Value, parse, yaml,
};

use crate::chart::Chart;
use crate::functions::{Surroundings, library};
pub use context::{Lookup, ReleaseContext, RenderContext, Seed};
pub use error::RenderError;
use scope::{ChartScope, Scopes, TemplateSource};

/// Below this many bytes of templates, parsing is over before another processor has begun.
const MUCH_TO_PARSE: usize = 64 * 1024;
/// More threads than this do not help.
const MOST_PARSERS: usize = 4;

/// A whole chart's templates, parsed. Rendering it again costs no parsing.
#[derive(Debug)]
pub struct Compiled {
    templates: TemplateSet<'static>,
    /// In the order in which they are rendered.
    files: Vec<TemplateFile>,
    chart: ChartScope,
}

/// A template file: its full name and the chart that it belongs to.
#[derive(Debug)]
struct TemplateFile {
    name: String,
    chart_path: String,
}

/// Renders a chart: the manifest of every template file, by the file's full name (`chart/templates/x.yaml`,
/// `chart/charts/kid/templates/y.yaml`), files that only define templates (`_*`) left out.
///
/// `values` are the complete values, those of subcharts under their names, as they come out of
/// [`crate::values::coalesce`].
///
/// # Errors
/// [`RenderError`] with Helm's message if a template cannot be parsed or fails.
pub fn render(
    chart: &Chart,
    values: &serde_json::Value,
    context: &RenderContext,
) -> Result<BTreeMap<String, String>, RenderError> {
    Compiled::new(chart)?.render(values, context)
}

impl Compiled {
    /// Parses the templates of a chart and its subcharts.
    ///
    /// # Errors
    /// [`RenderError`] with Helm's message for the first template that cannot be parsed.
    pub fn new(chart: &Chart) -> Result<Self, RenderError> {
        thread::with_deep_stack(|| Self::parse(chart))
    }

    fn parse(chart: &Chart) -> Result<Self, RenderError> {
        let scope = ChartScope::of(chart);
        let mut sources = Vec::new();
        scope.collect_templates(chart, &mut sources);
        sources.sort_by_cached_key(|source| Reverse((source.name.matches('/').count(), source.name.clone())));
        let mut templates = TemplateSet::new();
        for parsed in parse_all(&sources)? {
            templates.add(&parsed);
        }
        let files = sources
            .into_iter()
            .map(|source| TemplateFile { name: source.name, chart_path: source.chart_path })
            .collect();
        Ok(Self { templates, files, chart: scope })
    }

    /// Renders the chart; see [`render`].
    ///
    /// # Errors
    /// [`RenderError`] with Helm's message for the first template that fails.
    pub fn render(
        &self,
        values: &serde_json::Value,
        context: &RenderContext,
    ) -> Result<BTreeMap<String, String>, RenderError> {
        thread::with_deep_stack(|| self.render_here(values, context))
    }

    fn render_here(
        &self,
        values: &serde_json::Value,
        context: &RenderContext,
    ) -> Result<BTreeMap<String, String>, RenderError> {
        let RenderContext { now, time_zone, seed, keys, .. } = context;
        let surroundings =
            Rc::new(Surroundings::new(*now, time_zone.clone(), *seed.expose(), Arc::clone(keys)));
        let functions = functions_of(&surroundings, context.lookup.clone());
        let limits = Limits { depth: thread::MAX_DEPTH, ..Limits::default() };
        let interpreter = Interpreter::new(&functions, limits);
        let scopes = Scopes::new(&self.chart, values, context);
        let (mut rendered, mut broken) = (BTreeMap::new(), BTreeMap::new());
        for file in &self.files {
            if is_partial(&file.name) {
                continue;
            }
            let data = scopes.data_for(&file.name, &file.chart_path);
            let output = interpreter
                .execute(&self.templates, &file.name, &Value::Map(data))
                .map_err(|error| RenderError::executing(&error))?;
            rendered.insert(file.name.clone(), without_missing(&output));
            broken.extend(octets_refused(&file.name, &output).map(|problem| (&file.name, problem)));
        }
        match broken.first_key_value() {
            Some((name, problem)) => Err(RenderError::new(format!("YAML parse error on {name}: {problem}"))),
            None => Ok(rendered),
        }
    }
}

/// Parses the templates of several files, on all processors if there is much to parse; answers them in their order, or the fault of the
/// first one that has one.
fn parse_all(sources: &[TemplateSource]) -> Result<Vec<Parsed>, RenderError> {
    let bytes: usize = sources.iter().map(|source| source.data.len()).sum();
    let workers = match bytes {
        0..MUCH_TO_PARSE => 1,
        _ => std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_PARSERS),
    };
    let share = sources.len().div_ceil(workers).max(1);
    thread::on_each(&mut sources.chunks(share), |sources| sources.iter().map(parse_one).collect())
        .into_iter()
        .flat_map(|parsed: Vec<Result<Parsed, RenderError>>| parsed)
        .collect()
}

fn parse_one(source: &TemplateSource) -> Result<Parsed, RenderError> {
    static NAMES: LazyLock<FunctionNames> =
        LazyLock::new(|| functions_of(&Rc::new(Surroundings::fixed()), None).names().clone());
    parse(&source.name, &lossy(&source.data), &NAMES)
        .map_err(|error| RenderError::parsing(&source.name, &error))
}

/// Files whose names begin with `_` only define templates for others.
fn is_partial(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
}

/// Why an output that is no UTF-8 cannot become a manifest; notes may hold such bytes.
fn octets_refused(name: &str, output: &[u8]) -> Option<yaml::Error> {
    if name.ends_with("NOTES.txt") || std::str::from_utf8(output).is_ok() {
        return None;
    }
    let mut ends: Vec<usize> = memchr::memmem::find_iter(output, b"\n---").collect();
    ends.push(output.len());
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let mut documents = starts.zip(&ends).filter_map(|(start, end)| output.get(start..*end));
    documents.find_map(|document| yaml::from_slice(document).err())
}

/// What Go prints for a missing value.
const MISSING: &str = "<no value>";

/// The text with what Go prints for a missing value taken out.
fn without_missing(output: &[u8]) -> String {
    let text = lossy(output);
    if text.contains(MISSING) { text.replace(MISSING, "") } else { text.into_owned() }
}

/// All functions that a template may call.
fn functions_of(surroundings: &Rc<Surroundings>, lookup: Option<Arc<dyn Lookup>>) -> Functions {
    let mut functions = library(surroundings);
    linked::add(&mut functions, lookup);
    functions
}
