//! Behaviour over the wire, in virtual time.

mod bucket;
mod clusters;
mod conformance;
mod deletion;
mod disks;
mod faults;
mod firewall;
mod fixture;
mod load_balancers;
mod pool;
mod preflight;
mod replies;
mod sandbox;
mod tokens;
