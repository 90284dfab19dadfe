//! Where secrets are looked for: everything that the simulated cloud holds, and every file of the operator.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::search::Secrets;

/// Data of Secrets that is known to everybody, by words of its key.
const PUBLIC: [&str; 8] = ["crt", "cert", "ca", "publicKey", "username", "admin-user", "address", "channel"];
/// The kind of Secret that holds a Helm release. What is inside `chart get` prints.
const RELEASE: &str = "helm.sh/release.v1";

/// Something that can be searched, by a name.
pub(super) type Place = (String, Vec<u8>);

fn objects(contents: &Value) -> impl Iterator<Item = &Value> {
    contents["clusters"].as_object().unwrap().values().flat_map(|objects| objects.as_array().unwrap())
}

fn name_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

fn data_of(secret: &Value) -> Vec<(&String, Vec<u8>)> {
    let data = secret["data"].as_object().into_iter().flatten();
    data.map(|(key, value)| (key, STANDARD.decode(value.as_str().unwrap()).unwrap())).collect()
}

/// Adds what the Secrets of the clusters hold, each by its key and the Secret's name.
pub(super) fn add_generated(secrets: &mut Secrets, contents: &Value) {
    let own = objects(contents).filter(|object| object["kind"] == "Secret" && object["type"] != RELEASE);
    for secret in own {
        for (key, value) in data_of(secret).into_iter().filter(|(key, _)| !is_public(key)) {
            secrets.add(format!("{key} of {}", name_of(secret)), value);
        }
    }
}

fn is_public(key: &str) -> bool {
    PUBLIC.iter().any(|word| key == *word || key.ends_with(&format!(".{word}")))
}

/// Everything that the simulated services hold: objects of buckets and data of Secrets as their bytes.
pub(super) fn of_cloud(contents: &Value) -> Vec<Place> {
    let mut places = Vec::new();
    for (service, state) in contents["services"].as_object().unwrap() {
        places.push((format!("state of {service}"), state.to_string().into_bytes()));
    }
    for (bucket, content) in contents["services"]["storage"]["buckets"].as_object().unwrap() {
        for (name, object) in content["objects"].as_object().unwrap() {
            let bytes = STANDARD.decode(object["data"].as_str().unwrap()).unwrap();
            places.push((format!("object {bucket}/{name}"), bytes));
        }
    }
    for object in objects(contents) {
        let name = name_of(object);
        if object["kind"] == "Secret" {
            places.extend(data_of(object).into_iter().map(|(_, value)| (name.clone(), value)));
        } else {
            places.push((name, object.to_string().into_bytes()));
        }
    }
    places
}

/// All files below a folder, by their paths relative to it.
pub(super) fn of_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.push((name, path));
            }
        }
    }
    files
}

/// Whether others than its owner may read or write a file.
pub(super) fn is_open_to_others(file: &Path) -> bool {
    fs::metadata(file).unwrap().permissions().mode() & 0o077 != 0
}
