//! What differs between generations of go-spacemesh: how nodes and PoETs are launched, and what a network publishes.
//!
//! A [`Profile`] turns facts about one node or PoET into a [`Launch`], from which the plan makes a [`Workload`](crate::workload::Workload). The texts come
//! from templates that an operator can override, so that a release with a renamed flag needs no new build. Nothing here runs or reads anything.

mod arguments;
mod beacon;
mod facts;
mod images;
mod launch;
mod node;
mod overlay;
mod poet;
mod profile;
mod rounds;
mod web_node;

pub use beacon::{BEACON_EPOCH, BEACON_SCHEMA_VERSION};
pub use facts::{BeaconFacts, NodeFacts, NodeOptions, PoetFacts, PoetServer, PublishedFacts};
pub use images::{default_images, generation_of_image, is_of_no_generation};
pub use launch::Launch;
pub use node::{GRPC_PORT, GRPC_PRIVATE_PORT, JSON_PORT, METRICS_PORT, PPROF_PORT};
pub use poet::REST_PORT;
pub use profile::Profile;
pub use rounds::{V0Rounds, V1Rounds};
pub use web_node::{WebNode, WebNodeFacts};

#[cfg(test)]
mod tests;
