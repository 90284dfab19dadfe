//! The one place that reads the environment.

use std::collections::BTreeMap;
use std::env;

/// The process's environment, as text. Variables that are no text are left out.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads the environment of this process.
pub(crate) fn read() -> Environment {
    Environment(
        env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    )
}

impl Environment {
    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables, for settings.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// Who runs this, by the login name.
    pub(crate) fn user(&self) -> &str {
        self.get("USER").or_else(|| self.get("LOGNAME")).unwrap_or("unknown")
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
