//! Miners that join and nodes that leave.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use spacecraft_core::Meaning;
use spacecraft_core::image::ImageReference;
use spacecraft_core::inspection::{NodeCount, find_networks};
use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::{NewMiners, OperationFailure, Services, add_miners, remove_miners};
use spacecraft_core::quantity::{Bytes, MilliCpu, Resources};
use spacecraft_core::report::MinersReport;
use spacecraft_core::spec::{
    AlertsSpec, Generation, MetricsSpec, NetworkSpec, NodeOverride, ProfilingSpec, ProviderKind,
};
use spacecraft_core::state::Holder;
use spacecraft_core::traits::ClusterProvider;
use spacecraft_core::traits::Workloads as _;
use spacecraft_core::workload::{Role, Workload};
use spacecraft_testkit::Fault;

use crate::world::{World, add_request, network, remove_request, small_pod, spec};

pub(crate) fn miners(count: u32) -> NewMiners {
    NewMiners { count, first: None, differences: NodeOverride::default(), profiled: None }
}

fn numbered(first: u32, count: u32) -> NewMiners {
    NewMiners { first: Some(first), ..miners(count) }
}

impl World {
    pub(crate) async fn add(
        &self,
        generation: Generation,
        miners: NewMiners,
        process: u32,
    ) -> Result<MinersReport, OperationFailure> {
        add_miners(&self.services(process), add_request(generation, miners)).await
    }

    pub(crate) async fn remove(
        &self,
        generation: Generation,
        numbers: &[u32],
        process: u32,
    ) -> Result<MinersReport, OperationFailure> {
        remove_miners(&self.services(process), remove_request(generation, numbers, false)).await
    }

    async fn remove_by_force(&self, generation: Generation, numbers: &[u32]) -> MinersReport {
        remove_miners(&self.services(7), remove_request(generation, numbers, true)).await.unwrap()
    }

    fn published(&self) -> String {
        self.config.contents()["net1-archive/config.json"].clone()
    }

    /// The same `create-network` again finds that nothing is to be done.
    async fn is_settled(&self, spec: &NetworkSpec) {
        let writes = self.ledger.write_count();
        let again = self.create(spec, 9).await.unwrap();
        let changed: Vec<_> = again.steps.iter().filter(|step| step.outcome != Outcome::Unchanged).collect();
        assert!(changed.is_empty(), "{changed:?}");
        let wrote: Vec<_> = self.ledger.calls().into_iter().filter(|call| call.write).skip(writes).collect();
        assert!(wrote.is_empty(), "{wrote:?}");
    }
}

fn with_alerts(generation: Generation) -> NetworkSpec {
    let alerts = AlertsSpec {
        image: ImageReference::parse("spacemeshos/spacemesh-watch:v1").unwrap(),
        channel: "C1".to_owned(),
    };
    NetworkSpec { alerts: Some(alerts), ..spec(generation) }
}

/// What the workloads of `before` that are still there became other than they were.
fn touched(before: &BTreeMap<String, Workload>, after: &BTreeMap<String, Workload>) -> Vec<String> {
    let changed = |(name, workload): (&String, &Workload)| {
        after.get(name).is_some_and(|now| now != workload).then(|| name.clone())
    };
    before.iter().filter_map(changed).collect()
}

#[tokio::test]
async fn a_miner_leaves_without_new_addresses_for_others_while_a_worker_is_cordoned() {
    for generation in [Generation::V1, Generation::V0] {
        let (world, spec) = (World::new(), spec(generation));
        world.create(&spec, 1).await.unwrap();
        let (before, published) = (world.workloads.workloads(), world.published());
        let mut workers = world.workloads.workers().await.unwrap();
        let cordoned = workers.iter_mut().find(|worker| worker.slot == Some(3)).unwrap();
        cordoned.schedulable = false;
        world.workloads.set_workers(workers);
        world.remove(generation, &[9], 2).await.unwrap();
        assert_eq!(world.published(), published, "what others join with changed");
        assert!(touched(&before, &world.workloads.workloads()).is_empty());
    }
}

