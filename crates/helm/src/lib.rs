//! Charts installed like Helm, without Helm: repositories, values, rendering, hooks, releases.
//!
//! [`Charts`] is the door: it finds a chart, renders it as Helm 3.19 does, and installs, upgrades, rolls back and
//! uninstalls releases that Helm can go on with, because the records are Helm's own. Beside that it rewrites objects of
//! API versions that the cluster no longer serves ([`modernise`]) and applies [`patches`] from the settings.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use spacecraft_core::time::{SystemClock, SystemRandom};
//! use spacecraft_helm::Charts;
//! use spacecraft_helm::charts::TemplateOptions;
//! use spacecraft_helm::source::{ChartReference, ChartSources};
//!
//! # async fn example() -> spacecraft_core::Result<()> {
//! let charts = Charts::new(ChartSources::new(None, None), None, Arc::new(SystemClock), Arc::new(SystemRandom));
//! let rendered = charts
//!     .template(&TemplateOptions {
//!         release_name: "web".to_owned(),
//!         namespace: "default".to_owned(),
//!         chart: ChartReference { chart: "./chart".to_owned(), ..ChartReference::default() },
//!         ..TemplateOptions::default()
//!     })
//!     .await?;
//! assert!(rendered.text.contains("kind: Deployment"));
//! # Ok(()) }
//! ```

pub mod capabilities;
pub mod chart;
pub mod charts;
pub mod cluster;
pub mod engine;
pub mod functions;
pub mod keys;
mod lookup;
pub mod manifest;
pub mod modernise;
mod objects;
mod operations;
pub mod patches;
mod post_renderer;
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
pub use cluster::Propagation;
pub use operations::Uninstalled;
pub use post_renderer::PostRenderer;
