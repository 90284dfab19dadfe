//! Creating, replacing and patching, as strictly as the API server does it.

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Cluster;
use super::decode::{self, Parsed};
use super::defaults;
use super::managers::{self, Writer};
use super::object::{self, map_of, text, text_or_empty};
use super::patches;
use super::reading::{self, Form};
use super::route::{Query, Target};
use super::schema::Shape;
use super::status::{Failure, Mistake, Outcome};
use super::store::Key;
use super::validation;
use crate::wire::{Request, Response};

/// What to do about unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    Ignore,
    Warn,
    Strict,
}

/// The parts of a write that its query and headers say.
struct Options {
    strictness: Strictness,
    dry_run: bool,
    manager: String,
    force: bool,
}

impl Options {
    fn of(request: &Request, query: &Query) -> Outcome<Self> {
        let strictness = match query.get("fieldValidation") {
            "" | "Warn" => Strictness::Warn,
            "Ignore" => Strictness::Ignore,
            "Strict" => Strictness::Strict,
            other => {
                let mistake = Mistake::unsupported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]);
                return Err(Failure::invalid("meta.k8s.io", "CreateOptions", "", &[mistake]));
            }
        };
        let manager = match query.get("fieldManager") {
            "" => user_agent_manager(request),
            named => named.to_owned(),
        };
        Ok(Self { strictness, dry_run: query.is_dry_run()?, manager, force: query.flag("force") })
    }

    fn writer<'a>(&'a self, target: &'a Target, api_version: &'a str, now: jiff::Timestamp) -> Writer<'a> {
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
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

fn content_type(request: &Request) -> &str {
    let whole = request.header("content-type").unwrap_or(JSON);
    whole.split(';').next().unwrap_or(whole).trim()
}

/// A stored or dry-run object, and the warnings that go with it.
struct Written {
    object: Value,
    status: StatusCode,
    warnings: Vec<String>,
}

impl Written {
    fn response(self, request: &Request, target: &Target) -> Outcome<Response> {
        let form = Form::of(request)?;
        let mut object = self.object;
        if target.resource.custom.is_some() {
            object::set(&mut object, "/apiVersion", target.resource.api_version());
        }
        let body = if form == Form::Partial { reading::partial(&object) } else { object };
        let mut response = Response::json(self.status, &body);
        for warning in self.warnings {
            let quoted = format!("299 - \"{}\"", warning.replace('\\', "\\\\").replace('"', "\\\""));
            if let Ok(value) = HeaderValue::from_str(&quoted) {
                response.headers.append("warning", value);
            }
        }
        Ok(response)
    }
}

impl Cluster {
    /// Creates the object in the body.
    pub(super) fn create(&mut self, target: &Target, request: &Request, query: &Query) -> Outcome<Response> {
        let options = Options::of(request, query)?;
        let (mut object, mut warnings) = decoded_body(target, request, &options)?;
        if !text_or_empty(&object, "/metadata/resourceVersion").is_empty() {
            return Err(Failure::unexplained("resourceVersion should not be set on objects to be created"));
        }
        if target.resource.namespaced && target.namespace.is_empty() {
            return Err(Failure::bad_request("an empty namespace may not be set during creation"));
        }
        check_namespace(target, &object)?;
        self.name_it(&mut object);
        let key = Key::new(&target.resource.stored_as(), &target.namespace, object::name(&object));
        self.begin_new(target, &mut object, &key)?;
        let api_version = target.resource.api_version();
        let writer = options.writer(target, &api_version, self.now);
        let status = target.resource.has_status.then(|| object::remove(&mut object, "/status")).flatten();
        managers::updated(&empty_object(target), &mut object, &shape(target), &writer);
        if let Some(status) = status {
            object::set(&mut object, "/status", status);
        }
        let object = self.finish_create(target, &key, object, options.dry_run, &mut warnings)?;
        Written { object, status: StatusCode::CREATED, warnings }.response(request, target)
    }

