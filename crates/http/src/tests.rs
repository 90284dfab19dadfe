//! Behaviour over the wire, in virtual time.

mod bodies;
mod fixture;
mod retries;
mod secrets;
mod tls;
mod transport;
