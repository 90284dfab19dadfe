//! PoETs of v0 networks: closed until they are activated, open from then on.

use spacecraft_core::image::ImageReference;
use spacecraft_core::spec::{Generation, UpgradeSpec, UpgradeSwitches};
use spacecraft_core::traits::{ClusterProvider as _, FirewallRule};

use crate::upgrade::to_newer;
use crate::world::{World, network, spec};

fn with_new_poets(restart_all: bool) -> UpgradeSpec {
    let asked = to_newer(Generation::V0);
    UpgradeSpec {
        poet_image: Some(ImageReference::parse("spacemeshos/poet:new").unwrap()),
        switches: UpgradeSwitches { restart_all, ..asked.switches },
        ..asked
    }
}

async fn openings(world: &World) -> Vec<FirewallRule> {
    world.cluster.firewall_rules(Some(&network())).await.unwrap()
}

async fn created() -> World {
    let world = World::new();
    world.create(&spec(Generation::V0), 1).await.unwrap();
    world.ledger.forget_calls();
    world
}

#[tokio::test]
async fn an_upgrade_that_died_anywhere_around_the_activation_opens_poets_when_it_runs_again() {
    for restart_all in [false, true] {
        let undisturbed = created().await;
        undisturbed.upgrade(with_new_poets(restart_all), 2).await.unwrap();
        let expected = openings(&undisturbed).await;
        let calls = undisturbed.ledger.calls();
        let began = calls.iter().position(|call| call.operation == "spacemesh.start_poet").unwrap();
        let opened = calls.iter().rposition(|call| call.operation == "cluster.ensure_firewall").unwrap();
        assert!(began < opened);
        for last in began..=opened + 1 {
            let world = created().await;
            world.ledger.stop_after(last);
            world.upgrade(with_new_poets(restart_all), 2).await.unwrap_err();
            world.ledger.clear_faults();
            world.upgrade(with_new_poets(restart_all), 3).await.unwrap();
            assert_eq!(openings(&world).await, expected, "died after call {last} of {}", calls.len());
        }
    }
}
