//! Getting and listing.

use std::sync::Arc;

use base64::Engine;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Cluster;
use super::brief;
use super::resources::Resource;
use super::route::{Query, Target};
use super::selector::Selector;
use super::status::{Failure, Outcome};
use super::store::Stored;
use super::tables;
use crate::wire::{Request, Response};

/// How a server refuses to select by a field: kinds with fields of their own word it in their own ways.
fn unknown_field(resource: &str, key: &str) -> String {
    if resource == "jobs.batch" {
        format!("field label \"{key}\" not supported for batchv1.Job")
    } else if brief::selectable(resource).is_empty() {
        format!("\"{key}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    } else {
        format!("field label not supported: {key}")
    }
}

/// The form in which a client wants objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    Table,
    /// Metadata only.
    Partial,
}

impl Form {
    /// The form that the `Accept` header asks for; the first that is known counts.
    ///
    /// # Errors
    /// 406 when none is.
    pub(crate) fn of(request: &Request) -> Outcome<Self> {
        let accepted = request.header("accept").unwrap_or("*/*");
        accepted.split(',').find_map(Self::read).ok_or_else(Failure::not_acceptable)
    }

    fn read(one: &str) -> Option<Self> {
        let mut parts = one.split(';').map(str::trim);
        let media_type = parts.next()?;
        let parameters: Vec<&str> = parts.collect();
        if !matches!(media_type, "application/json" | "*/*" | "application/*" | "") {
            return None;
        }
        match parameters.iter().find_map(|parameter| parameter.strip_prefix("as=")) {
            None => Some(Self::Object),
            Some("Table") => Some(Self::Table),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Self::Partial),
            Some(_) => None,
        }
    }
}

/// What a list or watch is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    resource: String,
    pub(crate) namespace: String,
    labels: Selector,
    fields: Selector,
}

impl Filter {
    /// Reads the selectors of a query.
    ///
    /// # Errors
    /// 400 for selectors that do not parse, or fields that cannot be selected by.
    pub(crate) fn of(target: &Target, query: &Query) -> Outcome<Self> {
        let labels = Selector::parse(query.get("labelSelector")).map_err(Failure::bad_request)?;
        let mut fields = Selector::parse_fields(query.get("fieldSelector")).map_err(Failure::bad_request)?;
        let known = brief::selectable(&target.resource.stored_as());
        for key in fields.keys() {
            if !matches!(key, "metadata.name" | "metadata.namespace")
                && !known.iter().any(|(name, _)| *name == key)
            {
                return Err(Failure::bad_request(unknown_field(&target.resource.stored_as(), key)));
            }
        }
        if let Some(name) = &target.name {
            fields = Selector::of_labels([("metadata.name".to_owned(), name.clone())].into());
        }
        let resource = target.resource.stored_as();
        Ok(Self { resource, namespace: target.namespace.clone(), labels, fields })
    }

    /// The namespace, when it is one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(self.namespace.as_str())
    }

    /// True when an object is meant.
    pub(crate) fn matches(&self, stored: &Stored) -> bool {
        let read = match stored.fields.is_empty() && !self.fields.is_everything() {
            true => brief::selectable_fields(&self.resource, &stored.object()),
            false => Vec::new(),
        };
        let fields = if read.is_empty() { &stored.fields } else { &read };
        (self.namespace.is_empty() || self.namespace == stored.namespace)
            && self.labels.matches(&stored.labels)
            && self.fields.matches_by(|field| match field {
                "metadata.name" => Some(stored.name.as_str()),
                "metadata.namespace" => Some(stored.namespace.as_str()),
                other => fields.iter().find(|(name, _)| *name == other).map(|(_, value)| value.as_str()),
            })
    }
}

/// The encoded object, under the version that was asked for.
pub(crate) fn encoded(stored: &Stored, resource: &Resource) -> bytes::Bytes {
    if resource.custom.is_none() {
        return stored.encoded.bytes();
    }
    let mut object = stored.object();
    super::object::set(&mut object, "/apiVersion", resource.api_version());
    serde_json::to_vec(&object).unwrap_or_default().into()
}

