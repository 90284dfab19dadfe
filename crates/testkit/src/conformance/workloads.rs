//! What every [`Workloads`] promises.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use spacecraft_core::Meaning;
use spacecraft_core::image::ImageReference;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::{Bytes, MilliCpu, Resources};
use spacecraft_core::secret::{SecretBytes, SecretString};
use spacecraft_core::traits::{LogQuery, Look, ServiceName, Workloads};
use spacecraft_core::wait::Wait;
use spacecraft_core::workload::{
    Admission, AdmittedPort, Callers, ConfigFile, ContainerPort, DataVolume, DisruptionBudget, Foundation,
    GuardedNamespace, NetworkSecret, Part, Probe, Protocol, Role, ServiceExposure, ServicePort, ServiceSpec,
    SharedChart, TlsSecret, Workload,
};

/// Runs the suite on an empty namespace of a cluster with at least two ready workers; the argument is a future of a
/// [`Subject`](super::Subject). Pods of any image must become ready by themselves.
#[macro_export]
macro_rules! workloads_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, workloads(wait):
            the_foundation_is_made_once
            a_foundation_that_differs_is_changed
            a_port_is_opened_and_closed_again
            without_a_foundation_there_is_nothing
            a_secret_is_created_once_and_the_first_wins
            a_secret_that_is_not_there_is_none
            a_tls_secret_is_made_once_and_renewed
            a_namespace_beside_its_own_can_be_removed
            a_foundation_tells_where_the_record_is
            a_foundation_that_shares_a_chart_is_made_once
            a_namespace_is_guarded_once
            a_workload_is_made_once
            a_workload_that_differs_is_changed
            looks_are_answered_in_the_order_of_the_question
            an_applied_workload_becomes_ready_and_is_listed
            waiting_for_what_is_not_there_ends_with_an_error
            a_workload_pinned_to_a_slot_runs_on_its_worker
            a_slot_is_on_one_worker_only
            a_worker_that_is_not_there_gets_no_slot
            a_stopped_workload_keeps_all_but_its_pod_and_runs_again
            its_own_host_ports_are_not_taken
            a_removed_workload_leaves_nothing
            a_removed_workload_is_found_by_its_whole_name
            keys_whose_workload_never_came_are_removed_too
            removing_what_is_not_there_is_absent
            released_infrastructure_is_gone
            everything_can_be_removed
            a_service_without_load_balancer_has_no_address
            logs_of_what_is_not_there_are_not_found
            followed_logs_begin_with_what_was_written
            nothing_to_tell_when_all_is_ready
        }
    };
}

fn foundation() -> Foundation {
    Foundation {
        disruption_budgets: vec![DisruptionBudget { role: Role::Bootnode, max_unavailable: 1 }],
        ..Foundation::default()
    }
}

/// The foundation with the P2P ports of nodes open to everybody.
fn open_foundation(namespace: &str) -> Foundation {
    let application = Some("miner".to_owned());
    let p2p = Admission { application, port: AdmittedPort::Host(Protocol::Tcp), callers: Callers::Everybody };
    Foundation { guarded: guarded(namespace, vec![p2p]), ..foundation() }
}

fn guarded(namespace: &str, admissions: Vec<Admission>) -> Vec<GuardedNamespace> {
    vec![GuardedNamespace { namespace: namespace.to_owned(), admissions }]
}

fn miner(number: u32) -> Workload {
    let role = if number == 1 { Role::Bootstrap } else { Role::Miner };
    Workload {
        name: format!("miner-{number}"),
        part: Part::Node { number, role },
        image: ImageReference::parse("spacemeshos/go-spacemesh:v1.7.6").unwrap(),
        command: vec!["/bin/go-spacemesh".to_owned()],
        arguments: vec!["--config=/etc/config/config.json".to_owned()],
        environment: BTreeMap::from([("MODE".to_owned(), "conformance".to_owned())]),
        secret_environment: Vec::new(),
        files: vec![ConfigFile {
            name: "config.json".to_owned(),
            directory: "/etc/config".to_owned(),
            content: "{}".to_owned(),
        }],
        keys: Vec::new(),
        data: Some(DataVolume { size: Bytes::gibi(2), mount_path: "/data".to_owned() }),
        scratch: vec!["/tmp".to_owned()],
        resources: Resources { cpu: MilliCpu(100), memory: Bytes::mebi(128) },
        accelerators: 0,
        ports: ports(number),
        services: vec![service(number)],
        monitored: false,
        slot: None,
        probe: Some(Probe { port: 6000, startup_budget: Duration::from_secs(600) }),
        grace_period: Duration::from_secs(30),
        stopped: false,
    }
}