    fn name_it(&mut self, object: &mut Value) {
        let prefix = text_or_empty(object, "/metadata/generateName").to_owned();
        if object::name(object).is_empty() && !prefix.is_empty() {
            let kept: String = prefix.chars().take(58).collect();
            object::set(object, "/metadata/name", format!("{kept}{}", self.mint.letters(5)));
        }
    }

    /// Completes a new object: metadata, defaults, admission, allocation; then checks it.
    fn begin_new(&mut self, target: &Target, object: &mut Value, key: &Key) -> Outcome<()> {
        self.admit_namespace(target, &key.name)?;
        for pointer in ["/metadata/deletionTimestamp", "/metadata/deletionGracePeriodSeconds", "/metadata/selfLink"] {
            object::remove(object, pointer);
        }
        if target.resource.has_status {
            object::remove(object, "/status");
        }
        self.complete_metadata(object, key);
        if key.name.is_empty() {
            object::remove(object, "/metadata/name");
        }
        complete_kind(target, object);
        defaults::fill(&target.resource.kind, object);
        if target.resource.has_status && target.resource.custom.is_none() {
            object::set_default(object, "/status", json!({}));
        }
        self.admit_new(target, object)
    }

    fn finish_create(
        &mut self,
        target: &Target,
        key: &Key,
        mut object: Value,
        dry_run: bool,
        warnings: &mut Vec<String>,
    ) -> Outcome<Value> {
        if target.resource.kind == "Service" {
            let named = object::name(&object).to_owned();
            self.allocate(&mut object)
                .map_err(|mistakes| Failure::invalid("", "Service", &named, &mistakes))?;
        }
        self.check(target, &object)?;
        if self.store.get(key).is_some() {
            return Err(Failure::already_exists(target.resource.about(&key.name)));
        }
        warnings.extend(self.admission_warnings(target, &object));
        if dry_run {
            return Ok(object);
        }
        Ok(self.save(key, object))
    }

    fn check(&self, target: &Target, object: &Value) -> Outcome<()> {
        let mistakes = validation::object(&target.resource, object);
        invalid_unless_empty(target, object, &mistakes)
    }

    /// Creates an object as a controller does: with every check that a request passes.
    ///
    /// # Errors
    /// What the API server would answer.
    pub(super) fn create_internal(&mut self, resource: &str, namespace: &str, mut object: Value) -> Outcome<Value> {
        let resource = self.catalog.stored(resource).cloned().ok_or_else(Failure::no_such_path)?;
        self.name_it(&mut object);
        let name = object::name(&object).to_owned();
        let target = Target {
            resource,
            namespace: namespace.to_owned(),
            name: Some(name.clone()),
            subresource: String::new(),
        };
        let key = Key::new(&target.resource.stored_as(), namespace, &name);
        self.begin_new(&target, &mut object, &key)?;
        self.finish_create(&target, &key, object, false, &mut Vec::new())
    }

