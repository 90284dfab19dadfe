//! Compute Engine's operations: what a mutation returns, and how a repeated `requestId` is recognised.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{super::Reply, Compute, offset_time, ok, project_link, resource_not_found, unknown_path};
use crate::{context::Context, google::ApiError, wire::Request};

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    id: u64,
    name: String,
    kind: String,
    /// `zones/Z`, `regions/R` or `global`.
    scope: String,
    /// The target below the project.
    target: String,
    request_id: Option<String>,
    started: Timestamp,
    due: Timestamp,
}

impl Operation {
    fn to_json(&self, now: Timestamp) -> Value {
        let done = self.due <= now;
        let link = project_link();
        let mut body = json!({
            "kind": "compute#operation",
            "id": self.id.to_string(),
            "name": self.name,
            "operationType": self.kind,
            "status": if done { "DONE" } else { "RUNNING" },
            "progress": if done { 100 } else { 0 },
            "targetLink": format!("{link}/{}", self.target),
            "insertTime": offset_time(self.started),
            "startTime": offset_time(self.started),
            "selfLink": format!("{link}/{}/operations/{}", self.scope, self.name),
        });
        if done {
            body["endTime"] = json!(offset_time(self.due));
        }
        if let Some((field, _)) = self.scope.split_once('/') {
            body[field.trim_end_matches('s')] = json!(format!("{link}/{}", self.scope));
        }
        body
    }
}

impl Compute {
    /// The answer to a request whose `requestId` was seen before: the first one's operation.
    ///
    /// # Errors
    /// When the `requestId` is no UUID, or the zero UUID.
    pub(super) fn repeated(
        &self,
        request: &Request,
        context: &Context<'_>,
    ) -> Result<Option<Reply>, ApiError> {
        let Some(request_id) = request.query_value("requestId") else { return Ok(None) };
        if !uuid::Uuid::parse_str(&request_id).is_ok_and(|parsed| !parsed.is_nil()) {
            return Err(ApiError::invalid(format!("Invalid value for field 'requestId': '{request_id}'."))
                .with_reason("invalid"));
        }
        let first =
            self.operations.iter().find(|operation| operation.request_id.as_ref() == Some(&request_id));
        Ok(first.map(|operation| ok(&operation.to_json(context.now))))
    }

    /// Records a mutation that is under way and answers with it.
    pub(super) fn begin(
        &mut self,
        request: &Request,
        kind: &str,
        scope: &str,
        target: &str,
        context: &mut Context<'_>,
    ) -> Reply {
        let operation = Operation {
            id: context.mint.number(),
            name: format!("operation-{}-{}", context.now.as_millisecond(), context.mint.hex(13)),
            kind: kind.to_owned(),
            scope: scope.to_owned(),
            target: target.to_owned(),
            request_id: request.query_value("requestId"),
            started: context.now,
            due: context.after(context.settings.operation_seconds),
        };
        let body = operation.to_json(context.now);
        self.operations.push(operation);
        ok(&body)
    }

    /// Answers `operations.get` and `operations.wait`.
    pub(super) fn operation(&self, request: &Request, scope: &[&str], name: &str, now: Timestamp) -> Reply {
        let scope = scope.join("/");
        let expected = if request.path.ends_with("/wait") { http::Method::POST } else { http::Method::GET };
        if request.method != expected {
            return Err(unknown_path(request));
        }
        let found =
            self.operations.iter().find(|operation| operation.scope == scope && operation.name == name);
        let operation = found.ok_or_else(|| resource_not_found(&format!("{scope}/operations/{name}")))?;
        ok(&operation.to_json(now))
    }

    /// When the operation that a `wait` request names is done, if it is not yet.
    pub(crate) fn wait_ends(&self, request: &Request, now: Timestamp) -> Option<Timestamp> {
        let path = request.path.strip_suffix("/wait")?;
        let name = path.rsplit('/').next()?;
        let operation = self.operations.iter().find(|operation| operation.name == name)?;
        (operation.due > now).then_some(operation.due)
    }
}
