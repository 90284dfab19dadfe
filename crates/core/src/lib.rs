//! The decisions of Spacecraft, apart from every service it talks to.
//!
//! Data flows one way: [`settings`] are validated into a [`spec`], from which a [`plan`] is computed; an
//! [`operation`] carries the plan out through the provider [`traits`] and ends with a [`report`]. Nothing here opens a
//! socket, reads the environment or prints: time, randomness and every outside effect are handed in.

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

pub mod charts;
pub mod consensus;
pub mod discovery;
pub mod error;
pub mod fleet_change;
pub mod generation;
pub mod go_duration;
pub mod identity;
pub mod image;
pub mod inspection;
pub mod interrupt;
pub mod machine;
pub mod names;
pub mod node_config;
pub mod observer;
pub mod operation;
pub mod placement;
pub mod plan;
pub mod ports;
pub mod quantity;
pub mod report;
pub mod secret;
pub mod settings;
pub mod slots;
pub mod spec;
pub mod spelling;
pub mod state;
pub mod templates;
pub mod time;
pub mod topology;
pub mod traits;
pub mod upgrade;
pub mod wait;
pub mod workload;

pub use error::{Effect, Error, Meaning, Result, render_chain};
