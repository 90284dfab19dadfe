//! Releases and configs of a network that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::image::ImageReference;
use spacecraft_core::node_config::KeyCatalogue;
use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::{CreateOptions, create_network};
use spacecraft_core::spec::{Generation, NetworkSpec, UpgradeSpec, UpgradeSwitches, WaitFor};
use spacecraft_core::upgrade::{ConfigChange, HoldAt};
use spacecraft_testkit::Fault;

use crate::world::{World, request, spec};

pub(crate) const BOTH: [Generation; 2] = [Generation::V0, Generation::V1];

fn image(text: &str) -> ImageReference {
    ImageReference::parse(text).unwrap()
}

/// A release newer than the one that networks are made with.
pub(crate) fn newer(generation: Generation) -> ImageReference {
    image(match generation {
        Generation::V0 => "spacemeshos/go-spacemesh-dev:45e3b7f",
        Generation::V1 => "spacemeshos/go-spacemesh:v1.7.7",
    })
}

/// Nothing new, waves of two without a pause.
fn nothing(generation: Generation) -> UpgradeSpec {
    UpgradeSpec {
        image: None,
        config: None,
        poet_image: None,
        keys: KeyCatalogue::of(generation),
        only: None,
        wave_size: Some(2),
        hold_at: None,
        between_waves: Duration::ZERO,
        wait: WaitFor::Healthy,
        switches: UpgradeSwitches::default(),
        timeout: Duration::from_secs(3600),
        step_timeout: Duration::from_secs(600),
    }
}

pub(crate) fn to_newer(generation: Generation) -> UpgradeSpec {
    UpgradeSpec { image: Some(newer(generation)), ..nothing(generation) }
}

fn merging(generation: Generation, change: Value) -> UpgradeSpec {
    UpgradeSpec { config: Some(ConfigChange::Merge(change)), ..nothing(generation) }
}

fn with_rollback(asked: UpgradeSpec) -> UpgradeSpec {
    UpgradeSpec { switches: UpgradeSwitches { rollback: true, ..asked.switches }, ..asked }
}

fn restarting_all(asked: UpgradeSpec) -> UpgradeSpec {
    UpgradeSpec { switches: UpgradeSwitches { restart_all: true, ..asked.switches }, ..asked }
}

pub(crate) async fn created(spec: &NetworkSpec) -> World {
    let world = World::new();
    world.create(spec, 1).await.unwrap();
    world
}

/// The images of workloads, by name.
fn images(world: &World) -> BTreeMap<String, String> {
    let workloads = world.workloads.workloads();
    workloads.into_values().map(|workload| (workload.name, workload.image.to_string())).collect()
}

pub(crate) fn running(world: &World, wanted: &ImageReference) -> BTreeSet<String> {
    let images = images(world).into_iter();
    images.filter(|(_, image)| *image == wanted.to_string()).map(|(name, _)| name).collect()
}

pub(crate) fn names(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| format!("miner-{number}")).collect()
}

/// The names that workloads were applied under, in order.
fn applied(world: &World) -> Vec<String> {
    let calls = world.ledger.calls();
    let applied = calls.into_iter().filter(|call| call.operation == "workloads.ensure_workload");
    applied.map(|call| call.resource).collect()
}

fn config_of(world: &World, name: &str) -> Value {
    let workload = world.workloads.workloads().remove(name).unwrap();
    serde_json::from_str(&workload.files.first().unwrap().content).unwrap()
}

fn published(world: &World) -> Value {
    serde_json::from_str(&world.config.contents()["net1-archive/config.json"]).unwrap()
}

#[tokio::test]
async fn a_release_goes_out_wave_by_wave_the_canary_first_and_the_bootstrap_node_last() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        world.ledger.forget_calls();
        let report = world.upgrade(to_newer(generation), 2).await.unwrap();
        assert_eq!(report.status, "upgraded");
        let order: Vec<String> = applied(&world);
        let expected = [
            "miner-8", "miner-9", "miner-10", "miner-2", "miner-3", "miner-4", "miner-5", "miner-6",
            "miner-7", "miner-1",
        ];
        assert_eq!(order, expected, "{generation}");
        assert_eq!(running(&world, &newer(generation)), names(1..=10));
        let record = world.record().unwrap();
        assert_eq!((record.spec.node.image, record.upgrade), (newer(generation), None));
        assert!(record.spec.node_overrides.is_empty(), "nodes that are like all others still differ");
        assert!(report.nodes.iter().all(|node| node.upgraded && node.wave.is_some()));
        let waves = report.steps.iter().filter(|step| step.name.starts_with("wave "));
        assert!(waves.clone().count() == 6 && waves.clone().all(|step| step.outcome == Outcome::Updated));
    }
}

