//! `deploy-cm`: chaos mesh for a network.

use spacecraft_core::operation::{ChaosRequest, deploy_chaos_mesh};
use spacecraft_core::report::ChaosMeshReport;
use spacecraft_core::settings::Command;
use spacecraft_core::spec::ChaosSpec;

use super::deploy_ws::next;
use crate::additions::{chart_changes, limits};
use crate::arguments::{force_unlock, of};
use crate::exit::ExitStatus;
use crate::materials::materials;
use crate::output::table::table;
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Known, Session, one_mistake};

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::DeployCm, "Install chaos mesh for the network").args([force_unlock()])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    const VERSION: &str = "chaos-mesh-version";
    let given = session.settings(Command::DeployCm, &Known::default());
    let charts = match given.and_then(|given| chart_changes(&given, &["chaos-mesh"])) {
        Ok(charts) => charts,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let network = match recorded_network(session, Command::DeployCm).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let RecordedNetwork { settings, record, services, .. } = &network;
    let version = settings.text(VERSION).unwrap_or_default();
    let chaos = match ChaosSpec::of_version(version) {
        Ok(chaos) => chaos,
        Err(message) => return session.output.wrong_settings(&one_mistake(VERSION, version, message)),
    };
    let materials = match materials(settings, &record.spec) {
        Ok(materials) => materials,
        Err(error) => return session.output.failed(error),
    };
    let limits = limits(session, settings);
    let request = ChaosRequest { network: record.network.clone(), chaos, charts, materials, limits };
    match Box::pin(deploy_chaos_mesh(services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            session.output.operation_failed(&failure, &next(session, "deploy-cm", record.network.as_str()))
        }
    }
}

fn text(report: &ChaosMeshReport) -> String {
    let steps = report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]);
    format!(
        "chaos mesh {} is installed for network {} in namespace {}\n\n{}",
        report.version,
        report.network,
        report.namespace,
        table(["STEP", "OUTCOME"], steps)
    )
}
