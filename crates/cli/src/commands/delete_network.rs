//! `delete-network`: takes a network away with all that belongs to it.

use spacecraft_core::Result;
use spacecraft_core::charts::Namespaces;
use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{DeleteRequest, delete_network, keep_logs_and_metrics};
use spacecraft_core::report::DeletionReport;
use spacecraft_core::settings::{Command, Settings};
use spacecraft_core::spec::ProviderKind;
use spacecraft_core::traits::NetworkBinding;

use crate::additions::limits;
use crate::arguments::{force_unlock, of, switch};
use crate::confirmation::ask;
use crate::exit::ExitStatus;
use crate::output::table::table;
use crate::recorded::{PossibleNetwork, open};
use crate::session::Session;
use crate::support::tell_failure;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::DeleteNetwork, "Delete a network with all that belongs to it")
        .args([switch("yes", "do not ask for the network's name"), force_unlock()])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (settings, network) = match session.named(Command::DeleteNetwork) {
        Ok(named) => named,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    if !session.switch("yes")
        && let Err(status) = confirm(session, &network, settings.flag("keep-logs-metrics"))
    {
        return status;
    }
    match delete(session, &settings, &network).await {
        Ok(status) => status,
        Err(error) => session.output.failed(error),
    }
}

/// Asks for the network's name; refuses without a terminal to ask on.
fn confirm(session: &Session<'_>, network: &NetworkName, keeping: bool) -> Result<(), ExitStatus> {
    let what = if keeping { "its data (but for logs and metrics)" } else { "its data, logs" };
    let question = format!(
        "this deletes network {network} with {what} and the wallet keys of its nodes (keys export writes them out)\ntype its name to go on:"
    );
    ask(
        session,
        &question,
        network.as_str(),
        "deleting destroys data and wallet keys: without a terminal to ask on, --yes must be given",
    )
}

async fn delete(session: &Session<'_>, settings: &Settings, network: &NetworkName) -> Result<ExitStatus> {
    let PossibleNetwork { settings, services, .. } =
        open(session, Command::DeleteNetwork, settings, network).await?;
    let request = DeleteRequest {
        network: network.clone(),
        fallback: fallback(&settings, network),
        limits: limits(session, &settings),
    };
    let keeping = settings.flag("keep-logs-metrics");
    let done = if keeping {
        Box::pin(keep_logs_and_metrics(&services, request)).await
    } else {
        Box::pin(delete_network(&services, request)).await
    };
    Ok(match done {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            let keep = if keeping { " --keep-logs-metrics" } else { "" };
            let again = format!("{}{keep} --yes", session.again("delete-network", network.as_str()));
            let next = [("to go on, run the same command again", again)];
            let about = (network, "delete-network");
            tell_failure(session, (&settings, &services), about, &failure, &next).await
        }
    })
}

fn text(report: &DeletionReport) -> String {
    let steps = report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]);
    let what = if report.kept.is_empty() {
        "is deleted".to_owned()
    } else {
        format!(
            "is deleted but for its logs and metrics ({}); delete-network without --keep-logs-metrics removes them too",
            report.kept.join(", ")
        )
    };
    format!("network {} {what}\n\n{}", report.network, table(["STEP", "OUTCOME"], steps))
}

/// Where a network is looked for inside its cluster when its record is gone.
pub(crate) fn fallback(settings: &Settings, network: &NetworkName) -> NetworkBinding {
    let provider = match settings.text("provider") {
        Some("kubernetes") => ProviderKind::Kubernetes,
        Some("sandbox") => ProviderKind::Sandbox,
        _ => ProviderKind::Gcp,
    };
    let shared_cluster = provider == ProviderKind::Kubernetes;
    let own = if shared_cluster { network.as_str() } else { "default" };
    let namespaces = Namespaces::named(provider, network, settings.text("namespace").unwrap_or(own));
    NetworkBinding {
        network: network.clone(),
        owned_namespaces: vec![
            namespaces.network.clone(),
            namespaces.metrics.clone(),
            namespaces.web_services.clone(),
        ],
        namespaces,
        shared_cluster,
        most_workers: None,
    }
}
