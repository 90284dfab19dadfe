//! Fleets: waits that end early with their reason, networks side by side, and what a large one costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use spacecraft_core::Meaning;
use spacecraft_core::image::ImageReference;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::{Bytes, MilliCpu, Resources};
use spacecraft_core::secret::SecretBytes;
use spacecraft_core::time::SystemClock;
use spacecraft_core::traits::{Look, Workloads};
use spacecraft_core::wait::Wait;
use spacecraft_core::workload::{
    Admission, AdmittedPort, Callers, ConfigFile, ContainerPort, DataVolume, DisruptionBudget, Foundation,
    GuardedNamespace, KeyFile, NetworkSecret, Part, Probe, Protocol, Role, SecretVariable, ServiceExposure,
    ServicePort, ServiceSpec, Workload,
};
use spacecraft_testkit::conformance::patience;

use crate::hosted::{Hosted, WORKERS};

fn wait() -> Wait {
    patience(Arc::new(SystemClock)).within(Duration::from_secs(60))
}

fn foundation(namespace: &str) -> Foundation {
    let to_nodes = |port, callers| Admission { application: Some("miner".to_owned()), port, callers };
    let office = Callers::Ranges(vec!["198.51.100.0/24".to_owned()]);
    Foundation {
        guarded: vec![GuardedNamespace {
            namespace: namespace.to_owned(),
            admissions: vec![
                to_nodes(AdmittedPort::Host(Protocol::Tcp), Callers::Everybody),
                to_nodes(AdmittedPort::Number(6000), office),
            ],
        }],
        disruption_budgets: vec![DisruptionBudget { role: Role::Miner, max_unavailable: 1 }],
        ..Foundation::default()
    }
}

/// A node with everything that a node can have, but for metrics.
fn miner(number: u32) -> Workload {
    let name = format!("miner-{number}");
    let p2p = 5000 + u16::try_from(number).unwrap();
    let port = |name: &str, port, host_port| ContainerPort {
        name: name.to_owned(),
        port,
        host_port,
        protocol: Protocol::Tcp,
    };
    Workload {
        part: Part::Node { number, role: Role::Miner },
        image: ImageReference::parse("spacemeshos/go-spacemesh:v1.7.6").unwrap(),
        command: vec!["/bin/go-spacemesh".to_owned()],
        arguments: vec![format!("--listen=/ip4/0.0.0.0/tcp/{p2p}")],
        environment: BTreeMap::from([("GODEBUG".to_owned(), "gctrace=1".to_owned())]),
        secret_environment: Vec::new(),
        files: vec![ConfigFile {
            name: "config.json".to_owned(),
            directory: "/etc/config".to_owned(),
            content: "{}".to_owned(),
        }],
        keys: vec![KeyFile {
            secret: format!("{name}-keys"),
            key: "p2p.key".to_owned(),
            path: "node/p2p/p2p.key".to_owned(),
        }],
        data: Some(DataVolume { size: Bytes::gibi(2), mount_path: "/data".to_owned() }),
        scratch: vec!["/tmp".to_owned()],
        resources: Resources { cpu: MilliCpu(150), memory: Bytes::mebi(256) },
        accelerators: 0,
        ports: vec![port("p2p", p2p, Some(p2p)), port("grpc", 6000, None), port("metrics", 1010, None)],
        services: vec![ServiceSpec {
            name: name.clone(),
            exposure: ServiceExposure::NodePort,
            ports: vec![
                ServicePort { name: "grpcport".to_owned(), port: 6000, node_port: None },
                ServicePort { name: "jsonport".to_owned(), port: 7000, node_port: None },
            ],
        }],
        monitored: false,
        slot: None,
        probe: Some(Probe { port: 6000, startup_budget: Duration::from_secs(600) }),
        grace_period: Duration::from_secs(30),
        stopped: false,
        name,
    }
}

fn keys(number: u32) -> NetworkSecret {
    NetworkSecret {
        name: format!("miner-{number}-keys"),
        part: Some(Part::Node { number, role: Role::Miner }),
        data: BTreeMap::from([("p2p.key".to_owned(), SecretBytes::new(*b"key"))]),
    }
}

async fn deploy(workloads: &dyn Workloads, miners: &[Workload]) {
    stream::iter(miners)
        .map(Ok)
        .try_for_each_concurrent(16, |miner| async move {
            let Part::Node { number, .. } = miner.part else { panic!("a miner is a node") };
            workloads.create_secret(&keys(number)).await?;
            workloads.ensure_workload(miner).await.map(drop)
        })
        .await
        .unwrap();
}

fn names(miners: &[Workload]) -> Vec<String> {
    miners.iter().map(|miner| miner.name.clone()).collect()
}

#[tokio::test]
async fn a_fleet_costs_a_few_calls_a_miner_and_one_watch_a_kind() {
    const MINERS: u32 = 60;
    let cluster = Hosted::start().await;
    let workloads = cluster.workloads(None).await;
    workloads.ensure_foundation(&foundation(workloads.namespace())).await.unwrap();
    let miners: Vec<Workload> = (1..=MINERS).map(miner).collect();
    let (before, _, _) = cluster.traffic();
    let looks = workloads.look_workloads(&miners).await.unwrap();
    assert!(looks.iter().all(|look| *look == Look::Absent));
    deploy(&workloads, &miners).await;
    workloads.wait_ready(&names(&miners), &wait()).await.unwrap();
    let (after, writes, watches) = cluster.traffic();
    assert!(after - before <= 8 * MINERS as usize, "{} calls", after - before);
    // When all pods are ready before the wait begins, nothing is watched.
    assert!(watches <= 2, "{watches} watches");

    let again = cluster.workloads(None).await;
    assert_eq!(again.look_foundation(&foundation(again.namespace())).await.unwrap(), Look::Same);
    let looks = again.look_workloads(&miners).await.unwrap();
    assert!(looks.iter().all(Look::is_same), "{looks:?}");
    assert!(again.list().await.unwrap().iter().all(|miner| miner.ready));
    assert_eq!(cluster.traffic().1, writes, "looking writes nothing");
}