    /// Replaces an object by the one in the body.
    pub(super) fn replace(&mut self, target: &Target, request: &Request, query: &Query) -> Outcome<Response> {
        let options = Options::of(request, query)?;
        let (object, mut warnings) = decoded_body(target, request, &options)?;
        check_namespace(target, &object)?;
        let name = object::name(&object);
        if name.is_empty() {
            return Err(Failure::bad_request("name must be provided"));
        }
        if name != target.object_name() {
            let message = format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                target.object_name()
            );
            return Err(Failure::bad_request(message));
        }
        let old = self.store.object(&target.key()).ok_or_else(|| target.not_found())?;
        if target.resource.custom.is_some() && text_or_empty(&object, "/metadata/resourceVersion").is_empty() {
            let detail = "must be specified for an update";
            let mistake = Mistake::invalid("metadata.resourceVersion", "", detail);
            return Err(Failure::invalid(&target.resource.group, &target.resource.kind, name, &[mistake]));
        }
        let object = self.update(target, &old, object, &options, true, &mut warnings)?;
        Written { object, status: StatusCode::OK, warnings }.response(request, target)
    }

    /// Makes a stored object into a new one, if it may become that. `manages` says whether the change still has to be
    /// noted in `managedFields`.
    fn update(
        &mut self,
        target: &Target,
        old: &Value,
        mut object: Value,
        options: &Options,
        manages: bool,
        warnings: &mut Vec<String>,
    ) -> Outcome<Value> {
        let name = target.object_name();
        check_preconditions(target, old, &object)?;
        keep_what_writes_cannot_change(target, old, &mut object);
        complete_kind(target, &mut object);
        defaults::fill(&target.resource.kind, &mut object);
        if target.subresource.is_empty() {
            self.admit_update(target, old, &mut object)?;
        }
        if manages {
            let api_version = target.resource.api_version();
            let writer = options.writer(target, &api_version, self.now);
            managers::updated(old, &mut object, &shape(target), &writer);
        }
        if target.resource.kind == "Service" && target.subresource.is_empty() {
            self.allocate(&mut object).map_err(|mistakes| Failure::invalid("", "Service", name, &mistakes))?;
        }
        let mut mistakes = validation::object(&target.resource, &object);
        if target.subresource.is_empty() {
            mistakes.extend(validation::changed(&target.resource, old, &object));
        }
        invalid_unless_empty(target, &object, &mistakes)?;
        warnings.extend(self.admission_warnings(target, &object));
        if options.dry_run {
            return Ok(object);
        }
        let key = target.key();
        let stored = self.save(&key, object);
        if object::is_terminating(&stored) && is_unheld(&stored) {
            self.erase(&key);
        }
        Ok(stored)
    }

    /// Patches an object; server-side apply also creates.
    pub(super) fn patch(&mut self, target: &Target, request: &Request, query: &Query) -> Outcome<Response> {
        let options = Options::of(request, query)?;
        let kind = content_type(request);
        if kind == APPLY_PATCH {
            return self.apply(target, request, query, &options);
        }
        if !query.get("force").is_empty() {
            let mistake = Mistake::forbidden("force", "may not be specified for non-apply patch");
            return Err(Failure::invalid("meta.k8s.io", "PatchOptions", "", &[mistake]));
        }
        let old = match self.store.object(&target.key()) {
            Some(old) => self.as_served(target, old),
            None => return Err(target.not_found()),
        };
        let patch = parsed_patch(request)?;
        let mut patched = match kind {
            JSON_PATCH => patches::json_patch(&old, patch.value)?,
            MERGE_PATCH => patches::merge_patch(&old, &patch.value),
            STRATEGIC_PATCH if target.resource.custom.is_none() => {
                patches::strategic(&old, &patch.value, &shape(target))?
            }
            _ => return Err(Failure::unsupported_media_type(&patch_types(target))),
        };
        let shown = String::from_utf8_lossy(&request.body).into_owned();
        let mut warnings = fit_patched(target, &mut patched, &patch.duplicates, &shown, &options)?;
        if object::name(&patched) != target.object_name() {
            return Err(Failure::bad_request("the name of the object may not be changed by a patch"));
        }
        let object = self.update(target, &old, patched, &options, true, &mut warnings)?;
        Written { object, status: StatusCode::OK, warnings }.response(request, target)
    }

    /// The object under the version that is asked for.
    fn as_served(&self, target: &Target, mut object: Value) -> Value {
        object::set(&mut object, "/apiVersion", target.resource.api_version());
        object
    }

    fn apply(&mut self, target: &Target, request: &Request, query: &Query, options: &Options) -> Outcome<Response> {
        if query.get("fieldManager").is_empty() {
            let mistake = Mistake::required("fieldManager", "is required for apply patch");
            return Err(Failure::invalid("meta.k8s.io", "PatchOptions", "", &[mistake]));
        }
        let mut parsed = parsed_patch(request)?;
        check_applied(target, &parsed)?;
        if options.strictness == Strictness::Strict && !parsed.duplicates.is_empty() {
            let list = duplicate_list(&parsed.duplicates);
            return Err(Failure::bad_request(format!("error strict decoding YAML: {list}")));
        }
        typed(target, &mut parsed.value)?;
        match self.store.object(&target.key()) {
            Some(old) => {
                let old = self.as_served(target, old);
                self.apply_to_existing(target, &old, &parsed.value, options, request)
            }
            None if target.subresource.is_empty() => self.apply_new(target, parsed.value, options, request),
            None => Err(target.not_found()),
        }
    }

    fn apply_to_existing(
        &mut self,
        target: &Target,
        old: &Value,
        applied: &Value,
        options: &Options,
        request: &Request,
    ) -> Outcome<Response> {
        let api_version = target.resource.api_version();
        let writer = options.writer(target, &api_version, self.now);
        let mut object = managers::apply(old, applied, &shape(target), &writer, options.force)?;
        decode::fit(&mut object, &target.resource.structure)
            .map_err(|misfit| Failure::bad_request(misfit.to_string()))?;
        let mut warnings = Vec::new();
        let object = self.update(target, old, object, options, false, &mut warnings)?;
        Written { object, status: StatusCode::OK, warnings }.response(request, target)
    }

    fn apply_new(
        &mut self,
        target: &Target,
        applied: Value,
        options: &Options,
        request: &Request,
    ) -> Outcome<Response> {
        if target.resource.namespaced && target.namespace.is_empty() {
            return Err(Failure::no_such_path());
        }
        let key = target.key();
        let api_version = target.resource.api_version();
        let writer = options.writer(target, &api_version, self.now);
        let mut object =
            managers::apply(&empty_object(target), &applied, &shape(target), &writer, options.force)?;
        decode::fit(&mut object, &target.resource.structure)
            .map_err(|misfit| Failure::bad_request(misfit.to_string()))?;
        let mut warnings = Vec::new();
        if !text_or_empty(&object, "/metadata/uid").is_empty() {
            let why = "Precondition failed: the object to be applied has a UID and does not exist";
            return Err(Failure::conflict(target.resource.about(&key.name), why));
        }
        self.begin_new(target, &mut object, &key)?;
        let object = self.finish_create(target, &key, object, options.dry_run, &mut warnings)?;
        Written { object, status: StatusCode::CREATED, warnings }.response(request, target)
    }

    /// Replaces an object by one that a subresource made of it, with all checks of a replacement.
    pub(super) fn update_for_subresource(
        &mut self,
        target: &Target,
        old: &Value,
        object: Value,
        request: &Request,
        query: &Query,
    ) -> Outcome<Value> {
        let options = Options::of(request, query)?;
        let whole = Target { subresource: String::new(), ..target.clone() };
        self.update(&whole, old, object, &options, true, &mut Vec::new())
    }
}

