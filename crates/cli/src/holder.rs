//! Who this process is, and whether other processes of this host still run.

use std::fs;

use spacecraft_core::state::{Holder, HolderProbe};

use crate::environment::Environment;

/// This process, as the holder of a lock.
pub(crate) fn this_process(operation: &str, environment: &Environment) -> Holder {
    let host = host_name();
    let process_id = std::process::id();
    Holder {
        operation: operation.to_owned(),
        operator: format!("{}@{host}", environment.user()),
        host: format!("{host}/{}", boot_id()),
        process_id,
        process_started: started(process_id).unwrap_or_default(),
    }
}

/// Knows the processes of this host.
#[derive(Debug)]
pub(crate) struct ThisHost;

impl HolderProbe for ThisHost {
    fn is_certainly_dead(&self, holder: &Holder) -> bool {
        let this_boot = boot_id();
        !this_boot.is_empty()
            && holder.host == format!("{}/{this_boot}", host_name())
            && !holder.process_started.is_empty()
            && started(holder.process_id).as_ref() != Some(&holder.process_started)
    }
}

fn host_name() -> String {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    name.map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

/// Differs between hosts of the same name, and after every start of this one; empty where the system does not say.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// When a process started, in ticks since the system did (field 22 of `/proc/<id>/stat`, counted behind the name in parentheses).
fn started(process_id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        this_process("test", &Environment::default())
    }

    #[test]
    fn this_process_is_not_dead() {
        assert!(!ThisHost.is_certainly_dead(&holder()));
    }

    #[test]
    fn a_process_that_started_at_another_time_under_the_same_number_is_dead() {
        let other = Holder { process_started: "1".to_owned(), ..holder() };
        assert!(ThisHost.is_certainly_dead(&other));
    }

    #[test]
    fn nothing_is_known_of_processes_of_other_hosts() {
        let other = Holder { host: "elsewhere/0".to_owned(), process_id: 0, ..holder() };
        assert!(!ThisHost.is_certainly_dead(&other));
    }
}
