//! The charts of a network: which, from where, with which values, and what their pods request.

mod demands;
mod shared;
mod web_services;

use demands::{
    CHAOS_DAEMON, FILEBEAT, GRAFANA, INGRESS, PROMETHEUS, PROMETHEUS_DISK, PUSHGATEWAY, pod, request,
};
pub use demands::{claims, demands};
pub use shared::{SHARED, shared, usage_label};
pub(crate) use web_services::WEB_SERVICE_PORTS;
pub use web_services::{
    TLS_SECRET, WEB_SERVICE_CHARTS, WebServiceFacts, certified_names, ships_logs, web_service_names,
    web_service_release,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::secret::{ExposeSecret, SecretString};
use crate::spec::{ChartOverride, LogsSpec, NetworkSpec, ProviderKind, Publish};
use crate::templates::Templates;
use crate::traits::{ChartRelease, ObjectPatch, ServiceName};
use crate::workload::KUBERNETES_NETWORK_LABEL;

/// The templates of chart values, by name.
pub const TEMPLATES: [(&str, &str); 10] = [
    ("charts/elasticsearch.yaml", include_str!("../templates/charts/elasticsearch.yaml")),
    ("charts/kibana.yaml", include_str!("../templates/charts/kibana.yaml")),
    ("charts/filebeat.yaml", include_str!("../templates/charts/filebeat.yaml")),
    ("charts/ingress-nginx.yaml", include_str!("../templates/charts/ingress-nginx.yaml")),
    ("charts/kube-prometheus-stack.yaml", include_str!("../templates/charts/kube-prometheus-stack.yaml")),
    ("charts/prometheus-pushgateway.yaml", include_str!("../templates/charts/prometheus-pushgateway.yaml")),
    ("charts/chaos-mesh.yaml", include_str!("../templates/charts/chaos-mesh.yaml")),
    ("charts/spacemesh-api.yaml", include_str!("../templates/charts/spacemesh-api.yaml")),
    ("charts/spacemesh-explorer.yaml", include_str!("../templates/charts/spacemesh-explorer.yaml")),
    ("charts/spacemesh-dash.yaml", include_str!("../templates/charts/spacemesh-dash.yaml")),
];

const ELASTIC: &str = "https://helm.elastic.co";
const INGRESS_NGINX: &str = "https://kubernetes.github.io/ingress-nginx";
const PROMETHEUS_COMMUNITY: &str = "https://prometheus-community.github.io/helm-charts";
const CHAOS_MESH: &str = "https://charts.chaos-mesh.org";

/// The namespace of Prometheus and Grafana on a cluster of the network's own.
const METRICS: &str = "metrics";

/// Node ports of the ingress controller, from the band that servers keep for explicit choices.
const INGRESS_NODE_PORTS: (u16, u16) = (30_000, 30_001);

/// The node port where load balancers ask the ingress controller how it is. Left to the server it would be one of those that nodes are planned to have.
const INGRESS_HEALTH_NODE_PORT: u16 = 30_002;

/// All of them, first and last.
pub(crate) const INGRESS_PORTS_OF_WORKERS: (u16, u16) = (INGRESS_NODE_PORTS.0, INGRESS_HEALTH_NODE_PORT);
/// The port of workers at which the node exporter of kube-prometheus-stack listens.
pub(crate) const NODE_EXPORTER_PORT: u16 = 9100;

/// A chart of a network, as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChart {
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The repository, or empty for a path.
    pub repository: String,
    /// The chart.
    pub chart: String,
    /// Its version.
    pub version: String,
    /// When it is installed: charts of a stage go side by side, the next stage follows.
    pub stage: ChartStage,
    /// True when other networks of the cluster may use it too.
    pub shared: bool,
}

/// The order of charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChartStage {
    /// What others publish through.
    Ingress,
    /// Definitions that nodes' monitors need, before the nodes.
    Metrics,
    /// The log store.
    LogStore,
    /// What talks to the log store.
    LogClients,
    /// What may come at any time.
    Extras,
    /// Web services, which `deploy-ws` installs.
    WebServices,
}

