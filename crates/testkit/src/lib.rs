//! What tests need in place of the world: an in-memory provider for every trait of `spacecraft-core`, a clock that sleeping sets
//! forward, an observer that remembers, and one conformance suite per trait that every implementation runs.
//!
//! The in-memory providers are clonable handles over shared state. They count their calls in a [`Ledger`], which several of
//! them may share, and which can let chosen calls fail. Each runs the same [`conformance`] suite as the real providers, so that
//! a test above them learns what the real ones would have done.

mod charts;
mod clock;
mod cluster;
pub mod conformance;
mod difference;
mod dns;
mod ledger;
mod logs;
mod notify;
mod objects;
mod observer;
mod releases;
mod shared;
mod spacemesh;
mod workloads;

pub use charts::InMemoryCharts;
pub use clock::TestClock;
pub use cluster::{ClusterLink, InMemoryCluster};
pub use dns::InMemoryDns;
pub use ledger::{Call, Fault, Ledger};
pub use logs::InMemoryLogs;
pub use notify::{Post, RecordingNotifier};
pub use objects::InMemoryObjects;
pub use observer::RecordingObserver;
pub use releases::{InMemoryBuilds, InMemoryFiles, InMemoryReleases};
pub use spacemesh::InMemorySpacemesh;
pub use workloads::InMemoryWorkloads;
