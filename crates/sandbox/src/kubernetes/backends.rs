//! What stands behind a port of a pod or service, so that the host can serve what the container would.

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::Value;

use super::Cluster;
use super::object::{self, items, text, text_or_empty, texts, whole};
use super::resources::{CONFIG_MAPS, DEPLOYMENTS, PODS, SECRETS, SERVICES};
use super::selector::Selector;
use super::store::Key;

/// A container, as much of it as its port's behaviour can depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backend {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's address.
    pub pod_ip: String,
    /// The worker that it is on.
    pub node: String,
    /// The pod's labels.
    pub labels: BTreeMap<String, String>,
    /// The container's name.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Its command, when it replaces the image's.
    pub command: Vec<String>,
    /// Its arguments, with `$(NAME)` replaced.
    pub arguments: Vec<String>,
    /// Its environment, resolved from ConfigMaps and Secrets. Values may be secret.
    pub environment: BTreeMap<String, String>,
    /// The files that ConfigMaps and Secrets put below its mounts, by absolute path. Contents may be secret.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The port of the container.
    pub port: u16,
}

impl Cluster {
    /// The container of a running pod that has a port, or the pod's first container when none declares it.
    #[must_use]
    pub fn pod_backend(&self, namespace: &str, pod: &str, port: u16) -> Option<Backend> {
        let pod = self.store.object(&Key::new(PODS, namespace, pod))?;
        if text(&pod, "/status/phase") != Some("Running") {
            return None;
        }
        let containers = items(&pod, "/spec/containers");
        let declares = |container: &&Value| {
            items(container, "/ports").iter().any(|one| whole(one, "/containerPort") == Some(i64::from(port)))
        };
        let container = containers.iter().find(declares).or_else(|| containers.first())?;
        Some(self.backend(&pod, container, port))
    }

    /// What answers a port of a service: the first ready pod behind it, by name.
    #[must_use]
    pub fn service_backend(&self, namespace: &str, service: &str, port: u16) -> Option<Backend> {
        let service = self.store.object(&Key::new(SERVICES, namespace, service))?;
        let selector = texts(&service, "/spec/selector");
        if selector.is_empty() {
            return None;
        }
        let selector = Selector::of_labels(selector);
        let wanted =
            items(&service, "/spec/ports").iter().find(|one| whole(one, "/port") == Some(i64::from(port)))?;
        let ready = |pod: &&std::sync::Arc<super::store::Stored>| {
            selector.matches(&pod.labels)
                && pod.pod.as_ref().is_some_and(|brief| brief.ready)
                && !pod.terminating
        };
        let pod = self.store.list(PODS, Some(namespace)).find(ready)?;
        let number = target_port(wanted, &pod.object())?;
        self.pod_backend(namespace, &pod.name, number)
    }

    /// The first container of each Deployment of a namespace that has a label, as its template has it, and when the Deployment was made. That outlives
    /// the pods.
    #[must_use]
    pub fn deployment_backends(&self, namespace: &str, label: (&str, &str)) -> Vec<(String, Backend)> {
        let (key, value) = label;
        let deployments = self.store.list(DEPLOYMENTS, Some(namespace));
        let chosen = deployments.filter(|stored| stored.labels.get(key).is_some_and(|has| has == value));
        chosen.filter_map(|stored| self.deployment_backend(namespace, &stored.object())).collect()
    }

    fn deployment_backend(&self, namespace: &str, deployment: &Value) -> Option<(String, Backend)> {
        let created = text(deployment, "/metadata/creationTimestamp")?.to_owned();
        let mut pod = deployment.pointer("/spec/template")?.clone();
        pod["metadata"]["namespace"] = Value::from(namespace);
        pod["metadata"]["name"] = Value::from(object::name(deployment));
        let container = items(&pod, "/spec/containers").first()?;
        Some((created, self.backend(&pod, container, 0)))
    }

    fn backend(&self, pod: &Value, container: &Value, port: u16) -> Backend {
        let namespace = object::namespace(pod);
        let environment = self.environment(pod, container);
        let list = |name: &str| -> Vec<String> {
            items(container, name)
                .iter()
                .filter_map(Value::as_str)
                .map(|one| expanded(one, &environment))
                .collect()
        };
        Backend {
            namespace: namespace.to_owned(),
            pod: object::name(pod).to_owned(),
            pod_ip: text_or_empty(pod, "/status/podIP").to_owned(),
            node: text_or_empty(pod, "/spec/nodeName").to_owned(),
            labels: object::labels(pod),
            container: text_or_empty(container, "/name").to_owned(),
            image: text_or_empty(container, "/image").to_owned(),
            command: list("/command"),
            arguments: list("/args"),
            files: self.files_with_inherited(pod, container),
            environment,
            port,
        }
    }

    fn environment(&self, pod: &Value, container: &Value) -> BTreeMap<String, String> {
        let namespace = object::namespace(pod);
        let mut environment = BTreeMap::new();
        for source in items(container, "/envFrom") {
            let prefix = text_or_empty(source, "/prefix");
            for (secret, pointer) in [(false, "/configMapRef/name"), (true, "/secretRef/name")] {
                let Some(name) = text(source, pointer) else { continue };
                for (key, value) in self.contents(namespace, name, secret) {
                    environment
                        .insert(format!("{prefix}{key}"), String::from_utf8_lossy(&value).into_owned());
                }
            }
        }
        for variable in items(container, "/env") {
            if let Some(value) = self.variable(pod, variable) {
                let value = expanded(&value, &environment);
                environment.insert(text_or_empty(variable, "/name").to_owned(), value);
            }
        }
        environment
    }