/// True when no finalizer holds an object; a namespace is held by its spec too.
pub(super) fn is_unheld(object: &Value) -> bool {
    object::items(object, "/metadata/finalizers").is_empty()
        && (text(object, "/kind") != Some("Namespace") || object::items(object, "/spec/finalizers").is_empty())
        && (text(object, "/kind") != Some("Pod") || object::whole(object, "/metadata/deletionGracePeriodSeconds") == Some(0))
}

fn shape(target: &Target) -> Shape {
    Shape::Structure(target.resource.structure.clone())
}

fn empty_object(target: &Target) -> Value {
    let mut object = super::commit::blank(&target.resource.api_version(), &target.resource.kind);
    if let Some(name) = &target.name {
        object::set(&mut object, "/metadata/name", name.as_str());
    }
    object
}

fn complete_kind(target: &Target, object: &mut Value) {
    object::set(object, "/apiVersion", target.resource.api_version());
    object::set(object, "/kind", target.resource.kind.as_str());
}

fn invalid_unless_empty(target: &Target, object: &Value, mistakes: &[Mistake]) -> Outcome<()> {
    if mistakes.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(&target.resource.group, &target.resource.kind, object::name(object), mistakes))
}

fn decoded_body(target: &Target, request: &Request, options: &Options) -> Outcome<(Value, Vec<String>)> {
    if !matches!(content_type(request), JSON | YAML | "*/*") {
        return Err(Failure::unsupported_media_type(&[JSON, YAML]));
    }
    let resource = &target.resource;
    let cannot = |kind: &str, why: &str| {
        Failure::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {}: {why}",
            resource.version, resource.kind
        ))
    };
    let parsed = decode::parse(&request.body)
        .map_err(|error| cannot(&resource.kind, &format!("json: {error}")))?;
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