#[tokio::test]
async fn the_same_upgrade_again_writes_nothing() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        let asked = UpgradeSpec { poet_image: Some(image("spacemeshos/poet:new")), ..to_newer(generation) };
        world.upgrade(asked.clone(), 2).await.unwrap();
        let writes = world.ledger.write_count();
        let again = world.upgrade(asked, 3).await.unwrap();
        let written: Vec<_> =
            world.ledger.calls().into_iter().filter(|call| call.write).skip(writes).collect();
        assert!(written.is_empty(), "{generation} wrote again: {written:?}");
        assert!(again.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", again.steps);
    }
}

#[tokio::test]
async fn a_network_that_was_upgraded_is_created_again_without_a_change() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        let asked = UpgradeSpec { only: Some(BTreeSet::from([3])), ..to_newer(generation) };
        world.upgrade(asked, 2).await.unwrap();
        let writes = world.ledger.write_count();
        world.create(&spec(generation), 3).await.unwrap();
        assert_eq!(world.ledger.write_count(), writes, "{generation}, one node upgraded");
        world.upgrade(to_newer(generation), 4).await.unwrap();
        let writes = world.ledger.write_count();
        let mut now = spec(generation);
        now.node.image = newer(generation);
        create_network(&world.services(5), request(&now, CreateOptions::default())).await.unwrap();
        assert_eq!(world.ledger.write_count(), writes, "{generation}, all nodes upgraded");
    }
}

#[tokio::test]
async fn poets_are_upgraded_before_nodes_and_in_v0_activated_anew() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        world.ledger.forget_calls();
        let poet = image("spacemeshos/poet:new");
        let asked = UpgradeSpec { poet_image: Some(poet.clone()), ..to_newer(generation) };
        world.upgrade(asked, 2).await.unwrap();
        let order = applied(&world);
        assert_eq!(&order[..3], ["poet-1", "poet-2", "poet-3"], "{generation}: {order:?}");
        assert_eq!(running(&world, &poet).len(), 3);
        let starts = world.ledger.count("spacemesh.start_poet");
        assert_eq!(starts, if generation == Generation::V0 { 3 } else { 0 });
        assert!(world.record().unwrap().genesis.unwrap().poets_activated);
    }
}

#[tokio::test]
async fn a_config_is_merged_into_the_running_one_and_published() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        let before = config_of(&world, "miner-9");
        let report =
            world.upgrade(merging(generation, json!({"logging": {"hare": "debug"}})), 2).await.unwrap();
        let mut expected = before;
        expected["logging"] = json!({"hare": "debug"});
        assert_eq!(config_of(&world, "miner-9"), expected);
        assert_eq!(published(&world)["logging"], json!({"hare": "debug"}));
        let changes: Vec<&str> = report.config_changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(changes, ["logging.hare"]);
        assert_eq!(images(&world), images(&created(&spec(generation)).await), "an image changed");
    }
}

#[tokio::test]
async fn what_cannot_change_is_refused_before_anything_is_written() {
    let cases = [
        (Generation::V0, json!({"p2p": {"network-id": 7}})),
        (Generation::V1, json!({"genesis": {"genesis-extra-data": "other"}})),
        (Generation::V0, json!({"main": {"layers-per-epoch": 12}})),
        (Generation::V1, json!({"poet": {"phase-shift": "140s"}})),
        (Generation::V1, json!({"no": {"such": "key"}})),
    ];
    for (generation, change) in cases {
        let world = created(&spec(generation)).await;
        let writes = world.ledger.write_count();
        let failure = world.upgrade(merging(generation, change.clone()), 2).await.unwrap_err();
        assert!(failure.is_usage(), "{change}: {failure}");
        assert_eq!(world.ledger.write_count(), writes, "{change}");
    }
}

#[tokio::test]
async fn nodes_that_are_not_there_are_refused_with_those_that_are() {
    let world = created(&spec(Generation::V1)).await;
    let asked = UpgradeSpec { only: Some(BTreeSet::from([3, 11])), ..to_newer(Generation::V1) };
    let failure = world.upgrade(asked, 2).await.unwrap_err();
    assert!(failure.is_usage() && failure.error.reason().contains("no miner-11"), "{failure}");
}

