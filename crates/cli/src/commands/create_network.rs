//! `create-network`: from settings to a network that is up.

use spacecraft_core::operation::{CreateOptions, CreateRequest, create_network};
use spacecraft_core::report::NetworkReport;
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::spec::NetworkSpec;
use spacecraft_core::state::RecordStore;
use spacecraft_core::{Error, Meaning, Result, render_chain};

use crate::exit::ExitStatus;
use crate::materials::materials;
use crate::output::table::{or_dash, table};
use crate::session::{Known, Session, one_mistake};
use crate::wiring::{Wiring, known_before_sandbox, known_of_sandbox, start_sandbox};

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    // Everything is checked before the first call: a first time without what only calls can tell.
    let before = known_before_sandbox(session, Command::CreateNetwork);
    let first = match session.spec(Command::CreateNetwork, &before) {
        Ok((settings, _)) => settings,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let known = match known(session, &first).await {
        Ok(known) => known,
        Err(error) => return refused(session, error),
    };
    match session.spec(Command::CreateNetwork, &known.0) {
        Ok((settings, spec)) => create(session, &settings, spec, known.1).await,
        Err(wrong) => session.output.wrong_settings(&wrong),
    }
}

type Sandbox = Option<spacecraft_sandbox::server::SandboxInfo>;

/// What the simulated cloud and the network's record add to the settings.
async fn known(session: &Session<'_>, settings: &Settings) -> Result<(Known, Sandbox)> {
    let info = start_sandbox(settings, session.environment).await?;
    let mut known = known_of_sandbox(info.as_ref());
    let settings = session.settings(Command::CreateNetwork, &known).map_err(unexpected)?;
    let wiring = Wiring::new(&settings, session.environment, info.clone())?;
    let network = crate::session::network_name(&settings).map_err(unexpected)?;
    if let Some(record) = RecordStore::new(wiring.state_store().await?, &network).read().await? {
        known.of_record = record.settings;
    }
    Ok((known, info))
}

/// Tells why nothing was begun; credentials that are missing or wrong are a mistake in the settings.
fn refused(session: &Session<'_>, error: Error) -> ExitStatus {
    if !error.operation().contains("credentials") {
        return session.output.failed(error);
    }
    let message = format!(
        "{}: name a service account key here or in GOOGLE_APPLICATION_CREDENTIALS",
        render_chain(&error)
    );
    session.output.wrong_settings(&one_mistake("gcp-credentials-file", error.resource(), message))
}

/// Settings that were right a moment ago.
fn unexpected(wrong: SettingsErrors) -> Error {
    Error::new(Meaning::Invalid, "read settings", "", wrong.to_string())
}

async fn create(
    session: &Session<'_>,
    settings: &Settings,
    spec: NetworkSpec,
    sandbox: Sandbox,
) -> ExitStatus {
    let prepared = async {
        let wiring = Wiring::new(settings, session.environment, sandbox)?;
        let services = wiring.services("create-network", session.output).await?;
        let request = request(session, settings, spec)?;
        Ok::<_, Error>((services, request))
    };
    let (services, request) = match prepared.await {
        Ok(prepared) => prepared,
        Err(error) => return refused(session, error),
    };
    let network = request.spec.network.clone();
    match Box::pin(create_network(&services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            let next = [
                (
                    "to go on, run the same command again; what was given before is remembered",
                    session.again("create-network", network.as_str()),
                ),
                ("to remove what exists", session.again("delete-network", network.as_str())),
            ];
            session.output.operation_failed(&failure, &next)
        }
    }
}

/// What the operation needs beside the services: the spec with all templates.
pub(crate) fn request(
    session: &Session<'_>,
    settings: &Settings,
    spec: NetworkSpec,
) -> Result<CreateRequest> {
    Ok(CreateRequest {
        settings: spec.to_settings(),
        materials: materials(settings, &spec)?,
        options: CreateOptions {
            force_unlock: session.switch("force-unlock"),
            new_genesis: session.switch("new-genesis"),
        },
        spec,
    })
}

fn text(report: &NetworkReport) -> String {
    let mut text = format!(
        "network {} ({}) is ready, genesis at {}\n\n",
        report.network, report.generation, report.genesis_time
    );
    text.push_str(&table(
        ["NODE", "ROLE", "POET", "WORKER", "P2P", "GRPC"],
        report.nodes.iter().map(|node| {
            [
                node.name.clone(),
                node.role.to_string(),
                node.poet.clone(),
                or_dash(node.worker.as_deref()),
                or_dash(node.p2p.as_deref()),
                or_dash(node.grpc.as_deref()),
            ]
        }),
    ));
    text.push('\n');
    text.push_str(&table(
        ["POET", "URL"],
        report.poets.iter().map(|poet| [poet.name.clone(), or_dash(poet.url.as_deref())]),
    ));
    text.push('\n');
    text.push_str(&table(
        ["WHAT", "WHERE"],
        report.urls.iter().map(|(what, url)| [what.clone(), url.clone()]),
    ));
    text.push('\n');
    text.push_str(&super::plan::exposure_table(&report.exposure));
    text.push('\n');
    text.push_str(&table(
        ["STEP", "OUTCOME"],
        report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]),
    ));
    text
}
