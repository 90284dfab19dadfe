use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::error::Result;
use crate::observer::Outcome;
use crate::wait::Wait;

/// Retention and dashboards of a network's log store.
///
/// # Contract
///
/// * Retentions of different names do not touch each other.
/// * `ensure_dashboards` overwrites objects with the same identifiers and leaves others; a partial failure is an error that names the objects.
/// * A service that is still starting is waited for.
#[async_trait]
pub trait LogStore: Debug + Send + Sync {
    /// Waits until the store and its dashboards answer.
    async fn wait_ready(&self, wait: &Wait) -> Result<()>;

    /// Compares the retention of that name with what is wanted.
    async fn look_retention(&self, retention: &LogRetention) -> Result<Look>;

    /// Makes the retention so, for indices that exist and those that come.
    async fn ensure_retention(&self, retention: &LogRetention) -> Result<Outcome>;

    /// Compares the saved objects (newline-delimited JSON) with those that are there, by type and identifier.
    async fn look_dashboards(&self, saved_objects: &str) -> Result<Look>;

    /// Imports the saved objects.
    async fn ensure_dashboards(&self, saved_objects: &str) -> Result<Outcome>;
}

/// How long indices of a pattern are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRetention {
    /// The name of the lifecycle policy and of the index template, such as `sm`.
    pub name: String,
    /// The indices, such as `sm-*`.
    pub index_pattern: String,
    /// Days after which an index is deleted.
    pub days: u32,
    /// Copies of each shard besides the first: 0 with one Elasticsearch pod.
    pub replicas: u32,
}
