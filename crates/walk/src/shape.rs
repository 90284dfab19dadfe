//! Which calls are alike: the same service, method and path but for names, numbers and parameters. Of objects in a cluster those of one kind in one namespace
//! are alike, whatever they are called.

use std::sync::LazyLock;

use regex::Regex;
use spacecraft_sandbox::server::SeenCall;

/// Names that differ between alike calls: numbered ones, identifiers, and what follows them.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z]+(?:-[A-Za-z]+)*-\d+(?:-[a-z0-9]+)*|[0-9a-f]{8,}(?:-[0-9a-f]+)*|\d{2,}").ok()
});

/// What a call has in common with those that are alike.
#[must_use]
pub fn shape(call: &SeenCall) -> String {
    let (path, query) = parts(call);
    let mut keys: Vec<&str> =
        query.split('&').filter_map(|pair| pair.split('=').next()).filter(|key| !key.is_empty()).collect();
    keys.sort_unstable();
    format!("{} {} {path} {}", call.service, call.method, keys.join("&"))
}

/// A pattern for the path of calls that are alike, as fault rules take it.
#[must_use]
pub fn pattern(call: &SeenCall) -> String {
    let (path, query) = parts(call);
    match query {
        "" => path,
        query if query.contains("watch=") => format!("{path}?*watch=*"),
        _ => format!("{path}?*"),
    }
}

/// The path without names, and the query.
fn parts(call: &SeenCall) -> (String, &str) {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let path = if call.service == "kubernetes" { without_object(path) } else { path.to_owned() };
    let names = NAMES.as_ref();
    (names.map_or_else(|| path.clone(), |names| names.replace_all(&path, "*").into_owned()), query)
}

/// A path of the Kubernetes API without the name of the object that it leads to, if it leads to one.
fn without_object(path: &str) -> String {
    let mut segments: Vec<&str> = path.split('/').collect();
    let version = match segments.get(1) {
        Some(&"api") => 3,
        Some(&"apis") => 4,
        _ => return path.to_owned(),
    };
    let is_namespaced = segments.get(version) == Some(&"namespaces") && segments.len() > version + 2;
    let kind = if is_namespaced { version + 2 } else { version };
    if let Some(name) = segments.get_mut(kind + 1) {
        *name = "*";
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_one_kind_in_one_namespace_are_alike() {
        for (path, expected) in [
            ("/api/v1/namespaces/metrics", "/api/v1/namespaces/*"),
            ("/api/v1/namespaces/metrics/secrets", "/api/v1/namespaces/metrics/secrets"),
            ("/api/v1/namespaces/metrics/secrets/grafana", "/api/v1/namespaces/metrics/secrets/*"),
            ("/api/v1/namespaces/default/pods/miner/log", "/api/v1/namespaces/default/pods/*/log"),
            (
                "/apis/apps/v1/namespaces/default/deployments/kibana",
                "/apis/apps/v1/namespaces/default/deployments/*",
            ),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/operator",
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/*",
            ),
            ("/apis/apps/v1", "/apis/apps/v1"),
            ("/version", "/version"),
        ] {
            assert_eq!(without_object(path), expected);
        }
    }
}
