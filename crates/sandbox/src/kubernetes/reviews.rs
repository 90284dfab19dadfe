//! Reviews of access and identity. The cluster has one user, who may do everything; the host keeps others out.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::bodies::plain_body;
use super::decode;
use super::object;
use super::route::Target;
use super::status::{Failure, Outcome};
use crate::wire::{Request, Response};

const USER: &str = "system:admin";

/// Answers a review.
pub(super) fn review(target: &Target, request: &Request) -> Outcome<Response> {
    if request.method != Method::POST || target.name.is_some() {
        return Err(Failure::method_not_allowed());
    }
    let mut review = plain_body(request)?;
    decode::fit(&mut review, &target.resource.structure)
        .map_err(|misfit| Failure::bad_request(misfit.to_string()))?;
    object::set(&mut review, "/apiVersion", target.resource.api_version());
    object::set(&mut review, "/kind", target.resource.kind.as_str());
    object::set_default(&mut review, "/metadata", json!({"creationTimestamp": null}));
    object::set(&mut review, "/status", verdict(&target.resource.kind));
    Ok(Response::json(StatusCode::CREATED, &review))
}

fn verdict(kind: &str) -> Value {
    let user = json!({"username": USER, "groups": ["system:masters", "system:authenticated"]});
    match kind {
        "SelfSubjectRulesReview" => json!({
            "incomplete": false,
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }),
        "SelfSubjectReview" => json!({"userInfo": user}),
        "TokenReview" => json!({"authenticated": true, "user": user}),
        _ => json!({"allowed": true}),
    }
}