fn ports(number: u32) -> Vec<ContainerPort> {
    let host = 5000 + u16::try_from(number).unwrap();
    let port = |name: &str, port, host_port| ContainerPort {
        name: name.to_owned(),
        port,
        host_port,
        protocol: Protocol::Tcp,
    };
    vec![port("p2p", host, Some(host)), port("grpc", 6000, None)]
}

fn service(number: u32) -> ServiceSpec {
    ServiceSpec {
        name: format!("miner-{number}"),
        exposure: ServiceExposure::NodePort,
        ports: vec![ServicePort { name: "grpcport".to_owned(), port: 6000, node_port: None }],
    }
}

fn key_secret(number: u32, key: &[u8]) -> NetworkSecret {
    NetworkSecret {
        name: format!("miner-{number}-keys"),
        part: Some(Part::Node { number, role: Role::Miner }),
        data: BTreeMap::from([("p2p.key".to_owned(), SecretBytes::new(key))]),
    }
}

async fn founded(workloads: &dyn Workloads) {
    workloads.ensure_foundation(&foundation()).await.unwrap();
}

async fn ready(workloads: &dyn Workloads, wanted: &[Workload], wait: &Wait) {
    founded(workloads).await;
    for workload in wanted {
        workloads.ensure_workload(workload).await.unwrap();
    }
    let names: Vec<String> = wanted.iter().map(|workload| workload.name.clone()).collect();
    workloads.wait_ready(&names, wait).await.unwrap();
}

