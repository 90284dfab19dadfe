//! Objects that concern the whole cluster: classes of container runtimes, priorities of requests, requests for certificates.

use serde_json::{Value, json};

use super::{Fields, object, rename, text};

/// In `node.k8s.io/v1alpha1` everything was in a spec.
pub(super) fn runtime_class(class: &mut Fields) -> Result<(), String> {
    let Some(Value::Object(mut spec)) = class.remove("spec") else { return Err("it has no spec".to_owned()) };
    rename(&mut spec, "runtimeHandler", "handler");
    class.extend(spec);
    Ok(())
}

/// The shares of a level had another name, and 0 stood for the default, where it means none now.
pub(super) fn priority_level(level: &mut Fields) -> Result<(), String> {
    let Some(limited) = object(level, "spec").and_then(|spec| object(spec, "limited")) else { return Ok(()) };
    rename(limited, "assuredConcurrencyShares", "nominalConcurrencyShares");
    if limited.get("nominalConcurrencyShares").and_then(Value::as_f64) == Some(0.0) {
        limited.remove("nominalConcurrencyShares");
    }
    Ok(())
}

/// The signer that was taken where none was named is no more, and neither are requests without usages.
pub(super) fn signing_request(request: &mut Fields) -> Result<(), String> {
    let request = Value::Object(request.clone());
    match text(&request, "/spec/signerName").as_str() {
        "" | "kubernetes.io/legacy-unknown" => {
            Err("it names no signer, which has to be named now".to_owned())
        }
        _ if request.pointer("/spec/usages").is_none_or(|usages| *usages == json!([])) => {
            Err("it names no usages, which have to be named now".to_owned())
        }
        _ => Ok(()),
    }
}
