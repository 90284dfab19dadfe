//! What differs between generations of go-spacemesh: how nodes and PoETs are launched, and what a network publishes.
//!
//! A [`Profile`] turns facts about one node or PoET into a [`Launch`], from which the plan makes a [`Workload`](crate::workload::Workload). The texts come
//! from templates that an operator can override, so that a release with a renamed flag needs no new build. Nothing here runs or reads anything.

mod facts;
mod launch;

pub use facts::{BeaconFacts, NodeFacts, NodeOptions, PoetFacts, PoetServer, PublishedFacts};
pub use launch::Launch;
