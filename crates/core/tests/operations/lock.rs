use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::Services;
use spacecraft_core::state::{Holder, HolderProbe, Lock};
use spacecraft_core::time::Clock;
use spacecraft_core::traits::{ObjectStore, Precondition, PutOptions, StoredObject};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Result, render_chain};
use spacecraft_testkit::Fault;

use crate::world::{World, network};

async fn take(services: &Services) -> Lock {
    let clock = Arc::clone(&services.clock);
    let deadline = clock.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let wait = Wait::new(clock, Arc::clone(&services.observer), "lock", deadline);
    let store = Arc::clone(&services.state_store);
    Lock::take(store, &network(), services.holder.clone(), &*services.probe, &wait, false).await.unwrap()
}

/// A connection may hang for longer than a lease is good for.
#[tokio::test]
async fn a_holder_whose_renewal_is_not_answered_stops_with_its_lease() {
    let world = World::new();
    let services = world.services(1);
    let silent = Silent { written: AtomicBool::new(false) };
    let services = Services { state_store: Arc::new(silent), ..services };
    let lock = take(&services).await;
    let begin = services.clock.now();
    let lost = lock.keep(&*services.clock).await;
    assert!(render_chain(&lost).contains("it could not be renewed in time"), "{lost}");
    assert_eq!(services.clock.now().duration_since(begin), jiff::SignedDuration::from_secs(60));
}

/// A holder renews its lock within a minute of its own, whatever the clock of who waits for it shows.
#[tokio::test]
async fn a_clock_that_is_set_forward_does_not_end_the_lease_of_another() {
    let world = World::new();
    let _held = take(&world.services(1)).await;
    let clock = Arc::new(SetForward { base: world.services(2).clock, slept: Mutex::default() });
    let waiting =
        Services { clock: Arc::clone(&clock) as _, probe: Arc::new(NobodyIsDead), ..world.services(2) };
    assert!(take(&waiting).await.was_taken_over());
    assert_eq!(*clock.slept.lock().unwrap(), Duration::from_secs(60));
}

/// A clock that is set forward by ten minutes while somebody waits for the first time.
#[derive(Debug)]
struct SetForward {
    base: Arc<dyn Clock>,
    slept: Mutex<Duration>,
}

#[async_trait]
impl Clock for SetForward {
    fn now(&self) -> jiff::Timestamp {
        let late = !self.slept.lock().unwrap().is_zero();
        self.base.now() + jiff::SignedDuration::from_mins(if late { 10 } else { 0 })
    }

    async fn sleep(&self, duration: Duration) {
        *self.slept.lock().unwrap() += duration;
        self.base.sleep(duration).await;
    }
}

#[derive(Debug)]
struct NobodyIsDead;

impl HolderProbe for NobodyIsDead {
    fn is_certainly_dead(&self, _: &Holder) -> bool {
        false
    }
}

/// A store that takes one object and then answers no more writes.
#[derive(Debug)]
struct Silent {
    written: AtomicBool,
}

#[async_trait]
impl ObjectStore for Silent {
    fn location(&self) -> String {
        "memory://silent".to_owned()
    }

    fn url(&self, key: &str) -> String {
        key.to_owned()
    }

    async fn get(&self, _: &str) -> Result<Option<StoredObject>> {
        Ok(None)
    }

    async fn put(&self, _: &str, _: Vec<u8>, _: &PutOptions) -> Result<i64> {
        if self.written.swap(true, Ordering::Relaxed) { std::future::pending().await } else { Ok(1) }
    }

    async fn delete(&self, _: &str, _: Precondition) -> Result<Outcome> {
        Ok(Outcome::Absent)
    }

    async fn list(&self, _: &str) -> Result<Vec<(String, i64)>> {
        Ok(Vec::new())
    }

    async fn is_public(&self) -> Result<bool> {
        Ok(false)
    }

    async fn check_access(&self) -> Result<()> {
        Ok(())
    }
}

/// A flow may end while its lock is being renewed: the renewal is dropped between its call and its reply.
#[tokio::test]
async fn a_lock_is_given_back_wherever_its_renewal_was_cut_off() {
    let mut cut_off_after_the_write = 0;
    for polls in 1..100 {
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
