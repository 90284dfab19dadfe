//! Deleting: preconditions, grace, finalizers and propagation.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Cluster;
use super::bodies::plain_body;
use super::decode;
use super::object::{self, items, list_mut, set, text, text_or_empty, whole};
use super::reading::{Filter, Form};
use super::route::{Query, Target};
use super::schema;
use super::status::{Failure, Mistake, Outcome};
use super::store::Key;
use super::writing::is_unheld;
use crate::wire::{Request, Response};

/// What happens to what the deleted object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// It goes afterwards.
    Background,
    /// It goes first.
    Foreground,
    /// It stays.
    Orphan,
}

/// How a deletion was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    grace_seconds: Option<i64>,
    propagation: Option<Propagation>,
    uid: Option<String>,
    version: Option<String>,
    dry_run: bool,
}

impl DeleteOptions {
    /// What the system itself deletes: in the background, with the object's own grace.
    pub(crate) fn background() -> Self {
        Self { propagation: Some(Propagation::Background), ..Self::default() }
    }

    fn of(request: &Request, query: &Query) -> Outcome<Self> {
        let mut body = if request.body.is_empty() { json!({}) } else { plain_body(request)? };
        if let Some(structure) = schema::built_in("meta/v1.DeleteOptions") {
            decode::fit(&mut body, &structure).map_err(|misfit| Failure::bad_request(misfit.to_string()))?;
        }
        let policy = match query.get("propagationPolicy") {
            "" => text_or_empty(&body, "/propagationPolicy"),
            asked => asked,
        };
        let propagation = match policy {
            "" => orphaning(&body, query),
            "Background" => Some(Propagation::Background),
            "Foreground" => Some(Propagation::Foreground),
            "Orphan" => Some(Propagation::Orphan),
            other => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                let mistake = Mistake::unsupported("propagationPolicy", other, &supported);
                return Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", &[mistake]));
            }
        };
        let body_dry_run = items(&body, "/dryRun").iter().any(|one| one == "All");
        Ok(Self {
            grace_seconds: query.number("gracePeriodSeconds").or_else(|| whole(&body, "/gracePeriodSeconds")),
            propagation,
            uid: text(&body, "/preconditions/uid").map(str::to_owned),
            version: text(&body, "/preconditions/resourceVersion").map(str::to_owned),
            dry_run: query.is_dry_run()? || body_dry_run,
        })
    }

    fn check(&self, target: &Target, object: &Value) -> Outcome<()> {
        for (asked, pointer, what, supposed) in [
            (&self.uid, "/metadata/uid", "UID", "deleted and then recreated"),
            (&self.version, "/metadata/resourceVersion", "ResourceVersion", "modified"),
        ] {
            let own = text_or_empty(object, pointer);
            if let Some(asked) = asked.as_deref().filter(|asked| *asked != own) {
                let why = format!(
                    "the {what} in the precondition ({asked}) does not match the {what} in record ({own}). The object might have been {supposed}"
                );
                return Err(Failure::conflict(target.resource.about(object::name(object)), &why));
            }
        }
        Ok(())
    }
}

/// The older way to say whether what is owned stays.
fn orphaning(body: &Value, query: &Query) -> Option<Propagation> {
    let asked = match query.get("orphanDependents") {
        "" => body.get("orphanDependents").and_then(Value::as_bool),
        asked => Some(asked == "true"),
    };
    asked.map(|orphans| if orphans { Propagation::Orphan } else { Propagation::Background })
}

