//! A network that exists, as its record has it, with everything to work on it: where commands other than `create-network` begin.

use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::Services;
use spacecraft_core::settings::{Command, Settings};
use spacecraft_core::state::{NetworkRecord, RecordStore, unknown_network};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_sandbox::server::SandboxInfo;

use crate::exit::ExitStatus;
use crate::session::{Known, Session};
use crate::wiring::{Wiring, known_of_sandbox, start_sandbox};

/// A network of which there is a record.
#[derive(Debug)]
pub(crate) struct RecordedNetwork {
    /// The settings of this command: what is not given comes from the record.
    pub settings: Settings,
    /// What is remembered of the network.
    pub record: NetworkRecord,
    /// The simulated cloud, when the network is in one.
    pub sandbox: Option<SandboxInfo>,
    /// Everything outside that operations work with.
    pub services: Services,
}

/// Finds the network that the settings name. Wrong settings and a network that there is no record of, with the names that there are, are told.
pub(crate) async fn recorded_network(
    session: &Session<'_>,
    command: Command,
) -> Result<RecordedNetwork, ExitStatus> {
    let named = session.named(command);
    let (settings, network) = named.map_err(|wrong| session.output.wrong_settings(&wrong))?;
    read(session, command, &settings, &network).await.map_err(|error| session.output.failed(error))
}

async fn read(
    session: &Session<'_>,
    command: Command,
    settings: &Settings,
    network: &NetworkName,
) -> Result<RecordedNetwork> {
    let PossibleNetwork { settings, record, sandbox, services } =
        open(session, command, settings, network).await?;
    match record? {
        Some(record) => Ok(RecordedNetwork { settings, record, sandbox, services }),
        None => Err(unknown_network(&*services.state_store, &format!("{command} of"), network).await),
    }
}

/// A network that there may be, with everything to look for it and to work on it.
#[derive(Debug)]
pub(crate) struct PossibleNetwork {
    /// The settings of this command: what is not given comes from the record, if there is one.
    pub settings: Settings,
    /// What is remembered of the network, or why it cannot be read.
    pub record: Result<Option<NetworkRecord>>,
    /// The simulated cloud, when the network is in one.
    pub sandbox: Option<SandboxInfo>,
    /// Everything outside that operations work with.
    pub services: Services,
}

/// Opens a network where its record says that its parts are, or where the settings say it when there is no record of it or none that can be read.
///
/// # Errors
///
/// Those of the settings, of the services, and of a state store that does not answer.
pub(crate) async fn open(
    session: &Session<'_>,
    command: Command,
    settings: &Settings,
    network: &NetworkName,
) -> Result<PossibleNetwork> {
    let again = |known: &Known| {
        session
            .settings(command, known)
            .map_err(|wrong| Error::new(Meaning::Invalid, "read settings", "", wrong.to_string()))
    };
    let info = start_sandbox(settings, session.environment).await?;
    let mut known = known_of_sandbox(info.as_ref());
    let settings = again(&known)?;
    let store = Wiring::new(&settings, session.environment, info.clone())?.state_store().await?;
    let record = match RecordStore::new(store, network).read().await {
        Err(error) if error.meaning() != Meaning::Invalid => return Err(error),
        read => read,
    };
    if let Ok(Some(record)) = &record {
        known.of_record.clone_from(&record.settings);
    }
    let settings = again(&known)?;
    let services = Wiring::new(&settings, session.environment, info.clone())?
        .services(command.name(), session.output)
        .await?;
    Ok(PossibleNetwork { settings, record, sandbox: info, services })
}
