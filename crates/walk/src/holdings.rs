//! All that a cloud holds at an instant, read once: the contents of its services and clusters, and what is stored in its buckets and in the folder.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::stage::Scene;

/// What a scene holds.
#[derive(Debug)]
pub struct Holdings {
    /// As the simulated cloud tells it.
    pub contents: Value,
    /// The objects of all buckets and of the folder.
    pub stored: Vec<Stored>,
}

/// An object of a bucket or of the folder.
#[derive(Debug)]
pub struct Stored {
    /// The bucket, or `folder`.
    pub place: String,
    /// Its name.
    pub name: String,
    /// What it says: JSON as such, all else as a text.
    pub content: Value,
}

impl Holdings {
    /// What a scene holds.
    #[must_use]
    pub fn of(scene: &Scene) -> Self {
        let contents = scene.world.contents();
        let mut stored: Vec<Stored> =
            scene.objects.named().map(|(name, content)| Stored::new("folder", &name, content)).collect();
        let buckets = contents.pointer("/services/storage/buckets").and_then(Value::as_object);
        for (bucket, content) in buckets.into_iter().flatten() {
            for (name, object) in fields(content, "objects") {
                let bytes = STANDARD.decode(text_at(object, "/data")).unwrap_or_default();
                stored.push(Stored::new(bucket, name, &bytes));
            }
        }
        Self { contents, stored }
    }

    /// The objects of each cluster.
    pub fn clusters(&self) -> impl Iterator<Item = (&str, &[Value])> {
        fields(&self.contents, "clusters")
            .filter_map(|(cluster, objects)| Some((cluster.as_str(), objects.as_array()?.as_slice())))
    }

    /// The records of networks.
    pub fn records(&self) -> impl Iterator<Item = &Value> {
        self.stored.iter().map(|stored| &stored.content).filter(|content| content["kind"] == "NetworkRecord")
    }

    /// The values of Secrets that must stay what they are: those that a pod uses, and those of nodes and PoETs whose identities are in a record. Any other was
    /// known to nobody when its maker died, and whoever goes on may make it anew.
    #[must_use]
    pub fn secrets_in_use(&self) -> BTreeMap<String, Value> {
        let recorded: BTreeSet<String> = self
            .records()
            .flat_map(|record| ["nodes", "poets"].map(|kind| record[kind].as_array()))
            .flatten()
            .flatten()
            .map(|part| format!("{}-keys", text_at(part, "/name")))
            .collect();
        let mut used = BTreeMap::new();
        for (cluster, objects) in self.clusters() {
            let pods: String = objects
                .iter()
                .filter(|object| object["kind"] == "Pod")
                .map(|pod| format!("{}\n", pod["spec"]))
                .collect();
            for secret in objects.iter().filter(|object| object["kind"] == "Secret") {
                let (namespace, name) =
                    (text_at(secret, "/metadata/namespace"), text_at(secret, "/metadata/name"));
                if recorded.contains(name) || pods.contains(&format!("\"{name}\"")) {
                    let name = format!("cluster {cluster} Secret {namespace}/{name}");
                    used.insert(name, secret["data"].clone());
                }
            }
        }
        used
    }
}

impl Stored {
    fn new(place: &str, name: &str, content: &[u8]) -> Self {
        let content = serde_json::from_slice(content)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(content).as_ref()));
        Self { place: place.to_owned(), name: name.to_owned(), content }
    }
}

/// The entries of an object in an object.
pub(crate) fn fields<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// The text at a pointer; empty when there is none.
pub(crate) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
