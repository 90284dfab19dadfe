//! Public API nodes, explorer and dashboard, and the shipping of their logs.

use serde_json::{Value, json};

use super::{
    ChartStage, ELASTIC, FILEBEAT, Namespaces, PlannedChart, full_name, merge_patches, planned_chart, pod,
    public_name, rendered, request,
};
use crate::error::Result;
use crate::generation::WebNode;
use crate::image::ImageReference;
use crate::placement::PodDemand;
use crate::plan::PlannedName;
use crate::quantity::Resources;
use crate::spec::{NetworkSpec, WebServicesSpec};
use crate::templates::Templates;
use crate::traits::{ChartRelease, ObjectPatch, PatchKind};

/// The Secret with the certificate of the public API, by the name that the chart expects.
pub const TLS_SECRET: &str = "tls";

/// The release that ships logs of web services.
const LOG_SHIPPER: &str = "filebeat-ws";

const REPOSITORY: &str = "https://spacemeshos.github.io/ws-helm-charts";

const API: &str = "spacemesh-api";
const EXPLORER: &str = "spacemesh-explorer";
const DASH: &str = "spacemesh-dash";

/// What the servers of explorer and dashboard request, and the explorer's collector.
const SERVER: Resources = request(100, 128);
const MONGO: Resources = request(250, 512);

/// The charts of web services.
pub const WEB_SERVICE_CHARTS: [&str; 3] = [API, EXPLORER, DASH];

/// The ports of their pods that the ingress controller calls: gRPC and JSON of the API's nodes, explorer, dashboard.
pub(crate) const WEB_SERVICE_PORTS: [u16; 4] = [9092, 9093, 5000, 8080];

/// What the values of web services need beyond the spec.
#[derive(Debug, Clone, Copy)]
pub struct WebServiceFacts<'a> {
    /// How their nodes are run.
    pub node: &'a WebNode,
    /// The whole `filebeat.yml` that ships their logs.
    pub filebeat_config: &'a str,
    /// Whether the chain has begun: before that no node is in step with it, and so none is ready.
    pub chain_has_begun: bool,
}

/// The releases of the web services.
pub(super) fn planned(spec: &NetworkSpec) -> Vec<PlannedChart> {
    if spec.web_services.is_none() {
        return Vec::new();
    }
    let namespaces = Namespaces::of(spec);
    let chart = |name: &str, version: &str| {
        planned_chart(
            spec,
            (name, name),
            &namespaces.web_services,
            REPOSITORY,
            version,
            ChartStage::WebServices,
        )
    };
    let mut charts = vec![chart(API, "1.0.9"), chart(EXPLORER, "1.0.6"), chart(DASH, "1.0.2")];
    if spec.logs.is_some() {
        let names = (LOG_SHIPPER, "filebeat");
        let stage = ChartStage::WebServices;
        charts.push(planned_chart(spec, names, &namespaces.network, ELASTIC, "8.5.1", stage));
    }
    charts
}

/// The release of a planned chart of the web services with all its values and patches.
///
/// # Errors
///
/// As [`super::release`].
pub fn web_service_release(
    chart: &PlannedChart,
    spec: &NetworkSpec,
    services: &WebServicesSpec,
    facts: &WebServiceFacts<'_>,
    templates: &Templates,
) -> Result<ChartRelease> {
    let mut release = rendered(chart, spec, &data_of(chart, spec, services, facts), templates)?;
    merge_patches(&mut release, patches_of(chart, facts));
    release.wait_ready = ships_logs(chart) || chart.name == DASH || facts.chain_has_begun;
    Ok(release)
}

fn data_of(
    chart: &PlannedChart,
    spec: &NetworkSpec,
    services: &WebServicesSpec,
    facts: &WebServiceFacts<'_>,
) -> Value {
    let (repository, tag) = image_values(spec.web_node_image(services));
    let node = spec.web_node_resources(services);
    let config = facts.node.config.to_string();
    match chart.name.as_str() {
        API => json!({
            "replicas": API_NODES, "repository": repository, "tag": tag, "config": config,
            "cpu": node.cpu, "memory": node.memory,
            "grpc_host": public_name(spec, "api"), "json_host": public_name(spec, "api-json"),
        }),
        EXPLORER => json!({
            "version": services.explorer_version, "host": public_name(spec, "explorer-api"),
            "server_replicas": EXPLORER_SERVERS, "collector_replicas": COLLECTORS,
            "repository": repository, "tag": tag, "config": config,
            "node_cpu": node.cpu, "node_memory": node.memory,
            "mongo_cpu": MONGO.cpu, "mongo_memory": MONGO.memory,
            "cpu": SERVER.cpu, "memory": SERVER.memory,
        }),
        DASH => json!({
            "version": services.dash_version, "host": public_name(spec, "dash-api"), "replicas": DASHBOARDS,
            "cpu": SERVER.cpu, "memory": SERVER.memory,
        }),
        _ => json!({
            "full_name": full_name(spec, LOG_SHIPPER), "filebeat_config": facts.filebeat_config,
            "cpu": FILEBEAT.cpu, "memory": FILEBEAT.memory,
        }),
    }
}

