//! The calls by which a sandbox's user controls the sandbox itself.

use http::{Method, StatusCode};
use serde_json::json;

use super::host::Host;
use crate::{
    google::bearer,
    settings::SettingsChange,
    wire::{Request, Response},
};

/// Answers a call below `/admin/`.
pub(super) fn answer(host: &Host, request: &Request) -> Response {
    if request.method == Method::GET && request.path == "/admin/ping" {
        return Response::json(StatusCode::OK, &json!({"process_id": std::process::id()}));
    }
    if bearer(request) != Some(host.info().admin_token.as_str()) {
        return failure(
            StatusCode::UNAUTHORIZED,
            "admin calls need the admin token of the sandbox's info file",
        );
    }
    match (&request.method, request.path.as_str()) {
        (&Method::GET, "/admin/inventory") => {
            Response::json(StatusCode::OK, &host.look(crate::World::inventory))
        }
        (&Method::GET, "/admin/contents") => {
            Response::json(StatusCode::OK, &host.look(crate::World::contents))
        }
        (&Method::GET, "/admin/settings") => {
            let settings = host.look(|world| world.settings().clone());
            Response::json(StatusCode::OK, &json!({"settings": settings, "now": host.moment().now}))
        }
        (&Method::POST, "/admin/configure") => configure(host, request),
        (&Method::POST, "/admin/faults") => match serde_json::from_slice(&request.body) {
            Ok(rule) => {
                host.set_fault(Some(rule));
                done()
            }
            Err(error) => {
                failure(StatusCode::BAD_REQUEST, &format!("the fault rule cannot be read: {error}"))
            }
        },
        (&Method::DELETE, "/admin/faults") => {
            host.set_fault(None);
            done()
        }
        (&Method::POST, "/admin/reset") => {
            host.change(|world, moment| world.reset(moment.now));
            done()
        }
        (&Method::POST, "/admin/stop") => {
            host.stop();
            done()
        }
        (&Method::GET, "/admin/calls") => {
            let after = request.query_value("after").and_then(|text| text.parse().ok()).unwrap_or(0);
            Response::json(StatusCode::OK, &host.look(|world| world.calls_after(after)))
        }
        _ => failure(
            StatusCode::NOT_FOUND,
            &format!("there is no admin call {} {}", request.method, request.path),
        ),
    }
}

fn configure(host: &Host, request: &Request) -> Response {
    let change: SettingsChange = match serde_json::from_slice(&request.body) {
        Ok(change) => change,
        Err(error) => {
            return failure(StatusCode::BAD_REQUEST, &format!("the change cannot be read: {error}"));
        }
    };
    match host.configure(&change) {
        Ok(()) => done(),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            failure(StatusCode::BAD_REQUEST, &format!("{error}: {cause}"))
        }
    }
}

fn done() -> Response {
    Response::json(StatusCode::OK, &json!({}))
}

fn failure(status: StatusCode, message: &str) -> Response {
    Response::json(status, &json!({ "message": message }))
}