#[tokio::test]
async fn a_wave_that_is_not_healthy_stops_the_upgrade_and_the_same_command_goes_on() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        world.workloads.break_down("miner-9", "it crashes");
        let failure = world.upgrade(to_newer(generation), 2).await.unwrap_err();
        assert!(failure.is_resumable(), "{failure}");
        assert_eq!(running(&world, &newer(generation)), names([8, 9, 10]));
        let upgrade = world.record().unwrap().upgrade.unwrap();
        assert_eq!(upgrade.touched, BTreeSet::from([8, 9, 10]));

        let again = world.upgrade(to_newer(generation), 3).await.unwrap_err();
        assert!(again.is_usage() || !again.is_resumable(), "nothing was done, so nothing is left");
        assert_eq!(running(&world, &newer(generation)), names([8, 9, 10]), "it went on past an ill wave");

        world.workloads.let_go("miner-9");
        world.upgrade(to_newer(generation), 4).await.unwrap();
        assert_eq!(running(&world, &newer(generation)), names(1..=10));
    }
}

#[tokio::test]
async fn with_rollback_all_that_was_touched_returns_to_what_it_was() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        let before = world.workloads.workloads();
        let recorded = world.record().unwrap().spec;
        world.workloads.break_release("miner-3", newer(generation).to_string(), "it crashes");
        let mut asked = with_rollback(to_newer(generation));
        asked.config = Some(ConfigChange::Merge(json!({"logging": {"hare": "debug"}})));
        let failure = world.upgrade(asked, 2).await.unwrap_err();
        assert!(!failure.is_resumable() && !failure.is_usage(), "{failure}: {:?}", failure.leftovers);
        assert_eq!(world.workloads.workloads(), before, "{generation}");
        let record = world.record().unwrap();
        assert_eq!((record.spec, record.upgrade), (recorded, None));
    }
}

#[tokio::test]
async fn nodes_that_an_earlier_run_of_the_upgrade_touched_are_taken_back_too() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        let (before, recorded) = (world.workloads.workloads(), world.record().unwrap().spec);
        let held = UpgradeSpec { hold_at: Some(HoldAt::parse("30%").unwrap()), ..to_newer(generation) };
        world.upgrade(held, 2).await.unwrap();
        world.workloads.break_release("miner-7", newer(generation).to_string(), "it crashes");
        let one = UpgradeSpec { only: Some(BTreeSet::from([7])), ..to_newer(generation) };
        world.upgrade(with_rollback(one), 3).await.unwrap_err();
        assert_eq!(world.workloads.workloads(), before, "{generation}");
        let record = world.record().unwrap();
        assert_eq!((record.spec, record.upgrade), (recorded, None));
    }
}

#[tokio::test]
async fn a_release_whose_nodes_do_not_come_up_is_taken_back_with_its_poets() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        let before = images(&world);
        world.workloads.break_release("miner-8", newer(generation).to_string(), "it crashes");
        let mut asked = with_rollback(to_newer(generation));
        asked.poet_image = Some(image("spacemeshos/poet:new"));
        let failure = world.upgrade(asked, 2).await.unwrap_err();
        assert!(!failure.is_resumable() && !failure.is_usage(), "{failure}: {:?}", failure.leftovers);
        assert!(spacecraft_core::render_chain(&failure.error).contains("it crashes"));
        assert_eq!(images(&world), before);
        assert_eq!(world.record().unwrap().upgrade, None);
        let evidence = failure.evidence.unwrap();
        assert_eq!(evidence.pods.first().map(|pod| pod.workload.as_str()), Some("miner-8"));
    }
}

#[tokio::test]
async fn there_is_nothing_to_take_back_of_an_upgrade_that_ended() {
    let world = created(&spec(Generation::V1)).await;
    world.upgrade(to_newer(Generation::V1), 2).await.unwrap();
    let failure = world.upgrade(with_rollback(nothing(Generation::V1)), 3).await.unwrap_err();
    assert!(failure.is_usage(), "{failure}");
}

#[tokio::test]
async fn only_the_nodes_that_are_named_are_touched() {
    let world = created(&spec(Generation::V1)).await;
    let asked = UpgradeSpec { only: Some(BTreeSet::from([1, 9])), ..to_newer(Generation::V1) };
    world.upgrade(asked, 2).await.unwrap();
    assert_eq!(running(&world, &newer(Generation::V1)), names([1, 9]));
    let record = world.record().unwrap();
    assert_eq!(record.spec.node_overrides.keys().copied().collect::<Vec<_>>(), [1, 9]);
    let others = UpgradeSpec {
        only: Some((1..=10).filter(|number| *number != 9).collect()),
        ..to_newer(Generation::V1)
    };
    world.upgrade(others, 3).await.unwrap();
    let record = world.record().unwrap();
    assert_eq!((record.spec.node.image, record.spec.node_overrides.len()), (newer(Generation::V1), 0));
}

