//! Google Kubernetes Engine, Compute Engine and Cloud Storage for Spacecraft.
//!
//! [`Gke`] is a [`ClusterProvider`](spacecraft_core::traits::ClusterProvider): one cluster per network, with the network's
//! disks and firewall rules. [`Bucket`] is an [`ObjectStore`](spacecraft_core::traits::ObjectStore). Both ask with the
//! tokens of one [`Tokens`], which also serve the Kubernetes API of the clusters. [`Endpoints`] names the services, Google's own
//! unless said otherwise.

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

mod api;
mod bucket;
mod compute;
mod dialect;
mod gke;
mod number;
mod ownership;
mod preflight;
mod tokens;

#[cfg(test)]
mod tests;

pub use api::Endpoints;
pub use bucket::{Bucket, BucketOptions};
pub use dialect::Google;
pub use gke::{Gke, GkeOptions};
pub use ownership::{MANAGED_BY_LABEL, NETWORK_LABEL, network_labels, network_tag};
pub use tokens::{GET_CREDENTIALS, Tokens};
