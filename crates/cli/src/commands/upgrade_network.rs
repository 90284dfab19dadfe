//! `upgrade-network`: another release or config for a network that runs.

use std::collections::BTreeMap;

use spacecraft_core::operation::{UpgradeRequest, upgrade_network};
use spacecraft_core::report::UpgradeReport;
use spacecraft_core::settings::{Command, Settings, SettingsErrors, SystemFiles};
use spacecraft_core::spec::{UpgradeSpec, UpgradeSwitches};

use crate::arguments::{force_unlock, of, switch};
use crate::exit::ExitStatus;
use crate::materials::materials;
use crate::output::table::{or_dash, table};
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Session, network_name};
use crate::support::tell_failure;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(
                Command::UpgradeNetwork,
                "Upgrade nodes, PoETs or their config in waves, each healthy before the next, or go on with an upgrade",
            )
            .args([
                switch(
                    "replace-config",
                    "put the config in the place of the running one instead of merging it (null takes a key away)",
                ),
                switch(
                    "restart-all",
                    "stop all nodes and PoETs, then start them: for values that nodes must agree on",
                ),
                switch(
                    "rollback",
                    "return to the old image and config when a wave is not healthy; alone, take back an upgrade that did not end",
                ),
                force_unlock(),
            ])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    if let Err(wrong) = asked(session) {
        return session.output.wrong_settings(&wrong);
    }
    let recorded = match recorded_network(session, Command::UpgradeNetwork).await {
        Ok(recorded) => recorded,
        Err(status) => return status,
    };
    let RecordedNetwork { settings, record, services, .. } = recorded;
    let asked = match UpgradeSpec::from_settings(
        &settings,
        switches(session),
        record.spec.generation,
        &SystemFiles,
    ) {
        Ok(asked) => asked,
        Err(wrong) => return session.output.refused_settings(&wrong),
    };
    let materials = match materials(&settings, &record.spec) {
        Ok(materials) => materials,
        Err(error) => return session.output.failed(error),
    };
    let network = record.network.clone();
    let request = UpgradeRequest { network: network.clone(), asked, materials };
    match Box::pin(upgrade_network(&services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            let back = format!("{} --rollback", session.again("upgrade-network", network.as_str()));
            let next = [
                ("to go on, run the same command again, which is", session.same_again("upgrade-network")),
                ("to take back what was touched", back),
            ];
            let about = (&network, "upgrade-network");
            tell_failure(session, (&settings, &services), about, &failure, &next).await
        }
    }
}

/// Checks what can be checked before the network's record is read.
pub(crate) fn asked(session: &Session<'_>) -> Result<(), SettingsErrors> {
    let look = |given: &Settings| {
        let alone = UpgradeSpec::check_alone(given, switches(session), &SystemFiles);
        SettingsErrors::both(network_name(given), alone)
    };
    session.checked(Command::UpgradeNetwork, look).map(drop)
}

fn switches(session: &Session<'_>) -> UpgradeSwitches {
    UpgradeSwitches {
        replace_config: session.switch("replace-config"),
        restart_all: session.switch("restart-all"),
        rollback: session.switch("rollback"),
        force_unlock: session.switch("force-unlock"),
    }
}

fn text(report: &UpgradeReport) -> String {
    let mut text = headline(report);
    if !report.config_changes.is_empty() {
        let changes = report.config_changes.iter();
        text.push_str(&table(
            ["KEY", "BEFORE", "AFTER"],
            changes.map(|change| [change.path.clone(), change.from.to_string(), change.to.to_string()]),
        ));
        text.push('\n');
    }
    text.push_str(&table(
        ["NODE", "ROLE", "WAVE", "IMAGE", "UPGRADED"],
        report.nodes.iter().map(|node| {
            [
                node.name.clone(),
                node.role.to_string(),
                or_dash(node.wave.map(|wave| wave.to_string()).as_deref()),
                node.image.to_string(),
                if node.upgraded { "yes" } else { "no" }.to_owned(),
            ]
        }),
    ));
    text.push('\n');
    text.push_str(&table(
        ["STEP", "OUTCOME"],
        report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]),
    ));
    text
}

/// What became of the network, in a sentence, with how many nodes run what.
fn headline(report: &UpgradeReport) -> String {
    let mut images: BTreeMap<String, usize> = BTreeMap::new();
    for node in &report.nodes {
        *images.entry(node.image.to_string()).or_default() += 1;
    }
    let running: Vec<String> = images.iter().map(|(image, count)| format!("{count} run {image}")).collect();
    let goes_on = match report.status.as_str() {
        "held" => "; the same command without --hold-at goes on",
        _ => "",
    };
    format!("network {} is {}{goes_on}\n{}\n\n", report.network, report.status, running.join(", "))
}
