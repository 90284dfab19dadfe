//! What a cluster does by itself, told in requests and virtual time.

mod behaviour;
mod fields;
mod times;
mod world;
