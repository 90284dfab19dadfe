//! Ingresses of `extensions/v1beta1` and `networking.k8s.io/v1beta1`.

use serde_json::{Value, json};

use super::{Fields, object, objects, rename};

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

pub(super) fn rewrite(ingress: &mut Fields) -> Result<(), String> {
    let class = take_class(ingress);
    let spec = ingress.entry("spec").or_insert_with(|| json!({}));
    let Some(spec) = spec.as_object_mut() else {
        return Err("its spec is no object".to_owned());
    };
    if let Some(class) = class {
        spec.entry("ingressClassName").or_insert(class);
    }
    rename(spec, "backend", "defaultBackend");
    if let Some(backend) = object(spec, "defaultBackend") {
        rewrite_backend(backend);
    }
    for rule in objects(spec, "rules") {
        let Some(http) = object(rule, "http") else { continue };
        for path in objects(http, "paths") {
            path.entry("pathType").or_insert_with(|| Value::from("ImplementationSpecific"));
            if let Some(backend) = object(path, "backend") {
                rewrite_backend(backend);
            }
        }
    }
    Ok(())
}

/// The class that an annotation named before there was a field for it.
fn take_class(ingress: &mut Fields) -> Option<Value> {
    let metadata = object(ingress, "metadata")?;
    let annotations = object(metadata, "annotations")?;
    let class = annotations.remove(CLASS_ANNOTATION);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    class.filter(|class| class.as_str().is_some_and(|name| !name.is_empty()))
}

fn rewrite_backend(backend: &mut Fields) {
    let Some(name) = backend.remove("serviceName") else { return };
    let port = match backend.remove("servicePort") {
        None => json!({}),
        Some(port) => match port_number(&port) {
            Some(number) => json!({ "number": number }),
            None => json!({ "name": port }),
        },
    };
    backend.insert("service".to_owned(), json!({ "name": name, "port": port }));
}

fn port_number(port: &Value) -> Option<u16> {
    match port {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => format!("{:.0}", number.as_f64()?).parse().ok(),
        _ => None,
    }
}