#[tokio::test]
async fn a_miner_joins_with_the_next_number_and_no_other_node_is_touched() {
    for generation in [Generation::V1, Generation::V0] {
        let (world, spec) = (World::new(), with_alerts(generation));
        world.create(&spec, 1).await.unwrap();
        let (before, published) = (world.workloads.workloads(), world.published());

        let report = world.add(generation, miners(1), 2).await.unwrap();
        let [added] = report.added.as_slice() else { panic!("{:?}", report.added) };
        assert_eq!(
            (added.name.as_str(), added.role, added.poet.as_str()),
            ("miner-11", Role::Miner, "poet-2")
        );
        assert!(
            added.grpc.is_some() && added.json.is_some() && added.p2p.is_some() && !added.peer_id.is_empty()
        );
        assert_eq!(report.nodes, 11);

        let after = world.workloads.workloads();
        assert_eq!(touched(&before, &after), ["spacemesh-watch"], "{generation}");
        assert!(after["spacemesh-watch"].arguments[0].contains("miner-11.default.svc:6000/miner-11"));
        assert_eq!(world.published(), published, "what others join with changed");
        let config = &after["miner-11"].files[0].content;
        let config: Value = serde_json::from_str(config).unwrap();
        let bootnodes = config["p2p"]["bootnodes"].as_array().unwrap();
        assert_eq!(bootnodes.len(), 6);
        assert_eq!(Some(bootnodes[0].as_str().unwrap()), world.record().unwrap().nodes[1].p2p.as_deref());
        let firewall = world.cluster.firewall_rules(Some(&network())).await.unwrap();
        assert!(firewall[0].ports.iter().any(|port| port.contains("5001-5011")), "{firewall:?}");
        assert_eq!(world.record().unwrap().nodes.len(), 11);
        assert!(world.record().unwrap().joining.is_empty());
        world.is_settled(&spec).await;
    }
}

#[tokio::test]
async fn several_join_in_a_row_and_the_same_command_again_adds_the_next_ones() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let names = |report: MinersReport| report.added.into_iter().map(|node| node.name).collect::<Vec<_>>();
    assert_eq!(names(world.add(Generation::V1, miners(2), 2).await.unwrap()), ["miner-11", "miner-12"]);
    assert_eq!(names(world.add(Generation::V1, miners(2), 3).await.unwrap()), ["miner-13", "miner-14"]);
    assert_eq!(names(world.add(Generation::V1, numbered(40, 1), 4).await.unwrap()), ["miner-40"]);
    world.is_settled(&spec(Generation::V1)).await;
    let poets: BTreeSet<String> = world.record().unwrap().nodes.into_iter().map(|node| node.poet).collect();
    assert_eq!(poets.len(), 3);
    let listed = find_networks(&world.services(5), false).await.unwrap();
    assert_eq!(listed.networks[0].nodes, Some(NodeCount { ready: Some(15), planned: 15 }));
}

#[tokio::test]
async fn a_number_that_is_taken_is_refused_before_anything_is_written() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let writes = world.ledger.write_count();
    let failure = world.add(Generation::V1, numbered(10, 2), 2).await.unwrap_err();
    assert!(failure.is_usage(), "{failure:?}");
    assert!(failure.error.reason().contains("miner-10 already"), "{:?}", failure.error);
    let mut elsewhere = add_request(Generation::V1, miners(1));
    elsewhere.network = spacecraft_core::names::NetworkName::new("net2").unwrap();
    let failure = add_miners(&world.services(3), elsewhere).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::NotFound);
    assert!(failure.error.hint().unwrap().contains("net1"));
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn a_network_that_is_not_up_takes_no_miners() {
    let world = World::new();
    world.workloads.break_down("miner-9", "image cannot be pulled");
    world.create(&spec(Generation::V1), 1).await.unwrap_err();
    let failure = world.add(Generation::V1, miners(1), 2).await.unwrap_err();
    assert!(failure.is_usage() && failure.error.hint().unwrap().contains("create-network"), "{failure:?}");
}

