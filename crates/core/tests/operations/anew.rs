//! Operations that wait for another one's lock go by the record that it leaves.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use spacecraft_core::operation::{
    CreateOptions, Services, add_miners, create_network, delete_network, deploy_chaos_mesh,
    deploy_web_services, keep_logs_and_metrics, remove_miners, upgrade_network,
};
use spacecraft_core::spec::Generation;
use spacecraft_core::state::{Holder, HolderProbe, Lock, RecordStore};
use spacecraft_core::time::Clock as _;
use spacecraft_core::traits::{ObjectStore as _, Precondition, PutOptions};
use spacecraft_core::wait::Wait;
use spacecraft_testkit::InMemoryObjects;

use crate::miners::miners;
use crate::world::{World, add_request, network, remove_request, request, spec};
use crate::{upgrade, web_services};

/// The other operation writes the record and dies as soon as somebody asks after it.
#[derive(Debug)]
struct WritesAndDies(InMemoryObjects);

impl HolderProbe for WritesAndDies {
    fn is_certainly_dead(&self, _: &Holder) -> bool {
        let key = RecordStore::key(&network());
        let record = self.0.contents().remove(&key).unwrap();
        let options = PutOptions::json(Precondition::None);
        let written = self.0.put(&key, record.into_bytes(), &options);
        // In memory everything is answered at once.
        let answer = pin!(written).poll(&mut Context::from_waker(Waker::noop()));
        matches!(answer, Poll::Ready(Ok(_)))
    }
}

impl World {
    /// The services of a process that meets another one's lock, which changes the record while it is waited for.
    async fn behind_another(&self, process: u32) -> Services {
        let deadline = self.clock.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
        let other = self.services(process + 100);
        let wait = Wait::new(Arc::clone(&other.clock), Arc::clone(&other.observer), "lock", deadline);
        Lock::take(other.state_store, &network(), other.holder, &*other.probe, &wait, false).await.unwrap();
        Services { probe: Arc::new(WritesAndDies(self.state.clone())), ..self.services(process) }
    }
}

#[tokio::test]
async fn every_operation_begins_anew_when_another_changed_the_record_while_it_waited() {
    let (world, generation) = (World::new(), Generation::V1);
    let spec = spec(generation);
    world.create(&spec, 1).await.unwrap();

    let services = world.behind_another(2).await;
    deploy_web_services(&services, web_services::request(generation)).await.unwrap();
    let services = world.behind_another(3).await;
    deploy_chaos_mesh(&services, web_services::chaos(network(), "2.8.3")).await.unwrap();
    let services = world.behind_another(4).await;
    let report = add_miners(&services, add_request(generation, miners(1))).await.unwrap();
    assert_eq!(report.added.len(), 1);
    let services = world.behind_another(5).await;
    remove_miners(&services, remove_request(generation, &[11], false)).await.unwrap();
    let services = world.behind_another(6).await;
    let upgrade = world.upgrade_request(upgrade::to_newer(generation));
    upgrade_network(&services, upgrade).await.unwrap();
    let services = world.behind_another(7).await;
    let as_it_is = world.record().unwrap().spec;
    create_network(&services, request(&as_it_is, CreateOptions::default())).await.unwrap();
    let services = world.behind_another(8).await;
    keep_logs_and_metrics(&services, world.removal(&spec)).await.unwrap();
    let services = world.behind_another(9).await;
    delete_network(&services, world.removal(&spec)).await.unwrap();
    assert!(world.record().is_none());
}