fn duplicate_list(duplicates: &[String]) -> String {
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
        let message =
            format!("the API version in the data ({found}) does not match the expected API version ({wanted})");
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

fn check_namespace(target: &Target, object: &Value) -> Outcome<()> {
    let named = object::namespace(object);
    if named.is_empty() || named == target.namespace {
        return Ok(());
    }
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    Err(Failure::bad_request(message))
}

fn check_preconditions(target: &Target, old: &Value, new: &Value) -> Outcome<()> {
    let about = target.resource.about(target.object_name());
    let (uid, own) = (object::uid(new), object::uid(old));
    if !uid.is_empty() && uid != own {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {own}");
        return Err(Failure::conflict(about, &why));
    }
    let version = text_or_empty(new, "/metadata/resourceVersion");
    if !version.is_empty() && version != text_or_empty(old, "/metadata/resourceVersion") {
        return Err(Failure::stale(about));
    }
    Ok(())
}

/// Copies from the stored object what this kind of write leaves alone.
fn keep_what_writes_cannot_change(target: &Target, old: &Value, new: &mut Value) {
    if target.subresource == "status" {
        let status = new.get("status").cloned();
        let managers = new.pointer("/metadata/managedFields").cloned();
        *new = old.clone();
        match status {
            Some(status) => object::set(new, "/status", status),
            None => drop(object::remove(new, "/status")),
        }
        if let Some(managers) = managers {
            object::set(new, "/metadata/managedFields", managers);
        }
        return;
    }
    let mut kept = vec![
        "/metadata/name",
        "/metadata/namespace",
        "/metadata/uid",
        "/metadata/creationTimestamp",
        "/metadata/generation",
        "/metadata/generateName",
        "/metadata/deletionTimestamp",
        "/metadata/deletionGracePeriodSeconds",
    ];
    if target.resource.has_status {
        kept.push("/status");
    }
    if target.resource.kind == "Namespace" {
        kept.push("/spec");
    }
    for pointer in kept {
        match old.pointer(pointer) {
            Some(value) => object::set(new, pointer, value.clone()),
            None => drop(object::remove(new, pointer)),
        }
    }
}

fn patch_types(target: &Target) -> Vec<&'static str> {
    let mut types = vec![JSON_PATCH, MERGE_PATCH, APPLY_PATCH];
    if target.resource.custom.is_none() {
        types.insert(2, STRATEGIC_PATCH);
    }
    types
}

fn parsed_patch(request: &Request) -> Outcome<Parsed> {
    decode::parse(&request.body).map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))
}

/// Fits a patched object to its kind and deals with what does not fit.
fn fit_patched(
    target: &Target,
    patched: &mut Value,
    duplicates: &[String],
    patch: &str,
    options: &Options,
) -> Outcome<Vec<String>> {
    let refused =
        |why: &str| Failure::invalid("", "", "", &[Mistake::invalid("patch", patch, why)]);
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

fn check_applied(target: &Target, parsed: &Parsed) -> Outcome<()> {
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
fn typed(target: &Target, applied: &mut Value) -> Outcome<()> {
    let resource = &target.resource;
    let prefix = || {
        let place = Key::new("", &target.namespace, target.object_name()).path();
        format!("failed to create typed patch object ({place}; {}, Kind={})", resource.api_version(), resource.kind)
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
        let list: Vec<String> = unknown.iter().map(|path| format!(".{path}: field not declared in schema")).collect();
        let errors = if list.len() == 1 { format!(".{path}: field not declared in schema") } else { format!("errors:\n  {}", list.join("\n  ")) };
        return Err(Failure::unexplained(format!("{}: {errors}", prefix())));
    }
    decode::check_lists(&fitted, &shape(target), "")
        .map_err(|why| Failure::unexplained(format!("{}: {why}", prefix())))?;
    *applied = fitted;
    Ok(())
}
