//! Upgrades that hold before they are through.

use spacecraft_core::spec::{Generation, UpgradeSpec};
use spacecraft_core::upgrade::HoldAt;

use crate::upgrade::{BOTH, created, names, newer, running, to_newer};
use crate::world::spec;

#[tokio::test]
async fn an_upgrade_holds_at_its_share_and_goes_on_without_it() {
    for generation in BOTH {
        let world = created(&spec(generation)).await;
        let held = UpgradeSpec { hold_at: Some(HoldAt::parse("30%").unwrap()), ..to_newer(generation) };
        let report = world.upgrade(held.clone(), 2).await.unwrap();
        assert_eq!(report.status, "held");
        assert_eq!(running(&world, &newer(generation)), names([8, 9, 10]));
        assert_ne!(world.record().unwrap().spec.node.image, newer(generation));
        assert_eq!(report.nodes.iter().filter(|node| node.upgraded).count(), 3);
        let writes = world.ledger.write_count();
        assert_eq!(world.upgrade(held, 3).await.unwrap().status, "held");
        assert_eq!(world.ledger.write_count(), writes, "holding again wrote something");
        assert_eq!(world.upgrade(to_newer(generation), 4).await.unwrap().status, "upgraded");
        assert_eq!(running(&world, &newer(generation)), names(1..=10));
    }
}

#[tokio::test]
async fn a_wave_that_is_not_healthy_is_no_success_of_an_upgrade_that_holds_behind_it() {
    let world = created(&spec(Generation::V1)).await;
    let newer = newer(Generation::V1);
    world.workloads.break_release("miner-8", newer.to_string(), "it crashes");
    let held = UpgradeSpec {
        wave_size: Some(1),
        hold_at: Some(HoldAt::parse("10%").unwrap()),
        ..to_newer(Generation::V1)
    };
    world.upgrade(held.clone(), 2).await.unwrap_err();
    assert_eq!(running(&world, &newer), names([8]));
    let again = world.upgrade(held, 3).await.unwrap_err();
    assert!(spacecraft_core::render_chain(&again.error).contains("it crashes"), "{again:?}");
}