/// The namespaces that a network uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// Nodes, PoETs and the log stack.
    pub network: String,
    /// Prometheus and Grafana.
    pub metrics: String,
    /// Web services.
    pub web_services: String,
    /// The ingress controller.
    pub ingress: String,
    /// Chaos mesh.
    pub chaos: String,
}

impl Namespaces {
    /// The namespaces of a network.
    #[must_use]
    pub fn of(spec: &NetworkSpec) -> Self {
        Self::named(spec.provider, &spec.network, &spec.cluster.namespace)
    }

    /// The namespaces of `network`, its own being `namespace`: on a cluster of its own the others have well-known names, on a shared cluster the network's
    /// name in front.
    #[must_use]
    pub fn named(provider: ProviderKind, network: &NetworkName, namespace: &str) -> Self {
        let own = |name: &str| match provider {
            ProviderKind::Kubernetes => format!("{network}-{name}"),
            ProviderKind::Gcp | ProviderKind::Sandbox => name.to_owned(),
        };
        Self {
            network: namespace.to_owned(),
            metrics: own(METRICS),
            web_services: own("ws"),
            ingress: "ingress-nginx".to_owned(),
            chaos: "chaos-testing".to_owned(),
        }
    }

    /// Those that belong to this network alone and that it uses, its own first.
    #[must_use]
    pub fn owned(&self, spec: &NetworkSpec) -> Vec<String> {
        let mut owned = vec![self.network.clone()];
        if spec.metrics.is_some() {
            owned.push(self.metrics.clone());
        }
        if spec.web_services.is_some() {
            owned.push(self.web_services.clone());
        }
        owned
    }
}

/// What chart values need beyond the spec.
#[derive(Debug, Default)]
pub struct ChartSecrets {
    /// The password of the Elasticsearch user `elastic`.
    pub elastic_password: SecretString,
    /// The password of Grafana's administrator.
    pub grafana_password: SecretString,
    /// The whole `filebeat.yml`.
    pub filebeat_config: String,
}

/// Whether Kibana and Grafana get public names.
#[must_use]
pub fn is_published(spec: &NetworkSpec) -> bool {
    spec.exposure.publish == Publish::Dashboards
        && spec.exposure.dns
        && (spec.logs.is_some() || spec.metrics.is_some())
}

/// The public name of a service of the network, such as `kibana-net1.spacemesh.io`.
#[must_use]
pub fn public_name(spec: &NetworkSpec, service: &str) -> String {
    format!("{service}-{}.{}", spec.network, spec.exposure.domain)
}

/// The Service of the ingress controller, whose load balancer all public names point to.
#[must_use]
pub fn ingress_service(namespaces: &Namespaces) -> ServiceName {
    ServiceName::new(&namespaces.ingress, "ingress-nginx-controller")
}

/// The Service of Elasticsearch, port 9200.
#[must_use]
pub fn elasticsearch_service(namespaces: &Namespaces) -> ServiceName {
    ServiceName::new(&namespaces.network, ELASTICSEARCH)
}

/// The label `app` of Elasticsearch's pods.
pub(crate) const ELASTICSEARCH: &str = "elasticsearch-master";
/// The port of Elasticsearch, of its Service and its pods.
pub(crate) const ELASTICSEARCH_PORT: u16 = 9200;
/// The label `app` of Kibana's pods.
pub(crate) const KIBANA: &str = "kibana";
/// The port of Grafana's pods.
pub(crate) const GRAFANA_PORT: u16 = 3000;
/// The port that metrics are pushed to, of the gateway's Service and its pods.
pub(crate) const PUSH_GATEWAY_PORT: u16 = 9091;

/// The port of Kibana, of its Service and its pods.
pub const KIBANA_PORT: u16 = 5601;

