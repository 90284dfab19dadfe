//! A simulated cloud on loopback: every service that Spacecraft talks to, stateful.
//!
//! [`World`] is the whole cloud as one plain value: requests go in, answers come out, and time is handed in. [`server`]
//! hosts a world in a folder for people and programs; [`client`] talks to such a server. No service knows anything of
//! the clients of this workspace: each is written from what is publicly known of the real one.

#![cfg_attr(test, allow(clippy::indexing_slicing))]

pub mod address;
pub mod calls;
mod charts;
pub mod client;
mod cloudflare;
pub mod context;
pub mod credentials;
pub mod faults;
mod github;
pub mod google;
pub mod inventory;
pub mod kubernetes;
pub mod mint;
pub mod moment;
pub mod server;
pub mod settings;
mod slack;
mod stored_bytes;
pub mod wire;
mod workloads;
pub mod world;

pub use world::World;