#[tokio::test]
async fn a_changed_config_replaces_the_pod_and_is_waited_for() {
    let cluster = Hosted::start().await;
    let workloads = cluster.workloads(None).await;
    workloads.ensure_foundation(&foundation(workloads.namespace())).await.unwrap();
    let mut changed = vec![miner(1)];
    deploy(&workloads, &changed).await;
    workloads.wait_ready(&names(&changed), &wait()).await.unwrap();
    changed[0].files[0].content = r#"{"changed":true}"#.to_owned();
    assert_eq!(workloads.ensure_workload(&changed[0]).await.unwrap(), Outcome::Updated);
    workloads.wait_ready(&names(&changed), &wait()).await.unwrap();
    let listed = workloads.list().await.unwrap();
    assert_eq!(listed[0].files["config.json"], r#"{"changed":true}"#);
    assert!(listed[0].ready);
}

#[tokio::test]
async fn a_node_whose_secret_is_missing_ends_the_wait_at_once() {
    let cluster = Hosted::start().await;
    let workloads = cluster.workloads(None).await;
    workloads.ensure_foundation(&foundation(workloads.namespace())).await.unwrap();
    let lacking = Workload {
        secret_environment: vec![SecretVariable {
            variable: "TOKEN".to_owned(),
            secret: "nobodys".to_owned(),
            key: "token".to_owned(),
        }],
        ..miner(2)
    };
    let miners = [miner(1), lacking];
    deploy(&workloads, &miners).await;
    let error = workloads.wait_ready(&names(&miners), &wait()).await.unwrap_err();
    assert_eq!((error.meaning(), error.resource()), (Meaning::Invalid, "miner-2"));
    assert!(error.reason().contains("CreateContainerConfigError"), "{}", error.reason());
    let evidence = workloads.evidence().await.unwrap();
    assert!(evidence.pods.iter().any(|pod| pod.workload == "miner-2"), "{evidence:?}");
    assert!(evidence.warnings.iter().any(|warning| warning.contains("nobodys")), "{evidence:?}");
}

#[tokio::test]
async fn a_node_that_fits_nowhere_ends_the_wait_when_the_pool_is_full() {
    let cluster = Hosted::start().await;
    let workloads = cluster.workloads(None).await;
    workloads.ensure_foundation(&foundation(workloads.namespace())).await.unwrap();
    let mut giant = miner(1);
    giant.resources.cpu = MilliCpu::cores(1000);
    deploy(&workloads, std::slice::from_ref(&giant)).await;
    let error = workloads.wait_ready(&names(&[giant]), &wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Quota);
    assert!(error.reason().contains(&format!("0/{WORKERS} nodes are available")), "{}", error.reason());
}

#[tokio::test]
async fn networks_share_a_cluster_and_leave_each_other_alone() {
    let cluster = Hosted::start().await;
    let fresh = cluster.inventory();
    let (one, other) = (cluster.workloads(Some("one")).await, cluster.workloads(Some("other")).await);
    for (network, number) in [(&one, 1), (&other, 2)] {
        network.ensure_foundation(&foundation(network.namespace())).await.unwrap();
        network.assign_slot("worker-1", number).await.unwrap();
        let pinned = [Workload { slot: Some(number), ..miner(number) }];
        deploy(network, &pinned).await;
        network.wait_ready(&names(&pinned), &wait()).await.unwrap();
    }
    let taken = other.taken_host_ports().await.unwrap();
    assert_eq!(taken["worker-1"], BTreeSet::from([5001]), "the other's own port does not count");
    assert_eq!(one.remove_all(&wait()).await.unwrap(), Outcome::Removed);
    let left = other.list().await.unwrap();
    assert_eq!(left.iter().map(|miner| miner.name.as_str()).collect::<Vec<_>>(), ["miner-2"]);
    assert!(left[0].ready && left[0].worker.as_deref() == Some("worker-1"));
    assert_eq!(other.remove_all(&wait()).await.unwrap(), Outcome::Removed);
    assert_eq!(cluster.inventory(), fresh);
}

#[tokio::test]
async fn a_removed_node_leaves_no_object_and_no_volume() {
    let cluster = Hosted::start().await;
    let workloads = cluster.workloads(None).await;
    workloads.ensure_foundation(&foundation(workloads.namespace())).await.unwrap();
    let before = cluster.inventory();
    let miners = [miner(1), miner(10)];
    deploy(&workloads, &miners).await;
    workloads.wait_ready(&names(&miners), &wait()).await.unwrap();
    workloads.remove_workload("miner-1", &wait()).await.unwrap();
    let left = cluster.inventory();
    assert!(left.iter().any(|object| object.contains("miner-10")));
    assert!(
        !left.iter().any(|object| object.ends_with("miner-1") || object.contains("miner-1-")),
        "{left:?}"
    );
    workloads.remove_workload("miner-10", &wait()).await.unwrap();
    assert_eq!(cluster.inventory(), before);
}
