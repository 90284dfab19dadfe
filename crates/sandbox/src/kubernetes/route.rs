//! From a request to what it asks for.

use std::sync::Arc;

use http::Method;
use serde_json::Value;

use super::Cluster;
use super::resources::Resource;
use super::reviews;
use super::status::{Failure, Outcome};
use super::store::Key;
use crate::wire::{Answer, Request, Response};

/// How large a body may be.
const BODY_BYTES: usize = 3 * 1024 * 1024;

/// The resource, and the object of it, that a path names.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    /// Empty for cluster-wide resources, and for all namespaces.
    pub(crate) namespace: String,
    /// None for the whole collection.
    pub(crate) name: Option<String>,
    /// `status`, `scale`, `log`, ...; empty for the object itself.
    pub(crate) subresource: String,
}

impl Target {
    /// Where the object is.
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.resource.stored_as(), &self.namespace, self.name.as_deref().unwrap_or_default())
    }

    /// The name asked for; empty for the whole collection.
    pub(crate) fn object_name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The failure that the object is not there.
    pub(crate) fn not_found(&self) -> Failure {
        Failure::not_found(self.resource.about(self.object_name()))
    }
}

/// The query of a request, looked at by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn of(request: &Request) -> Self {
        Self { pairs: request.query_pairs() }
    }

    /// The first value of a parameter; empty without one.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// True for `true` and `1`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1" | "True" | "TRUE")
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }

    /// True when nothing shall be stored.
    ///
    /// # Errors
    /// Any `dryRun` but `All`.
    pub(crate) fn is_dry_run(&self) -> Outcome<bool> {
        match self.get("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => Err(Failure::invalid(
                "meta.k8s.io",
                "CreateOptions",
                "",
                &[super::status::Mistake::unsupported("dryRun", other, &["All"])],
            )),
        }
    }
}

impl Cluster {
    /// Answers a request.
    pub(super) fn answer(&mut self, request: &Request) -> Outcome<Answer> {
        if request.body.len() > BODY_BYTES {
            return Err(Failure::too_large(BODY_BYTES));
        }
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let Some(document) = self.document(&path, request)? {
            return if request.is_write() { Err(Failure::method_not_allowed()) } else { Ok(document.into()) };
        }
        let (group, version, rest) = match path.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(Failure::no_such_path()),
        };
        let target = self.target(group, version, rest).ok_or_else(Failure::no_such_path)?;
        self.serve(&target, request)
    }

    fn target(&self, group: &str, version: &str, rest: &[&str]) -> Option<Target> {
        let find = |plural: &str| self.catalog.find(group, version, plural).cloned();
        let in_namespace = |namespace: &str, plural: &str, name: Option<&str>, subresource: &str| {
            let resource = find(plural).filter(|resource| resource.namespaced)?;
            Some(target(resource, namespace, name, subresource))
        };
        match rest {
            ["namespaces", namespace, plural] if find(plural).is_some() => {
                in_namespace(namespace, plural, None, "")
            }
            ["namespaces", namespace, plural, name] if find(plural).is_some() => {
                in_namespace(namespace, plural, Some(name), "")
            }
            ["namespaces", namespace, plural, name, subresource] => {
                in_namespace(namespace, plural, Some(name), subresource)
            }
            [plural] => Some(target(find(plural)?, "", None, "")),
            [plural, name] => {
                let resource = find(plural).filter(|resource| !resource.namespaced)?;
                Some(target(resource, "", Some(name), ""))
            }
            [plural, name, subresource] => {
                let resource = find(plural).filter(|resource| !resource.namespaced)?;
                Some(target(resource, "", Some(name), subresource))
            }
            _ => None,
        }
    }

    fn serve(&mut self, target: &Target, request: &Request) -> Outcome<Answer> {
        let query = Query::of(request);
        if target.resource.create_only {
            return reviews::review(target, request).map(Answer::from);
        }
        if !matches!(target.subresource.as_str(), "" | "status") {
            return self.subresource(target, request, &query);
        }
        if target.subresource == "status" && !target.resource.has_status {
            return Err(Failure::no_such_path());
        }
        match (&request.method, target.name.is_some()) {
            (&Method::GET, true) if !query.flag("watch") => {
                self.get(target, request, &query).map(Answer::from)
            }
            (&Method::GET, _) => {
                if query.flag("watch") {
                    self.watch(target, request, &query)
                } else {
                    self.list(target, request, &query).map(Answer::from)
                }
            }
            (&Method::POST, false) => self.create(target, request, &query).map(Answer::from),
            (&Method::PUT, true) => self.replace(target, request, &query).map(Answer::from),
            (&Method::PATCH, true) => self.patch(target, request, &query).map(Answer::from),
            (&Method::DELETE, true) if target.subresource.is_empty() => {
                self.delete(target, request, &query).map(Answer::from)
            }
            (&Method::DELETE, false) if target.resource.plural != "namespaces" => {
                self.delete_collection(target, request, &query).map(Answer::from)
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }
}

fn target(resource: Arc<Resource>, namespace: &str, name: Option<&str>, subresource: &str) -> Target {
    Target {
        resource,
        namespace: namespace.to_owned(),
        name: name.map(str::to_owned),
        subresource: subresource.to_owned(),
    }
}

/// An object as the answer to a write or read.
pub(crate) fn object_response(status: http::StatusCode, object: &Value) -> Response {
    Response::json(status, object)
}
