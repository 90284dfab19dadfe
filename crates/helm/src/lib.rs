//! Charts installed like Helm, without Helm: repositories, values, rendering, hooks, releases.

pub mod capabilities;
pub mod chart;
pub mod charts;
pub mod cluster;
pub mod engine;
pub mod functions;
mod lookup;
pub mod manifest;
pub mod modernise;
mod objects;
mod operations;
pub mod patches;
pub mod readiness;
pub mod release;
mod render;
pub mod schema;
pub mod source;
#[cfg(test)]
mod testing;
pub mod values;
mod version;

pub use charts::Charts;
pub use operations::Uninstalled;
