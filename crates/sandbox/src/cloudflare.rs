//! Cloudflare's API v4: token checks, zones and DNS records.

mod records;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::records::Record;
use crate::{
    context::Context,
    google::bearer,
    wire::{Request, Response},
};

/// The zones of a sandbox's account.
const ZONES: [(&str, &str); 2] = [
    ("spacemesh.io", "023e105f4ecef8ad9ca31a8372d0c353"),
    ("example.com", "9a7806061c88ada191ed06f989cc3dac"),
];

/// The DNS records of all zones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cloudflare {
    pub(crate) records: Vec<Record>,
}

/// A refusal: HTTP status, Cloudflare's code and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: u32,
    message: String,
    chain: Option<(u32, &'static str)>,
}

type Reply = Result<Response, Refusal>;

impl Refusal {
    fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), chain: None }
    }

    fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    fn into_response(self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some((code, message)) = self.chain {
            error["error_chain"] = json!([{"code": code, "message": message}]);
        }
        Response::json(
            self.status,
            &json!({"success": false, "errors": [error], "messages": [], "result": null}),
        )
    }
}

fn success(result: &Value) -> Reply {
    Ok(Response::json(
        StatusCode::OK,
        &json!({"success": true, "errors": [], "messages": [], "result": result}),
    ))
}

fn no_route(request: &Request) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        7003,
        format!("Could not route to {}, perhaps your object identifier is invalid?", request.path),
    )
}

impl Cloudflare {
    /// Answers a request; `authenticated` is false while a recorded call is played again.
    pub(crate) fn handle(
        &mut self,
        request: &Request,
        check_token: bool,
        context: &mut Context<'_>,
    ) -> Response {
        let authorized = if check_token { authorize(request, context) } else { Ok(()) };
        authorized.and_then(|()| self.route(request, context)).unwrap_or_else(Refusal::into_response)
    }

    fn route(&mut self, request: &Request, context: &mut Context<'_>) -> Reply {
        let segments = request.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["client", "v4", rest @ ..] = parts.as_slice() else { return Err(no_route(request)) };
        match (&request.method, rest) {
            (&Method::GET, ["user", "tokens", "verify"]) => Ok(verified()),
            (&Method::GET, ["zones"]) => list_zones(request, context),
            (&Method::GET, ["zones", zone]) => {
                permit("zone:read", context)?;
                let name = zone_name(zone).ok_or_else(|| no_route(request))?;
                success(&zone_resource(name, zone))
            }
            (_, ["zones", zone, "dns_records", rest @ ..]) => {
                zone_name(zone).ok_or_else(|| no_route(request))?;
                self.handle_records(request, zone, rest, context)
            }
            _ => Err(no_route(request)),
        }
    }
}

fn authorize(request: &Request, context: &Context<'_>) -> Result<(), Refusal> {
    let Some(token) = bearer(request) else {
        let mut refusal = Refusal::bad(6003, "Invalid request headers");
        refusal.chain = Some((6111, "Invalid format for Authorization header"));
        return Err(refusal);
    };
    if token == context.environment.credentials.cloudflare_token {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNAUTHORIZED, 1000, "Invalid API Token"))
}

fn permit(permission: &str, context: &Context<'_>) -> Result<(), Refusal> {
    if context.settings.denied_cloudflare_permissions.contains(permission) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, 10_000, "Authentication error"));
    }
    Ok(())
}

fn verified() -> Response {
    Response::json(
        StatusCode::OK,
        &json!({
            "success": true, "errors": [],
            "messages": [{"code": 10_000, "message": "This API Token is valid and active", "type": null}],
            "result": {"id": "ed17574386854bf78a67040be0a770b0", "status": "active"},
        }),
    )
}

fn zone_name(id: &str) -> Option<&'static str> {
    ZONES.iter().find(|(_, zone)| *zone == id).map(|(name, _)| *name)
}

fn zone_resource(name: &str, id: &str) -> Value {
    json!({"id": id, "name": name, "status": "active", "paused": false, "type": "full",
           "account": {"id": "01a7362d577a6c3019a474fd6f485823", "name": "Sandbox"},
           "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"]})
}

fn list_zones(request: &Request, context: &Context<'_>) -> Reply {
    permit("zone:read", context)?;
    let name = request.query_value("name");
    let status = request.query_value("status");
    let found: Vec<Value> = ZONES
        .iter()
        .filter(|(zone, _)| name.as_ref().is_none_or(|name| name == zone))
        .filter(|_| status.as_ref().is_none_or(|status| status == "active"))
        .map(|(zone, id)| zone_resource(zone, id))
        .collect();
    paged(request, found, 20, 50)
}

/// One page of results with Cloudflare's `result_info`.
fn paged(request: &Request, items: Vec<Value>, default_size: usize, largest: usize) -> Reply {
    let number = |name: &str, default: usize| match request.query_value(name) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().ok().filter(|number| *number > 0).ok_or_else(|| {
            Refusal::bad(1004, format!("DNS Validation Error: {name} must be a positive number"))
        }),
    };
    let page = number("page", 1)?;
    let per_page = number("per_page", default_size)?.min(largest);
    let total = items.len();
    let shown: Vec<Value> =
        items.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
    Ok(Response::json(
        StatusCode::OK,
        &json!({
            "success": true, "errors": [], "messages": [],
            "result_info": {"page": page, "per_page": per_page, "count": shown.len(), "total_count": total,
                            "total_pages": total.div_ceil(per_page)},
            "result": shown,
        }),
    ))
}
