//! What a cloud holds, without what may differ between two runs that came to the same end: times, identifiers, keys, addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::Regex;
use serde_json::{Map, Value};
use spacecraft_sandbox::World;

use crate::flows::HOST;
use crate::stage::Scene;

/// Where builds are published that have a network's config in them.
pub(crate) const BUILDS_BUCKET: &str = "spacemesh-release-builds";
/// Kinds that the cluster makes by itself out of others.
const DERIVED_KINDS: [&str; 9] = [
    "Pod",
    "ReplicaSet",
    "ControllerRevision",
    "Event",
    "Endpoints",
    "EndpointSlice",
    "PersistentVolume",
    "Lease",
    "Node",
];
/// Fields that say when or how often something was written, or by what name the server knows it.
const PASSING_FIELDS: [&str; 26] = [
    "beacon",
    "healthCheckNodePort",
    "volume.kubernetes.io/selected-node",
    "deployment.kubernetes.io/revision",
    "uid",
    "id",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "metageneration",
    "status",
    "clusterIP",
    "clusterIPs",
    "volumeName",
    "last_generation",
    "newest",
    "created",
    "updated",
    "fence",
    "serial",
    "operations",
    "fingerprint",
    "number",
    "revision",
    "version_counter",
];
/// State of the simulation that is nothing in the cloud.
const NO_CONTENT: [&str; 7] = ["mint", "settings", "faults", "calls", "call_number", "slack", "uploads"];

/// Texts that differ between runs, and what stands for them.
static PASSING_TEXTS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)?", "<time>"),
        (r"12D3KooW[1-9A-HJ-NP-Za-km-z]+", "<peer>"),
        (r"\b(?:stest|sm)1[02-9ac-hj-np-z]{20,}", "<account>"),
        (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<address>"),
        (r"<address>:3[0-2][0-9]{3}\b", "<address>:<node port>"),
        (r"(?:0x)?\b[0-9a-f]{12,}\b", "<hex>"),
        (r"[A-Za-z0-9+/]{40,}={0,2}", "<base64>"),
        (r#"(beacon\\?"?: *\\?"?)[0-9a-f]{8}\b"#, "$1<beacon>"),
        (
            r#"(?i)((?:net(?:work)?-?id|duration|phase-shift|cycle-gap)"?[=: ]+"?)[0-9][0-9hms.]*"#,
            "$1<number>",
        ),
    ];
    patterns.into_iter().filter_map(|(pattern, name)| Some((Regex::new(pattern).ok()?, name))).collect()
});

/// Everything that a cloud holds, by what and where it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image(pub BTreeMap<String, Value>);

impl Image {
    /// The image of a cloud.
    #[must_use]
    pub fn of(scene: &Scene) -> Self {
        let contents = scene.world.contents();
        let mut image = Self::default();
        for (name, content) in scene.objects.named() {
            image.add_stored("folder", &name, content);
        }
        for (service, state) in fields(&contents, "services") {
            if !NO_CONTENT.contains(&service.as_str()) {
                image.add_service(service, state);
            }
        }
        for (cluster, objects) in fields(&contents, "clusters") {
            let mut releases = BTreeMap::new();
            for object in objects.as_array().into_iter().flatten() {
                image.add_object(cluster, object, &mut releases);
            }
            image.0.extend(releases.into_values().map(|(_, name, status)| (name, status)));
        }
        image
    }

    /// Each collection of a service is told entry by entry, so that differences name what differs.
    fn add_service(&mut self, service: &str, state: &Value) {
        for (part, entries) in state.as_object().into_iter().flatten() {
            if PASSING_FIELDS.contains(&part.as_str()) {
                continue;
            }
            let mut entries = entries.clone();
            hide_policy_versions(&mut entries);
            match (part.as_str(), &entries) {
                ("buckets", Value::Object(buckets)) => self.add_buckets(buckets),
                (_, Value::Object(entries)) => {
                    entries
                        .iter()
                        .for_each(|(name, entry)| self.add(format!("{service} {part} {name}"), entry));
                }
                (_, Value::Array(entries)) => {
                    entries.iter().for_each(|entry| {
                        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
                        // There may be several of one name, of which none is to be forgotten.
                        self.add(format!("{service} {part} <{name}>"), entry);
                    });
                }
                (_, other) => self.add(format!("{service} {part}"), other),
            }
        }
    }

    fn add_buckets(&mut self, buckets: &Map<String, Value>) {
        for (bucket, content) in buckets {
            for (name, object) in fields(content, "objects") {
                let bytes =
                    object.get("data").and_then(Value::as_str).and_then(|data| STANDARD.decode(data).ok());
                self.add_stored(bucket, name, &bytes.unwrap_or_default());
            }
        }
    }

