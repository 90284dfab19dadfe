//! `create-network`: from settings to a network that is up.

use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{
    CreateOptions, CreateRequest, DeleteRequest, Limits, OperationFailure, Services, create_network,
    finish_roll_back, roll_back,
};
use spacecraft_core::report::NetworkReport;
use spacecraft_core::settings::{Command, Settings, SettingsError, SettingsErrors};
use spacecraft_core::spec::NetworkSpec;
use spacecraft_core::state::RecordStore;
use spacecraft_core::{Error, Meaning, Result, render_chain};

use crate::arguments::{force_unlock, of, switch};
use crate::confirmation::{ask, can_ask};
use crate::exit::ExitStatus;
use crate::materials::materials;
use crate::output::failure::Aftermath;
use crate::output::table::{or_dash, table};
use crate::session::{Known, Session};
use crate::support;
use crate::wiring::{Wiring, known_before_sandbox, known_of_sandbox, sandbox_folder, start_sandbox};

/// Why a chain is not started anew where nobody can be asked.
const UNATTENDED: &str =
    "starting a chain anew destroys data and wallet keys: without a terminal to ask on, --yes must be given";

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::CreateNetwork, "Create a network, go on with one, or see that nothing is to be done").args(
                [
                    force_unlock(),
                    switch(
                        "rollback",
                        "when it fails, remove what it and earlier unfinished runs have made, but no cluster that was there before",
                    ),
                    switch(
                        "new-genesis",
                        "start the chain of a network that was begun anew, with new keys and data",
                    ),
                    switch("force", "with --new-genesis: even when its config was published"),
                    switch("yes", "with --new-genesis: do not ask for the network's name"),
                ],
            )
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    // Everything is checked before the first call: a first time without what only calls can tell.
    let before = known_before_sandbox(session, Command::CreateNetwork);
    let (settings, wrong) = match asked(session) {
        Ok(settings) => (settings, None),
        Err(wrong) => match settings_for_record(session, &before, &wrong) {
            None => return session.output.wrong_settings(&wrong),
            Some(settings) => (settings, Some(wrong)),
        },
    };
    if let Err(status) = confirm_new_genesis(session, &settings) {
        return status;
    }
    let known = match (known(session, &settings).await, wrong) {
        (Err(error), None) => return session.output.failed(error),
        (Ok(known), Some(_)) if !known.0.of_record.is_empty() => known,
        (_, Some(wrong)) => return session.output.refused_settings(&wrong),
        (Ok(known), None) => known,
    };
    match session.plan(Command::CreateNetwork, &known.0) {
        Ok((settings, spec, _)) => create(session, &settings, spec, known.1).await,
        Err(wrong) => session.output.refused_settings(&wrong),
    }
}

/// The settings of a network that can be created as they are, as far as nothing has to be called to know.
pub(crate) fn asked(session: &Session<'_>) -> Result<Settings, SettingsErrors> {
    let before = known_before_sandbox(session, Command::CreateNetwork);
    let switches = SettingsErrors::unless_empty(mistakes_with_switches(session), || ());
    SettingsErrors::both(session.plan(Command::CreateNetwork, &before), switches)
        .map(|((settings, ..), ())| settings)
}

/// What is wrong with the switches, which belong together.
fn mistakes_with_switches(session: &Session<'_>) -> Vec<SettingsError> {
    let new_genesis = session.switch("new-genesis");
    let alone = ["force", "yes"].into_iter().filter(|switch| session.switch(switch) && !new_genesis);
    let mistake =
        |switch: &str| SettingsError::new(switch, "true", "it is for --new-genesis, which is not given");
    let mut wrong: Vec<SettingsError> = alone.map(mistake).collect();
    if new_genesis && !session.switch("yes") && !can_ask() {
        wrong.push(SettingsError::new("yes", "", UNATTENDED));
    }
    wrong
}

