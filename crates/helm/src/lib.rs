//! Charts installed like Helm, without Helm: repositories, values, rendering, hooks, releases.

pub mod capabilities;
pub mod chart;
