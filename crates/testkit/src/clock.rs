use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use spacecraft_core::time::Clock;

use crate::shared::Shared;

/// A clock on which sleeping takes no time: a sleeper sets the clock forward and goes on.
///
/// Of several sleepers the one that is due first wakes first, as far as each of them is polled while it sleeps. All clones
/// show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Shared<Hands>);

#[derive(Debug)]
struct Hands {
    now: Timestamp,
    slept: Vec<Duration>,
    sleepers: Vec<(Timestamp, u64)>,
    next_sleeper: u64,
}

/// How often a sleeper lets work that takes no time go first.
const TURNS_OF_WORK: usize = 20;
/// How often a sleeper lets earlier ones go first. The bound keeps a sleeper that nobody polls from stopping all others.
const PATIENCE_WITH_EARLIER_SLEEPERS: usize = 200;

impl TestClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Shared::new(Hands { now: start, slept: Vec::new(), sleepers: Vec::new(), next_sleeper: 0 }))
    }

    /// Sets the clock forward.
    pub fn advance(&self, duration: Duration) {
        let mut hands = self.0.lock();
        hands.now = later(hands.now, duration);
    }

    /// How long each sleep was, in the order in which they began.
    #[must_use]
    pub fn slept(&self) -> Vec<Duration> {
        self.0.lock().slept.clone()
    }

    fn lie_down(&self, duration: Duration) -> Sleeper<'_> {
        let mut hands = self.0.lock();
        let due = later(hands.now, duration);
        let id = hands.next_sleeper;
        hands.next_sleeper += 1;
        hands.slept.push(duration);
        hands.sleepers.push((due, id));
        Sleeper { clock: self, due, id }
    }
}

impl Default for TestClock {
    /// A clock that shows the first second of 2026.
    fn default() -> Self {
        Self::at(Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now
    }

    async fn sleep(&self, duration: Duration) {
        let sleeper = self.lie_down(duration);
        for turns in 0..PATIENCE_WITH_EARLIER_SLEEPERS {
            tokio::task::yield_now().await;
            if turns >= TURNS_OF_WORK && sleeper.is_first() {
                break;
            }
        }
        sleeper.wake();
    }
}

/// One sleep in progress; dropping it cancels the sleep.
struct Sleeper<'a> {
    clock: &'a TestClock,
    due: Timestamp,
    id: u64,
}

impl Sleeper<'_> {
    fn is_first(&self) -> bool {
        self.clock.0.lock().sleepers.iter().min() == Some(&(self.due, self.id))
    }

    fn wake(self) {
        let mut hands = self.clock.0.lock();
        hands.now = hands.now.max(self.due);
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.0.lock().sleepers.retain(|(_, id)| *id != self.id);
    }
}

fn later(instant: Timestamp, duration: Duration) -> Timestamp {
    let span = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    instant.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeping_sets_the_clock_forward() {
        let clock = TestClock::default();
        let start = clock.now();
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().duration_since(start), SignedDuration::from_secs(3600));
        assert_eq!(clock.slept(), [Duration::from_secs(3600)]);
    }

    #[tokio::test]
    async fn sleepers_wake_in_the_order_in_which_they_are_due() {
        let clock = TestClock::default();
        let woken = Shared::new(Vec::new());
        let sleep = async |seconds: u64| {
            clock.sleep(Duration::from_secs(seconds)).await;
            woken.lock().push(seconds);
        };
        let start = clock.now();
        futures::join!(sleep(20), sleep(5), sleep(10));
        assert_eq!(*woken.lock(), [5, 10, 20]);
        assert_eq!(clock.now().duration_since(start), SignedDuration::from_secs(20));
    }

    #[tokio::test]
    async fn a_sleep_that_was_cancelled_holds_nobody_up() {
        let clock = TestClock::default();
        let start = clock.now();
        let short = clock.sleep(Duration::from_secs(1));
        futures::pin_mut!(short);
        assert!(futures::poll!(short.as_mut()).is_pending());
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(clock.now().duration_since(start), SignedDuration::from_secs(2));
    }
}
