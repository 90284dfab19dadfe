//! What goes over the wire to a Kubernetes API, and what becomes of its answers.

// Helpers of tests may fail like tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod connecting;
mod listing;
mod repeating;
mod support;
mod tunnels;
mod turns;
mod waiting;
mod workloads;
