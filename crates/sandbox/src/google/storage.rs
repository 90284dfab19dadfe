//! Cloud Storage's JSON API, and public objects by their plain address.

mod builds;
mod conditions;
mod object;
mod upload;

pub(crate) use self::upload::split_parts;

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::{conditions::Conditions, object::Object, upload::Upload};
use super::{ApiError, Reply, json_body, ok};
use crate::{
    context::Context,
    wire::{Request, Response},
};

/// The largest page of a list.
const PAGE_SIZE: usize = 1_000;

/// Buckets that every sandbox starts with: public ones, and a private one for records.
const FIRST_BUCKETS: [(&str, bool); 5] = [
    ("spacecraft-data", true),
    ("sm-discovery-service", true),
    ("spacemesh-release-builds", true),
    ("go-spacemesh-release-builds", true),
    (STATE_BUCKET, false),
];

/// The bucket of a fresh sandbox that the public cannot read.
pub(crate) const STATE_BUCKET: &str = "spacecraft-sandbox-state";

/// All buckets and uploads in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Storage {
    buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bucket {
    created: Timestamp,
    location: String,
    public_access_prevented: bool,
    bindings: Vec<Binding>,
    objects: BTreeMap<String, Object>,
    /// The generation of the newest write, so that generations grow even within a microsecond.
    last_generation: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Binding {
    role: String,
    members: Vec<String>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody in particular: no access token.
    Anyone,
    /// The sandbox's service account.
    ServiceAccount,
}

impl Storage {
    /// The storage of a fresh sandbox.
    pub(crate) fn new(now: Timestamp) -> Self {
        let bucket = |public: bool| Bucket {
            created: now,
            location: "US".to_owned(),
            public_access_prevented: !public,
            bindings: if public { vec![public_binding()] } else { Vec::new() },
            objects: BTreeMap::new(),
            last_generation: 0,
        };
        let buckets =
            FIRST_BUCKETS.into_iter().map(|(name, public)| (name.to_owned(), bucket(public))).collect();
        Self { buckets, uploads: BTreeMap::new() }
    }

    /// The generation of every object by bucket and name.
    pub(crate) fn generations(&self) -> BTreeMap<String, BTreeMap<String, i64>> {
        let of = |bucket: &Bucket| {
            bucket.objects.iter().map(|(name, object)| (name.clone(), object.generation)).collect()
        };
        self.buckets.iter().map(|(name, bucket)| (name.clone(), of(bucket))).collect()
    }

    /// Answers a request.
    pub(crate) fn handle(&mut self, request: &Request, caller: Caller, context: &mut Context<'_>) -> Reply {
        let segments = request.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (&request.method, parts.as_slice()) {
            (method, ["upload", "storage", "v1", "b", bucket, "o"]) => {
                self.handle_upload(method, request, bucket, caller, context)
            }
            (_, ["storage" | "download", "v1", "b", rest @ ..]) => {
                self.handle_bucket(request, rest, caller, context)
            }
            (_, ["download", "storage", "v1", "b", rest @ ..]) => {
                self.handle_bucket(request, rest, caller, context)
            }
            (&Method::GET | &Method::HEAD, [bucket, name @ ..]) if !name.is_empty() => {
                self.public_object(request, bucket, &name.join("/"), caller, context)
            }
            _ => Err(ApiError::not_found("Not Found")),
        }
    }

    fn handle_bucket(
        &mut self,
        request: &Request,
        rest: &[&str],
        caller: Caller,
        context: &mut Context<'_>,
    ) -> Reply {
        match (&request.method, rest) {
            (&Method::POST, []) => self.insert_bucket(request, caller, context),
            (&Method::GET, []) => self.list_buckets(caller, context),
            (&Method::GET, [bucket]) => {
                self.require(bucket, "storage.buckets.get", caller, context)?;
                ok(&self.bucket(bucket)?.to_json(bucket, &link_root(context)))
            }
            (&Method::DELETE, [bucket]) => self.delete_bucket(bucket, caller, context),
            (&Method::GET, [bucket, "iam"]) => {
                self.require(bucket, "storage.buckets.getIamPolicy", caller, context)?;
                ok(&json!({"kind": "storage#policy", "etag": "CAE=", "version": 1,
                           "bindings": self.bucket(bucket)?.bindings}))
            }
            (&Method::PUT, [bucket, "iam"]) => self.set_policy(request, bucket, caller, context),
            (&Method::GET, [bucket, "iam", "testPermissions"]) => {
                self.test_permissions(request, bucket, caller, context)
            }
            (&Method::GET, [bucket, "o"]) => self.list_objects(request, bucket, caller, context),
            (&Method::GET, [bucket, "o", name]) => self.get_object(request, bucket, name, caller, context),
            (&Method::PATCH, [bucket, "o", name]) => {
                self.patch_object(request, bucket, name, caller, context)
            }
            (&Method::DELETE, [bucket, "o", name]) => {
                self.delete_object(request, bucket, name, caller, context)
            }
            _ => Err(ApiError::not_found("Not Found")),
        }
    }

    fn bucket(&self, name: &str) -> Result<&Bucket, ApiError> {
        self.buckets.get(name).ok_or_else(|| ApiError::not_found("The specified bucket does not exist."))
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, ApiError> {
        self.buckets.get_mut(name).ok_or_else(|| ApiError::not_found("The specified bucket does not exist."))
    }

    /// Refuses the call unless the caller may do this in the bucket.
    fn require(
        &self,
        bucket: &str,
        permission: &str,
        caller: Caller,
        context: &Context<'_>,
    ) -> Result<(), ApiError> {
        let bucket = self.bucket(bucket)?;
        let reads = matches!(permission, "storage.objects.get" | "storage.objects.list");
        let allowed = match caller {
            Caller::ServiceAccount => !context.settings.denied_permissions.contains(permission),
            Caller::Anyone => reads && bucket.is_public(),
        };
        if allowed {
            return Ok(());
        }
        let (who, code) = match caller {
            Caller::ServiceAccount => (context.environment.credentials.email.as_str(), 403),
            Caller::Anyone => ("Anonymous caller", 401),
        };
        let message = format!(
            "{who} does not have {permission} access to the Google Cloud Storage object. Permission '{permission}' \
             denied on resource (or it may not exist)."
        );
        let error = ApiError::forbidden(message);
        Err(if code == 401 { error.with_code(401, "UNAUTHENTICATED").with_reason("required") } else { error })
    }

    fn insert_bucket(&mut self, request: &Request, caller: Caller, context: &Context<'_>) -> Reply {
        if caller == Caller::Anyone {
            return Err(ApiError::unauthenticated("CREDENTIALS_MISSING"));
        }
        context.require("storage.buckets.create")?;
        context
            .require_service("storage.googleapis.com", &request.query_value("project").unwrap_or_default())?;
        let body = json_body(request)?;
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        if !lawful_bucket_name(&name) {
            return Err(ApiError::invalid(format!("Invalid bucket name: '{name}'")).with_reason("invalid"));
        }
        if self.buckets.contains_key(&name) {
            return Err(ApiError::already_exists(
                "Your previous request to create the named bucket succeeded and you already own it.",
            )
            .with_reason("conflict"));
        }
        let bucket = Bucket {
            created: context.now,
            location: body["location"].as_str().unwrap_or("US").to_uppercase(),
            public_access_prevented: body["iamConfiguration"]["publicAccessPrevention"] == "enforced",
            bindings: Vec::new(),
            objects: BTreeMap::new(),
            last_generation: 0,
        };
        let reply = ok(&bucket.to_json(&name, &link_root(context)));
        self.buckets.insert(name, bucket);
        reply
    }

    fn list_buckets(&self, caller: Caller, context: &Context<'_>) -> Reply {
        if caller == Caller::Anyone {
            return Err(ApiError::unauthenticated("CREDENTIALS_MISSING"));
        }
        context.require("storage.buckets.list")?;
        let root = link_root(context);
        let items: Vec<Value> =
            self.buckets.iter().map(|(name, bucket)| bucket.to_json(name, &root)).collect();
        ok(&json!({"kind": "storage#buckets", "items": items}))
    }

    fn delete_bucket(&mut self, name: &str, caller: Caller, context: &Context<'_>) -> Reply {
        self.require(name, "storage.buckets.delete", caller, context)?;
        if !self.bucket(name)?.objects.is_empty() {
            return Err(ApiError::already_exists("The bucket you tried to delete is not empty.")
                .with_reason("conflict"));
        }
        self.buckets.remove(name);
        Ok(Response::empty(StatusCode::NO_CONTENT))
    }

    fn set_policy(&mut self, request: &Request, name: &str, caller: Caller, context: &Context<'_>) -> Reply {
        self.require(name, "storage.buckets.setIamPolicy", caller, context)?;
        let body = json_body(request)?;
        let bindings: Vec<Binding> = serde_json::from_value(body["bindings"].clone())
            .map_err(|error| ApiError::invalid(format!("Invalid policy: {error}")).with_reason("invalid"))?;
        let bucket = self.bucket_mut(name)?;
        if bucket.public_access_prevented && bindings.iter().any(Binding::is_public) {
            return Err(ApiError::failed_precondition(
                "The member bindings allUsers and allAuthenticatedUsers are not allowed since public access \
                 prevention is enforced.",
            )
            .with_code(412, "FAILED_PRECONDITION")
            .with_reason("conditionNotMet"));
        }
        bucket.bindings = bindings;
        ok(&json!({"kind": "storage#policy", "etag": "CAE=", "version": 1, "bindings": bucket.bindings}))
    }

    fn test_permissions(
        &self,
        request: &Request,
        name: &str,
        caller: Caller,
        context: &Context<'_>,
    ) -> Reply {
        self.bucket(name)?;
        let asked =
            request.query_pairs().into_iter().filter(|(key, _)| key == "permissions").map(|(_, value)| value);
        let held: Vec<String> =
            asked.filter(|permission| self.require(name, permission, caller, context).is_ok()).collect();
        let mut body = json!({"kind": "storage#testIamPermissionsResponse"});
        if !held.is_empty() {
            body["permissions"] = json!(held);
        }
        ok(&body)
    }

    fn list_objects(&self, request: &Request, name: &str, caller: Caller, context: &Context<'_>) -> Reply {
        self.require(name, "storage.objects.list", caller, context)?;
        let bucket = self.bucket(name)?;
        let text = |parameter: &str| request.query_value(parameter).unwrap_or_default();
        let (prefix, delimiter, start, end) =
            (text("prefix"), text("delimiter"), text("startOffset"), text("endOffset"));
        let root = link_root(context);
        let mut entries: Vec<Value> = Vec::new();
        let mut last_prefix = None;
        for (object_name, object) in bucket.objects.range(start..) {
            if !end.is_empty() && *object_name >= end {
                break;
            }
            let Some(rest) = object_name.strip_prefix(&prefix) else { continue };
            match rest.split_once(&delimiter).filter(|_| !delimiter.is_empty()) {
                Some((folder, _)) => {
                    let folder = format!("{prefix}{folder}{delimiter}");
                    if last_prefix.as_ref() != Some(&folder) {
                        entries.push(json!(folder));
                        last_prefix = Some(folder);
                    }
                }
                None => entries.push(object.to_json(name, object_name, &root)),
            }
        }
        let (entries, next) = super::page(request, entries, PAGE_SIZE)?;
        let (prefixes, items): (Vec<Value>, Vec<Value>) = entries.into_iter().partition(Value::is_string);
        let mut body = json!({"kind": "storage#objects"});
        for (field, list) in [("items", items), ("prefixes", prefixes)] {
            if !list.is_empty() {
                body[field] = json!(list);
            }
        }
        if let Some(next) = next {
            body["nextPageToken"] = json!(next);
        }
        ok(&body)
    }

    /// The live object, when it exists and is the generation that the request may name.
    fn object(&self, request: &Request, bucket: &str, name: &str) -> Result<Option<&Object>, ApiError> {
        let object = self.bucket(bucket)?.objects.get(name);
        let wanted = request.query_value("generation");
        Ok(object.filter(|object| wanted.is_none_or(|wanted| wanted == object.generation.to_string())))
    }

    fn get_object(
        &self,
        request: &Request,
        bucket: &str,
        name: &str,
        caller: Caller,
        context: &Context<'_>,
    ) -> Reply {
        self.require(bucket, "storage.objects.get", caller, context)?;
        let media =
            request.query_value("alt").as_deref() == Some("media") || request.path.starts_with("/download/");
        let Some(object) = self.object(request, bucket, name)? else {
            let message = format!("No such object: {bucket}/{name}");
            return if media {
                Ok(Response::text(StatusCode::NOT_FOUND, message))
            } else {
                Err(ApiError::not_found(message))
            };
        };
        if let Some(unchanged) = Conditions::of(request)?.check(Some(object))? {
            return Ok(unchanged);
        }
        if media {
            return Ok(object.media(request));
        }
        ok(&object.to_json(bucket, name, &link_root(context)))
    }

    fn public_object(
        &self,
        request: &Request,
        bucket: &str,
        name: &str,
        caller: Caller,
        context: &Context<'_>,
    ) -> Reply {
        let xml_error = |status: StatusCode, code: &str, message: &str| {
            let body = format!(
                "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            );
            Ok(Response::with_type(
                status,
                http::HeaderValue::from_static("application/xml; charset=UTF-8"),
                body.into_bytes().into(),
            ))
        };
        let Some(known) = self.buckets.get(bucket) else {
            return xml_error(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist.");
        };
        if self.require(bucket, "storage.objects.get", caller, context).is_err() {
            return xml_error(StatusCode::FORBIDDEN, "AccessDenied", "Access denied.");
        }
        match known.objects.get(name) {
            Some(object) => Ok(object.public_media(request)),
            None if bucket == builds::BUILDS_BUCKET && builds::archive(name).is_some() => {
                let archive = builds::archive(name).unwrap_or_default();
                Ok(Object::new(archive, &Value::Null, "application/zip", 1, known.created)?
                    .public_media(request))
            }
            None => xml_error(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist."),
        }
    }

    fn patch_object(
        &mut self,
        request: &Request,
        bucket: &str,
        name: &str,
        caller: Caller,
        context: &Context<'_>,
    ) -> Reply {
        self.require(bucket, "storage.objects.update", caller, context)?;
        let missing = || ApiError::not_found(format!("No such object: {bucket}/{name}"));
        let object = self.object(request, bucket, name)?.ok_or_else(missing)?;
        if let Some(unchanged) = Conditions::of(request)?.check(Some(object))? {
            return Ok(unchanged);
        }
        let body = json_body(request)?;
        refuse_object_acl(&body, request)?;
        let object = self.bucket_mut(bucket)?.objects.get_mut(name).ok_or_else(missing)?;
        object.patch(&body, context.now);
        ok(&object.to_json(bucket, name, &link_root(context)))
    }

    fn delete_object(
        &mut self,
        request: &Request,
        bucket: &str,
        name: &str,
        caller: Caller,
        context: &Context<'_>,
    ) -> Reply {
        self.require(bucket, "storage.objects.delete", caller, context)?;
        let object = self.object(request, bucket, name)?;
        let conditions = Conditions::of(request)?;
        let Some(object) = object else {
            return Err(ApiError::not_found(format!("No such object: {bucket}/{name}")));
        };
        if let Some(unchanged) = conditions.check(Some(object))? {
            return Ok(unchanged);
        }
        self.bucket_mut(bucket)?.objects.remove(name);
        Ok(Response::empty(StatusCode::NO_CONTENT))
    }
}

impl Bucket {
    fn is_public(&self) -> bool {
        !self.public_access_prevented && self.bindings.iter().any(Binding::is_public)
    }

    fn to_json(&self, name: &str, link_root: &str) -> Value {
        json!({
            "kind": "storage#bucket", "id": name, "name": name, "projectNumber": super::PROJECT_NUMBER,
            "selfLink": format!("{link_root}/storage/v1/b/{name}"), "location": self.location,
            "storageClass": "STANDARD", "timeCreated": self.created, "updated": self.created,
            "metageneration": "1", "etag": "CAE=", "locationType": "multi-region",
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": true},
                "publicAccessPrevention": if self.public_access_prevented { "enforced" } else { "inherited" },
            },
        })
    }
}

impl Binding {
    fn is_public(&self) -> bool {
        let open = self.members.iter().any(|member| member == "allUsers");
        open && matches!(
            self.role.as_str(),
            "roles/storage.objectViewer" | "roles/storage.legacyObjectReader" | "roles/storage.admin"
        )
    }
}

fn public_binding() -> Binding {
    Binding { role: "roles/storage.objectViewer".to_owned(), members: vec!["allUsers".to_owned()] }
}

fn link_root(context: &Context<'_>) -> String {
    context.environment.urls.of("storage.googleapis.com")
}

fn lawful_bucket_name(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.starts_with(edge)
        && name.ends_with(edge)
        && name.chars().all(|c| edge(c) || matches!(c, '-' | '_' | '.'))
}

/// Buckets have uniform access, so an object cannot have rules of its own.
fn refuse_object_acl(metadata: &Value, request: &Request) -> Result<(), ApiError> {
    if metadata.get("acl").is_none() && request.query_value("predefinedAcl").is_none() {
        return Ok(());
    }
    Err(ApiError::invalid(
        "Cannot insert legacy ACL for an object when uniform bucket-level access is enabled. Read more at \
         https://cloud.google.com/storage/docs/uniform-bucket-level-access",
    )
    .with_reason("invalid"))
}