#[tokio::test]
async fn there_is_a_pause_between_waves_and_none_after_the_last() {
    let world = created(&spec(Generation::V1)).await;
    let pause = Duration::from_secs(120);
    let already = world.clock.slept().iter().filter(|slept| **slept == pause).count();
    let asked = UpgradeSpec { between_waves: pause, wave_size: Some(10), ..to_newer(Generation::V1) };
    world.upgrade(asked, 2).await.unwrap();
    let pauses = world.clock.slept().iter().filter(|slept| **slept == pause).count() - already;
    assert_eq!(pauses, 3, "four waves: canary, miners, bootnodes, bootstrap node");
}

#[tokio::test]
async fn values_that_nodes_agree_on_change_while_nothing_runs() {
    let changes = [
        (Generation::V0, json!({"main": {"layer-duration-sec": 240}})),
        (Generation::V1, json!({"main": {"layer-duration": "40s"}, "poet": {"phase-shift": "140s"}})),
    ];
    for (generation, change) in changes {
        let world = created(&spec(generation)).await;
        world.ledger.forget_calls();
        let asked = UpgradeSpec { wait: WaitFor::Ready, ..restarting_all(merging(generation, change)) };
        world.upgrade(asked.clone(), 2).await.unwrap();
        let order = applied(&world);
        let all: BTreeSet<String> =
            names(1..=10).into_iter().chain((1..=3).map(|poet| format!("poet-{poet}"))).collect();
        assert_eq!(
            order[..13].iter().cloned().collect::<BTreeSet<_>>(),
            all,
            "not all were stopped first: {order:?}"
        );
        let first = order[13].as_str();
        assert_eq!(first, if generation == Generation::V1 { "poet-1" } else { "miner-1" });
        assert!(world.workloads.workloads().values().all(|workload| !workload.stopped));
        assert!(world.record().unwrap().genesis.unwrap().poets_activated);
        let writes = world.ledger.write_count();
        world.upgrade(asked, 3).await.unwrap();
        assert_eq!(world.ledger.write_count(), writes, "{generation} wrote again");
    }
}

#[tokio::test]
async fn a_network_that_was_never_up_is_not_upgraded() {
    let world = World::new();
    world.ledger.stop_after(40);
    let _ = world.create(&spec(Generation::V1), 1).await;
    world.ledger.clear_faults();
    let failure = world.upgrade(to_newer(Generation::V1), 2).await.unwrap_err();
    assert!(failure.is_usage(), "{failure}");
    let failure = World::new().upgrade(to_newer(Generation::V1), 2).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::NotFound);
}

fn small(generation: Generation) -> NetworkSpec {
    let mut spec = spec(generation);
    spec.fleet.nodes = 3;
    spec.fleet.bootnodes = 1;
    spec.fleet.poets = 1;
    spec.fleet.gateways = 1;
    spec.logs = None;
    spec
}

/// What must be the same however often an upgrade was stopped: what runs, what is published, what is remembered of it.
fn end_state(world: &World) -> Value {
    let workloads = world.workloads.workloads();
    let runs = |name: &str| {
        let workload = &workloads[name];
        let is_poet = name.starts_with("poet");
        json!([workload.image, workload.stopped, if is_poet { Value::Null } else { json!(workload.files) }])
    };
    let record = world.record().unwrap();
    json!({
        "workloads": workloads.keys().map(|name| (name.clone(), runs(name))).collect::<BTreeMap<_, _>>(),
        "published": published(world),
        "spec": record.spec,
        "upgrade": record.upgrade,
        "activated": record.genesis.map(|genesis| genesis.poets_activated),
        "state": world.state.contents().keys().collect::<Vec<_>>(),
    })
}

async fn stopped_at_every_call_comes_to_the_same_end(generation: Generation, asked: &UpgradeSpec) {
    // Keys are made by chance: each world is made by the same process.
    let undisturbed = created(&small(generation)).await;
    undisturbed.ledger.forget_calls();
    undisturbed.upgrade(asked.clone(), 2).await.unwrap();
    let expected = end_state(&undisturbed);
    for stop in 0..undisturbed.ledger.call_count() {
        let world = created(&small(generation)).await;
        world.ledger.forget_calls();
        world.ledger.stop_after(stop);
        let _ = world.upgrade(asked.clone(), 2).await;
        world.ledger.clear_faults();
        let again = world.upgrade(asked.clone(), 3).await;
        assert!(again.is_ok(), "{generation}, stopped after call {stop}: {:?}", again.err());
        assert_eq!(end_state(&world), expected, "{generation}, stopped after call {stop}");
    }
}

