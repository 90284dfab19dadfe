//! What the programs of completed jobs leave behind, by image: the simulated kubelets run no programs.

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{wire::Request, world::internal_request};

/// The request that the program of a job would have made of the Kubernetes API, when a change shows that the job just
/// completed and its program makes one.
pub(crate) fn outcome(change: &Value) -> Option<Request> {
    let job = change.get("put").filter(|object| object["kind"] == "Job")?;
    let conditions = job["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == "Complete" && condition["status"] == "True")?;
    let container = job["spec"]["template"]["spec"]["containers"].get(0)?;
    let image = container["image"].as_str()?;
    let name = job["metadata"]["name"].as_str()?;
    let namespace = job["metadata"]["namespace"].as_str().unwrap_or("default");
    if image.contains("/kibana/kibana:") {
        let token = |hook: &str| name.strip_prefix(hook).map(|release| format!("{release}-es-token"));
        return match (token("pre-install-"), token("post-delete-")) {
            (Some(secret), _) => Some(kibana_token(job, namespace, &secret)),
            (None, Some(secret)) => Some(delete(namespace, &secret)),
            (None, None) => None,
        };
    }
    let words: Vec<&str> = container["args"].as_array()?.iter().filter_map(Value::as_str).collect();
    if image.contains("/kube-webhook-certgen:") && words.contains(&"create") {
        let secret = words.iter().find_map(|word| word.strip_prefix("--secret-name="))?;
        return webhook_certificate(namespace, secret);
    }
    None
}

/// The Secret with a service account token that Kibana's installation job makes.
fn kibana_token(job: &Value, namespace: &str, name: &str) -> Request {
    let uid = job["metadata"]["uid"].as_str().unwrap_or_default();
    let token = hex::encode(Sha256::digest(uid.as_bytes()));
    create(namespace, name, &json!({ "token": token }))
}

/// The Secret with a certificate for its webhook that the ingress controller's installation job makes.
fn webhook_certificate(namespace: &str, name: &str) -> Option<Request> {
    let made = rcgen::generate_simple_self_signed(vec![format!("{name}.{namespace}.svc")]).ok()?;
    let certificate = made.cert.pem();
    let files = json!({"ca": certificate, "cert": certificate, "key": made.signing_key.serialize_pem()});
    Some(create(namespace, name, &files))
}

fn create(namespace: &str, name: &str, content: &Value) -> Request {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": content,
    });
    internal_request(Method::POST, &format!("/api/v1/namespaces/{namespace}/secrets"), &secret)
}

fn delete(namespace: &str, name: &str) -> Request {
    internal_request(Method::DELETE, &format!("/api/v1/namespaces/{namespace}/secrets/{name}"), &json!({}))
}
