//! Asking the API whether it would let us.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;
use spacecraft_core::Result;
use spacecraft_core::traits::Finding;
use spacecraft_http::{Call, Idempotency};

use http::Method;

use crate::connection::{Connection, Draft};
use crate::resource::ACCESS_REVIEW;

/// How many questions are asked at once.
const QUESTIONS_AT_ONCE: usize = 8;

/// Rights that a network needs.
#[derive(Clone, Copy)]
struct Need {
    verbs: &'static [&'static str],
    group: &'static str,
    /// The resource, with its subresource after a slash.
    resource: &'static str,
    scope: Scope,
    /// False when a network can do without.
    blocking: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Cluster,
    Namespace,
}

const fn need(
    scope: Scope,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    blocking: bool,
) -> Need {
    Need { verbs, group, resource, scope, blocking }
}

const EVERYTHING: &[&str] = &["get", "list", "create", "patch", "delete"];

const NEEDS: &[Need] = &[
    need(Scope::Cluster, "", "namespaces", EVERYTHING, true),
    need(Scope::Cluster, "", "nodes", &["list", "patch"], true),
    need(Scope::Cluster, "", "persistentvolumes", &["list"], false),
    need(Scope::Namespace, "apps", "deployments", &["list", "watch", "create", "patch", "delete"], true),
    need(Scope::Namespace, "", "services", EVERYTHING, true),
    need(Scope::Namespace, "", "configmaps", EVERYTHING, true),
    need(Scope::Namespace, "", "secrets", EVERYTHING, true),
    need(Scope::Namespace, "", "persistentvolumeclaims", EVERYTHING, true),
    need(
        Scope::Namespace,
        "networking.k8s.io",
        "networkpolicies",
        &["list", "create", "patch", "delete"],
        true,
    ),
    need(Scope::Namespace, "policy", "poddisruptionbudgets", &["list", "create", "patch", "delete"], true),
    need(Scope::Namespace, "", "pods", &["list", "watch"], true),
    need(Scope::Namespace, "", "pods/log", &["get"], false),
    need(Scope::Namespace, "", "pods/portforward", &["create"], false),
    need(Scope::Namespace, "", "events", &["list"], false),
];

/// One question to the API.
#[derive(Debug, Clone, Copy)]
struct Question<'a> {
    verb: &'a str,
    group: &'a str,
    resource: &'a str,
    namespace: &'a str,
}

/// One finding for each resource on which a right is missing. Who may do everything is asked one question only.
pub(super) async fn missing(connection: &Connection, namespace: &str) -> Result<Vec<Finding>> {
    let everything = Question { verb: "*", group: "*", resource: "*", namespace: "" };
    if is_allowed(connection, everything).await? {
        return Ok(Vec::new());
    }
    let findings: Vec<Option<Finding>> = stream::iter(NEEDS.iter().copied())
        .map(|need| async move { finding(connection, need, namespace).await })
        .buffered(QUESTIONS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(findings.into_iter().flatten().collect())
}

async fn finding(connection: &Connection, need: Need, namespace: &str) -> Result<Option<Finding>> {
    let namespace = if need.scope == Scope::Namespace { namespace } else { "" };
    let mut denied = Vec::new();
    for verb in need.verbs {
        let question = Question { verb, group: need.group, resource: need.resource, namespace };
        if !is_allowed(connection, question).await? {
            denied.push(*verb);
        }
    }
    let place = if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace}") };
    Ok((!denied.is_empty()).then(|| Finding {
        blocking: need.blocking,
        subject: format!("right to {} {}{place}", denied.join(", "), need.resource),
        message: "the cluster does not grant it; ask its administrator for a role that does".to_owned(),
    }))
}

async fn is_allowed(connection: &Connection, question: Question<'_>) -> Result<bool> {
    #[derive(Deserialize)]
    struct Review {
        #[serde(default)]
        status: Status,
    }
    #[derive(Default, Deserialize)]
    struct Status {
        #[serde(default)]
        allowed: bool,
    }
    let (resource, subresource) = question.resource.split_once('/').unwrap_or((question.resource, ""));
    let body = json!({
        "apiVersion": ACCESS_REVIEW.api_version(),
        "kind": ACCESS_REVIEW.kind,
        "spec": { "resourceAttributes": {
            "verb": question.verb,
            "group": question.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": question.namespace,
        } },
    });
    // A review is answered, not kept: asking twice is asking once.
    let call = Call::new("ask for rights on", question.resource, Idempotency::Safe);
    let draft = Draft::new(Method::POST, ACCESS_REVIEW.collection_path(None)).body("application/json", &body);
    let review: Review = connection.read(&call, &draft).await?.json(&call)?;
    Ok(review.status.allowed)
}
