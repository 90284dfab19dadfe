//! Namespaces: what each has by itself, and how each goes away.

use serde_json::{Value, json};

use crate::kubernetes::Cluster;
use crate::kubernetes::deletion::DeleteOptions;
use crate::kubernetes::object::{self, items, set};
use crate::kubernetes::resources::{CONFIG_MAPS, EVENTS, SERVICE_ACCOUNTS};
use crate::kubernetes::store::Key;
use crate::kubernetes::writing::is_unheld;

const DELETED: &str = "All content successfully deleted, may be waiting on finalization";

impl Cluster {
    pub(super) fn reconcile_namespace(&mut self, key: &Key) {
        let Some(namespace) = self.store.object(key) else { return };
        if object::is_terminating(&namespace) {
            self.empty_namespace(key);
        } else {
            self.furnish_namespace(&key.name);
        }
    }

    fn furnish_namespace(&mut self, name: &str) {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {}});
        self.make(&Key::new(SERVICE_ACCOUNTS, name, "default"), account);
        let authority = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"annotations": {"kubernetes.io/description":
                "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints."}},
            "data": {"ca.crt": ""},
        });
        self.make(&Key::new(CONFIG_MAPS, name, "kube-root-ca.crt"), authority);
    }

    /// Deletes everything in a namespace, and then the namespace.
    fn empty_namespace(&mut self, key: &Key) {
        let remaining = self.contents_of(&key.name);
        for place in &remaining {
            let fresh = self.store.get(place).is_some_and(|stored| !stored.terminating);
            if place.resource == EVENTS {
                self.erase(place);
            } else if fresh {
                self.begin_deletion(place, &DeleteOptions::background());
            }
        }
        let remaining = self.contents_of(&key.name);
        if !remaining.is_empty() {
            return self.say_what_remains(key, &remaining);
        }
        self.edit(key, |namespace| {
            let kept: Vec<Value> = items(namespace, "/spec/finalizers")
                .iter()
                .filter(|one| *one != "kubernetes")
                .cloned()
                .collect();
            set(namespace, "/spec/finalizers", kept);
        });
        if self.store.object(key).is_some_and(|namespace| is_unheld(&namespace)) {
            self.erase(key);
        }
    }

    fn contents_of(&self, namespace: &str) -> Vec<Key> {
        let resources: Vec<&String> = self.store.resources().collect();
        resources
            .into_iter()
            .flat_map(|resource| self.store.keys(resource, Some(namespace)))
            .filter(|key| !key.namespace.is_empty())
            .collect()
    }

    fn say_what_remains(&mut self, key: &Key, remaining: &[Key]) {
        let mut kinds: Vec<String> = Vec::new();
        for chunk in remaining.chunk_by(|one, next| one.resource == next.resource) {
            if let Some(first) = chunk.first() {
                let named = if first.resource.contains('.') {
                    first.resource.clone()
                } else {
                    format!("{}.", first.resource)
                };
                kinds.push(format!("{named} has {} resource instances", chunk.len()));
            }
        }
        let mut finalizers: Vec<String> = remaining
            .iter()
            .filter_map(|place| self.store.object(place))
            .flat_map(|object| items(&object, "/metadata/finalizers").to_vec())
            .filter_map(|finalizer| finalizer.as_str().map(str::to_owned))
            .collect();
        finalizers.sort();
        finalizers.dedup();
        let now = self.now;
        let left = format!("Some resources are remaining: {}", kinds.join(", "));
        let held = if finalizers.is_empty() {
            ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished".to_owned())
        } else {
            let list = finalizers.join(", ");
            (
                "True",
                "SomeFinalizersRemain",
                format!("Some content in the namespace has finalizers remaining: {list}"),
            )
        };
        self.edit(key, |namespace| {
            for (kind, status, reason, message) in [
                (
                    "NamespaceDeletionDiscoveryFailure",
                    "False",
                    "ResourcesDiscovered",
                    "All resources successfully discovered",
                ),
                (
                    "NamespaceDeletionGroupVersionParsingFailure",
                    "False",
                    "ParsedGroupVersions",
                    "All legacy kube types successfully parsed",
                ),
                ("NamespaceDeletionContentFailure", "False", "ContentDeleted", DELETED),
                ("NamespaceContentRemaining", "True", "SomeResourcesRemain", &left),
                ("NamespaceFinalizersRemaining", held.0, held.1, &held.2),
            ] {
                let condition = json!({"type": kind, "status": status, "reason": reason, "message": message});
                object::set_condition(namespace, condition, now);
            }
        });
    }
}
