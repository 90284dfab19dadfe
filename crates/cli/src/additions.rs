//! Settings that commands read alike which add something to a network: changes to charts, and how long they may take.

use std::collections::BTreeMap;
use std::time::Duration;

use spacecraft_core::operation::Limits;
use spacecraft_core::settings::{Settings, SettingsErrors};
use spacecraft_core::spec::ChartOverride;

use crate::session::{Session, one_mistake};

/// The changes that the config file of this run has for some charts. Unlike other settings they are applied although the network has a record: its charts may have
/// been changed for creating it alone.
pub(crate) fn chart_changes(
    settings: &Settings,
    names: &[&str],
) -> Result<BTreeMap<String, ChartOverride>, SettingsErrors> {
    let Some(document) = settings.document("charts") else { return Ok(BTreeMap::new()) };
    let mut changes: BTreeMap<String, ChartOverride> = serde_json::from_value(document.clone())
        .map_err(|error| one_mistake("charts", "", error.to_string()))?;
    changes.retain(|name, _| names.contains(&name.as_str()));
    Ok(changes)
}

/// How long the operation and each of its steps may take.
pub(crate) fn limits(session: &Session<'_>, settings: &Settings) -> Limits {
    Limits {
        timeout: settings.duration("timeout").unwrap_or(Duration::from_secs(7200)),
        step_timeout: settings.duration("step-timeout").unwrap_or(Duration::from_secs(2700)),
        force_unlock: session.switch("force-unlock"),
    }
}
