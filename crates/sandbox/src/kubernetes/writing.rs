//! Creating, replacing and patching, as strictly as the API server does it.

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Cluster;
use super::admission;
use super::bodies::{
    APPLY_PATCH, JSON_PATCH, MERGE_PATCH, Options, STRATEGIC_PATCH, Strictness, check_applied,
    check_namespace, content_type, decoded_body, duplicate_list, fit_patched, parsed_patch, patch_types,
    shape, typed,
};
use super::decode;
use super::defaults;
use super::managers;
use super::object::{self, text, text_or_empty};
use super::patches;
use super::reading::{self, Form};
use super::route::{Query, Target};
use super::status::{Failure, Mistake, Outcome};
use super::store::Key;
use super::validation;
use crate::wire::{Request, Response};

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
        for pointer in
            ["/metadata/deletionTimestamp", "/metadata/deletionGracePeriodSeconds", "/metadata/selfLink"]
        {
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
        invalid_unless_empty(target, &object, &validation::object(&target.resource, &object))?;
        if self.store.get(key).is_some() {
            return Err(Failure::already_exists(target.resource.about(&key.name)));
        }
        warnings.extend(self.admission_warnings(target, &object));
        if dry_run {
            return Ok(object);
        }
        Ok(self.save(key, object))
    }

    /// Creates an object as a controller does: with every check that a request passes.
    ///
    /// # Errors
    /// What the API server would answer.
    pub(super) fn create_internal(
        &mut self,
        resource: &str,
        namespace: &str,
        mut object: Value,
    ) -> Outcome<Value> {
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
        if target.resource.custom.is_some() && text_or_empty(&object, "/metadata/resourceVersion").is_empty()
        {
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
            admission::complete_update(target, old, &mut object);
        }
        if manages {
            let api_version = target.resource.api_version();
            let writer = options.writer(target, &api_version, self.now);
            managers::updated(old, &mut object, &shape(target), &writer);
        }
        if target.resource.kind == "Service" && target.subresource.is_empty() {
            self.allocate(&mut object)
                .map_err(|mistakes| Failure::invalid("", "Service", name, &mistakes))?;
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
            Some(old) => as_served(target, old),
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

    fn apply(
        &mut self,
        target: &Target,
        request: &Request,
        query: &Query,
        options: &Options,
    ) -> Outcome<Response> {
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
                let old = as_served(target, old);
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
        && (text(object, "/kind") != Some("Namespace")
            || object::items(object, "/spec/finalizers").is_empty())
        && (text(object, "/kind") != Some("Pod")
            || object::whole(object, "/metadata/deletionGracePeriodSeconds") == Some(0))
}

/// The object under the version that is asked for.
fn as_served(target: &Target, mut object: Value) -> Value {
    object::set(&mut object, "/apiVersion", target.resource.api_version());
    object
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