    fn variable(&self, pod: &Value, variable: &Value) -> Option<String> {
        let namespace = object::namespace(pod);
        for (secret, source) in [(false, "/valueFrom/configMapKeyRef"), (true, "/valueFrom/secretKeyRef")] {
            if let Some(name) = text(variable, &format!("{source}/name")) {
                let key = text_or_empty(variable, &format!("{source}/key"));
                let value = self.contents(namespace, name, secret).remove(key)?;
                return Some(String::from_utf8_lossy(&value).into_owned());
            }
        }
        if let Some(path) = text(variable, "/valueFrom/fieldRef/fieldPath") {
            return field_of(pod, path);
        }
        Some(text_or_empty(variable, "/value").to_owned())
    }

    /// The entries of a ConfigMap or Secret.
    fn contents(&self, namespace: &str, name: &str, secret: bool) -> BTreeMap<String, Vec<u8>> {
        let resource = if secret { SECRETS } else { CONFIG_MAPS };
        let Some(object) = self.store.object(&Key::new(resource, namespace, name)) else {
            return BTreeMap::new();
        };
        let decoded = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
        let plain = texts(&object, "/data").into_iter().map(|(key, value)| {
            let value = if secret { decoded(&value) } else { value.into_bytes() };
            (key, value)
        });
        let binary = texts(&object, "/binaryData").into_iter().map(|(key, value)| (key, decoded(&value)));
        plain.chain(binary).collect()
    }

    /// The files of a container, and of the containers that prepare its volumes: what they copy into a claim is not simulated.
    fn files_with_inherited(&self, pod: &Value, container: &Value) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files(pod, container);
        for preparing in items(pod, "/spec/initContainers") {
            for (path, contents) in self.files(pod, preparing) {
                files.entry(path).or_insert(contents);
            }
        }
        files
    }

    fn files(&self, pod: &Value, container: &Value) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for mount in items(container, "/volumeMounts") {
            let name = text_or_empty(mount, "/name");
            let volume =
                items(pod, "/spec/volumes").iter().find(|volume| text(volume, "/name") == Some(name));
            let Some(volume) = volume else { continue };
            let path = text_or_empty(mount, "/mountPath").trim_end_matches('/');
            let within = text_or_empty(mount, "/subPath");
            for (file, contents) in self.volume_files(object::namespace(pod), volume) {
                let place = match within {
                    "" => format!("{path}/{file}"),
                    within if within == file => path.to_owned(),
                    within => match file.strip_prefix(within).and_then(|rest| rest.strip_prefix('/')) {
                        Some(rest) => format!("{path}/{rest}"),
                        None => continue,
                    },
                };
                files.insert(place, contents);
            }
        }
        files
    }

    fn volume_files(&self, namespace: &str, volume: &Value) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let sources = std::iter::once(volume).chain(items(volume, "/projected/sources"));
        for source in sources {
            for (secret, kind, name) in [
                (false, "/configMap", "/configMap/name"),
                (true, "/secret", "/secret/secretName"),
                (true, "/secret", "/secret/name"),
            ] {
                let Some(name) = text(source, name) else { continue };
                let chosen = items(source, &format!("{kind}/items"));
                for (key, contents) in self.contents(namespace, name, secret) {
                    let item = chosen.iter().find(|item| text(item, "/key") == Some(&key));
                    let path = item.and_then(|item| text(item, "/path"));
                    if let Some(path) = path.or_else(|| chosen.is_empty().then_some(key.as_str())) {
                        files.insert(path.to_owned(), contents);
                    }
                }
            }
        }
        files
    }
}

/// Replaces `$(NAME)` by what the environment has under that name; `$$(NAME)` stands for itself.
fn expanded(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        let Some((name, tail)) = after.split_once(')') else { break };
        if let Some(escaped) = before.strip_suffix('$') {
            out.push_str(&format!("{escaped}$({name})"));
        } else {
            out.push_str(before);
            match environment.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The value of a downward API field.
fn field_of(pod: &Value, path: &str) -> Option<String> {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let pointer = format!("/{}/{}", map.replace('.', "/"), key.replace('~', "~0").replace('/', "~1"));
        return text(pod, &pointer).map(str::to_owned);
    }
    text(pod, &format!("/{}", path.replace('.', "/"))).map(str::to_owned)
}

/// The number of the container's port that a service's port leads to.
pub(super) fn target_port(port: &Value, pod: &Value) -> Option<u16> {
    match port.get("targetPort") {
        Some(Value::String(name)) => items(pod, "/spec/containers")
            .iter()
            .flat_map(|container| items(container, "/ports"))
            .find(|one| text(one, "/name") == Some(name))
            .and_then(|one| whole(one, "/containerPort")),
        Some(target) => target.as_i64(),
        None => whole(port, "/port"),
    }
    .and_then(|number| u16::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_to_the_environment_are_replaced() {
        let environment = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        assert_eq!(expanded("x=$(A), $(B), $$(A), $(", &environment), "x=1, $(B), $(A), $(");
    }

    #[test]
    fn downward_fields_are_read_from_the_pod() {
        let pod = json!({"metadata": {"name": "p", "labels": {"a/b": "c"}}});
        assert_eq!(field_of(&pod, "metadata.name").as_deref(), Some("p"));
        assert_eq!(field_of(&pod, "metadata.labels['a/b']").as_deref(), Some("c"));
    }
}