impl Cluster {
    /// Deletes one object, or begins to.
    pub(super) fn delete(&mut self, target: &Target, request: &Request, query: &Query) -> Outcome<Response> {
        let options = DeleteOptions::of(request, query)?;
        let key = target.key();
        let object = self.store.object(&key).ok_or_else(|| target.not_found())?;
        options.check(target, &object)?;
        if target.resource.kind == "Namespace"
            && matches!(key.name.as_str(), "default" | "kube-system" | "kube-public")
        {
            let why = "this namespace may not be deleted";
            return Err(Failure::forbidden(target.resource.about(&key.name), why));
        }
        if options.dry_run {
            return Ok(Response::json(StatusCode::OK, &object));
        }
        let orphans_by_default = target.resource.kind == "Job" && options.propagation.is_none();
        let remains = self.begin_deletion(&key, &options);
        let response = match remains {
            Some(object) => Response::json(StatusCode::OK, &object),
            None => Response::json(StatusCode::OK, &success(target, &object)),
        };
        Ok(if orphans_by_default {
            let warning = "299 - \"child pods are preserved by default when jobs are deleted; set \
                           propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress \
                           this warning\"";
            response.with_header("warning", warning)
        } else {
            response
        })
    }

    /// Deletes every object that matches.
    pub(super) fn delete_collection(
        &mut self,
        target: &Target,
        request: &Request,
        query: &Query,
    ) -> Outcome<Response> {
        Form::of(request)?;
        let options = DeleteOptions::of(request, query)?;
        let filter = Filter::of(target, query)?;
        let stored_as = target.resource.stored_as();
        let matching: Vec<Value> = self
            .store
            .list(&stored_as, filter.namespace())
            .filter(|stored| filter.matches(stored))
            .map(|stored| stored.object())
            .collect();
        if !options.dry_run {
            for object in &matching {
                let key = Key::new(&stored_as, object::namespace(object), object::name(object));
                self.begin_deletion(&key, &options);
            }
        }
        let list = json!({
            "kind": target.resource.list_kind,
            "apiVersion": target.resource.api_version(),
            "metadata": {"resourceVersion": self.store.revision().to_string()},
            "items": matching,
        });
        Ok(Response::json(StatusCode::OK, &list))
    }

    /// Deletes an object, or marks it for deletion when something has to happen first. Returns what remains of it.
    pub(super) fn begin_deletion(&mut self, key: &Key, options: &DeleteOptions) -> Option<Value> {
        let mut object = self.store.object(key)?;
        self.add_propagation(key, &mut object, options);
        let grace = grace_seconds(&object, options);
        if object::is_terminating(&object) {
            shorten_grace(&mut object, grace, self.now);
        } else {
            let at = self.now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(self.now);
            set(&mut object, "/metadata/deletionTimestamp", object::written(at));
            set(&mut object, "/metadata/deletionGracePeriodSeconds", grace);
        }
        if text(&object, "/kind") == Some("Namespace") {
            set(&mut object, "/status/phase", "Terminating");
        }
        if is_unheld(&object) {
            self.erase(key);
            return None;
        }
        Some(self.save(key, object))
    }

    fn add_propagation(&self, key: &Key, object: &mut Value, options: &DeleteOptions) {
        let default = if key.resource == super::resources::JOBS {
            Propagation::Orphan
        } else {
            Propagation::Background
        };
        let owns = self.store.owned_by(object::uid(object)).next().is_some();
        let finalizer = match options.propagation.unwrap_or(default) {
            Propagation::Foreground => "foregroundDeletion",
            Propagation::Orphan if owns => "orphan",
            Propagation::Background | Propagation::Orphan => return,
        };
        if let Some(finalizers) = list_mut(object, "/metadata/finalizers")
            && !finalizers.iter().any(|one| one == finalizer)
        {
            finalizers.push(finalizer.into());
        }
    }

    /// Finishes or furthers the deletion of what belongs to an owner: collects what a gone owner left, and serves the
    /// finalizers by which an owner that is going waits for it.
    pub(super) fn collect(&mut self, uid: &str) {
        let Some(owner) = self.store.by_uid(uid).cloned() else { return self.collect_orphaned(uid) };
        let Some(object) = self.store.object(&owner).filter(object::is_terminating) else { return };
        let finalizers = items(&object, "/metadata/finalizers");
        if finalizers.iter().any(|one| one == "orphan") {
            for key in self.store.owned_by(uid).cloned().collect::<Vec<Key>>() {
                self.edit(&key, |dependent| disown(dependent, uid));
            }
            self.remove_finalizer(&owner, "orphan");
        } else if finalizers.iter().any(|one| one == "foregroundDeletion") {
            self.collect_foreground(&owner, uid);
        }
    }

