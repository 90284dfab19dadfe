//! Workloads on any Kubernetes API, and clusters named by a kubeconfig.

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
