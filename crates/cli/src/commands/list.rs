//! `list`: all networks, with what is known of each.

use spacecraft_core::inspection::{NetworkRow, NetworksReport, find_networks};
use spacecraft_core::secret::ExposeSecret;
use spacecraft_core::settings::Command;
use spacecraft_core::spelling::counted;
use spacecraft_core::state::unknown_network;
use spacecraft_core::{Error, Meaning, Result};

use crate::arguments::{of, switch};
use crate::exit::ExitStatus;
use crate::output::table::{or_dash, table};
use crate::session::{Known, Session, network_name};
use crate::wiring::{Wiring, known_of_sandbox, start_sandbox};

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::List, "Show all networks, with what is known of each")
        .args([switch("show-secrets", "show the passwords of Kibana and Grafana too")])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let settings = match session.settings(Command::List, &Known::default()) {
        Ok(settings) => settings,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let found: Result<NetworksReport> = async {
        let info = start_sandbox(&settings, session.environment).await?;
        let settings = session
            .settings(Command::List, &known_of_sandbox(info.as_ref()))
            .map_err(|wrong| Error::new(Meaning::Invalid, "read settings", "", wrong.to_string()))?;
        let wiring = Wiring::new(&settings, session.environment, info)?;
        let services = wiring.services("list", session.output).await?;
        let mut report = find_networks(&services, session.switch("show-secrets")).await?;
        if settings.is_given_now("network-name") {
            let network = network_name(&settings)
                .map_err(|wrong| Error::new(Meaning::Invalid, "list", "networks", wrong.to_string()))?;
            report.networks.retain(|row| row.network == network);
            if report.networks.is_empty() && report.problems.is_empty() {
                return Err(unknown_network(&*services.state_store, "list", &network).await);
            }
        }
        Ok(report)
    }
    .await;
    match found {
        Ok(report) => {
            let status = session.output.result(&report, || text(&report));
            for problem in &report.problems {
                session.output.warn(&format!("networks may be missing: {problem}"));
            }
            status
        }
        Err(error) => session.output.failed(error),
    }
}

fn text(report: &NetworksReport) -> String {
    if report.networks.is_empty() {
        return "there is no network\n".to_owned();
    }
    let mut text = table(
        ["NETWORK", "STATUS", "GEN", "NODES", "IMAGE", "GENESIS", "CREATED", "BY"],
        report.networks.iter().map(|row| {
            [
                row.network.to_string(),
                row.standing.to_string(),
                or_dash(row.generation.map(|generation| generation.to_string()).as_deref()),
                nodes(row),
                or_dash(row.image.as_deref()),
                or_dash(row.genesis_time.map(|time| time.to_string()).as_deref()),
                or_dash(row.created_at.map(|time| time.to_string()).as_deref()),
                or_dash(row.created_by.as_deref()),
            ]
        }),
    );
    for row in &report.networks {
        text.push_str(&details(row));
    }
    text
}

/// Ready and planned nodes, such as `9/10`.
fn nodes(row: &NetworkRow) -> String {
    let Some(nodes) = row.nodes else { return or_dash(None) };
    let ready = nodes.ready.map_or_else(|| "?".to_owned(), |ready| ready.to_string());
    format!("{ready}/{}", nodes.planned)
}

fn details(row: &NetworkRow) -> String {
    let mut lines: Vec<[String; 2]> = Vec::new();
    let mut line = |what: &str, value: String| lines.push([format!("  {what}"), value]);
    if let Some(id) = &row.network_id {
        line("network id", id.clone());
    }
    if let Some(cluster) = &row.cluster {
        let workers = counted(cluster.workers, "worker", "workers");
        line("cluster", format!("{workers} in {}, {}", cluster.location, cluster.version));
    }
    if let Some(url) = &row.config_url {
        line("config", url.clone());
    }
    for (what, url) in &row.urls {
        line(what, url.clone());
    }
    for (service, login) in &row.logins {
        line(&format!("{service} login"), format!("{} {}", login.user, login.password.expose_secret()));
    }
    if let Some(error) = &row.error {
        line("problem", error.replace('\n', "; "));
    }
    if lines.is_empty() {
        return String::new();
    }
    let width = lines.iter().map(|[what, _]| what.len()).max().unwrap_or_default();
    let body: String = lines.iter().map(|[what, value]| format!("{what:width$}  {value}\n")).collect();
    format!("\n{}\n{body}", row.network)
}
