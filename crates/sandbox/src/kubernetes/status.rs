//! Failures, as the Kubernetes `Status` object says them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::wire::Response;

/// A refused request: what the `Status` object in the answer says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Value,
    plain: bool,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

/// What a failure is about: the resource's group and plural, and the object's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) group: &'a str,
    pub(crate) plural: &'a str,
    pub(crate) name: &'a str,
}

impl About<'_> {
    /// The resource with its group, as in `deployments.apps`.
    fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    fn details(&self) -> Value {
        let mut details = json!({"name": self.name, "kind": self.plural});
        if !self.group.is_empty() {
            details["group"] = self.group.into();
        }
        details
    }
}

impl Failure {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>, details: Value) -> Self {
        Self { code, reason, message: message.into(), details, plain: false }
    }

    /// The path is no API at all: answered as plain text.
    pub(crate) fn no_such_path() -> Self {
        let mut failure = Self::new(StatusCode::NOT_FOUND, "NotFound", "404 page not found\n", json!({}));
        failure.plain = true;
        failure
    }

    pub(crate) fn not_found(about: About<'_>) -> Self {
        let message = format!("{} \"{}\" not found", about.qualified(), about.name);
        Self::new(StatusCode::NOT_FOUND, "NotFound", message, about.details())
    }

    pub(crate) fn already_exists(about: About<'_>) -> Self {
        let message = format!("{} \"{}\" already exists", about.qualified(), about.name);
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message, about.details())
    }

    /// A conflict with what is stored: a stale resource version, a failed precondition.
    pub(crate) fn conflict(about: About<'_>, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{}\": {why}", about.qualified(), about.name);
        Self::new(StatusCode::CONFLICT, "Conflict", message, about.details())
    }

    /// The conflict of an update whose resource version is stale.
    pub(crate) fn stale(about: About<'_>) -> Self {
        Self::conflict(
            about,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// Fields that other managers own.
    pub(crate) fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message, json!({"causes": causes}))
    }

    pub(crate) fn forbidden(about: About<'_>, why: &str) -> Self {
        let message = format!("{} \"{}\" is forbidden: {why}", about.qualified(), about.name);
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, about.details())
    }

    /// Creating in a namespace that is going away.
    pub(crate) fn namespace_terminating(about: About<'_>, namespace: &str) -> Self {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut failure = Self::forbidden(about, &why);
        failure.details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        failure
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message, json!({}))
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message, json!({}))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, json!({}))
    }

    pub(crate) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json, application/yaml";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message, json!({}))
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message, json!({}))
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message, json!({}))
    }

    pub(crate) fn too_many_requests(message: impl Into<String>, cause: Value) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message, json!({"causes": [cause]}))
    }

    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message, json!({}))
    }

    /// What the server reports without a reason of its own, as for patches that do not fit the schema.
    pub(crate) fn unexplained(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message, json!({}))
    }

    /// An object that breaks rules of its kind, with every mistake found.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, mistakes: &[Mistake]) -> Self {
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let sentences: Vec<String> =
            mistakes.iter().map(|mistake| format!("{}: {}", mistake.field, mistake.message)).collect();
        let list = match sentences.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let causes: Vec<Value> = mistakes.iter().map(Mistake::cause).collect();
        let mut details = json!({"name": name, "kind": kind, "causes": causes});
        if !group.is_empty() {
            details["group"] = group.into();
        }
        let message = format!("{qualified} \"{name}\" is invalid: {list}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, details)
    }

    /// A patch that does not fit the object.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, json!({}))
    }

    /// What the failure says.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if self.details.as_object().is_some_and(|details| !details.is_empty()) {
            status["details"] = self.details.clone();
        }
        status
    }

    /// The whole answer.
    pub(crate) fn response(&self) -> Response {
        if self.plain {
            return Response::text(self.code, self.message.clone());
        }
        let response = Response::json(self.code, &self.status());
        if self.code == StatusCode::TOO_MANY_REQUESTS {
            response.with_header("retry-after", "10")
        } else {
            response
        }
    }
}

/// One mistake in an object, in the words of the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    reason: &'static str,
    field: String,
    message: String,
}

impl Mistake {
    fn new(reason: &'static str, field: impl Into<String>, message: String) -> Self {
        Self { reason, field: field.into(), message }
    }

    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message =
            if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Self::new("FieldValueRequired", field, message)
    }

    pub(crate) fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {}: {detail}", value.into()))
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|one| format!("{one:?}")).collect();
        let message = format!("Unsupported value: {value:?}: supported values: {}", quoted.join(", "));
        Self::new("FieldValueNotSupported", field, message)
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {detail}"))
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new("FieldValueDuplicate", field, format!("Duplicate value: {}", value.into()))
    }

    pub(crate) fn not_found(field: impl Into<String>, value: &str) -> Self {
        Self::new("FieldValueNotFound", field, format!("Not found: {value:?}"))
    }

    pub(crate) fn too_long(field: impl Into<String>, limit: usize) -> Self {
        Self::new("FieldValueTooLong", field, format!("Too long: may not be more than {limit} bytes"))
    }

    fn cause(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}