pub async fn the_foundation_is_made_once(workloads: &dyn Workloads, _wait: &Wait) {
    let wanted = foundation();
    assert_eq!(workloads.look_foundation(&wanted).await.unwrap(), Look::Absent);
    assert_eq!(workloads.ensure_foundation(&wanted).await.unwrap(), Outcome::Created);
    assert_eq!(workloads.look_foundation(&wanted).await.unwrap(), Look::Same);
    assert_eq!(workloads.ensure_foundation(&wanted).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_foundation_that_differs_is_changed(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    let mut wanted = foundation();
    wanted.disruption_budgets = vec![DisruptionBudget { role: Role::Bootnode, max_unavailable: 2 }];
    assert!(matches!(workloads.look_foundation(&wanted).await.unwrap(), Look::Differs(_)));
    workloads.ensure_foundation(&wanted).await.unwrap();
    assert_eq!(workloads.look_foundation(&wanted).await.unwrap(), Look::Same);
}

pub async fn a_port_is_opened_and_closed_again(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    for wanted in [open_foundation(workloads.namespace()), foundation()] {
        assert!(matches!(workloads.look_foundation(&wanted).await.unwrap(), Look::Differs(_)));
        assert_ne!(workloads.ensure_foundation(&wanted).await.unwrap(), Outcome::Unchanged);
        assert_eq!(workloads.look_foundation(&wanted).await.unwrap(), Look::Same);
    }
}

pub async fn without_a_foundation_there_is_nothing(workloads: &dyn Workloads, wait: &Wait) {
    assert_eq!(workloads.secrets().await.unwrap(), []);
    assert_eq!(workloads.list().await.unwrap(), []);
    assert_eq!(workloads.look_workloads(&[miner(1)]).await.unwrap(), [Look::Absent]);
    assert_eq!(workloads.remove_all(wait).await.unwrap(), Outcome::Absent);
    let error = workloads.ensure_workload(&miner(1)).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound, "there is no namespace to put it into");
}

pub async fn a_secret_is_created_once_and_the_first_wins(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    let first = key_secret(1, b"first");
    assert_eq!(workloads.create_secret(&first).await.unwrap(), first);
    assert_eq!(workloads.create_secret(&key_secret(1, b"second")).await.unwrap(), first);
    assert_eq!(workloads.secrets().await.unwrap(), [first]);
}

pub async fn a_secret_that_is_not_there_is_none(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    assert_eq!(workloads.read_secret(workloads.namespace(), "nobodys").await.unwrap(), None);
    assert_eq!(workloads.read_secret("no-such-namespace", "nobodys").await.unwrap(), None);
    let secret = key_secret(1, b"key");
    workloads.create_secret(&secret).await.unwrap();
    let found = workloads.read_secret(workloads.namespace(), &secret.name).await.unwrap();
    assert_eq!(found.map(|found| found.data), Some(secret.data));
}

fn certificate(namespace: &str, text: &str) -> TlsSecret {
    TlsSecret {
        namespace: namespace.to_owned(),
        name: "tls".to_owned(),
        certificate: text.to_owned(),
        key: SecretString::from(format!("key of {text}")),
    }
}

pub async fn a_tls_secret_is_made_once_and_renewed(workloads: &dyn Workloads, _wait: &Wait) {
    workloads.ensure_foundation(&foundation()).await.unwrap();
    let (first, second) =
        (certificate(workloads.namespace(), "first"), certificate(workloads.namespace(), "second"));
    assert_eq!(workloads.look_tls_secret(&first).await.unwrap(), Look::Absent);
    assert_eq!(workloads.ensure_tls_secret(&first).await.unwrap(), Outcome::Created);
    assert_eq!(workloads.look_tls_secret(&first).await.unwrap(), Look::Same);
    assert_eq!(workloads.ensure_tls_secret(&first).await.unwrap(), Outcome::Unchanged);
    assert!(matches!(workloads.look_tls_secret(&second).await.unwrap(), Look::Differs(_)));
    assert_eq!(workloads.ensure_tls_secret(&second).await.unwrap(), Outcome::Updated);
    let stored = workloads.read_secret(workloads.namespace(), "tls").await.unwrap().unwrap();
    let text = |key: &str| stored.data.get(key).and_then(SecretBytes::expose_text).map(str::to_owned);
    assert_eq!(text(TlsSecret::CERTIFICATE).as_deref(), Some("second"));
    assert_eq!(text(TlsSecret::KEY).as_deref(), Some("key of second"));
}

pub async fn a_namespace_beside_its_own_can_be_removed(workloads: &dyn Workloads, wait: &Wait) {
    let name = format!("{}-metrics", workloads.namespace());
    let wanted = Foundation { namespaces: vec![name.clone()], ..foundation() };
    workloads.ensure_foundation(&wanted).await.unwrap();
    workloads.ensure_tls_secret(&certificate(&name, "first")).await.unwrap();
    assert_eq!(workloads.remove_namespace(&name, wait).await.unwrap(), Outcome::Removed);
    assert_eq!(workloads.remove_namespace(&name, wait).await.unwrap(), Outcome::Absent);
    assert_eq!(workloads.read_secret(&name, "tls").await.unwrap(), None);
    assert_eq!(workloads.look_foundation(&foundation()).await.unwrap(), Look::Same);
}

pub async fn a_foundation_tells_where_the_record_is(workloads: &dyn Workloads, _wait: &Wait) {
    let in_place = |place: &str| Foundation { recorded_in: place.to_owned(), ..foundation() };
    let (first, second) = (in_place("gs://first"), in_place("gs://second"));
    workloads.ensure_foundation(&first).await.unwrap();
    assert_eq!(workloads.look_foundation(&first).await.unwrap(), Look::Same);
    assert!(matches!(workloads.look_foundation(&second).await.unwrap(), Look::Differs(_)));
    assert_eq!(workloads.ensure_foundation(&second).await.unwrap(), Outcome::Updated);
    assert_eq!(workloads.look_foundation(&second).await.unwrap(), Look::Same);
}

pub async fn a_foundation_that_shares_a_chart_is_made_once(workloads: &dyn Workloads, wait: &Wait) {
    let name = format!("{}-shared", workloads.namespace());
    let chart = SharedChart { name: "chaos-mesh".to_owned(), namespace: name.clone() };
    let sharing = Foundation { shared_charts: vec![chart], ..foundation() };
    workloads.ensure_foundation(&foundation()).await.unwrap();
    assert!(!workloads.look_foundation(&sharing).await.unwrap().is_same());
    workloads.ensure_foundation(&sharing).await.unwrap();
    assert_eq!(workloads.look_foundation(&sharing).await.unwrap(), Look::Same);
    assert_eq!(workloads.ensure_foundation(&sharing).await.unwrap(), Outcome::Unchanged);
    workloads.remove_namespace(&name, wait).await.unwrap();
    workloads.ensure_foundation(&foundation()).await.unwrap();
    assert_eq!(workloads.look_foundation(&foundation()).await.unwrap(), Look::Same);
}

pub async fn a_namespace_is_guarded_once(workloads: &dyn Workloads, _wait: &Wait) {
    let name = format!("{}-ws", workloads.namespace());
    let callers = Callers::Pods { namespace: "ingress".to_owned(), application: None };
    let admission = Admission { application: None, port: AdmittedPort::Number(9092), callers };
    let open = Foundation { namespaces: vec![name.clone()], ..foundation() };
    let wanted = Foundation { guarded: guarded(&name, vec![admission]), ..open.clone() };
    workloads.ensure_foundation(&open).await.unwrap();
    assert!(!workloads.look_foundation(&wanted).await.unwrap().is_same());
    workloads.ensure_foundation(&wanted).await.unwrap();
    assert_eq!(workloads.look_foundation(&wanted).await.unwrap(), Look::Same);
    assert_eq!(workloads.ensure_foundation(&wanted).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_workload_is_made_once(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    let wanted = [miner(1)];
    assert_eq!(workloads.look_workloads(&wanted).await.unwrap(), [Look::Absent]);
    assert_eq!(workloads.ensure_workload(&miner(1)).await.unwrap(), Outcome::Created);
    assert_eq!(workloads.look_workloads(&wanted).await.unwrap(), [Look::Same]);
    assert_eq!(workloads.ensure_workload(&miner(1)).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_workload_that_differs_is_changed(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    let old = miner(1);
    workloads.ensure_workload(&old).await.unwrap();
    let image = ImageReference::parse("spacemeshos/go-spacemesh:v1.7.7").unwrap();
    let mut other_file = old.clone();
    other_file.files.iter_mut().for_each(|file| file.content = "{\"a\":1}".to_owned());
    for wanted in [Workload { image, ..old.clone() }, other_file] {
        let looks = workloads.look_workloads(std::slice::from_ref(&wanted)).await.unwrap();
        assert!(matches!(looks.as_slice(), [Look::Differs(points)] if !points.is_empty()));
        assert_eq!(workloads.ensure_workload(&wanted).await.unwrap(), Outcome::Updated);
        assert_eq!(workloads.look_workloads(&[wanted]).await.unwrap(), [Look::Same]);
    }
}

pub async fn looks_are_answered_in_the_order_of_the_question(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    workloads.ensure_workload(&miner(2)).await.unwrap();
    let looks = workloads.look_workloads(&[miner(3), miner(2), miner(1)]).await.unwrap();
    assert_eq!(looks, [Look::Absent, Look::Same, Look::Absent]);
}

pub async fn an_applied_workload_becomes_ready_and_is_listed(workloads: &dyn Workloads, wait: &Wait) {
    ready(workloads, &[miner(1), miner(2)], wait).await;
    let mut listed = workloads.list().await.unwrap();
    listed.sort_by(|left, right| left.name.cmp(&right.name));
    let names: Vec<&str> = listed.iter().map(|workload| workload.name.as_str()).collect();
    assert_eq!(names, ["miner-1", "miner-2"]);
    let first = listed.first().unwrap();
    assert_eq!((first.part, first.ready, first.reason.as_str()), (miner(1).part, true, ""));
    assert_eq!(first.image, miner(1).image.to_string());
    assert_eq!(first.files.get("config.json").map(String::as_str), Some("{}"));
    assert!(first.worker.is_some());
    assert!(first.node_ports.get("grpcport").is_some_and(|port| *port >= 30_000));
}

pub async fn waiting_for_what_is_not_there_ends_with_an_error(workloads: &dyn Workloads, wait: &Wait) {
    founded(workloads).await;
    let brief = wait.within(super::MOMENT);
    let error = workloads.wait_ready(&["miner-9".to_owned()], &brief).await.unwrap_err();
    assert!(matches!(error.meaning(), Meaning::NotFound | Meaning::TimedOut), "{error}");
}

pub async fn a_workload_pinned_to_a_slot_runs_on_its_worker(workloads: &dyn Workloads, wait: &Wait) {
    let workers = workloads.workers().await.unwrap();
    let last = workers.last().expect("there are workers").name.clone();
    founded(workloads).await;
    workloads.assign_slot(&last, 1).await.unwrap();
    ready(workloads, &[Workload { slot: Some(1), ..miner(1) }], wait).await;
    let listed = workloads.list().await.unwrap();
    assert_eq!(listed.first().and_then(|workload| workload.worker.clone()), Some(last));
}

pub async fn a_slot_is_on_one_worker_only(workloads: &dyn Workloads, _wait: &Wait) {
    let workers = workloads.workers().await.unwrap();
    let [first, second, ..] = workers.as_slice() else { panic!("the suite needs two workers") };
    assert!(workers.is_sorted_by_key(|worker| worker.name.clone()));
    workloads.assign_slot(&first.name, 1).await.unwrap();
    assert_eq!(workloads.assign_slot(&first.name, 1).await.unwrap(), Outcome::Unchanged);
    workloads.assign_slot(&second.name, 1).await.unwrap();
    let workers = workloads.workers().await.unwrap();
    let carriers = workers.iter().filter(|worker| worker.slot == Some(1));
    assert_eq!(carriers.map(|worker| &worker.name).collect::<Vec<_>>(), [&second.name]);
}

pub async fn a_worker_that_is_not_there_gets_no_slot(workloads: &dyn Workloads, _wait: &Wait) {
    let error = workloads.assign_slot("no-such-worker", 1).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
}

pub async fn a_stopped_workload_keeps_all_but_its_pod_and_runs_again(workloads: &dyn Workloads, wait: &Wait) {
    ready(workloads, &[miner(1), miner(2)], wait).await;
    let stopped = Workload { stopped: true, ..miner(1) };
    let names = ["miner-1".to_owned(), "miner-2".to_owned()];
    assert!(matches!(
        workloads.look_workloads(std::slice::from_ref(&stopped)).await.unwrap()[..],
        [Look::Differs(_)]
    ));
    assert_eq!(workloads.ensure_workload(&stopped).await.unwrap(), Outcome::Updated);
    workloads.wait_ready(&names, wait).await.unwrap();
    assert_eq!(workloads.look_workloads(std::slice::from_ref(&stopped)).await.unwrap(), [Look::Same]);
    let listed = workloads.list().await.unwrap();
    let first = listed.iter().find(|workload| workload.name == "miner-1").unwrap();
    assert_eq!((first.stopped, first.reason.as_str(), first.worker.as_ref()), (true, "it is stopped", None));
    assert!(!first.ready);
    assert!(first.node_ports.contains_key("grpcport"), "its Service is gone");
    assert_eq!(workloads.ensure_workload(&miner(1)).await.unwrap(), Outcome::Updated);
    workloads.wait_ready(&names, wait).await.unwrap();
    assert!(workloads.list().await.unwrap().iter().all(|workload| workload.ready));
}

pub async fn its_own_host_ports_are_not_taken(workloads: &dyn Workloads, wait: &Wait) {
    founded(workloads).await;
    ready(workloads, &[miner(1)], wait).await;
    let taken = workloads.taken_host_ports().await.unwrap();
    let own = miner(1).ports.into_iter().filter_map(|port| port.host_port);
    assert!(own.into_iter().all(|port| taken.values().all(|ports| !ports.contains(&port))), "{taken:?}");
}

pub async fn a_removed_workload_leaves_nothing(workloads: &dyn Workloads, wait: &Wait) {
    founded(workloads).await;
    workloads.create_secret(&key_secret(2, b"key")).await.unwrap();
    ready(workloads, &[miner(1), miner(2)], wait).await;
    assert_eq!(workloads.remove_workload("miner-2", wait).await.unwrap(), Outcome::Removed);
    let looks = workloads.look_workloads(&[miner(1), miner(2)]).await.unwrap();
    assert_eq!(looks, [Look::Same, Look::Absent]);
    assert_eq!(workloads.secrets().await.unwrap(), [], "its keys are gone too");
    assert_eq!(workloads.remove_workload("miner-2", wait).await.unwrap(), Outcome::Absent);
}

pub async fn a_removed_workload_is_found_by_its_whole_name(workloads: &dyn Workloads, wait: &Wait) {
    founded(workloads).await;
    workloads.create_secret(&key_secret(10, b"key")).await.unwrap();
    ready(workloads, &[miner(1), miner(10)], wait).await;
    assert_eq!(workloads.remove_workload("miner-1", wait).await.unwrap(), Outcome::Removed);
    assert_eq!(workloads.look_workloads(&[miner(1), miner(10)]).await.unwrap(), [Look::Absent, Look::Same]);
    assert_eq!(workloads.secrets().await.unwrap().len(), 1, "the keys of miner-10 are gone");
    ready(workloads, &[miner(1)], wait).await;
}

pub async fn keys_whose_workload_never_came_are_removed_too(workloads: &dyn Workloads, wait: &Wait) {
    founded(workloads).await;
    workloads.create_secret(&key_secret(2, b"key")).await.unwrap();
    assert_eq!(workloads.remove_workload("miner-2", wait).await.unwrap(), Outcome::Removed);
    assert_eq!(workloads.secrets().await.unwrap(), []);
}

pub async fn removing_what_is_not_there_is_absent(workloads: &dyn Workloads, wait: &Wait) {
    assert_eq!(workloads.remove_workload("miner-1", wait).await.unwrap(), Outcome::Absent);
    assert_eq!(workloads.release_infrastructure(wait).await.unwrap(), Outcome::Absent);
}

pub async fn released_infrastructure_is_gone(workloads: &dyn Workloads, wait: &Wait) {
    ready(workloads, &[miner(1)], wait).await;
    assert_eq!(workloads.release_infrastructure(wait).await.unwrap(), Outcome::Removed);
    assert_eq!(workloads.release_infrastructure(wait).await.unwrap(), Outcome::Absent);
}

pub async fn everything_can_be_removed(workloads: &dyn Workloads, wait: &Wait) {
    founded(workloads).await;
    workloads.create_secret(&key_secret(1, b"key")).await.unwrap();
    ready(workloads, &[miner(1)], wait).await;
    assert_eq!(workloads.remove_all(wait).await.unwrap(), Outcome::Removed);
    assert_eq!(workloads.secrets().await.unwrap(), []);
    assert_eq!(workloads.list().await.unwrap(), []);
    assert_eq!(workloads.look_foundation(&foundation()).await.unwrap(), Look::Absent);
    assert_eq!(workloads.remove_all(wait).await.unwrap(), Outcome::Absent);
}

pub async fn a_service_without_load_balancer_has_no_address(workloads: &dyn Workloads, wait: &Wait) {
    ready(workloads, &[miner(1)], wait).await;
    let own = ServiceName::new(workloads.namespace(), "miner-1");
    let nobodys = ServiceName::new(workloads.namespace(), "nobodys");
    assert_eq!(workloads.service_address(&own).await.unwrap(), None);
    assert_eq!(workloads.service_address(&nobodys).await.unwrap(), None);
}

pub async fn logs_of_what_is_not_there_are_not_found(workloads: &dyn Workloads, _wait: &Wait) {
    founded(workloads).await;
    let query = LogQuery { workload: "miner-1".to_owned(), tail: 10, since: None, previous: false };
    assert_eq!(workloads.logs(&query).await.unwrap_err().meaning(), Meaning::NotFound);
    assert_eq!(
        workloads.follow_logs(&query).await.err().map(|error| error.meaning()),
        Some(Meaning::NotFound)
    );
}

pub async fn followed_logs_begin_with_what_was_written(workloads: &dyn Workloads, wait: &Wait) {
    ready(workloads, &[miner(1)], wait).await;
    let query = LogQuery { workload: "miner-1".to_owned(), tail: 10, since: None, previous: false };
    // A cluster whose workers run no containers has no logs either way.
    let Ok(written) = workloads.logs(&query).await else { return };
    let followed = workloads.follow_logs(&query).await.unwrap();
    let begun: Vec<String> = followed.take(written.len()).map(Result::unwrap).collect().await;
    assert_eq!(begun, written);
}

pub async fn nothing_to_tell_when_all_is_ready(workloads: &dyn Workloads, wait: &Wait) {
    ready(workloads, &[miner(1)], wait).await;
    assert_eq!(workloads.evidence().await.unwrap().pods, []);
}
