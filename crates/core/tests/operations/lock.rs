use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use spacecraft_core::operation::Services;
use spacecraft_core::state::Lock;
use spacecraft_core::wait::Wait;
use spacecraft_testkit::Fault;

use crate::world::{World, network};

async fn take(services: &Services) -> Lock {
    let clock = Arc::clone(&services.clock);
    let deadline = clock.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let wait = Wait::new(clock, Arc::clone(&services.observer), "lock", deadline);
    let store = Arc::clone(&services.state_store);
    Lock::take(store, &network(), services.holder.clone(), &*services.probe, &wait, false).await.unwrap()
}

/// A flow may end while its lock is being renewed: the renewal is dropped between its call and its reply.
#[tokio::test]
async fn a_lock_is_given_back_wherever_its_renewal_was_cut_off() {
    let mut cut_off_after_the_write = 0;
    for polls in 1..40 {
        let world = World::new();
        let services = world.services(1);
        let lock = take(&services).await;
        world.ledger.fail_next("objects.put", Fault::ReplyLost);
        {
            let keep = lock.keep(&*services.clock);
            tokio::pin!(keep);
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..polls {
                assert!(keep.as_mut().poll(&mut context).is_pending(), "the lock was lost");
            }
        }
        lock.release().await.unwrap();
        assert!(world.state.contents().is_empty(), "cut off after {polls} polls");
        if world.ledger.count("objects.delete") > 1 {
            cut_off_after_the_write += 1;
        }
    }
    assert!(cut_off_after_the_write > 0, "no renewal was cut off between its effect and its reply");
}

#[tokio::test]
async fn a_lock_whose_reply_was_lost_is_held_and_so_is_one_whose_renewal_was_not_answered() {
    let world = World::new();
    let services = world.services(1);
    let clock = Arc::clone(&services.clock);
    world.ledger.fail_next("objects.put", Fault::ReplyLost);
    let lock = take(&services).await;
    world.ledger.fail_next("objects.put", Fault::ReplyLost);
    tokio::select! {
        lost = lock.keep(&*clock) => panic!("{lost}"),
        () = clock.sleep(Duration::from_secs(70)) => {}
    }
    lock.release().await.unwrap();
    assert!(world.state.contents().is_empty());
}