/// With `--new-genesis`: asks for the network's name, because its chain and keys are destroyed.
fn confirm_new_genesis(session: &Session<'_>, settings: &Settings) -> Result<(), ExitStatus> {
    if !session.switch("new-genesis") || session.switch("yes") {
        return Ok(());
    }
    let network =
        crate::session::network_name(settings).map_err(|wrong| session.output.wrong_settings(&wrong))?;
    let question = format!(
        "this starts the chain of network {network} anew: data and keys of its nodes and PoETs go, and with them the wallet keys (keys export writes them out)\ntype its name to go on:"
    );
    ask(session, &question, network.as_str(), UNATTENDED)
}

type Sandbox = Option<spacecraft_sandbox::server::SandboxInfo>;

/// Settings that lead to a record with which what is wrong may be right: `--miners 5` is right where the record has two bootnodes. None where no record can
/// help, because what is wrong was given just now, or where there can be none.
fn settings_for_record(session: &Session<'_>, before: &Known, wrong: &SettingsErrors) -> Option<Settings> {
    let settings = session.settings(Command::CreateNetwork, before).ok()?;
    if wrong.errors.iter().any(|error| settings.is_given_now(&error.key)) {
        return None;
    }
    if settings.text("provider") == Some("sandbox")
        && !sandbox_folder(&settings, session.environment).exists()
    {
        return None;
    }
    Some(settings)
}

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
        Err(error) => return session.output.failed(error),
    };
    let removal = removal(settings, &request.spec);
    if session.switch("rollback")
        && let Err(failure) = Box::pin(finished_rollback(session, &services, removal.clone())).await
    {
        return told(session, &removal.network, &failure, &Aftermath::default());
    }
    match Box::pin(create_network(&services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => failed(session, settings, &services, removal, failure).await,
    }
}

/// Finishes a rollback that an earlier run of the command began.
async fn finished_rollback(
    session: &Session<'_>,
    services: &Services,
    removal: DeleteRequest,
) -> Result<(), OperationFailure> {
    if Box::pin(finish_roll_back(services, removal)).await?.is_some() {
        session.output.say("the rollback that an earlier run began is finished; the network is created anew");
    }
    Ok(())
}

/// What `--rollback` would remove.
fn removal(settings: &Settings, spec: &NetworkSpec) -> DeleteRequest {
    DeleteRequest {
        network: spec.network.clone(),
        fallback: super::delete_network::fallback(settings, &spec.network),
        limits: Limits {
            timeout: spec.rollout.timeout,
            step_timeout: spec.rollout.step_timeout,
            force_unlock: false,
        },
    }
}

/// Collects what explains the failure, takes back what was made if that was asked for, and tells all.
async fn failed(
    session: &Session<'_>,
    settings: &Settings,
    services: &Services,
    removal: DeleteRequest,
    mut failure: OperationFailure,
) -> ExitStatus {
    let network = removal.network.clone();
    let about = (&network, "create-network");
    let mut aftermath = Aftermath {
        support_bundle: support::write_bundle(session, settings, services, about, &failure).await,
        rolled_back: None,
    };
    if session.switch("rollback") && failure.is_resumable() {
        session.output.say("removing what was made");
        match Box::pin(roll_back(services, removal)).await {
            Ok(report) => {
                failure.leftovers.clear();
                aftermath.rolled_back = Some(report.steps);
            }
            Err(stuck) => {
                let reason = render_chain(&stuck.error);
                session.output.warn(&format!("the rollback did not get to its end: {reason}"));
            }
        }
    }
    told(session, &network, &failure, &aftermath)
}

/// Tells a failure, and the commands that go on from there.
fn told(
    session: &Session<'_>,
    network: &NetworkName,
    failure: &OperationFailure,
    aftermath: &Aftermath,
) -> ExitStatus {
    let next = [
        (
            "to go on, run the same command again; what was given before is remembered",
            session.again("create-network", network.as_str()),
        ),
        ("to remove what exists", session.again("delete-network", network.as_str())),
    ];
    session.output.operation_failed_with(failure, &next, aftermath)
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
            forced: session.switch("force"),
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