/// How many pods the charts have of each, as the charts' own defaults are.
const API_NODES: u32 = 2;
const EXPLORER_SERVERS: u32 = 3;
const COLLECTORS: u32 = 2;
const DASHBOARDS: u32 = 2;

/// Repository and tag of an image, as charts write them with a colon between: a digest is a tag behind `@sha256`.
fn image_values(image: &ImageReference) -> (String, String) {
    match image.digest().and_then(|digest| digest.split_once(':')) {
        Some((algorithm, hex)) => {
            let tagged = image.tag().map_or_else(String::new, |tag| format!(":{tag}"));
            (format!("{}{tagged}@{algorithm}", image.repository()), hex.to_owned())
        }
        None => (image.repository().to_owned(), image.tag().unwrap_or("latest").to_owned()),
    }
}

/// What today's ingress controllers and nodes want otherwise than the charts of 2022 have it.
fn patches_of(chart: &PlannedChart, facts: &WebServiceFacts<'_>) -> Vec<ObjectPatch> {
    if chart.name != API {
        return Vec::new();
    }
    // A snippet of server configuration is refused by controllers of these days; these annotations mean the same timeouts.
    let timeouts = ObjectPatch {
        kind: "Ingress".to_owned(),
        name: Some(format!("{API}-grpc")),
        patch_kind: PatchKind::Merge,
        patch: json!({"metadata": {"annotations": {
            "nginx.ingress.kubernetes.io/server-snippet": null,
            "nginx.ingress.kubernetes.io/proxy-read-timeout": "600",
            "nginx.ingress.kubernetes.io/proxy-send-timeout": "600",
        }}}),
    };
    let arguments = facts.node.api_arguments.as_ref().map(|arguments| ObjectPatch {
        kind: "Deployment".to_owned(),
        name: Some(API.to_owned()),
        patch_kind: PatchKind::Json,
        patch: json!([
            {"op": "test", "path": "/spec/template/spec/containers/0/name", "value": "node"},
            {"op": "add", "path": "/spec/template/spec/containers/0/command", "value": ["/bin/go-spacemesh"]},
            {"op": "add", "path": "/spec/template/spec/containers/0/args", "value": arguments},
        ]),
    });
    [Some(timeouts), arguments].into_iter().flatten().collect()
}

/// Whether a chart ships logs of web services.
#[must_use]
pub fn ships_logs(chart: &PlannedChart) -> bool {
    chart.name == LOG_SHIPPER
}

/// The public names of web services. Calls of gRPC clients go straight to the ingress controller.
#[must_use]
pub fn web_service_names(spec: &NetworkSpec) -> Vec<PlannedName> {
    if spec.web_services.is_none() {
        return Vec::new();
    }
    [("api-json", true), ("api", false), ("explorer-api", true), ("dash-api", true)]
        .into_iter()
        .map(|(service, proxied)| PlannedName { name: public_name(spec, service), proxied })
        .collect()
}

/// The public names that the certificate is served for.
#[must_use]
pub fn certified_names(spec: &NetworkSpec) -> Vec<String> {
    ["api", "api-json"].into_iter().map(|service| public_name(spec, service)).collect()
}

/// What pods of web services request, and what runs on every worker for them.
pub(super) fn demands(spec: &NetworkSpec) -> (Vec<PodDemand>, Option<Resources>) {
    let Some(services) = &spec.web_services else { return (Vec::new(), None) };
    let node = spec.web_node_resources(services);
    let replicas = |chart: &str, pointer: &str, usual: u32| {
        let values = spec.charts.get(chart).and_then(|changed| changed.values.as_ref());
        let changed = values.and_then(|values| values.pointer(pointer)).and_then(Value::as_u64);
        changed.and_then(|count| u32::try_from(count).ok()).unwrap_or(usual)
    };
    let groups = [
        (API, replicas(API, "/replicaCount", API_NODES), node),
        (EXPLORER, replicas(EXPLORER, "/apiServer/replicaCount", EXPLORER_SERVERS), SERVER),
        (
            "spacemesh-explorer-collector",
            replicas(EXPLORER, "/collector/replicaCount", COLLECTORS),
            node + SERVER + MONGO,
        ),
        (DASH, replicas(DASH, "/replicaCount", DASHBOARDS), SERVER),
    ];
    let pods = groups.into_iter().flat_map(|(name, count, resources)| {
        (0..count.min(MOST_REPLICAS)).map(move |replica| pod(format!("{name}-{replica}"), resources, 0, None))
    });
    (pods.collect(), spec.logs.is_some().then_some(FILEBEAT))
}

/// No chart gets more pods of a kind into a plan than this, whatever its values say.
const MOST_REPLICAS: u32 = 1000;
