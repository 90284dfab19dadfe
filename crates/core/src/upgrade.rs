//! What an upgrade of a running network decides: which changes of its config may be made how, in which order its nodes are touched, when a wave counts
//! as healthy, and how long all of it takes. Nothing here calls anything.

mod config_change;
mod estimate;
mod goal;
mod health;
mod reach;
mod waves;

pub use config_change::{ConfigChange, KeyChange, OwnValues, key_changes};
pub use estimate::Estimate;
pub use goal::{Goal, Release, UpgradeTarget};
pub use health::{ChainClock, HealthWatch, Observation, Verdict};
pub use reach::Reach;
pub use waves::{Candidate, HoldAt, Wave, parse_numbers, waves};