#[tokio::test]
async fn an_upgrade_in_waves_that_was_stopped_at_any_call_comes_to_the_same_end() {
    for generation in BOTH {
        let asked = UpgradeSpec {
            poet_image: Some(image("spacemeshos/poet:new")),
            config: Some(ConfigChange::Merge(json!({"logging": {"hare": "debug"}}))),
            ..to_newer(generation)
        };
        stopped_at_every_call_comes_to_the_same_end(generation, &asked).await;
    }
}

#[tokio::test]
async fn a_restart_of_all_that_was_stopped_at_any_call_comes_to_the_same_end() {
    for (generation, change) in [
        (Generation::V0, json!({"hare": {"hare-round-duration-sec": 20}})),
        (Generation::V1, json!({"tortoise": {"tortoise-hdist": 5}})),
    ] {
        stopped_at_every_call_comes_to_the_same_end(generation, &restarting_all(merging(generation, change)))
            .await;
    }
}

#[tokio::test]
async fn a_way_back_that_was_stopped_at_any_call_leads_back_all_the_same() {
    for generation in BOTH {
        let held = UpgradeSpec {
            hold_at: Some(HoldAt::parse("50%").unwrap()),
            poet_image: Some(image("spacemeshos/poet:new")),
            ..to_newer(generation)
        };
        let back = with_rollback(nothing(generation));
        let undisturbed = created(&small(generation)).await;
        let before = images(&undisturbed);
        undisturbed.upgrade(held.clone(), 2).await.unwrap();
        assert_ne!(images(&undisturbed), before);
        undisturbed.ledger.forget_calls();
        undisturbed.upgrade(back.clone(), 3).await.unwrap();
        assert_eq!(images(&undisturbed), before);
        for stop in 0..undisturbed.ledger.call_count() {
            let world = created(&small(generation)).await;
            world.upgrade(held.clone(), 2).await.unwrap();
            world.ledger.forget_calls();
            world.ledger.stop_after(stop);
            let _ = world.upgrade(back.clone(), 3).await;
            world.ledger.clear_faults();
            if world.record().unwrap().upgrade.is_some() {
                let again = world.upgrade(back.clone(), 4).await;
                assert!(again.is_ok(), "{generation}, stopped after call {stop}: {:?}", again.err());
            }
            assert_eq!(images(&world), before, "{generation}, stopped after call {stop}");
        }
    }
}

#[tokio::test]
async fn web_services_and_the_discovery_entry_follow_the_release() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        crate::web_services::deploy(&world, generation, 2).await.unwrap();
        world.upgrade(to_newer(generation), 3).await.unwrap();
        let release = world.charts.installed().into_iter().find(|release| release.name == "spacemesh-api");
        let tag = newer(generation).tag().map(str::to_owned);
        assert_eq!(release.unwrap().values["image"]["tag"].as_str().map(str::to_owned), tag);
        let entries: Value = serde_json::from_str(&world.discovery.contents()["networks.json"]).unwrap();
        assert_eq!(entries[0]["maxNodeVersion"].as_str().map(str::to_owned), tag);

        let writes = world.ledger.write_count();
        world.upgrade(to_newer(generation), 4).await.unwrap();
        let again = crate::web_services::deploy(&world, generation, 5).await.unwrap();
        assert!(again.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", again.steps);
        assert_eq!(world.ledger.write_count(), writes);
    }
}

#[tokio::test]
async fn published_config_and_web_services_are_taken_back_too() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        crate::web_services::deploy(&world, generation, 2).await.unwrap();
        let state = || {
            let services = world.charts.installed();
            (images(&world), published(&world), services, world.discovery.contents())
        };
        let before = state();
        // All waves are through and the config is published when the explorer cannot follow.
        world.ledger.fail_next("charts.ensure", Fault::refused(Meaning::Unavailable));
        let mut asked = to_newer(generation);
        asked.config = Some(ConfigChange::Merge(json!({"logging": {"hare": "debug"}})));
        let failure = world.upgrade(asked, 3).await.unwrap_err();
        assert!(failure.is_resumable(), "{failure:?}");
        assert_ne!(published(&world), before.1);
        world.upgrade(with_rollback(nothing(generation)), 4).await.unwrap();
        assert_eq!(state(), before, "{generation}");
        assert_eq!(world.record().unwrap().upgrade, None);
    }
}
