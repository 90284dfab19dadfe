//! `deploy-cm`: chaos mesh for a network.

use std::collections::BTreeMap;

use spacecraft_core::operation::{ChaosRequest, deploy_chaos_mesh};
use spacecraft_core::report::ChaosMeshReport;
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::spec::{ChaosSpec, ChartOverride};

use super::deploy_ws::next;
use crate::additions::{chart_changes, limits};
use crate::arguments::{force_unlock, of};
use crate::exit::ExitStatus;
use crate::materials::materials;
use crate::output::table::table;
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Session, network_name, one_mistake};
use crate::support::tell_failure;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::DeployCm, "Install chaos mesh for the network").args([force_unlock()])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let charts = match asked(session) {
        Ok(charts) => charts,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let network = match recorded_network(session, Command::DeployCm).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let RecordedNetwork { settings, record, services, .. } = &network;
    let chaos = match chaos(settings) {
        Ok(chaos) => chaos,
        Err(wrong) => return session.output.refused_settings(&wrong),
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
            let next = next(session, "deploy-cm", record.network.as_str());
            let about = (&record.network, "deploy-cm");
            tell_failure(session, (settings, services), about, &failure, &next).await
        }
    }
}

/// The changes to the chart, with all else checked that can be before the network's record is read.
pub(crate) fn asked(session: &Session<'_>) -> Result<BTreeMap<String, ChartOverride>, SettingsErrors> {
    let look = |given: &Settings| {
        let named = SettingsErrors::both(network_name(given), chaos(given));
        SettingsErrors::both(named, chart_changes(given, &["chaos-mesh"]))
    };
    session.checked(Command::DeployCm, look).map(|(_, (_, charts))| charts)
}

fn chaos(settings: &Settings) -> Result<ChaosSpec, SettingsErrors> {
    const VERSION: &str = "chaos-mesh-version";
    let version = settings.text(VERSION).unwrap_or_default();
    ChaosSpec::of_version(version).map_err(|message| one_mistake(VERSION, version, message))
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
