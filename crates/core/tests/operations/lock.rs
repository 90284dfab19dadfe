use std::sync::Arc;
use std::time::Duration;

use spacecraft_core::state::Lock;
use spacecraft_core::wait::Wait;
use spacecraft_testkit::Fault;

use crate::world::{World, network};

#[tokio::test]
async fn a_lock_whose_reply_was_lost_is_held_and_so_is_one_whose_renewal_was_not_answered() {
    let world = World::new();
    let services = world.services(1);
    let clock = Arc::clone(&services.clock);
    let deadline = clock.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let wait = Wait::new(Arc::clone(&clock), services.observer, "lock", deadline);
    world.ledger.fail_next("objects.put", Fault::ReplyLost);
    let lock = Lock::take(services.state_store, &network(), services.holder, &*services.probe, &wait, false)
        .await
        .unwrap();
    world.ledger.fail_next("objects.put", Fault::ReplyLost);
    tokio::select! {
        lost = lock.keep(&*clock) => panic!("{lost}"),
        () = clock.sleep(Duration::from_secs(70)) => {}
    }
    lock.release().await.unwrap();
    assert!(world.state.contents().is_empty());
}
