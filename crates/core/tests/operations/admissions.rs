//! Who reaches which ports of a network's pods.

use serde_json::json;
use spacecraft_core::plan::guarded_namespaces;
use spacecraft_core::spec::{ChartOverride, Generation, MetricsSpec, NetworkSpec, ProviderKind, Publish};
use spacecraft_core::workload::{Admission, AdmittedPort, Callers};

use crate::web_services::services;
use crate::world::small;

/// A network with all that has ports.
fn whole(generation: Generation, provider: ProviderKind) -> NetworkSpec {
    let mut spec = small(generation);
    spec.provider = provider;
    spec.metrics = Some(MetricsSpec { push_gateway_url: None });
    spec.web_services = Some(services());
    spec.exposure.allow_from = vec!["198.51.100.0/24".to_owned()];
    spec
}

fn admissions(spec: &NetworkSpec) -> Vec<Admission> {
    guarded_namespaces(spec, true).into_iter().flat_map(|guarded| guarded.admissions).collect()
}

fn callers_of(spec: &NetworkSpec, application: Option<&str>, port: u16) -> Vec<Callers> {
    let wanted = (application.map(str::to_owned), AdmittedPort::Number(port));
    let all = admissions(spec).into_iter();
    all.filter(|one| (one.application.clone(), one.port) == wanted).map(|one| one.callers).collect()
}

fn ingress_controller() -> Callers {
    Callers::Pods { namespace: "ingress-nginx".to_owned(), application: None }
}

fn with_values(spec: &mut NetworkSpec, chart: &str, values: serde_json::Value) {
    let changed = ChartOverride { values: Some(values), ..ChartOverride::default() };
    spec.charts.insert(chart.to_owned(), changed);
}

#[test]
fn whoever_reaches_a_port_of_a_network_is_named() {
    let all = |generation, provider| guarded_namespaces(&whole(generation, provider), true);
    insta::assert_json_snapshot!("on_a_cluster_of_its_own", all(Generation::V1, ProviderKind::Gcp));
    insta::assert_json_snapshot!("on_a_shared_cluster", all(Generation::V1, ProviderKind::Kubernetes));
    insta::assert_json_snapshot!("of_the_first_generation", all(Generation::V0, ProviderKind::Gcp));
}

#[test]
fn everybody_reaches_p2p_activated_poets_and_what_the_api_server_calls_and_nothing_else() {
    for (generation, poets_open) in [(Generation::V0, false), (Generation::V0, true), (Generation::V1, true)]
    {
        let spec = whole(generation, ProviderKind::Kubernetes);
        let open: Vec<AdmittedPort> = guarded_namespaces(&spec, poets_open)
            .into_iter()
            .flat_map(|guarded| guarded.admissions)
            .filter(|admission| admission.callers == Callers::Everybody)
            .map(|admission| admission.port)
            .filter(|port| !matches!(port, AdmittedPort::Host(_)))
            .collect();
        let poets = poets_open.then_some(AdmittedPort::Number(5000));
        let expected: Vec<_> = poets.into_iter().chain([AdmittedPort::Number(10_250)]).collect();
        assert_eq!(open, expected, "{generation}");
    }
}

#[test]
fn on_every_cluster_the_apis_of_nodes_are_open_to_the_ranges_that_are_allowed() {
    for provider in [ProviderKind::Gcp, ProviderKind::Sandbox, ProviderKind::Kubernetes] {
        let mut spec = whole(Generation::V1, provider);
        let ranges = || vec![Callers::Ranges(vec!["198.51.100.0/24".to_owned()])];
        assert_eq!(callers_of(&spec, Some("miner"), 6000), ranges());
        assert_eq!(callers_of(&spec, Some("miner"), 7000), ranges());
        spec.node.json_api = false;
        assert_eq!(callers_of(&spec, Some("miner"), 7000), []);
        spec.exposure.allow_from = Vec::new();
        assert_eq!(callers_of(&spec, Some("miner"), 6000), []);
    }
}

#[test]
fn the_ingress_controller_reaches_dashboards_while_they_are_published() {
    let mut spec = whole(Generation::V1, ProviderKind::Kubernetes);
    assert_eq!(callers_of(&spec, Some("kibana"), 5601), [ingress_controller()]);
    assert_eq!(callers_of(&spec, None, 3000), [ingress_controller()]);
    with_values(&mut spec, "ingress-nginx", json!({"controller": {"hostNetwork": true}}));
    assert_eq!(callers_of(&spec, Some("kibana"), 5601), [Callers::Everybody], "it calls from workers");
    spec.exposure.publish = Publish::None;
    assert_eq!(callers_of(&spec, Some("kibana"), 5601), []);
    assert_eq!(callers_of(&spec, None, 3000), []);
}

#[test]
fn log_shippers_on_the_host_network_reach_elasticsearch() {
    let mut spec = whole(Generation::V1, ProviderKind::Gcp);
    assert_eq!(callers_of(&spec, Some("elasticsearch-master"), 9200), []);
    with_values(&mut spec, "filebeat", json!({"daemonset": {"hostNetworking": true}}));
    assert_eq!(callers_of(&spec, Some("elasticsearch-master"), 9200), [Callers::Everybody]);
}

#[test]
fn web_services_of_another_chart_version_are_reached_wherever_they_listen() {
    let mut spec = whole(Generation::V1, ProviderKind::Gcp);
    assert_eq!(callers_of(&spec, None, 9092), [ingress_controller()]);
    let version = Some("2.0.0".to_owned());
    spec.charts
        .insert("spacemesh-explorer".to_owned(), ChartOverride { version, ..ChartOverride::default() });
    let guarded = guarded_namespaces(&spec, true);
    let web_services = guarded.iter().find(|guarded| guarded.namespace == "ws").unwrap();
    let anywhere = Admission { application: None, port: AdmittedPort::All, callers: ingress_controller() };
    assert_eq!(web_services.admissions, [anywhere]);
}