/// The Service of Kibana, at [`KIBANA_PORT`].
#[must_use]
pub fn kibana_service(namespaces: &Namespaces) -> ServiceName {
    ServiceName::new(&namespaces.network, "kibana-kibana")
}

/// The Service of Grafana, port 80.
#[must_use]
pub fn grafana_service(namespaces: &Namespaces) -> ServiceName {
    ServiceName::new(&namespaces.metrics, metrics_name(namespaces, "grafana"))
}

/// The name of the objects of a chart below kube-prometheus-stack. Some of them are cluster roles, which on a shared cluster meet those of other networks: there
/// the name is made of the namespace, which is the network's alone; on a cluster of its own it is what the chart calls them.
fn metrics_name(namespaces: &Namespaces, chart: &str) -> String {
    if namespaces.metrics == METRICS {
        format!("kube-prometheus-stack-{chart}")
    } else {
        format!("{chart}-{}", namespaces.metrics)
    }
}

/// Where nodes of the network push metrics to.
#[must_use]
pub fn push_gateway_url(spec: &NetworkSpec) -> Option<String> {
    let metrics = spec.metrics.as_ref()?;
    Some(metrics.push_gateway_url.clone().unwrap_or_else(|| {
        format!("http://prometheus-pushgateway.{}.svc:{PUSH_GATEWAY_PORT}", Namespaces::of(spec).metrics)
    }))
}

/// Whether the network publishes anything through the ingress controller.
#[must_use]
pub fn needs_ingress(spec: &NetworkSpec) -> bool {
    is_published(spec) || spec.web_services.is_some()
}

/// The charts of a network, in the order of their stages.
#[must_use]
pub fn planned(spec: &NetworkSpec) -> Vec<PlannedChart> {
    let namespaces = Namespaces::of(spec);
    let (network, metrics) = (&namespaces.network, &namespaces.metrics);
    let chart = |name: &str, namespace: &str, repository: &str, version: &str, stage: ChartStage| {
        planned_chart(spec, (name, name), namespace, repository, version, stage)
    };
    let mut charts = Vec::new();
    if needs_ingress(spec) {
        let stage = ChartStage::Ingress;
        charts.push(chart("ingress-nginx", &namespaces.ingress, INGRESS_NGINX, "4.15.1", stage));
    }
    if spec.metrics.is_some() {
        let stage = ChartStage::Metrics;
        charts.push(chart("kube-prometheus-stack", metrics, PROMETHEUS_COMMUNITY, "88.5.3", stage));
        // Its monitor is of a kind that the stack defines.
        let stage = ChartStage::Extras;
        charts.push(chart("prometheus-pushgateway", metrics, PROMETHEUS_COMMUNITY, "3.8.0", stage));
    }
    if spec.logs.is_some() {
        charts.push(chart("elasticsearch", network, ELASTIC, "8.5.1", ChartStage::LogStore));
        charts.push(chart("kibana", network, ELASTIC, "8.5.1", ChartStage::LogClients));
        charts.push(chart("filebeat", network, ELASTIC, "8.5.1", ChartStage::LogClients));
    }
    if let Some(chaos) = &spec.chaos {
        charts.push(chart("chaos-mesh", &namespaces.chaos, CHAOS_MESH, &chaos.version, ChartStage::Extras));
    }
    charts.extend(web_services::planned(spec));
    charts
}

/// A release, by its name and that of its chart, with what the spec changes about the chart.
fn planned_chart(
    spec: &NetworkSpec,
    (name, chart): (&str, &str),
    namespace: &str,
    repository: &str,
    version: &str,
    stage: ChartStage,
) -> PlannedChart {
    let changed = spec.charts.get(chart);
    let repository = changed.and_then(|changed| changed.repo.as_deref()).unwrap_or(repository);
    PlannedChart {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        repository: repository.to_owned(),
        chart: chart.to_owned(),
        version: changed.and_then(|changed| changed.version.as_deref()).unwrap_or(version).to_owned(),
        stage,
        shared: spec.provider == ProviderKind::Kubernetes && SHARED.contains(&name),
    }
}

