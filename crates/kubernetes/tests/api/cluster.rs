//! A cluster named by a kubeconfig.

use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::names::NetworkName;
use spacecraft_core::quantity::{Bytes, MilliCpu};
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{
    ClusterProvider as _, ClusterRequest, MachineShape, Ownership, PreflightRequest,
};
use spacecraft_kubernetes::KubeconfigCluster;
use spacecraft_kubernetes::kubeconfig::{self, KubeconfigEntry, KubeconfigUser};
use spacecraft_testkit::conformance::Subject;
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{answer, list, quick_retrier};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn cluster(server: &MockServer) -> KubeconfigCluster {
    let entry = KubeconfigEntry {
        name: "here".to_owned(),
        server: server.uri(),
        certificate_authority: None,
        namespace: None,
        user: KubeconfigUser::Token(SecretString::from("t")),
    };
    let text = kubeconfig::print(&entry).unwrap();
    KubeconfigCluster::new(text, Some("here".to_owned()), quick_retrier().0)
}

/// A cluster of two workers with these namespaces.
async fn served(namespaces: &[Value]) -> MockServer {
    let server = MockServer::start().await;
    let version = ResponseTemplate::new(200).set_body_json(json!({ "major": "1", "gitVersion": "v1.36.0" }));
    answer(&server, "GET", "/version", version).await;
    answer(&server, "GET", "/api/v1/namespaces", list(namespaces)).await;
    answer(&server, "GET", "/api/v1/nodes", list(&[json!({}), json!({})])).await;
    server
}

fn namespace(name: &str, network: &str) -> Value {
    json!({ "metadata": {
        "name": name, "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": { "spacecraft.io/network": network, "app.kubernetes.io/managed-by": "spacecraft" },
    } })
}

spacecraft_testkit::shared_cluster_conformance!(async {
    let server = served(&[]).await;
    Subject::new(cluster(&server)).keeping(server)
});

#[tokio::test]
async fn networks_are_the_namespaces_that_carry_our_labels() {
    let mut noted = namespace("net1-ws", "net1");
    noted["metadata"]["annotations"] = json!({ "spacecraft.io/recorded-in": "gs://records" });
    let server = served(&[
        namespace("net1", "net1"),
        noted,
        namespace("net2", "net2"),
        namespace("odd", "Not A Name"),
    ])
    .await;
    let found = cluster(&server).list().await.unwrap().clusters;
    let names: Vec<&str> = found.iter().map(|cluster| cluster.name.as_str()).collect();
    assert_eq!(names, ["net1", "net2"]);
    assert_eq!(found[0].ownership, Ownership::Ours(NetworkName::new("net1").unwrap()));
    assert_eq!(found[0].message, "namespaces net1, net1-ws");
    let recorded_in: Vec<_> = found.iter().map(|cluster| cluster.recorded_in.as_deref()).collect();
    assert_eq!(recorded_in, [Some("gs://records"), None]);
    assert_eq!((found[0].workers, found[0].version.as_str()), (2, "v1.36.0"));
}

fn request() -> PreflightRequest {
    PreflightRequest {
        cluster: ClusterRequest {
            network: NetworkName::new("net1").unwrap(),
            kubernetes_version: None,
            release_channel: "regular".to_owned(),
            machine: MachineShape {
                machine_type: String::new(),
                cpu: MilliCpu::cores(1),
                memory: Bytes::gibi(1),
            },
            workers: 1,
            most_workers: 1,
            accelerator: None,
            vpc: None,
        },
        disk: Bytes::gibi(1),
        disks: 1,
        addresses: 0,
        creates_cluster: false,
    }
}

/// Answers access reviews that contain this with that, before any that are answered later.
async fn review(server: &MockServer, attributes: Value, allowed: bool, priority: u8) {
    Mock::given(method("POST"))
        .and(path(REVIEWS))
        .and(body_partial_json(json!({ "spec": { "resourceAttributes": attributes } })))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "status": { "allowed": allowed } })))
        .with_priority(priority)
        .mount(server)
        .await;
}

#[tokio::test]
async fn who_may_do_everything_is_asked_once() {
    let server = served(&[]).await;
    review(&server, json!({ "verb": "*" }), true, 1).await;
    assert_eq!(cluster(&server).preflight(&request()).await.unwrap(), []);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_at_the_first_look() {
    let server = MockServer::start().await;
    let version = ResponseTemplate::new(200).set_body_json(json!({ "major": "1", "gitVersion": "v1.20.2" }));
    answer(&server, "GET", "/version", version).await;
    let refused = cluster(&server).look_cluster(&request().cluster).await.unwrap_err();
    assert_eq!(refused.meaning(), Meaning::Invalid);
    assert!(refused.to_string().contains("v1.20.2"), "{refused}");
}

#[tokio::test]
async fn missing_rights_are_found_and_those_that_can_be_done_without_do_not_block() {
    let server = served(&[]).await;
    review(&server, json!({ "verb": "*" }), false, 1).await;
    review(&server, json!({ "verb": "delete", "resource": "secrets", "namespace": "net1" }), false, 2).await;
    review(&server, json!({ "resource": "pods", "subresource": "portforward" }), false, 2).await;
    review(&server, json!({}), true, 3).await;
    let findings = cluster(&server).preflight(&request()).await.unwrap();
    let found: Vec<(&str, bool)> =
        findings.iter().map(|finding| (finding.subject.as_str(), finding.blocking)).collect();
    assert_eq!(
        found,
        [
            ("right to delete secrets in namespace net1", true),
            ("right to create pods/portforward in namespace net1", false),
        ]
    );
}
