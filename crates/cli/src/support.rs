//! The support bundle of a failed operation, in a file of the user's state folder.

use std::fs;
use std::path::{Path, PathBuf};

use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{OperationFailure, Services, SupportBundle, collect_support};
use spacecraft_core::secret::ExposeSecret as _;
use spacecraft_core::settings::{Settings, catalogue};
use spacecraft_core::{Error, Meaning, Result, render_chain};

use crate::exit::ExitStatus;
use crate::folders;
use crate::output::failure::Aftermath;
use crate::private_file;
use crate::session::Session;

/// Tells a failed operation on a recorded network, with a support bundle of what may explain it, and the commands that go on from there.
pub(crate) async fn tell_failure(
    session: &Session<'_>,
    (settings, services): (&Settings, &Services),
    (network, operation): (&NetworkName, &str),
    failure: &OperationFailure,
    next: &[(&str, String)],
) -> ExitStatus {
    let support_bundle = write_bundle(session, settings, services, (network, operation), failure).await;
    let aftermath = Aftermath { support_bundle, rolled_back: None };
    session.output.operation_failed_with(failure, next, &aftermath)
}

/// Collects and writes the bundle of an operation that left something behind, or saw pods that were not ready; answers the file. A bundle that cannot be written is
/// a warning.
pub(crate) async fn write_bundle(
    session: &Session<'_>,
    settings: &Settings,
    services: &Services,
    (network, operation): (&NetworkName, &str),
    failure: &OperationFailure,
) -> Option<PathBuf> {
    let saw_pods = failure.evidence.as_ref().is_some_and(|evidence| !evidence.pods.is_empty());
    if !failure.is_resumable() && !saw_pods {
        return None;
    }
    let bundle = collect_support(services, network, operation, failure).await;
    match write(&folders::support(session.environment), settings, &bundle) {
        Ok(path) => Some(path),
        Err(error) => {
            session.output.warn(&render_chain(&error));
            None
        }
    }
}

fn write(folder: &Path, settings: &Settings, bundle: &SupportBundle) -> Result<PathBuf> {
    let secrets: Vec<&str> = catalogue()
        .iter()
        .filter_map(|setting| settings.secret(setting.name))
        .map(|secret| secret.expose_secret())
        .collect();
    fs::create_dir_all(folder).map_err(|error| {
        let place = folder.display().to_string();
        Error::new(Meaning::Invalid, "make folder", place, "it cannot be made").with_source(error)
    })?;
    let when = bundle.collected_at.strftime("%Y%m%dT%H%M%S%3fZ");
    let path = folder.join(format!("{}-{}-{when}.json", bundle.network, bundle.operation));
    private_file::write_new("the support bundle", &path, bundle.blanked(&secrets).as_bytes())?;
    Ok(path)
}