#[tokio::test]
async fn a_new_miner_may_differ_and_the_others_stay_as_they_are() {
    let world = World::new();
    let image = ImageReference::parse("spacemeshos/profiler:1").unwrap();
    let spec = NetworkSpec {
        metrics: Some(MetricsSpec { push_gateway_url: None }),
        profiling: Some(ProfilingSpec { image, resources: small_pod(), nodes: vec![10] }),
        ..spec(Generation::V1)
    };
    world.create(&spec, 1).await.unwrap();
    let before = world.workloads.workloads();
    let mut config = spec.node.base_config.clone();
    config["logging"]["hare"] = "debug".into();
    let differences = NodeOverride {
        image: Some(ImageReference::parse("spacemeshos/go-spacemesh:v1.9.0").unwrap()),
        config: Some(config),
        resources: Some(Resources { cpu: MilliCpu::cores(4), memory: Bytes::gibi(8) }),
        disk: Some(Bytes::gibi(30)),
        coinbase: None,
        metrics: Some(false),
        profiling: None,
    };
    let wanted = NewMiners { differences, profiled: Some(BTreeSet::from([12])), ..miners(2) };
    world.add(Generation::V1, wanted, 2).await.unwrap();
    let after = world.workloads.workloads();
    assert!(touched(&before, &after).is_empty());
    let new = &after["miner-11"];
    assert_eq!(new.image.tag(), Some("v1.9.0"));
    assert_eq!(new.resources.cpu, MilliCpu::cores(4));
    assert_eq!(new.data.as_ref().unwrap().size, Bytes::gibi(30));
    assert!(!new.monitored && new.files[0].content.contains("\"hare\": \"debug\""));
    let profiles = |name: &str| format!("{:?}", after[name].arguments).contains("pyroscope");
    assert_eq!((profiles("miner-11"), profiles("miner-12"), profiles("miner-10")), (false, true, true));
    world.is_settled(&spec).await;

    let wrong = NewMiners { profiled: Some(BTreeSet::from([3])), ..miners(1) };
    let failure = world.add(Generation::V1, wrong, 3).await.unwrap_err();
    assert!(failure.is_usage() && failure.error.reason().contains("miner-3"), "{failure:?}");
}

#[tokio::test]
async fn a_coinbase_of_their_own_leaves_new_miners_without_a_wallet_key() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let coinbase = world.record().unwrap().nodes[0].coinbase.clone();
    let differences = NodeOverride { coinbase: Some(coinbase.clone()), ..NodeOverride::default() };
    let report = world.add(Generation::V1, NewMiners { differences, ..miners(1) }, 2).await.unwrap();
    assert_eq!(report.added[0].coinbase, coinbase);
    world.is_settled(&spec(Generation::V1)).await;
}

#[tokio::test]
async fn the_pool_grows_when_new_miners_do_not_fit() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let before = world.cluster.get(&network()).await.unwrap().unwrap().workers;
    let large = Resources { cpu: MilliCpu::cores(14), memory: Bytes::gibi(40) };
    let differences = NodeOverride { resources: Some(large), ..NodeOverride::default() };
    let report = world.add(Generation::V1, NewMiners { differences, ..miners(10) }, 2).await.unwrap();
    let after = world.cluster.get(&network()).await.unwrap().unwrap().workers;
    assert!(after > before, "{before} workers, then {after}");
    assert!(report.steps.iter().any(|step| step.name == "cluster" && step.outcome == Outcome::Updated));
    world.is_settled(&spec(Generation::V1)).await;
}

