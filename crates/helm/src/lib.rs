//! Charts installed like Helm, without Helm: repositories, values, rendering, hooks, releases.

pub mod capabilities;
pub mod chart;
pub mod cluster;
pub mod manifest;
pub mod modernise;
mod objects;
mod operations;
pub mod patches;
pub mod readiness;
pub mod release;
pub mod schema;
pub mod source;
pub mod values;
mod version;
