//! The one place that reads the environment: variables, time, chance, and the process that a command is.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;

use spacecraft_core::interrupt::Interrupt;
use spacecraft_core::state::{Holder, HolderProbe};
use spacecraft_core::time::{Clock, Random, SystemClock, SystemRandom};
use spacecraft_helm::keys::{NewRsaKeys, RsaKeys};

use crate::embedded::Machine;
use crate::holder::{ThisHost, this_process};
use crate::output::{Output, Streams};
use crate::signals::interrupt_on_signals;

/// The environment of a command: variables as text, those that are no text left out, and the machine it runs on.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    /// A machine that is played by an embedding program; none is the real one.
    played: Option<Machine>,
    streams: Streams,
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.variables.keys()).finish()
    }
}

/// Reads the environment of this process.
pub(crate) fn read() -> Environment {
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Environment { variables, ..Environment::default() }
}

/// The environment that an embedding program plays, and where what is written goes.
pub(crate) fn played(machine: &Machine, streams: Streams) -> Environment {
    Environment { variables: machine.variables.clone(), played: Some(machine.clone()), streams }
}

impl Environment {
    /// An environment of these variables alone.
    #[cfg(test)]
    pub(crate) fn of_variables(variables: BTreeMap<String, String>) -> Self {
        Self { variables, ..Self::default() }
    }

    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables, for settings.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.variables.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// Who runs this, by the login name.
    pub(crate) fn user(&self) -> &str {
        self.get("USER").or_else(|| self.get("LOGNAME")).unwrap_or("unknown")
    }

    /// The clock of everything that waits.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.played.as_ref().map_or_else(|| Arc::new(SystemClock) as _, |machine| Arc::clone(&machine.clock))
    }

    /// The source of keys, passwords and jitter.
    pub(crate) fn random(&self) -> Arc<dyn Random> {
        self.played
            .as_ref()
            .map_or_else(|| Arc::new(SystemRandom) as _, |machine| Arc::clone(&machine.random))
    }

    /// The source of the RSA keys that charts ask for.
    pub(crate) fn rsa_keys(&self) -> Arc<dyn RsaKeys> {
        self.played
            .as_ref()
            .map_or_else(|| Arc::new(NewRsaKeys) as _, |machine| Arc::clone(&machine.rsa_keys))
    }

    /// This process, as the holder of a lock.
    pub(crate) fn holder(&self, operation: &str) -> Holder {
        let holder = this_process(operation, self);
        match &self.played {
            Some(machine) => Holder { process_id: machine.process_id, ..holder },
            None => holder,
        }
    }

    /// Who knows whether other holders still run.
    pub(crate) fn probe(&self) -> Arc<dyn HolderProbe> {
        self.played.as_ref().map_or_else(|| Arc::new(ThisHost) as _, |machine| Arc::clone(&machine.probe))
    }

    /// The operator's wish to stop.
    pub(crate) fn interrupt(&self, output: &Output) -> Interrupt {
        match &self.played {
            Some(machine) => machine.interrupt.clone(),
            None => interrupt_on_signals(output),
        }
    }

    /// Where a command writes.
    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// The proxy for https, and the hosts that are asked directly.
    pub(crate) fn proxy(&self) -> Option<(&str, &str)> {
        let proxy = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
            .iter()
            .find_map(|name| self.get(name))?;
        let except = self.get("NO_PROXY").or_else(|| self.get("no_proxy")).unwrap_or_default();
        Some((proxy, except))
    }
}