/// The release of a planned chart with all its values.
///
/// # Errors
///
/// [`Meaning::Invalid`] when a replaced template does not render to a map of values.
pub fn release(
    chart: &PlannedChart,
    spec: &NetworkSpec,
    secrets: &ChartSecrets,
    templates: &Templates,
) -> Result<ChartRelease> {
    rendered(chart, spec, &data_of(chart, spec, secrets), templates)
}

/// The release of a planned chart whose template is rendered with `data`.
fn rendered(
    chart: &PlannedChart,
    spec: &NetworkSpec,
    data: &Value,
    templates: &Templates,
) -> Result<ChartRelease> {
    let name = format!("charts/{}.yaml", chart.chart);
    let text = templates.render(&name, data)?;
    let mut values: Value = serde_saphyr::from_str(&text).map_err(|error| {
        // The text may hold a password: the parser's message, which could quote it, stays out.
        let place = error.location().map_or_else(String::new, |at| format!(" (line {})", at.line()));
        Error::new(
            Meaning::Invalid,
            "read chart values",
            &name,
            format!("the rendered template is no YAML{place}"),
        )
    })?;
    if !values.is_object() {
        return Err(Error::new(
            Meaning::Invalid,
            "read chart values",
            &name,
            "the template must render to a map",
        ));
    }
    let changed = spec.charts.get(&chart.chart);
    if let Some(more) = changed.and_then(|changed| changed.values.as_ref()) {
        merge(&mut values, more);
    }
    Ok(ChartRelease {
        name: chart.name.clone(),
        namespace: chart.namespace.clone(),
        repository: chart.repository.clone(),
        chart: chart.chart.clone(),
        version: chart.version.clone(),
        values,
        patches: changed.map(|changed: &ChartOverride| changed.patches.clone()).unwrap_or_default(),
        wait_ready: true,
        shared: chart.shared,
    })
}

/// Puts patches of our own before those that the spec has.
fn merge_patches(release: &mut ChartRelease, ours: Vec<ObjectPatch>) {
    release.patches.splice(0..0, ours);
}

/// Merges `over` into `under`, maps key by key, everything else replaced; a null removes the key.
pub fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    under.remove(key);
                } else {
                    merge(under.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (under, over) => *under = over.clone(),
    }
}

fn data_of(chart: &PlannedChart, spec: &NetworkSpec, secrets: &ChartSecrets) -> Value {
    match chart.name.as_str() {
        "elasticsearch" => {
            spec.logs.as_ref().map_or(Value::Null, |logs| elasticsearch_data(spec, logs, secrets))
        }
        "kibana" => spec.logs.as_ref().map_or(Value::Null, |logs| {
            json!({
                "cpu": logs.kibana.cpu, "memory": logs.kibana.memory,
                "published": is_published(spec), "host": public_name(spec, "kibana"),
            })
        }),
        "filebeat" => {
            let shared = spec.provider == ProviderKind::Kubernetes;
            json!({
                "full_name": if shared { full_name(spec, "filebeat") } else { String::new() },
                "filebeat_config": secrets.filebeat_config,
                "cpu": FILEBEAT.cpu, "memory": FILEBEAT.memory,
            })
        }
        "ingress-nginx" => json!({
            "cpu": INGRESS.cpu, "memory": INGRESS.memory,
            "http_node_port": INGRESS_NODE_PORTS.0, "https_node_port": INGRESS_NODE_PORTS.1,
            "health_check_node_port": INGRESS_HEALTH_NODE_PORT,
        }),
        "kube-prometheus-stack" => prometheus_data(spec, secrets),
        "prometheus-pushgateway" => json!({"cpu": PUSHGATEWAY.cpu, "memory": PUSHGATEWAY.memory}),
        _ => json!({"daemon_cpu": CHAOS_DAEMON.cpu, "daemon_memory": CHAOS_DAEMON.memory}),
    }
}