#[tokio::test]
async fn more_workers_than_allowed_are_refused_and_may_be_allowed() {
    let world = World::new();
    let mut tight = spec(Generation::V1);
    tight.cluster.most_workers = Some(7);
    world.create(&tight, 1).await.unwrap();
    let writes = world.ledger.write_count();
    let large = Resources { cpu: MilliCpu::cores(14), memory: Bytes::gibi(40) };
    let differences = NodeOverride { resources: Some(large), ..NodeOverride::default() };
    let wanted = || NewMiners { differences: differences.clone(), ..miners(8) };
    let failure = world.add(Generation::V1, wanted(), 2).await.unwrap_err();
    assert!(failure.is_usage() && failure.error.reason().contains("max-nodes"), "{failure:?}");
    assert_eq!(world.ledger.write_count(), writes);
    let mut request = add_request(Generation::V1, wanted());
    request.most_workers = Some(20);
    add_miners(&world.services(3), request).await.unwrap();
    assert_eq!(world.record().unwrap().spec.cluster.most_workers, Some(20));
    assert_eq!(world.record().unwrap().settings["max-nodes"], 20);
}

#[tokio::test]
async fn a_miner_that_fits_no_worker_of_somebody_elses_cluster_is_refused_with_why() {
    let world = World::shared();
    let spec = NetworkSpec { provider: ProviderKind::Kubernetes, logs: None, ..spec(Generation::V1) };
    world.create(&spec, 1).await.unwrap();
    let writes = world.ledger.write_count();
    let large = Resources { cpu: MilliCpu::cores(64), memory: Bytes::gibi(8) };
    let differences = NodeOverride { resources: Some(large), ..NodeOverride::default() };
    let failure = world.add(Generation::V1, NewMiners { differences, ..miners(1) }, 2).await.unwrap_err();
    assert!(failure.is_usage() && failure.error.reason().contains("64"), "{failure:?}");
    assert_eq!(world.ledger.write_count(), writes);
    world.add(Generation::V1, numbered(5000, 1), 3).await.unwrap();
    world.is_settled(&spec).await;
    world.remove(Generation::V1, &[5000], 4).await.unwrap();
    world.is_settled(&spec).await;
}

#[tokio::test]
async fn a_bootnode_leaves_with_all_it_owns_and_nobody_restarts_for_it() {
    for generation in [Generation::V1, Generation::V0] {
        let (world, spec) = (World::new(), with_alerts(generation));
        world.create(&spec, 1).await.unwrap();
        let before = world.workloads.workloads();
        let peer = world.record().unwrap().nodes[2].peer_id.clone();
        let disks = world.cluster.disks(Some(&network())).await.unwrap().len();

        let report = world.remove(generation, &[3], 2).await.unwrap();
        assert_eq!((report.removed[0].name.as_str(), report.removed[0].role), ("miner-3", Role::Bootnode));
        assert_eq!((report.removed[0].peer_id.as_ref(), report.nodes), (Some(&peer), 9));

        let after = world.workloads.workloads();
        assert!(!after.contains_key("miner-3"));
        assert_eq!(touched(&before, &after), ["spacemesh-watch"], "{generation}");
        assert!(!after["spacemesh-watch"].arguments[0].contains("miner-3"));
        assert!(!world.published().contains(&peer), "the published config names a bootnode that is gone");
        assert_eq!(world.cluster.disks(Some(&network())).await.unwrap().len(), disks - 1);
        assert!(world.secret_names().await.iter().all(|name| !name.starts_with("miner-3-")));
        let record = world.record().unwrap();
        assert!(record.nodes.iter().all(|node| node.number != 3) && record.leaving.is_empty());
        world.is_settled(&spec).await;

        let added = world.add(generation, numbered(3, 1), 4).await.unwrap();
        assert_eq!((added.added[0].role, added.added[0].peer_id == peer), (Role::Miner, false));
        let config: Value =
            serde_json::from_str(&world.workloads.workloads()["miner-3"].files[0].content).unwrap();
        assert_eq!(config["p2p"]["bootnodes"].as_array().unwrap().len(), 5);
        assert!(
            !world.published().contains(&added.added[0].peer_id),
            "a plain miner is published as bootnode"
        );
        world.is_settled(&spec).await;
    }
}

