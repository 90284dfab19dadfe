//! Carrying faults out.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::connection::{Outcome, Reset, whole};
use crate::{
    address::ServiceAddress,
    faults::Fault,
    wire::{Request, Response},
};

/// What comes instead of an answer, for faults that keep the call from its service.
pub(super) async fn instead(
    fault: &Fault,
    address: &ServiceAddress,
    request: &Request,
) -> Result<Response, Reset> {
    Ok(match fault {
        Fault::Status { status, body, retry_after } => {
            let response = status_response(*status, body.as_deref(), address);
            match retry_after {
                Some(seconds) => response.with_header("retry-after", &seconds.to_string()),
                None => response,
            }
        }
        Fault::Hang => std::future::pending().await,
        Fault::Garbage => Response::with_type(
            StatusCode::OK,
            HeaderValue::from_static("application/json"),
            Bytes::from_static(&[0xff, 0x00, 0xfe, b'{', 0x80, b'\n', 0xc3, 0x28]),
        ),
        Fault::OtherShape => {
            Response::json(StatusCode::OK, &json!([{"unexpected": request.path.len()}, "shape", null, 7]))
        }
        Fault::Html => Response::with_type(
            StatusCode::OK,
            HeaderValue::from_static("text/html; charset=utf-8"),
            Bytes::from_static(
                b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>\n",
            ),
        ),
        Fault::Empty => Response::empty(StatusCode::OK),
        Fault::Refused => return Err(Reset::Server),
        Fault::Reset | Fault::LostReply | Fault::NoReply | Fault::Truncated | Fault::ResetMidBody => {
            return Err(Reset::Connection);
        }
    })
}

/// A failure with a status in the words of the service.
fn status_response(status: u16, body: Option<&str>, address: &ServiceAddress) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(body) = body {
        let kind = if body.trim_start().starts_with(['{', '[']) { "application/json" } else { "text/plain" };
        return Response::with_type(code, HeaderValue::from_static(kind), Bytes::from(body.to_owned()));
    }
    let reason = code.canonical_reason().unwrap_or("Failure");
    let google_reason = match status {
        403 => "rateLimitExceeded",
        429 => "rateLimitExceeded",
        503 => "backendError",
        _ => "internalError",
    };
    match address {
        ServiceAddress::Kubernetes(_) if status == 429 => {
            Response::text(code, "Too many requests, please try again later.\n")
        }
        ServiceAddress::Kubernetes(_) => Response::json(
            code,
            &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": reason,
                    "reason": reason.replace(' ', ""), "code": status}),
        ),
        ServiceAddress::Cloudflare => Response::json(
            code,
            &json!({"success": false, "errors": [{"code": if status == 429 { 971 } else { 10_001 }, "message": reason}],
                    "messages": [], "result": null}),
        ),
        ServiceAddress::Slack => Response::json(
            code,
            &json!({"ok": false, "error": if status == 429 { "ratelimited" } else { "internal_error" }}),
        ),
        ServiceAddress::GitHub | ServiceAddress::GitHubUploads => {
            Response::json(code, &json!({"message": reason, "status": status.to_string()}))
        }
        ServiceAddress::OAuth => {
            Response::json(code, &json!({"error": "internal_failure", "error_description": reason}))
        }
        ServiceAddress::Container
        | ServiceAddress::Compute
        | ServiceAddress::ResourceManager
        | ServiceAddress::ServiceUsage
        | ServiceAddress::Storage => Response::json(
            code,
            &json!({"error": {"code": status, "message": reason, "status": google_status(status),
                    "errors": [{"message": reason, "domain": "usageLimits", "reason": google_reason}]}}),
        ),
        ServiceAddress::SlackHooks | ServiceAddress::Charts(_) | ServiceAddress::Workload(_) => {
            Response::text(code, reason)
        }
    }
}

fn google_status(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// What becomes of the answer to a call that took effect.
pub(super) fn damage(fault: &Fault, mut response: Response) -> Outcome {
    let half = response.body.len() / 2;
    match fault {
        Fault::Truncated => {
            response.body.truncate(half);
            Ok(whole(response))
        }
        Fault::ResetMidBody => {
            let length = response.body.len().max(1);
            let first = response.body.slice(..half);
            let broken: [Result<Bytes, Reset>; 2] = [Ok(first), Err(Reset::Connection)];
            let mut sent = whole(Response { body: Bytes::new(), ..response });
            sent.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
            *sent.body_mut() = Body::from_stream(futures::stream::iter(broken));
            Ok(sent)
        }
        _ => Err(Reset::Connection),
    }
}
