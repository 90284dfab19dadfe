//! Operations over in-memory providers: what they make, that they make it once, and that they go on from wherever they were stopped.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

mod admissions;
mod anew;
mod create;
mod delete;
mod garbage;
mod holding;
mod inspection;
mod interruption;
mod journal;
mod keeping;
mod lock;
mod miners;
mod poets;
mod release;
mod rollback;
mod upgrade;
mod web_services;
mod world;
