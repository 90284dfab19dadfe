//! Walks: every side effect of every operation as the last one of a killed process, every call as one that fails.
//!
//! A [`Stage`](stage::Stage) is a simulated cloud and the real command with its real clients in one process, in time that passes only
//! while nothing else is to be done, so that hours are milliseconds. A [`Flow`](flows::Flow) is a command from a prepared state. A walk runs it
//! undisturbed, counts, and then goes over what it counted: [`kills`], [`faults`] and [`interrupts`].

pub mod agreement;
pub mod clock;
pub mod faults;
pub mod flows;
pub mod holdings;
pub mod image;
pub mod interrupts;
mod keys;
pub mod kills;
pub mod neighbours;
mod numbered;
pub mod objects;
pub mod recording;
pub mod report;
pub mod shape;
mod shared;
pub mod stage;
mod strangers;
pub mod threads;
pub mod walkers;
