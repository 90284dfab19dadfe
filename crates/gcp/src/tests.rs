//! Behaviour over the wire, in virtual time.

mod bucket;
mod clusters;
mod deletion;
mod disks;
mod firewall;
mod fixture;
mod pool;
mod preflight;
mod tokens;