#[tokio::test]
async fn miner_1_is_never_confused_with_miner_10() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let before = world.workloads.workloads();
    world.remove(Generation::V1, &[10], 2).await.unwrap();
    let after = world.workloads.workloads();
    assert_eq!(after["miner-1"], before["miner-1"]);
    assert!(!after.contains_key("miner-10"));
    let secrets = world.secret_names().await;
    assert!(secrets.iter().any(|name| name.starts_with("miner-1-")));
    world.add(Generation::V1, miners(1), 3).await.unwrap();
    world.remove_by_force(Generation::V1, &[1]).await;
    let after = world.workloads.workloads();
    assert!(after.contains_key("miner-10") && !after.contains_key("miner-1"));
    assert!(world.secret_names().await.iter().any(|name| name.starts_with("miner-10-")));
}

#[tokio::test]
async fn what_must_not_go_and_what_is_not_there_is_refused_before_anything_is_written() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let writes = world.ledger.write_count();
    for (numbers, reason) in [
        (vec![1], "bootstrap node"),
        (vec![2, 3, 4, 5, 6, 7], "no bootnode would be left"),
        (vec![9, 11], "there is no miner-11"),
        ((1..=10).collect(), "no node would be left"),
    ] {
        let failure = world.remove(Generation::V1, &numbers, 2).await.unwrap_err();
        assert!(failure.is_usage(), "{failure:?}");
        assert!(failure.error.reason().contains(reason), "{:?}", failure.error);
    }
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn when_the_last_bootnodes_are_forced_out_the_others_are_told_of_the_bootstrap_node() {
    for generation in [Generation::V1, Generation::V0] {
        let world = World::new();
        world.create(&spec(generation), 1).await.unwrap();
        world.remove_by_force(generation, &[2, 3, 4, 5, 6, 7]).await;
        let bootstrap = world.record().unwrap().nodes[0].p2p.clone().unwrap();
        let workloads = world.workloads.workloads();
        for name in ["miner-8", "miner-9", "miner-10"] {
            let config: Value = serde_json::from_str(&workloads[name].files[0].content).unwrap();
            assert_eq!(config["p2p"]["bootnodes"], serde_json::json!([bootstrap]), "{generation}: {name}");
        }
        let published: Value = serde_json::from_str(&world.published()).unwrap();
        assert_eq!(published["p2p"]["bootnodes"], serde_json::json!([bootstrap]));
        world.is_settled(&spec(generation)).await;
    }
}

#[tokio::test]
async fn when_the_bootstrap_node_is_forced_out_bootnodes_know_each_other() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let before = world.workloads.workloads();
    world.remove_by_force(Generation::V1, &[1]).await;
    let after = world.workloads.workloads();
    assert_eq!(touched(&before, &after), ["miner-2", "miner-3", "miner-4", "miner-5", "miner-6", "miner-7"]);
    let config: Value = serde_json::from_str(&after["miner-2"].files[0].content).unwrap();
    assert_eq!(config["p2p"]["bootnodes"].as_array().unwrap().len(), 5, "a bootnode was told of itself");
    world.is_settled(&spec(Generation::V1)).await;
}

#[tokio::test]
async fn a_node_that_changes_anyway_forgets_bootnodes_that_are_gone() {
    let world = World::new();
    let spec = spec(Generation::V1);
    world.create(&spec, 1).await.unwrap();
    let gone = world.record().unwrap().nodes[2].peer_id.clone();
    world.remove(Generation::V1, &[3], 2).await.unwrap();
    assert!(world.workloads.workloads()["miner-9"].files[0].content.contains(&gone));
    world.workloads.forget("miner-9");
    world.create(&spec, 3).await.unwrap();
    let workloads = world.workloads.workloads();
    assert!(!workloads["miner-9"].files[0].content.contains(&gone));
    assert!(workloads["miner-8"].files[0].content.contains(&gone), "a node was restarted without need");
}

