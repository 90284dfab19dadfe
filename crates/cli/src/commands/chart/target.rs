//! The cluster that releases are on.

use std::collections::BTreeMap;

use serde_json::json;
use spacecraft_core::names::NetworkName;
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::Charts;

use super::{flags, source};
use crate::session::{Known, Session, network_name};
use crate::wiring::{Wiring, known_of_sandbox, start_sandbox};

/// A kubeconfig tells the cluster whatever network is asked for.
const ANY_NETWORK: &str = "any";

/// Releases of a cluster.
pub(super) struct Target {
    /// The charts, and the releases.
    pub charts: Charts,
    /// The namespace that was named, or else that of the kubeconfig's context.
    pub namespace: String,
}

impl Target {
    /// Connects to the cluster of the network that is named, and without one to that of the kubeconfig.
    pub(super) async fn open(session: &Session<'_>) -> Result<Self> {
        let named = session.argument("network-name").is_some();
        let of_record = if named { BTreeMap::new() } else { of_kubeconfig() };
        let known = Known { of_record, ..Known::default() };
        let sandbox = start_sandbox(&settings(session, &known)?, session.environment).await?;
        let known = Known { of_record: known.of_record, ..known_of_sandbox(sandbox.as_ref()) };
        let settings = settings(session, &known)?;
        let network = if named {
            network_name(&settings).map_err(wrong)?
        } else {
            NetworkName::new(ANY_NETWORK)
                .map_err(|reason| Error::new(Meaning::Invalid, "name a network", ANY_NETWORK, reason))?
        };
        let wiring = Wiring::new(&settings, session.environment, sandbox)?;
        let access = wiring.cluster().await?.access(&network).await?;
        let (connection, charts) = wiring.connector().open(&access).await?;
        let own = connection.client().default_namespace();
        let namespace = session.argument("release-namespace").unwrap_or(own).to_owned();
        Ok(Self { charts, namespace })
    }

    /// The same, with charts from where the command line says.
    pub(super) fn with_sources(self, session: &Session<'_>) -> Result<Self> {
        Ok(Self { charts: self.charts.with_sources(source::sources(session)?), ..self })
    }
}

/// Without a network, the provider is a kubeconfig, whatever the environment says of networks.
fn of_kubeconfig() -> BTreeMap<String, serde_json::Value> {
    BTreeMap::from([("provider".to_owned(), json!("kubernetes"))])
}

fn settings(session: &Session<'_>, known: &Known) -> Result<Settings> {
    session.settings(Command::Chart, known).map_err(wrong)
}

fn wrong(errors: SettingsErrors) -> Error {
    Error::new(Meaning::Invalid, "read settings", "", errors.to_string())
}

/// The patience that `--timeout` gives from now on.
pub(super) fn patience(session: &Session<'_>, step: &str) -> Wait {
    let clock = session.environment.clock();
    let now = clock.now();
    let deadline = now.saturating_add(flags::timeout(session)).unwrap_or(now);
    Wait::new(clock, session.output.observer(), step, deadline)
}
