//! The Pod Security Standards: what a pod must not do at a level.

use serde_json::Value;

use super::object::{entries, flag, items, text, text_or_empty, whole};

/// How a pod spec violates a level (`privileged`, `baseline`, `restricted`), in the words of the admission plug-in.
pub(crate) fn violations(object: &Value, pointer: &str, level: &str) -> Vec<String> {
    let Some(spec) = object.pointer(pointer) else { return Vec::new() };
    match level {
        "baseline" => baseline(spec),
        "restricted" => {
            let mut all = baseline(spec);
            all.extend(restricted(spec));
            all
        }
        _ => Vec::new(),
    }
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    items(spec, "/initContainers").iter().chain(items(spec, "/containers"))
}

/// `container "a"` or `containers "a", "b"`.
fn named(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let word = if names.len() == 1 { "container" } else { "containers" };
    format!("{word} {}", quoted.join(", "))
}

fn names_where(spec: &Value, broken: impl Fn(&Value) -> bool) -> Vec<&str> {
    containers(spec)
        .filter(|container| broken(container))
        .map(|container| text_or_empty(container, "/name"))
        .collect()
}

fn baseline(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let host: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .iter()
        .filter(|name| flag(spec, &format!("/{name}")))
        .map(|name| format!("{name}=true"))
        .collect();
    if !host.is_empty() {
        found.push(format!("host namespaces ({})", host.join(", ")));
    }
    let privileged = names_where(spec, |container| flag(container, "/securityContext/privileged"));
    if !privileged.is_empty() {
        found.push(format!(
            "privileged ({} must not set securityContext.privileged=true)",
            named(&privileged)
        ));
    }
    found.extend(capabilities(spec));
    let paths: Vec<String> = items(spec, "/volumes")
        .iter()
        .filter(|volume| volume.get("hostPath").is_some())
        .map(|volume| format!("{:?}", text_or_empty(volume, "/name")))
        .collect();
    if !paths.is_empty() {
        let word = if paths.len() == 1 { "volume" } else { "volumes" };
        found.push(format!("hostPath volumes ({word} {})", paths.join(", ")));
    }
    found.extend(host_ports(spec));
    found
}

fn host_ports(spec: &Value) -> Option<String> {
    let mut ports: Vec<i64> = Vec::new();
    let names = names_where(spec, |container| {
        items(container, "/ports")
            .iter()
            .any(|port| whole(port, "/hostPort").is_some_and(|number| number != 0))
    });
    for port in containers(spec).flat_map(|container| items(container, "/ports")) {
        ports.extend(whole(port, "/hostPort").filter(|number| *number != 0));
    }
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        return None;
    }
    let word = if ports.len() == 1 { "hostPort" } else { "hostPorts" };
    let list: Vec<String> = ports.iter().map(i64::to_string).collect();
    let verb = if names.len() == 1 { "uses" } else { "use" };
    Some(format!("hostPort ({} {verb} {word} {})", named(&names), list.join(", ")))
}

fn capabilities(spec: &Value) -> Option<String> {
    const ALLOWED: [&str; 14] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
        "",
    ];
    let added = |container: &Value| -> Vec<String> {
        items(container, "/securityContext/capabilities/add")
            .iter()
            .filter_map(Value::as_str)
            .filter(|capability| !ALLOWED.contains(capability))
            .map(|capability| format!("{capability:?}"))
            .collect()
    };
    let names = names_where(spec, |container| !added(container).is_empty());
    let mut all: Vec<String> = containers(spec).flat_map(added).collect();
    all.sort();
    all.dedup();
    (!all.is_empty()).then(|| {
        format!(
            "non-default capabilities ({} must not include {} in securityContext.capabilities.add)",
            named(&names),
            all.join(", ")
        )
    })
}

fn restricted(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let escalating = names_where(spec, |container| {
        container.pointer("/securityContext/allowPrivilegeEscalation") != Some(&Value::Bool(false))
    });
    if !escalating.is_empty() {
        let what = format!("{} must set securityContext.allowPrivilegeEscalation=false", named(&escalating));
        found.push(format!("allowPrivilegeEscalation != false ({what})"));
    }
    let dropping_not = names_where(spec, |container| {
        !items(container, "/securityContext/capabilities/drop").iter().any(|one| one == "ALL")
    });
    if !dropping_not.is_empty() {
        let what = format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", named(&dropping_not));
        found.push(format!("unrestricted capabilities ({what})"));
    }
    found.extend(volume_types(spec));
    found.extend(users(spec));
    found.extend(seccomp(spec));
    found
}

fn volume_types(spec: &Value) -> Option<String> {
    const ALLOWED: [&str; 8] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    let broken = items(spec, "/volumes").iter().filter_map(|volume| {
        let (source, _) = entries(volume, "").find(|(key, _)| *key != "name")?;
        (!ALLOWED.contains(&source.as_str())).then(|| {
            format!("volume {:?} uses restricted volume type {source:?}", text_or_empty(volume, "/name"))
        })
    });
    let list: Vec<String> = broken.collect();
    (!list.is_empty()).then(|| format!("restricted volume types ({})", list.join(", ")))
}

fn users(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let pod = spec.pointer("/securityContext/runAsNonRoot").and_then(Value::as_bool);
    let as_root = names_where(spec, |container| {
        let own = container.pointer("/securityContext/runAsNonRoot").and_then(Value::as_bool);
        !own.or(pod).unwrap_or(false)
    });
    if !as_root.is_empty() {
        let what = format!("pod or {} must set securityContext.runAsNonRoot=true", named(&as_root));
        found.push(format!("runAsNonRoot != true ({what})"));
    }
    let zero = names_where(spec, |container| whole(container, "/securityContext/runAsUser") == Some(0));
    if whole(spec, "/securityContext/runAsUser") == Some(0) {
        found.push("runAsUser=0 (pod must not set runAsUser=0)".to_owned());
    } else if !zero.is_empty() {
        found.push(format!("runAsUser=0 ({} must not set runAsUser=0)", named(&zero)));
    }
    found
}

fn seccomp(spec: &Value) -> Option<String> {
    let allowed = |kind: Option<&str>| matches!(kind, Some("RuntimeDefault" | "Localhost"));
    let pod = text(spec, "/securityContext/seccompProfile/type");
    let broken = names_where(spec, |container| {
        !allowed(text(container, "/securityContext/seccompProfile/type").or(pod))
    });
    (!broken.is_empty()).then(|| {
        let names = named(&broken);
        format!("seccompProfile (pod or {names} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn baseline_refuses_host_ports() {
        let pod = json!({"spec": {"containers": [{"name": "a", "ports": [{"hostPort": 5001}]}]}});
        assert_eq!(violations(&pod, "/spec", "baseline"), ["hostPort (container \"a\" uses hostPort 5001)"]);
        assert!(violations(&pod, "/spec", "privileged").is_empty());
    }

    #[test]
    fn a_hardened_pod_passes_the_restricted_level() {
        let pod = json!({"spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "a", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        }});
        assert!(violations(&pod, "/spec", "restricted").is_empty());
        let plain = json!({"spec": {"containers": [{"name": "a"}]}});
        assert_eq!(violations(&plain, "/spec", "restricted").len(), 4);
    }
}
