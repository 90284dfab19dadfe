//! What is promised of the real binary whatever happens to it: interrupts, two operators, hostile input, and death at any moment.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say where"
)]

mod cloud;
mod exposure;
mod injection;
mod interrupts;
mod kills;
mod kubernetes;
mod operators;
mod secrets;
