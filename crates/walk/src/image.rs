//! What a cloud holds, to be compared with what another run came to: without times, with numbers in place of identifiers, keys and addresses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::flows::HOST;
use crate::holdings::{Holdings, fields, text_at};
use crate::numbered::{Numbers, Texts, unnumbered};

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

/// Everything that a cloud holds, by what and where it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image(pub BTreeMap<String, Value>);

impl Image {
    /// The image of what a cloud holds.
    #[must_use]
    pub fn of(holdings: &Holdings) -> Self {
        let mut drawing = Drawing::default();
        for stored in &holdings.stored {
            drawing.add_stored(&stored.place, &stored.name, &stored.content);
        }
        for (service, state) in fields(&holdings.contents, "services") {
            if !NO_CONTENT.contains(&service.as_str()) {
                drawing.add_service(service, state);
            }
        }
        for (cluster, objects) in holdings.clusters() {
            let mut releases = BTreeMap::new();
            objects.iter().for_each(|object| drawing.add_object(cluster, object, &mut releases));
            for (name, status) in releases.into_values().map(|(_, name, status)| (name, status)) {
                drawing.add(name, &status);
            }
            for (owner, pods) in pods_by_owner(objects) {
                drawing.add(format!("cluster {cluster} pods of {owner}"), &pods);
            }
        }
        drawing.numbered()
    }

    /// What is in buckets, but for what was published as a release.
    #[must_use]
    pub fn of_buckets(&self) -> Self {
        let is_lasting = |name: &str| name.starts_with("bucket ") && !name.contains(BUILDS_BUCKET);
        let lasting = self.0.iter().filter(|(name, _)| is_lasting(name));
        Self(lasting.map(|(name, content)| (name.clone(), content.clone())).collect())
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

/// An image that is being made: what differs between runs is marked in it, and not numbered yet.
#[derive(Debug, Default)]
struct Drawing {
    texts: Texts,
    /// By its name without numbers, what each thing is.
    things: BTreeMap<String, Vec<Value>>,
}

impl Drawing {
    /// Each collection of a service is told entry by entry, so that differences name what differs.
    fn add_service(&mut self, service: &str, state: &Value) {
        for (part, entries) in state.as_object().into_iter().flatten() {
            if PASSING_FIELDS.contains(&part.as_str()) {
                continue;
            }
            let mut entries = entries.clone();
            hide_policy_versions(&mut entries);
            match (part.as_str(), &entries) {
                // They are told with those of the folder.
                ("buckets", _) => {}
                (_, Value::Object(entries)) => {
                    entries
                        .iter()
                        .for_each(|(name, entry)| self.add(format!("{service} {part} {name}"), entry));
                }
                (_, Value::Array(entries)) => {
                    entries.iter().for_each(|entry| {
                        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
                        self.add(format!("{service} {part} <{name}>"), entry);
                    });
                }
                (_, other) => self.add(format!("{service} {part}"), other),
            }
        }
    }

    fn add_stored(&mut self, place: &str, name: &str, content: &Value) {
        // Unlike those of objects in a cluster, this status is what was decided.
        if let Some(status) = content.get("status").filter(|_| content["kind"] == "NetworkRecord") {
            self.add(format!("bucket {place} {name}: status"), status);
        }
        self.add(format!("bucket {place} {name}"), &story_left_out(content));
    }

    fn add_object(
        &mut self,
        cluster: &str,
        object: &Value,
        releases: &mut BTreeMap<String, (u64, String, Value)>,
    ) {
        let text = |path: &str| text_at(object, path);
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

    /// Things whose names differ by identifiers alone, and several of one name, are told apart by what they are.
    fn add(&mut self, name: String, content: &Value) {
        let name = unnumbered(&self.texts.marked(&name));
        let content = self.lasting(content);
        self.things.entry(name).or_default().push(content);
    }

    fn lasting(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(entries) => {
                let lasting = entries
                    .iter()
                    .filter(|(key, _)| !PASSING_FIELDS.contains(&key.as_str()))
                    .map(|(key, value)| (self.texts.marked(key), self.lasting(value)));
                Value::Object(told_apart(lasting.collect()))
            }
            Value::Array(items) => items.iter().map(|item| self.lasting(item)).collect(),
            Value::String(text) => Value::from(self.texts.marked(text)),
            other => other.clone(),
        }
    }

    /// Numbers are given by name, and among things of one name by what they are.
    fn numbered(self) -> Image {
        let mut numbers = Numbers::default();
        let mut image = Image::default();
        for (name, mut alike) in self.things {
            alike.sort_by_cached_key(|thing| unnumbered(&thing.to_string()));
            let content = match alike.as_slice() {
                [alone] => numbers.give(alone),
                several => several.iter().map(|thing| numbers.give(thing)).collect(),
            };
            image.0.insert(name, content);
        }
        image
    }
}

/// Entries whose keys differ by identifiers alone, in an order that does not depend on these: by what they hold.
fn told_apart(mut entries: Vec<(String, Value)>) -> Map<String, Value> {
    entries.sort_by_cached_key(|(key, value)| {
        let key = unnumbered(key);
        let value = if key.contains('<') { unnumbered(&value.to_string()) } else { String::new() };
        (key, value)
    });
    let mut apart: Map<String, Value> = Map::new();
    for (key, value) in entries {
        let key = unnumbered(&key);
        let alike = (1..).map(|turn| if turn == 1 { key.clone() } else { format!("{key} #{turn}") });
        if let Some(free) = alike.into_iter().find(|name| !apart.contains_key(name)) {
            apart.insert(free, value);
        }
    }
    apart
}

/// How many pods the workloads of a cluster have, and how many of those are ready.
fn pods_by_owner(objects: &[Value]) -> BTreeMap<String, Value> {
    let owner = |object: &Value| {
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let owner = owners.into_iter().flatten().find(|owner| owner["controller"] == true)?;
        Some((text_at(owner, "/kind").to_owned(), text_at(owner, "/name").to_owned()))
    };
    let is = |object: &Value, kind: &str, namespace: &str, name: &str| {
        (text_at(object, "/kind"), text_at(object, "/metadata/namespace"), text_at(object, "/metadata/name"))
            == (kind, namespace, name)
    };
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for pod in objects.iter().filter(|object| object["kind"] == "Pod") {
        let namespace = text_at(pod, "/metadata/namespace");
        let Some((mut kind, mut name)) = owner(pod) else { continue };
        if kind == "ReplicaSet" {
            let of_it =
                objects.iter().find(|object| is(object, "ReplicaSet", namespace, &name)).and_then(owner);
            (kind, name) = of_it.unwrap_or((kind, name));
        }
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
        let is_ready = conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        // Jobs of charts come and go with the runs that made them.
        if kind != "Job" {
            let (pods, ready) = counts.entry(format!("{kind} {namespace}/{name}")).or_default();
            *pods += 1;
            *ready += usize::from(is_ready);
        }
    }
    let told = |(owner, (pods, ready))| (owner, serde_json::json!({"pods": pods, "ready": ready}));
    counts.into_iter().map(told).collect()
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
