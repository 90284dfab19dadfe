//! Cloud Resource Manager and Service Usage: what a preflight asks of a project.

use http::Method;
use serde_json::{Value, json};

use super::{ApiError, PROJECT, PROJECT_NUMBER, Reply, json_body, ok};
use crate::{context::Context, wire::Request};

/// The APIs that are enabled in the project unless configured otherwise.
const SERVICES: [&str; 7] = [
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    "storage-component.googleapis.com",
];

/// Answers Cloud Resource Manager v1 and v3.
pub(crate) fn handle_resource_manager(request: &Request, context: &Context<'_>) -> Reply {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1" | "v3", "projects", target] = parts.as_slice() else {
        return Err(ApiError::not_found("Not found."));
    };
    let (project, verb) = target.split_once(':').unwrap_or((target, ""));
    context.require_service("cloudresourcemanager.googleapis.com", project)?;
    match (&request.method, verb) {
        (&Method::GET, "") => {
            context.require("resourcemanager.projects.get")?;
            ok(&json!({"projectId": PROJECT, "projectNumber": PROJECT_NUMBER, "name": PROJECT,
                       "lifecycleState": "ACTIVE"}))
        }
        (&Method::POST, "testIamPermissions") => test_permissions(request, context),
        _ => Err(ApiError::not_found("Not found.")),
    }
}

fn test_permissions(request: &Request, context: &Context<'_>) -> Reply {
    let body = json_body(request)?;
    let asked = body["permissions"].as_array().cloned().unwrap_or_default();
    if asked.len() > 100 {
        return Err(ApiError::invalid("Request contains an invalid argument."));
    }
    let mut held = Vec::new();
    for permission in &asked {
        let name = permission.as_str().unwrap_or_default();
        if name.split('.').count() < 3 || name.contains('*') {
            return Err(ApiError::invalid(format!("Permission {name} is not valid for this resource.")));
        }
        if context.require(name).is_ok() {
            held.push(name);
        }
    }
    ok(&if held.is_empty() { json!({}) } else { json!({ "permissions": held }) })
}

/// Answers Service Usage v1.
pub(crate) fn handle_service_usage(request: &Request, context: &Context<'_>) -> Reply {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1", "projects", project, rest @ ..] = parts.as_slice() else {
        return Err(ApiError::not_found("Not found."));
    };
    context.require_service("serviceusage.googleapis.com", project)?;
    match (&request.method, rest) {
        (&Method::GET, ["services"]) => {
            context.require("serviceusage.services.list")?;
            let wanted = match request.query_value("filter").as_deref() {
                None => None,
                Some("state:ENABLED") => Some("ENABLED"),
                Some("state:DISABLED") => Some("DISABLED"),
                Some(_) => return Err(ApiError::invalid("Invalid filter.")),
            };
            let all = SERVICES.iter().map(|service| resource(service, context));
            ok(
                &json!({"services": all.filter(|service| wanted.is_none_or(|state| service["state"] == state)).collect::<Vec<_>>()}),
            )
        }
        (&Method::GET, ["services:batchGet"]) => {
            context.require("serviceusage.services.get")?;
            let names = request.query_pairs().into_iter().filter(|(key, _)| key == "names");
            let services: Vec<Value> = names
                .map(|(_, name)| resource(name.rsplit('/').next().unwrap_or_default(), context))
                .collect();
            ok(&json!({ "services": services }))
        }
        (&Method::GET, ["services", service]) => {
            context.require("serviceusage.services.get")?;
            ok(&resource(service, context))
        }
        _ => Err(ApiError::not_found("Not found.")),
    }
}

fn resource(service: &str, context: &Context<'_>) -> Value {
    let enabled = SERVICES.contains(&service) && !context.settings.disabled_services.contains(service);
    json!({
        "name": format!("projects/{PROJECT_NUMBER}/services/{service}"),
        "parent": format!("projects/{PROJECT_NUMBER}"),
        "config": {"name": service},
        "state": if enabled { "ENABLED" } else { "DISABLED" },
    })
}
