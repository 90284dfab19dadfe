//! One suite per provider trait: small checks of what the trait's contract promises, and a macro that turns them into tests.
//!
//! An implementation runs its suite by naming how to set up a fresh subject:
//!
//! ```ignore
//! spacecraft_testkit::object_store_conformance!(async { Subject::new(InMemoryObjects::new("bucket")) });
//! ```
//!
//! Every check gets a subject of its own, so that the first failure does not hide the rest.

// These are the bodies of tests, although the compiler cannot know, and their names say what they are for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

pub mod charts;
pub mod cluster;
pub mod dns;
pub mod logs;
pub mod notify;
pub mod objects;
pub mod releases;
pub mod shared_cluster;
pub mod spacemesh;
pub mod workloads;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Silent;
use spacecraft_core::time::Clock;
use spacecraft_core::wait::Wait;

use crate::clock::TestClock;

/// What a suite works on: a provider with nothing in it, the patience it is given, and whatever must live as long.
#[derive(Debug)]
pub struct Subject<P, K = ()> {
    /// The provider.
    pub provider: P,
    /// The patience.
    pub wait: Wait,
    /// What must live as long: a server, a folder.
    pub keep: K,
}

impl<P> Subject<P> {
    /// A provider that is given an hour on a clock of its own.
    pub fn new(provider: P) -> Self {
        Self { provider, wait: patience(Arc::new(TestClock::default())), keep: () }
    }
}

impl<P, K> Subject<P, K> {
    /// The same with an hour of patience on this clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { wait: patience(clock), ..self }
    }

    /// The same together with what must live as long.
    pub fn keeping<L>(self, keep: L) -> Subject<P, L> {
        Subject { provider: self.provider, wait: self.wait, keep }
    }
}

/// An hour of patience on `clock` that tells nobody.
#[must_use]
pub fn patience(clock: Arc<dyn Clock>) -> Wait {
    let deadline =
        clock.now().saturating_add(SignedDuration::from_secs(3600)).expect("no clock is that late");
    Wait::new(clock, Arc::new(Silent), "conformance", deadline)
}

/// A network's name.
#[must_use]
pub fn network(name: &str) -> NetworkName {
    NetworkName::new(name).expect("the suites use names that GKE takes")
}

/// A short time to wait between looks.
pub(crate) const MOMENT: Duration = Duration::from_millis(200);

/// Turns the checks of a suite into tests; the macros for the traits use it. The names in parentheses are the fields of the subject that
/// checks take besides the provider.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($subject:expr, $suite:ident $fields:tt: $($check:ident)*) => {
        $( $crate::conformance_tests! { @one $subject, $suite, $check, $fields } )*
    };
    (@one $subject:expr, $suite:ident, $check:ident, ($($field:ident),*)) => {
        #[tokio::test]
        async fn $check() {
            let subject = $subject.await;
            $crate::conformance::$suite::$check(&subject.provider $(, &subject.$field)*).await;
        }
    };
}
