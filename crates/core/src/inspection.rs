//! Looking at networks: nothing here writes.

mod hosts;

pub use hosts::{Host, HostsReport, find_hosts};
