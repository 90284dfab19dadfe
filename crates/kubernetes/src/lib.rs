//! Workloads on any Kubernetes API, and clusters named by a kubeconfig.
//!
//! A [`Connection`] carries every request, with retry, deadlines and the reading of refusals in one place.
//! [`KubernetesWorkloads`] turns the plan's plain data into objects ([`objects`]), applies and finds them, waits for them with
//! reasons and takes them away. [`KubeconfigCluster`] stands for a cluster that exists already; [`kubeconfig`] reads and writes the
//! files that name one.
//!
//! ```no_run
//! use std::sync::Arc;
//! use spacecraft_core::time::{SystemClock, SystemRandom};
//! use spacecraft_core::traits::{Access, NetworkBinding, Workloads};
//! use spacecraft_http::{Retrier, RetryPolicy};
//! use spacecraft_kubernetes::{Connection, KubernetesWorkloads};
//!
//! # async fn example(access: Access, binding: NetworkBinding) -> spacecraft_core::Result<()> {
//! let retrier = Retrier::new(Arc::new(SystemClock), Arc::new(SystemRandom), RetryPolicy::default());
//! let connection = Connection::open(&access, retrier).await?;
//! let workloads = KubernetesWorkloads::new(connection, &binding);
//! for workload in workloads.list().await? {
//!     println!("{} {}", workload.name, if workload.ready { "ready" } else { &workload.reason });
//! }
//! # Ok(()) }
//! ```

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod access;
mod cluster;
mod compare;
mod connection;
mod dialect;
pub mod kubeconfig;
pub mod objects;
mod observed;
mod quantity;
mod readiness;
mod resource;
mod workloads;

pub use cluster::KubeconfigCluster;
pub use connection::Connection;
pub use objects::{Target, manifests};
pub use workloads::KubernetesWorkloads;