    fn add_stored(&mut self, bucket: &str, name: &str, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        let content = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_ref()));
        // Unlike those of objects in a cluster, this status is what was decided.
        if let Some(status) = content.get("status").filter(|_| content["kind"] == "NetworkRecord") {
            self.add(format!("bucket {bucket} {name}: status"), status);
        }
        self.add(format!("bucket {bucket} {name}"), &story_left_out(&content));
    }

    fn add_object(
        &mut self,
        cluster: &str,
        object: &Value,
        releases: &mut BTreeMap<String, (u64, String, Value)>,
    ) {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        if DERIVED_KINDS.contains(&kind) {
            return;
        }
        if text("/type") == "helm.sh/release.v1" {
            let (release, status) = (text("/metadata/labels/name"), text("/metadata/labels/status"));
            let revision = text("/metadata/labels/version").parse().unwrap_or_default();
            let key = format!("{namespace}/{release}");
            if releases.get(&key).is_none_or(|(newest, _, _)| *newest < revision) {
                let name = format!("cluster {cluster} release {namespace}/{release}");
                releases.insert(key, (revision, name, Value::from(status)));
            }
            return;
        }
        let mut object = object.clone();
        if kind == "Service" && cluster == HOST {
            hide_node_ports(&mut object);
        }
        if kind == "Secret" {
            hide_values(&mut object);
        }
        self.add(format!("cluster {cluster} {kind} {namespace}/{name}"), &object);
    }

    /// Things whose names differ by identifiers alone are told apart by what they are.
    fn add(&mut self, name: String, content: &Value) {
        let (name, content) = (lasting_text(&name), lasting(content));
        match self.0.get_mut(&name) {
            Some(Value::Array(alike)) if name.contains('<') => {
                alike.push(content);
                alike.sort_by_cached_key(Value::to_string);
            }
            _ if name.contains('<') => {
                self.0.insert(name, Value::Array(vec![content]));
            }
            _ => {
                self.0.insert(name, content);
            }
        }
    }

    /// In what the buckets of another image differ from those of this one, but for what was published as a release.
    #[must_use]
    pub fn differences_in_buckets(&self, other: &Self) -> Vec<String> {
        let buckets = |image: &Self| {
            let is_lasting = |name: &str| name.starts_with("bucket ") && !name.contains(BUILDS_BUCKET);
            Self(
                image
                    .0
                    .iter()
                    .filter(|(name, _)| is_lasting(name))
                    .map(|(name, content)| (name.clone(), content.clone()))
                    .collect(),
            )
        };
        buckets(self).differences(&buckets(other))
    }

    /// In what another image differs from this one, a line each.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let mut found = Vec::new();
        for name in names {
            match (self.0.get(name), other.0.get(name)) {
                (Some(_), None) => found.push(format!("missing: {name}")),
                (None, Some(_)) => found.push(format!("too many: {name}")),
                (Some(a), Some(b)) => compare(name, a, b, &mut found),
                (None, None) => {}
            }
        }
        found
    }
}

/// The contents of Secrets that a pod uses, releases left out.
#[must_use]
pub fn secrets_in_use(world: &World) -> BTreeMap<String, Value> {
    let contents = world.contents();
    let mut used = BTreeMap::new();
    for (cluster, objects) in fields(&contents, "clusters") {
        let objects: Vec<&Value> = objects.as_array().into_iter().flatten().collect();
        let pods: String = objects
            .iter()
            .filter(|object| object["kind"] == "Pod")
            .map(|pod| format!("{} {}\n", pod["metadata"]["namespace"], pod["spec"]))
            .collect();
        for secret in objects.iter().filter(|object| object["kind"] == "Secret") {
            let name = secret.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            if pods.contains(&format!("\"{name}\"")) {
                let namespace =
                    secret.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
                used.insert(format!("cluster {cluster} Secret {namespace}/{name}"), secret["data"].clone());
            }
        }
    }
    used
}

fn fields<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// Of a Service in a cluster that is shared, where the server chooses the node ports, nothing of them.
fn hide_node_ports(service: &mut Value) {
    let ports = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        port.remove("nodePort");
    }
}

/// Of lifecycle policies, whatever they say but how often they were written: a write whose reply was lost is repeated.
fn hide_policy_versions(entries: &mut Value) {
    for log_store in entries.as_object_mut().into_iter().flat_map(Map::values_mut) {
        let policies = log_store.get_mut("policies").and_then(Value::as_object_mut);
        for policy in policies.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            policy.remove("version");
        }
    }
}

/// Of a Secret, which keys it has.
fn hide_values(secret: &mut Value) {
    if let Some(data) = secret.get_mut("data").and_then(Value::as_object_mut) {
        data.values_mut().for_each(|value| *value = Value::from("<secret>"));
    }
}

/// Of a journal, whether it is closed: what it tells depends on how the end was reached.
fn story_left_out(content: &Value) -> Value {
    if content["kind"] == "Journal" {
        return serde_json::json!({"kind": "Journal", "finished": !content["finished_at"].is_null()});
    }
    content.clone()
}

fn lasting(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let lasting = entries
                .iter()
                .filter(|(key, _)| !PASSING_FIELDS.contains(&key.as_str()))
                .map(|(key, value)| (lasting_text(key), lasting(value)));
            Value::Object(lasting.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(lasting).collect()),
        Value::String(text) => Value::String(lasting_text(text)),
        other => other.clone(),
    }
}

fn lasting_text(text: &str) -> String {
    PASSING_TEXTS
        .iter()
        .fold(text.to_owned(), |text, (pattern, name)| pattern.replace_all(&text, *name).into_owned())
}

fn compare(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let of = |entries: &Map<String, Value>| entries.get(key).cloned().unwrap_or_default();
                compare(&format!("{path} .{key}"), &of(a), &of(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path} [{index}]"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {} instead of {}", shortened(b), shortened(a))),
    }
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}
