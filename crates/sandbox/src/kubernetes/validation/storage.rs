//! ConfigMaps, Secrets, claims, volumes and storage classes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::names;
use super::super::object::{entries, items, text, text_or_empty};
use super::super::quantity::Quantity;
use super::super::status::Mistake;
use super::{Mistakes, one_of};

/// How large the data of a ConfigMap or Secret may be.
const DATA_BYTES: usize = 1024 * 1024;

/// A ConfigMap.
pub(super) fn config_map(object: &Value, mistakes: &mut Mistakes) {
    let mut bytes = 0;
    for list in ["data", "binaryData"] {
        for (key, value) in entries(object, &format!("/{list}")) {
            config_key(list, key, mistakes);
            bytes += value.as_str().unwrap_or_default().len();
        }
    }
    for (key, _) in entries(object, "/binaryData") {
        if object.pointer("/data").is_some_and(|data| data.get(key).is_some()) {
            let detail = "duplicate of key present in data";
            mistakes.push(Mistake::invalid(format!("binaryData[{key}]"), key.as_str(), detail));
        }
    }
    if bytes > DATA_BYTES {
        mistakes.push(Mistake::too_long("", DATA_BYTES));
    }
}

fn config_key(list: &str, key: &str, mistakes: &mut Mistakes) {
    let why = names::config_key(key);
    mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{list}[{key}]"), key, why)));
}

/// The keys that a Secret of a type must have.
fn required_keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    }
}

/// A Secret; its values were checked to be base64 while it was decoded.
pub(super) fn secret(object: &Value, mistakes: &mut Mistakes) {
    let mut bytes = 0;
    for (key, value) in entries(object, "/data") {
        config_key("data", key, mistakes);
        bytes += value.as_str().unwrap_or_default().len() / 4 * 3;
    }
    for key in required_keys(text_or_empty(object, "/type")) {
        if object.pointer("/data").and_then(|data| data.get(*key)).is_none() {
            mistakes.push(Mistake::required(format!("data[{key}]"), ""));
        }
    }
    if bytes > DATA_BYTES {
        mistakes.push(Mistake::too_long("data", DATA_BYTES));
    }
}

const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

fn access_modes(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    let modes = items(object, &format!("{pointer}/accessModes"));
    if modes.is_empty() {
        mistakes
            .push(Mistake::required(format!("{field}.accessModes"), "at least 1 access mode is required"));
    }
    for mode in modes.iter().filter_map(Value::as_str).filter(|mode| !ACCESS_MODES.contains(mode)) {
        mistakes.push(Mistake::unsupported(format!("{field}.accessModes"), mode, &ACCESS_MODES));
    }
}

/// A claim's spec.
pub(super) fn claim(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    access_modes(object, pointer, field, mistakes);
    one_of(
        object,
        &format!("{pointer}/volumeMode"),
        &format!("{field}.volumeMode"),
        &["Block", "Filesystem"],
        mistakes,
    );
    match text(object, &format!("{pointer}/resources/requests/storage")) {
        None => mistakes.push(Mistake::required(format!("{field}.resources[storage]"), "")),
        Some(size) if Quantity::parse(size).is_none_or(|size| size.milli() <= 0) => {
            let detail = "must be greater than zero";
            mistakes.push(Mistake::invalid(format!("{field}.resources[storage]"), size, detail));
        }
        Some(_) => {}
    }
    if let Some(class) =
        text(object, &format!("{pointer}/storageClassName")).filter(|class| !class.is_empty())
    {
        let why = names::dns_subdomain(class);
        mistakes
            .extend(why.iter().map(|why| Mistake::invalid(format!("{field}.storageClassName"), class, why)));
    }
}

/// A volume.
pub(super) fn volume(object: &Value, mistakes: &mut Mistakes) {
    access_modes(object, "/spec", "spec", mistakes);
    if object.pointer("/spec/capacity/storage").is_none() {
        mistakes.push(Mistake::required("spec.capacity", ""));
    }
    let policies = ["Delete", "Recycle", "Retain"];
    let field = "spec.persistentVolumeReclaimPolicy";
    one_of(object, "/spec/persistentVolumeReclaimPolicy", field, &policies, mistakes);
    const SOURCES: [&str; 6] = ["csi", "hostPath", "nfs", "local", "gcePersistentDisk", "iscsi"];
    if !SOURCES.iter().any(|source| object.pointer(&format!("/spec/{source}")).is_some()) {
        mistakes.push(Mistake::required("spec", "must specify a volume type"));
    }
}

/// A storage class.
pub(super) fn storage_class(object: &Value, mistakes: &mut Mistakes) {
    if text_or_empty(object, "/provisioner").is_empty() {
        mistakes.push(Mistake::required("provisioner", ""));
    }
    one_of(object, "/reclaimPolicy", "reclaimPolicy", &["Delete", "Retain"], mistakes);
    let modes = ["Immediate", "WaitForFirstConsumer"];
    one_of(object, "/volumeBindingMode", "volumeBindingMode", &modes, mistakes);
}

/// What differs between two maps of data, for what must not change.
pub(super) fn data_of(object: &Value) -> BTreeMap<&'static str, &Value> {
    ["data", "binaryData"].iter().filter_map(|list| Some((*list, object.get(*list)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::verdict;

    #[test]
    fn a_claim_needs_a_size_and_an_access_mode() {
        assert_eq!(
            verdict("persistentvolumeclaims", &json!({"metadata": {"name": "a"}, "spec": {}})),
            "PersistentVolumeClaim \"x\" is invalid: [spec.accessModes: Required value: at least 1 access mode is \
             required, spec.resources[storage]: Required value]"
        );
    }

    #[test]
    fn a_tls_secret_needs_both_parts() {
        let secret = json!({"metadata": {"name": "a"}, "type": "kubernetes.io/tls", "data": {"tls.crt": ""}});
        assert_eq!(verdict("secrets", &secret), "Secret \"x\" is invalid: data[tls.key]: Required value");
    }

    #[test]
    fn data_may_not_exceed_a_mebibyte() {
        let large = json!({"metadata": {"name": "a"}, "data": {"key": "x".repeat(1024 * 1024 + 1)}});
        assert!(verdict("configmaps", &large).contains("Too long: may not be more than 1048576 bytes"));
    }
}
