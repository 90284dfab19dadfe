//! A simulated cloud on loopback: every service that Spacecraft talks to, stateful.

pub mod wire;