/// An object with its metadata alone.
pub(crate) fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or_default(),
    })
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Cluster {
    /// Answers with one object.
    pub(super) fn get(&self, target: &Target, request: &Request, query: &Query) -> Outcome<Response> {
        let form = Form::of(request)?;
        let stored = self.store.get(&target.key()).ok_or_else(|| target.not_found())?;
        self.check_freshness(query)?;
        Ok(match form {
            Form::Object => Response::with_type(StatusCode::OK, JSON, encoded(stored, &target.resource)),
            Form::Partial => Response::json(StatusCode::OK, &partial(&stored.object())),
            Form::Table => {
                let rows = [stored.object()];
                let metadata = json!({"resourceVersion": stored.revision.to_string()});
                let table =
                    tables::table(&target.resource, &rows, metadata, query.get("includeObject"), self.now);
                Response::json(StatusCode::OK, &table)
            }
        })
    }

    /// A resource version that does not exist yet cannot be waited for: it never comes.
    fn check_freshness(&self, query: &Query) -> Outcome<()> {
        let asked = query.get("resourceVersion");
        if asked.is_empty() || asked == "0" {
            return Ok(());
        }
        let asked: u64 = asked.parse().map_err(|_| invalid_version(asked))?;
        if asked > self.store.revision() {
            return Err(Failure::unexplained(format!(
                "Too large resource version: {asked}, current: {}",
                self.store.revision()
            )));
        }
        Ok(())
    }

    /// Answers with a collection, or a page of it.
    pub(super) fn list(&self, target: &Target, request: &Request, query: &Query) -> Outcome<Response> {
        let form = Form::of(request)?;
        self.check_freshness(query)?;
        let filter = Filter::of(target, query)?;
        let stored_as = target.resource.stored_as();
        let matching: Vec<&Arc<Stored>> =
            self.store.list(&stored_as, filter.namespace()).filter(|stored| filter.matches(stored)).collect();
        let page = Page::cut(&matching, query, self.store.revision())?;
        Ok(self.page_response(target, form, &page, query))
    }

    fn page_response(&self, target: &Target, form: Form, page: &Page<'_>, query: &Query) -> Response {
        let resource = &target.resource;
        match form {
            Form::Object => Response::with_type(StatusCode::OK, JSON, joined(resource, page).into()),
            Form::Partial => {
                let items: Vec<Value> = page.items.iter().map(|stored| partial(&stored.object())).collect();
                let list = json!({
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": page.metadata,
                    "items": items,
                });
                Response::json(StatusCode::OK, &list)
            }
            Form::Table => {
                let rows: Vec<Value> = page.items.iter().map(|stored| stored.object()).collect();
                let table = tables::table(
                    resource,
                    &rows,
                    page.metadata.clone(),
                    query.get("includeObject"),
                    self.now,
                );
                Response::json(StatusCode::OK, &table)
            }
        }
    }
}

pub(crate) fn invalid_version(asked: &str) -> Failure {
    let mistake =
        super::status::Mistake::invalid("resourceVersion", asked, "strconv.ParseUint: invalid syntax");
    Failure::invalid("meta.k8s.io", "ListOptions", "", &[mistake])
}

/// An object as the element of a list: the elements of lists of built-in kinds do not repeat what they are.
fn element(stored: &Stored, resource: &Resource) -> bytes::Bytes {
    if resource.custom.is_some() {
        return encoded(stored, resource);
    }
    let mut object = stored.object();
    super::object::remove(&mut object, "/apiVersion");
    super::object::remove(&mut object, "/kind");
    serde_json::to_vec(&object).unwrap_or_default().into()
}

/// A list of objects, of which one at a time is decoded.
fn joined(resource: &Resource, page: &Page<'_>) -> Vec<u8> {
    let size: usize = page.items.iter().map(|stored| stored.encoded.len() + 1).sum();
    let mut body = Vec::with_capacity(size + 200);
    let head = format!(
        "{{\"kind\":{:?},\"apiVersion\":{:?},\"metadata\":{},\"items\":[",
        resource.list_kind,
        resource.api_version(),
        page.metadata
    );
    body.extend_from_slice(head.as_bytes());
    for (index, stored) in page.items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&element(stored, resource));
    }
    body.extend_from_slice(b"]}");
    body
}

/// A page of a list.
struct Page<'a> {
    items: Vec<&'a Arc<Stored>>,
    metadata: Value,
}

impl<'a> Page<'a> {
    fn cut(matching: &[&'a Arc<Stored>], query: &Query, revision: u64) -> Outcome<Self> {
        let (revision, start) = match query.get("continue") {
            "" => (revision, 0),
            token => {
                let (at, namespace, name) = read_token(token)?;
                let past = |stored: &&Arc<Stored>| {
                    (stored.namespace.as_str(), stored.name.as_str()) <= (namespace.as_str(), name.as_str())
                };
                (at, matching.partition_point(past))
            }
        };
        let rest = matching.get(start..).unwrap_or_default();
        let limit =
            query.number("limit").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        let items: Vec<&Arc<Stored>> = rest.iter().copied().take(limit.unwrap_or(usize::MAX)).collect();
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if let Some(last) = items.last().filter(|_| items.len() < rest.len()) {
            metadata["continue"] = token(revision, last).into();
            if query.get("labelSelector").is_empty() && query.get("fieldSelector").is_empty() {
                metadata["remainingItemCount"] = (rest.len() - items.len()).into();
            }
        }
        Ok(Self { items, metadata })
    }
}

fn token(revision: u64, last: &Stored) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": [last.namespace, last.name]});
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Outcome<(u64, String, String)> {
    let unreadable = || Failure::bad_request("continue key is not valid: it cannot be decoded");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).map_err(|_| unreadable())?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    let part = |pointer: &str| super::object::text(&token, pointer).map(str::to_owned).ok_or_else(unreadable);
    let revision = token.get("rv").and_then(Value::as_u64).ok_or_else(unreadable)?;
    Ok((revision, part("/start/0")?, part("/start/1")?))
}
