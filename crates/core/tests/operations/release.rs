//! `release-network` on a cloud in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::{
    Limits, OperationFailure, ReleaseReport, ReleaseRequest, ReleaseVersion, release_network,
    release_templates,
};
use spacecraft_core::spec::Generation;
use spacecraft_core::state::RecordStore;
use spacecraft_core::traits::Platform;
use spacecraft_testkit::{Fault, InMemoryBuilds, InMemoryReleases};

use crate::world::{World, network, spec};

/// A network that is up, and where it is released.
struct Released {
    world: World,
    builds: InMemoryBuilds,
    releases: InMemoryReleases,
}

impl Released {
    async fn new() -> Self {
        let world = World::new();
        world.create(&spec(Generation::V1), 1).await.unwrap();
        world.ledger.forget_calls();
        let builds = InMemoryBuilds::with_ledger(world.ledger.clone());
        let releases = InMemoryReleases::with_ledger(world.ledger.clone());
        Self { world, builds, releases }
    }

    async fn release(&self, process: u32) -> Result<ReleaseReport, OperationFailure> {
        let services = self.world.services(process);
        let record = RecordStore::new(Arc::clone(&services.state_store), &network()).read().await?.unwrap();
        let request = ReleaseRequest {
            record,
            version: ReleaseVersion::new("v1.7.6").unwrap(),
            builds: Arc::new(self.builds.clone()),
            publisher: Arc::new(self.releases.clone()),
            notes: release_templates(&BTreeMap::new())?,
            limits: Limits {
                timeout: Duration::from_secs(3600),
                step_timeout: Duration::from_secs(3600),
                force_unlock: false,
            },
        };
        release_network(&services, request).await
    }
}

#[tokio::test]
async fn a_network_is_released_once_and_a_second_run_writes_nothing() {
    let released = Released::new().await;
    let report = released.release(2).await.unwrap();
    assert!(report.steps.iter().all(|step| step.outcome == Outcome::Created), "{report:?}");
    assert_eq!(report.builds.len(), Platform::ALL.len());
    let draft = released.releases.release("v1.7.6").unwrap();
    assert_eq!(draft.name, "NET1");
    assert!(draft.notes.contains("memory://builds/v1.7.6/macOS.zip"), "{}", draft.notes);
    let config = released.builds.published()["v1.7.6/Linux.zip"].clone();
    assert_eq!(draft.assets[0].bytes, config);

    let written = released.world.ledger.write_count();
    let again = released.release(3).await.unwrap();
    assert!(again.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{again:?}");
    assert_eq!(released.world.ledger.write_count(), written);
}

#[tokio::test]
async fn a_build_that_is_missing_is_told_before_anything_is_written() {
    let released = Released::new().await;
    released.builds.remove_build("v1.7.6", Platform::Linux);
    let failure = released.release(2).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::NotFound);
    assert!(failure.is_usage());
    assert_eq!(released.world.ledger.write_count(), 0);
}

#[tokio::test]
async fn a_release_that_breaks_off_is_gone_on_with() {
    let released = Released::new().await;
    released.world.ledger.fail_next("releases.ensure_release", Fault::refused(Meaning::Unavailable));
    let failure = released.release(2).await.unwrap_err();
    assert!(failure.is_resumable() && !failure.leftovers.is_empty());
    let report = released.release(3).await.unwrap();
    let outcome = |name: &str| report.steps.iter().find(|step| step.name == name).unwrap().outcome;
    assert_eq!((outcome("build Linux"), outcome("release")), (Outcome::Unchanged, Outcome::Created));
}

#[tokio::test]
async fn a_published_release_that_differs_stops_everything_before_a_write() {
    let released = Released::new().await;
    released.release(2).await.unwrap();
    released.releases.publish("v1.7.6");
    let key = "net1-archive/config.json";
    let services = released.world.services(3);
    let options = spacecraft_core::traits::PutOptions::json(spacecraft_core::traits::Precondition::None);
    services.config_store.put(key, b"{\"changed\": true}".to_vec(), &options).await.unwrap();
    let written = released.world.ledger.write_count();
    let failure = released.release(3).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::AlreadyExists);
    assert_eq!(released.world.ledger.write_count(), written);
}
