//! What all of Google's simulated services share: error bodies, access tokens and permissions.

pub(crate) mod compute;
pub(crate) mod gke;
pub(crate) mod machines;
pub(crate) mod oauth;
pub(crate) mod projects;
pub(crate) mod schema;
pub(crate) mod storage;

use http::{StatusCode, header::AUTHORIZATION};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    credentials::{Credentials, TokenFault, TokenHolder},
    wire::{Request, Response},
};

/// The scope that grants everything on Google Cloud.
pub(crate) const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The one project of a sandbox.
pub const PROJECT: &str = "spacecraft-sandbox";
/// Its number.
pub const PROJECT_NUMBER: &str = "100000000001";

/// A refusal in the shape of Google's JSON APIs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    code: u16,
    status: &'static str,
    reason: &'static str,
    domain: &'static str,
    message: String,
    details: Vec<Value>,
}

pub(crate) type Reply = Result<Response, ApiError>;

impl ApiError {
    fn new(code: u16, status: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, reason, domain: "global", message: message.into(), details: Vec::new() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", "badRequest", message)
    }

    pub(crate) fn failed_precondition(message: impl Into<String>) -> Self {
        Self::new(400, "FAILED_PRECONDITION", "failedPrecondition", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "NOT_FOUND", "notFound", message)
    }

    pub(crate) fn already_exists(message: impl Into<String>) -> Self {
        Self::new(409, "ALREADY_EXISTS", "alreadyExists", message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "PERMISSION_DENIED", "forbidden", message)
    }

    /// A project that the caller cannot see, or that does not exist: the services do not tell these apart.
    pub(crate) fn unknown_project(project: &str) -> Self {
        Self::forbidden(format!("Permission denied on resource project {project}."))
    }

    pub(crate) fn unauthenticated(reason: &'static str) -> Self {
        let mut error = Self::new(
            401,
            "UNAUTHENTICATED",
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
             other valid authentication credential.",
        );
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
        }));
        error
    }

    pub(crate) fn with_reason(mut self, reason: &'static str) -> Self {
        self.reason = reason;
        self
    }

    pub(crate) fn with_code(mut self, code: u16, status: &'static str) -> Self {
        self.code = code;
        self.status = status;
        self
    }

    pub(crate) fn with_detail(mut self, detail: Value) -> Self {
        self.details.push(detail);
        self
    }

    fn body(&self) -> Value {
        json!({
            "code": self.code,
            "message": self.message,
            "errors": [{"message": self.message, "domain": self.domain, "reason": self.reason}],
        })
    }

    /// The response of newer services: with `status` and, when there are any, `details`.
    pub(crate) fn into_rpc_response(self) -> Response {
        let mut error = self.body();
        error["status"] = json!(self.status);
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        self.response(&json!({ "error": error }))
    }

    /// The response of Compute and Cloud Storage: no `status`.
    pub(crate) fn into_legacy_response(self) -> Response {
        let error = self.body();
        self.response(&json!({ "error": error }))
    }

    fn response(&self, body: &Value) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let response = Response::json(status, body);
        if self.code == 401 {
            return response.with_header("www-authenticate", "Bearer realm=\"https://accounts.google.com/\"");
        }
        response
    }
}

pub(crate) fn ok(body: &Value) -> Reply {
    Ok(Response::json(StatusCode::OK, body))
}

/// The bearer token of a request.
pub(crate) fn bearer(request: &Request) -> Option<&str> {
    request.header(AUTHORIZATION.as_str())?.strip_prefix("Bearer ")
}

/// Who calls, when the request's token is valid and carries one of the scopes.
pub(crate) fn authenticate(
    credentials: &Credentials,
    request: &Request,
    scopes: &[&str],
    wall: Timestamp,
) -> Result<TokenHolder, ApiError> {
    let token = bearer(request).ok_or_else(|| ApiError::unauthenticated("CREDENTIALS_MISSING"))?;
    let holder = credentials.check_token(token, wall).map_err(|fault| {
        ApiError::unauthenticated(match fault {
            TokenFault::Expired => "ACCESS_TOKEN_EXPIRED",
            TokenFault::Malformed => "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        })
    })?;
    if holder.scopes.iter().any(|scope| scopes.contains(&scope.as_str())) {
        return Ok(holder);
    }
    Err(ApiError::forbidden("Request had insufficient authentication scopes.").with_detail(json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com",
    })))
}

/// The body as JSON; an empty body is an empty object.
pub(crate) fn json_body(request: &Request) -> Result<Value, ApiError> {
    if request.body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))
}

/// The page of `items` that `maxResults` and `pageToken` of a request select, and the token of the next page.
pub(crate) fn page(
    request: &Request,
    items: Vec<Value>,
    default_size: usize,
) -> Result<(Vec<Value>, Option<String>), ApiError> {
    let invalid =
        |name: &str| ApiError::invalid(format!("Invalid value for field '{name}'.")).with_reason("invalid");
    let size = match request.query_value("maxResults") {
        Some(text) => text.parse::<usize>().map_err(|_| invalid("maxResults"))?,
        None => default_size,
    };
    let size = if size == 0 { default_size } else { size.min(default_size) };
    let start = match request.query_value("pageToken") {
        Some(token) => read_page_token(&token).ok_or_else(|| invalid("pageToken"))?,
        None => 0,
    };
    let end = start.saturating_add(size);
    let next = (end < items.len()).then(|| format!("page-{end}"));
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

fn read_page_token(token: &str) -> Option<usize> {
    token.strip_prefix("page-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpc_errors_carry_code_status_reason_and_message() {
        let response =
            ApiError::already_exists("Already exists: projects/p/zones/z/clusters/c.").into_rpc_response();
        assert_eq!(response.status, StatusCode::CONFLICT);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        insta::assert_json_snapshot!(body);
    }

    #[test]
    fn legacy_errors_have_no_status_field() {
        let response = ApiError::not_found("gone").into_legacy_response();
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["error"]["errors"][0]["reason"], "notFound");
        assert!(body["error"].get("status").is_none());
    }
}