    fn collect_foreground(&mut self, owner: &Key, uid: &str) {
        let dependents: Vec<Key> = self.store.owned_by(uid).cloned().collect();
        let mut waits = false;
        for key in dependents {
            let Some(stored) = self.store.get(&key) else { continue };
            waits |= stored.owners.iter().any(|owner| owner.uid == uid && owner.blocks);
            if !stored.terminating {
                let options =
                    DeleteOptions { propagation: Some(Propagation::Foreground), ..DeleteOptions::default() };
                self.begin_deletion(&key, &options);
            }
        }
        waits &= self.store.owned_by(uid).any(|key| {
            self.store
                .get(key)
                .is_some_and(|stored| stored.owners.iter().any(|one| one.uid == uid && one.blocks))
        });
        if !waits {
            self.remove_finalizer(owner, "foregroundDeletion");
        }
    }

    fn collect_orphaned(&mut self, uid: &str) {
        for key in self.store.owned_by(uid).cloned().collect::<Vec<Key>>() {
            let Some(stored) = self.store.get(&key) else { continue };
            let kept =
                stored.owners.iter().any(|owner| owner.uid != uid && self.store.by_uid(&owner.uid).is_some());
            if kept {
                self.edit(&key, |dependent| disown(dependent, uid));
            } else if !stored.terminating {
                self.begin_deletion(&key, &DeleteOptions::background());
            }
        }
    }

    /// Takes a finalizer off an object, which goes away when it was the last.
    pub(super) fn remove_finalizer(&mut self, key: &Key, finalizer: &str) {
        let Some(mut object) = self.store.object(key) else { return };
        if let Some(finalizers) = object.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
            finalizers.retain(|one| one != finalizer);
        }
        if items(&object, "/metadata/finalizers").is_empty() {
            object::remove(&mut object, "/metadata/finalizers");
        }
        let ends = object::is_terminating(&object) && is_unheld(&object);
        self.save(key, object);
        if ends {
            self.erase(key);
        }
    }
}

fn disown(dependent: &mut Value, uid: &str) {
    if let Some(owners) = dependent.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
        owners.retain(|owner| text(owner, "/uid") != Some(uid));
    }
    if items(dependent, "/metadata/ownerReferences").is_empty() {
        object::remove(dependent, "/metadata/ownerReferences");
    }
}

/// How long the object may still run: pods that run have a grace, nothing else has.
fn grace_seconds(object: &Value, options: &DeleteOptions) -> i64 {
    let runs = text(object, "/kind") == Some("Pod")
        && !text_or_empty(object, "/spec/nodeName").is_empty()
        && !matches!(text_or_empty(object, "/status/phase"), "Succeeded" | "Failed");
    if !runs {
        return 0;
    }
    let own = whole(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    options.grace_seconds.unwrap_or(own).max(0)
}

/// A second deletion may shorten the grace, never lengthen it.
fn shorten_grace(object: &mut Value, grace: i64, now: jiff::Timestamp) {
    let before = whole(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
    if grace < before {
        let at = now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(now);
        set(object, "/metadata/deletionTimestamp", object::written(at));
        set(object, "/metadata/deletionGracePeriodSeconds", grace);
    }
}

fn success(target: &Target, object: &Value) -> Value {
    let mut details =
        json!({"name": object::name(object), "kind": target.resource.plural, "uid": object::uid(object)});
    if !target.resource.group.is_empty() {
        details["group"] = target.resource.group.clone().into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