#[tokio::test]
async fn an_addition_that_is_not_finished_is_gone_on_with_or_taken_back_and_no_other_begins() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.workloads.break_down("miner-12", "image cannot be pulled");
    let failure = world.add(Generation::V1, miners(2), 2).await.unwrap_err();
    assert!(failure.is_resumable() && failure.evidence.is_some());
    assert_eq!(world.record().unwrap().joining, BTreeSet::from([11, 12]));

    let other = world.add(Generation::V1, miners(1), 3).await.unwrap_err();
    assert!(other.is_usage(), "{other:?}");
    assert!(other.error.hint().unwrap().contains("--count 2"), "{:?}", other.error);

    world.workloads.let_go("miner-12");
    let report = world.add(Generation::V1, miners(2), 4).await.unwrap();
    assert_eq!(report.nodes, 12);
    world.is_settled(&spec(Generation::V1)).await;

    world.workloads.break_down("miner-13", "image cannot be pulled");
    world.add(Generation::V1, miners(1), 5).await.unwrap_err();
    world.remove(Generation::V1, &[13], 6).await.unwrap();
    assert!(world.record().unwrap().joining.is_empty());
    world.is_settled(&spec(Generation::V1)).await;
}

#[tokio::test]
async fn create_network_brings_up_what_an_addition_left_and_waits_for_a_removal_to_be_finished() {
    let world = World::new();
    let spec = spec(Generation::V1);
    world.create(&spec, 1).await.unwrap();
    world.workloads.break_down("miner-11", "image cannot be pulled");
    world.add(Generation::V1, miners(1), 2).await.unwrap_err();
    world.workloads.let_go("miner-11");
    world.create(&spec, 3).await.unwrap();
    assert!(world.record().unwrap().joining.is_empty());

    world.ledger.fail_next("workloads.remove_workload", spacecraft_testkit::Fault::refused(Meaning::Denied));
    world.remove(Generation::V1, &[11], 4).await.unwrap_err();
    let refused = world.create(&spec, 5).await.unwrap_err();
    assert!(refused.error.hint().unwrap().contains("delete-miner"), "{:?}", refused.error);
    let report = world.remove(Generation::V1, &[9], 6).await.unwrap();
    let names: Vec<&str> = report.removed.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["miner-9", "miner-11"], "what was left of the earlier removal is finished too");
    world.is_settled(&spec).await;
}

/// The services of a process of this command.
fn services_of(world: &World, command: &str, process: u32) -> Services {
    let services = world.services(process);
    let holder = Holder { operation: command.to_owned(), ..services.holder.clone() };
    Services { holder, ..services }
}

#[tokio::test]
async fn a_run_that_died_before_it_gave_its_lock_back_is_ended_by_the_same_command() {
    let generation = Generation::V1;
    let world = World::new();
    world.create(&spec(generation), 1).await.unwrap();
    let lock = format!("{}/lock.json", network());
    let locked = || world.state.contents().contains_key(&lock);

    for (process, dies) in [(2, true), (3, false)] {
        if dies {
            world.ledger.fail_next("objects.delete", Fault::refused(Meaning::Interrupted));
        }
        let services = services_of(&world, "add-miner", process);
        let report = add_miners(&services, add_request(generation, miners(1))).await.unwrap();
        assert_eq!((report.added[0].name.as_str(), locked()), ("miner-11", dies));
    }
    for (process, dies) in [(4, true), (5, false)] {
        if dies {
            world.ledger.fail_next("objects.delete", Fault::refused(Meaning::Interrupted));
        }
        let services = services_of(&world, "delete-miner", process);
        let report = remove_miners(&services, remove_request(generation, &[11], false)).await.unwrap();
        assert_eq!((report.removed[0].name.as_str(), locked()), ("miner-11", dies));
    }
    world.is_settled(&spec(generation)).await;
}