/// The name of what a release makes outside of namespaces, where another network's release of the same name may have it too.
fn full_name(spec: &NetworkSpec, name: &str) -> String {
    match spec.provider {
        ProviderKind::Kubernetes => format!("{name}-{}", spec.network),
        ProviderKind::Gcp | ProviderKind::Sandbox => name.to_owned(),
    }
}

fn elasticsearch_data(spec: &NetworkSpec, logs: &LogsSpec, secrets: &ChartSecrets) -> Value {
    let health_check = if logs.replicas == 1 {
        "wait_for_status=yellow&timeout=1s"
    } else {
        "wait_for_status=green&timeout=1s"
    };
    json!({
        "network_label": KUBERNETES_NETWORK_LABEL,
        "network": spec.network,
        "replicas": logs.replicas,
        "master_nodes": logs.master_nodes,
        "heap_mebibytes": logs.heap.0 >> 20,
        "cpu": logs.elasticsearch.cpu,
        "memory": logs.elasticsearch.memory,
        "disk": logs.disk,
        "health_check": health_check,
        "password": secrets.elastic_password.expose_secret(),
    })
}

fn prometheus_data(spec: &NetworkSpec, secrets: &ChartSecrets) -> Value {
    let namespaces = Namespaces::of(spec);
    let shared = spec.provider == ProviderKind::Kubernetes;
    json!({
        "shared": shared,
        "full_name": if shared { prometheus_name(&spec.network) } else { "kube-prometheus-stack".to_owned() },
        "grafana_name": metrics_name(&namespaces, "grafana"),
        "state_metrics_name": metrics_name(&namespaces, "kube-state-metrics"),
        "network_namespace": namespaces.network,
        "network_label": KUBERNETES_NETWORK_LABEL,
        "network": spec.network,
        "only_namespaces": if shared { vec![&namespaces.network, &namespaces.metrics] } else { Vec::new() },
        "password": secrets.grafana_password.expose_secret(),
        "published": is_published(spec),
        "host": public_name(spec, "grafana"),
        "prometheus_cpu": PROMETHEUS.cpu, "prometheus_memory": PROMETHEUS.memory, "prometheus_disk": PROMETHEUS_DISK,
        "grafana_cpu": GRAFANA.cpu, "grafana_memory": GRAFANA.memory,
    })
}

/// The name of what kube-prometheus-stack makes itself on a shared cluster. The chart cuts it at 26 characters, and cluster roles of two networks must differ: a
/// longer one ends with a hash of the network's name.
fn prometheus_name(network: &NetworkName) -> String {
    const LONGEST: usize = 26;
    const HASH: usize = 8;
    let name = format!("prom-{network}");
    if name.len() <= LONGEST {
        return name;
    }
    let beginning: String = name.chars().take(LONGEST - HASH - 1).collect();
    let hash = blake3::hash(network.as_str().as_bytes()).to_hex();
    format!("{}-{}", beginning.trim_end_matches('-'), hash.chars().take(HASH).collect::<String>())
}

/// The names of settings below `charts.`.
#[must_use]
pub fn names() -> BTreeMap<&'static str, &'static str> {
    TEMPLATES
        .iter()
        .filter_map(|(template, _)| {
            Some((template.strip_prefix("charts/")?.strip_suffix(".yaml")?, *template))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_prometheus_are_as_short_as_the_chart_wants_and_differ_between_networks() {
        let name = |network: &str| prometheus_name(&NetworkName::new(network).unwrap());
        assert_eq!(name("net1"), "prom-net1");
        assert_eq!(name("a-network-with-21-cha"), "prom-a-network-with-21-cha");
        let alike = ["a-network-of-many-words-1", "a-network-of-many-words-2"].map(name);
        assert_ne!(alike[0], alike[1]);
        assert!(alike.iter().all(|name| name.len() <= 26 && name.starts_with("prom-a-network")), "{alike:?}");
    }
}
