//! What a write brings along: its options, and a body that fits its kind.

use serde_json::Value;

use super::decode::{self, Parsed};
use super::managers::Writer;
use super::object::{self, map_of, text, text_or_empty};
use super::protobuf::{self, PROTOBUF};
use super::route::{Query, Target};
use super::schema::Shape;
use super::status::{Failure, Mistake, Outcome};
use super::store::Key;
use crate::wire::Request;

/// What to do about unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    Ignore,
    Warn,
    Strict,
}

/// The parts of a write that its query and headers say.
pub(super) struct Options {
    pub(super) strictness: Strictness,
    /// True when nothing shall be stored.
    pub(super) dry_run: bool,
    /// Who writes.
    pub(super) manager: String,
    /// True when an application takes over what others own.
    pub(super) force: bool,
}

impl Options {
    pub(super) fn of(request: &Request, query: &Query) -> Outcome<Self> {
        let strictness = match query.get("fieldValidation") {
            "" | "Warn" => Strictness::Warn,
            "Ignore" => Strictness::Ignore,
            "Strict" => Strictness::Strict,
            other => {
                let mistake =
                    Mistake::unsupported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]);
                return Err(Failure::invalid("meta.k8s.io", "CreateOptions", "", &[mistake]));
            }
        };
        let manager = match query.get("fieldManager") {
            "" => user_agent_manager(request),
            named => named.to_owned(),
        };
        Ok(Self { strictness, dry_run: query.is_dry_run()?, manager, force: query.flag("force") })
    }

    pub(super) fn writer<'a>(
        &'a self,
        target: &'a Target,
        api_version: &'a str,
        now: jiff::Timestamp,
    ) -> Writer<'a> {
        Writer { manager: &self.manager, api_version, subresource: &target.subresource, now }
    }
}

/// The manager of a write that names none: what its user agent says before the first slash.
fn user_agent_manager(request: &Request) -> String {
    let agent = request.header("user-agent").unwrap_or_default();
    agent.split('/').next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned()
}

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(super) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY_PATCH: &str = "application/apply-patch+yaml";

pub(super) fn content_type(request: &Request) -> &str {
    let whole = request.header("content-type").unwrap_or(JSON);
    whole.split(';').next().unwrap_or(whole).trim()
}

/// The body in whatever form it was sent.
///
/// # Errors
/// 415 for other media types than those of objects; the inner result says what does not parse.
fn parsed(request: &Request) -> Outcome<Result<Parsed, String>> {
    match content_type(request) {
        JSON | YAML | "*/*" => Ok(decode::parse(&request.body)),
        PROTOBUF => Ok(protobuf::parse(&request.body).map(|value| Parsed { value, duplicates: Vec::new() })),
        _ => Err(Failure::unsupported_media_type(&[JSON, YAML, PROTOBUF])),
    }
}

/// The body of a request that carries an object for which no fields are looked up.
///
/// # Errors
/// 415 for other media types than those of objects, 400 for what does not parse.
pub(super) fn plain_body(request: &Request) -> Outcome<Value> {
    parsed(request)?.map(|parsed| parsed.value).map_err(Failure::bad_request)
}

pub(super) fn decoded_body(
    target: &Target,
    request: &Request,
    options: &Options,
) -> Outcome<(Value, Vec<String>)> {
    let parsed = parsed(request)?;
    let resource = &target.resource;
    let cannot = |kind: &str, why: &str| {
        Failure::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {}: {why}",
            resource.version, resource.kind
        ))
    };
    let parsed = parsed.map_err(|error| cannot(&resource.kind, &format!("json: {error}")))?;
    let mut object = parsed.value;
    if !object.is_object() {
        return Err(cannot(&resource.kind, "json: cannot unmarshal the body into an object"));
    }
    check_kind(target, &object)?;
    let unknown = decode::fit(&mut object, &resource.structure)
        .map_err(|misfit| cannot(&resource.kind, &misfit.to_string()))?;
    let complaints = complaints(&unknown, &parsed.duplicates);
    let warnings = match options.strictness {
        Strictness::Ignore => Vec::new(),
        Strictness::Warn => complaints,
        Strictness::Strict if complaints.is_empty() => Vec::new(),
        Strictness::Strict => {
            let list = format!("strict decoding error: {}", complaints.join(", "));
            return Err(cannot(&resource.kind, &list));
        }
    };
    Ok((object, warnings))
}

fn complaints(unknown: &[String], duplicates: &[String]) -> Vec<String> {
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    let duplicates = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    duplicates.chain(unknown).collect()
}

pub(super) fn duplicate_list(duplicates: &[String]) -> String {
    let list: Vec<String> = duplicates
        .iter()
        .map(|path| format!("key {:?} already set in map", path.rsplit('.').next().unwrap_or(path)))
        .collect();
    list.join(", ")
}

