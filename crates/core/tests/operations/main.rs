//! Operations over in-memory providers: what they make, that they make it once, and that they go on from wherever they were stopped.

mod create;
mod delete;
mod interruption;
mod world;
