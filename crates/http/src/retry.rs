use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use spacecraft_core::time::{Clock, Random};
use spacecraft_core::{Effect, Result};

use crate::call::Call;
use crate::failure::Failure;
use crate::retry_after;

/// How often and how long a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts of one call, the first included; at least one is made.
    pub attempts: u32,
    /// The ceiling of the first pause; it doubles with each further one.
    pub first_pause: Duration,
    /// The ceiling of every pause that the server did not ask for.
    pub longest_pause: Duration,
    /// The time that all attempts of a call together may take: no attempt starts after it.
    pub deadline: Duration,
}

impl RetryPolicy {
    /// One attempt.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The pause after `failed` failed attempts: a random time up to a ceiling that doubles (full jitter), or what the
    /// server asked for and a little random time on top, so that many callers do not come back at the same instant.
    ///
    /// `chance` is any random number.
    #[must_use]
    pub fn pause(&self, failed: u32, asked: Option<Duration>, chance: u64) -> Duration {
        match asked {
            Some(asked) => asked.saturating_add(part_of(self.first_pause, chance)),
            None => {
                let doublings = failed.saturating_sub(1).min(30);
                let ceiling = self.first_pause.saturating_mul(1_u32 << doublings).min(self.longest_pause);
                part_of(ceiling, chance)
            }
        }
    }
}

impl Default for RetryPolicy {
    /// Six attempts within five minutes, with pauses of at most 0.25 s at first and 30 s at last.
    fn default() -> Self {
        Self {
            attempts: 6,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
            deadline: Duration::from_secs(300),
        }
    }
}

/// A random part of `whole`, both ends included.
fn part_of(whole: Duration, chance: u64) -> Duration {
    let nanoseconds = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX - 1).min(u64::MAX - 1);
    Duration::from_nanos(chance % (nanoseconds + 1))
}

/// Tries calls again as far as their idempotency, the policy and the server's wishes allow.
#[derive(Debug, Clone)]
pub struct Retrier {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    policy: RetryPolicy,
}

impl Retrier {
    /// A retrier by `policy` that pauses on `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, policy: RetryPolicy) -> Self {
        Self { clock, random, policy }
    }

    /// The same retrier with another policy.
    #[must_use]
    pub fn with_policy(&self, policy: RetryPolicy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// The clock on which pauses and deadlines are counted.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The source of jitter.
    #[must_use]
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.random
    }

    /// How long a reply's `Retry-After` asks to wait.
    #[must_use]
    pub fn asked_pause(&self, headers: &HeaderMap) -> Option<Duration> {
        retry_after::read(headers, self.clock.now())
    }

    /// Makes attempts until one succeeds or no further one may be made.
    ///
    /// # Errors
    ///
    /// The last attempt's failure as an error of `call`. Its effect is [`Effect::Possible`] when any of the attempts may
    /// have taken effect: after a lost reply, "it exists already" may speak of our own doing.
    pub async fn run<T, F, A>(&self, call: &Call, mut attempt: A) -> Result<T>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let limit = call.deadline.unwrap_or(self.policy.deadline);
        let last_start = self.clock.now().saturating_add(signed(limit)).unwrap_or(Timestamp::MAX);
        let mut made = 0;
        let mut effect = Effect::None;
        loop {
            let began = self.clock.now();
            let result = attempt().await;
            made += 1;
            self.tell_attempt(call, made, began, result.as_ref().err());
            let failure = match result {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if failure.effect(call.idempotency) == Effect::Possible {
                effect = Effect::Possible;
            }
            match self.next_pause(call, &failure, made, last_start) {
                Some(pause) => {
                    tell_retry(call, &failure, made, pause);
                    self.clock.sleep(pause).await;
                }
                None => return Err(failure.into_error(call, made, effect)),
            }
        }
    }

    /// Logs an attempt, whichever service and client it is of.
    fn tell_attempt(&self, call: &Call, made: u32, began: Timestamp, failure: Option<&Failure>) {
        tracing::debug!(
            operation = call.operation,
            resource = call.resource,
            attempt = made,
            milliseconds = self.clock.now().duration_since(began).as_millis(),
            failure = failure.map(Failure::summary).unwrap_or_default(),
            "call"
        );
    }

    fn next_pause(
        &self,
        call: &Call,
        failure: &Failure,
        made: u32,
        last_start: Timestamp,
    ) -> Option<Duration> {
        if made >= self.policy.attempts || !failure.may_be_repeated(call.idempotency) {
            return None;
        }
        let pause = self.policy.pause(made, failure.retry_after(), self.random.number());
        let start = self.clock.now().saturating_add(signed(pause)).unwrap_or(Timestamp::MAX);
        (start <= last_start).then_some(pause)
    }
}

fn tell_retry(call: &Call, failure: &Failure, made: u32, pause: Duration) {
    tracing::debug!(
        operation = call.operation,
        resource = call.resource,
        attempt = made,
        pause_milliseconds = pause.as_millis(),
        failure = failure.summary(),
        "trying again after a pause"
    );
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod unit_tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pause_stays_below_a_ceiling_that_doubles_up_to_the_longest(failed in 1_u32..100, chance in any::<u64>()) {
            let policy = RetryPolicy::default();
            let doublings = i32::try_from(failed.min(20)).unwrap() - 1;
            let ceiling = policy.longest_pause.min(policy.first_pause.mul_f64(2_f64.powi(doublings)));
            prop_assert!(policy.pause(failed, None, chance) <= ceiling);
        }

        #[test]
        fn a_pause_that_was_asked_for_is_kept_and_hardly_exceeded(asked in 0_u64..1_000_000, chance in any::<u64>()) {
            let policy = RetryPolicy::default();
            let asked = Duration::from_millis(asked);
            let pause = policy.pause(3, Some(asked), chance);
            prop_assert!(pause >= asked && pause <= asked + policy.first_pause);
        }

        #[test]
        fn any_policy_has_pauses(pause in any::<Duration>(), failed in any::<u32>(), asked in any::<Option<Duration>>(), chance in any::<u64>()) {
            let policy = RetryPolicy { first_pause: pause, longest_pause: pause, ..RetryPolicy::default() };
            let _ = policy.pause(failed, asked, chance);
        }
    }

    #[test]
    fn chance_decides_between_nothing_and_the_whole_ceiling() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(1, None, 0), Duration::ZERO);
        assert_eq!(policy.pause(1, None, 250_000_000), Duration::from_millis(250));
    }
}