fn check_kind(target: &Target, object: &Value) -> Outcome<()> {
    let resource = &target.resource;
    let wanted = resource.api_version();
    if let Some(found) = text(object, "/apiVersion").filter(|found| *found != wanted) {
        let message = format!(
            "the API version in the data ({found}) does not match the expected API version ({wanted})"
        );
        return Err(Failure::bad_request(message));
    }
    if let Some(found) = text(object, "/kind").filter(|found| *found != resource.kind) {
        let message = format!(
            "{found} in version {:?} cannot be handled as a {}: no kind {found:?} is registered for this resource",
            resource.version, resource.kind
        );
        return Err(Failure::bad_request(message));
    }
    Ok(())
}

pub(super) fn check_namespace(target: &Target, object: &Value) -> Outcome<()> {
    let named = object::namespace(object);
    if named.is_empty() || named == target.namespace {
        return Ok(());
    }
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    Err(Failure::bad_request(message))
}

pub(super) fn patch_types(target: &Target) -> Vec<&'static str> {
    let mut types = vec![JSON_PATCH, MERGE_PATCH, APPLY_PATCH];
    if target.resource.custom.is_none() {
        types.insert(2, STRATEGIC_PATCH);
    }
    types
}

pub(super) fn parsed_patch(request: &Request) -> Outcome<Parsed> {
    decode::parse(&request.body)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))
}

/// Fits a patched object to its kind and deals with what does not fit.
pub(super) fn fit_patched(
    target: &Target,
    patched: &mut Value,
    duplicates: &[String],
    patch: &str,
    options: &Options,
) -> Outcome<Vec<String>> {
    let refused = |why: &str| Failure::invalid("", "", "", &[Mistake::invalid("patch", patch, why)]);
    check_kind(target, patched)?;
    let unknown =
        decode::fit(patched, &target.resource.structure).map_err(|misfit| refused(&misfit.to_string()))?;
    let complaints = complaints(&unknown, duplicates);
    match options.strictness {
        Strictness::Strict if !complaints.is_empty() => {
            Err(refused(&format!("strict decoding error: {}", complaints.join(", "))))
        }
        Strictness::Warn => Ok(complaints),
        Strictness::Strict | Strictness::Ignore => Ok(Vec::new()),
    }
}

pub(super) fn check_applied(target: &Target, parsed: &Parsed) -> Outcome<()> {
    let object = &parsed.value;
    if !object.is_object() {
        return Err(Failure::bad_request("error decoding YAML: the patch is no object"));
    }
    for (pointer, what) in [("/apiVersion", "apiVersion"), ("/kind", "kind")] {
        if text_or_empty(object, pointer).is_empty() {
            let message = format!("Object '{}' is missing in the applied configuration", capitalised(what));
            return Err(Failure::bad_request(message));
        }
    }
    check_kind(target, object)?;
    check_namespace(target, object)?;
    let name = object::name(object);
    if !name.is_empty() && name != target.object_name() {
        let message = format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.object_name()
        );
        return Err(Failure::bad_request(message));
    }
    if object.pointer("/metadata/managedFields").is_some_and(|managers| !managers.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    Ok(())
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

/// Checks an applied configuration against the fields of its kind; nulls in it stand for nothing.
pub(super) fn typed(target: &Target, applied: &mut Value) -> Outcome<()> {
    let resource = &target.resource;
    let prefix = || {
        let place = Key::new("", &target.namespace, target.object_name()).path();
        format!(
            "failed to create typed patch object ({place}; {}, Kind={})",
            resource.api_version(),
            resource.kind
        )
    };
    if target.name.is_some() {
        map_of(applied);
        object::set(applied, "/metadata/name", target.object_name());
        if !target.namespace.is_empty() {
            object::set(applied, "/metadata/namespace", target.namespace.as_str());
        }
    }
    let mut fitted = applied.clone();
    let unknown = decode::fit(&mut fitted, &resource.structure)
        .map_err(|misfit| Failure::unexplained(format!("{}: .{}: {misfit}", prefix(), misfit.path)))?;
    if let Some(path) = unknown.first() {
        let list: Vec<String> =
            unknown.iter().map(|path| format!(".{path}: field not declared in schema")).collect();
        let errors = if list.len() == 1 {
            format!(".{path}: field not declared in schema")
        } else {
            format!("errors:\n  {}", list.join("\n  "))
        };
        return Err(Failure::unexplained(format!("{}: {errors}", prefix())));
    }
    decode::check_lists(&fitted, &shape(target), "")
        .map_err(|why| Failure::unexplained(format!("{}: {why}", prefix())))?;
    *applied = fitted;
    Ok(())
}
/// The fields of a target's kind.
pub(super) fn shape(target: &Target) -> Shape {
    Shape::Structure(target.resource.structure.clone())
}
