//! `plan`: what `create-network` would make, computed without calling anything.

use jiff::Timestamp;
use serde::Serialize;
use spacecraft_core::generation::Profile;
use spacecraft_core::operation::{binding_of, differences, planned_genesis, secrets_of};
use spacecraft_core::plan::{
    Bindings, Exposure, Plan, Reach, beacon_files, foundation_of, support_workloads,
};
use spacecraft_core::secret::SecretString;
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::spec::NetworkSpec;
use spacecraft_core::spelling::counted;
use spacecraft_core::state::{RecordStore, SCHEMA};
use spacecraft_core::time::SeededRandom;
use spacecraft_core::workload::Workload;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_kubernetes::Target;

use crate::arguments::{of, switch};
use crate::exit::ExitStatus;
use crate::materials::template_overrides;
use crate::output::table::{or_dash, table};
use crate::session::Session;
use crate::wiring::{Wiring, known_before_sandbox, known_of_sandbox, start_sandbox};

/// A plan, as a document.
#[derive(Serialize)]
struct PlanDocument<'a> {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Plan, "Show what create-network would make, without calling anything").args([
        switch("manifests", "print the Kubernetes objects as YAML, secrets blanked"),
        switch("check", "compare with the network that exists; exit code 4 when something differs"),
    ])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (settings, spec, plan) = match asked(session) {
        Ok(planned) => planned,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    if session.switch("check") {
        return check(session, &settings, &spec).await;
    }
    if session.switch("manifests") {
        return match manifests(&settings, &spec, &plan) {
            Ok(objects) => {
                let document = serde_json::json!({"schema": SCHEMA, "kind": "Manifests", "objects": objects});
                session.output.result(&document, || yaml(&objects))
            }
            Err(error) => session.output.failed(error),
        };
    }
    session.output.result(&PlanDocument { schema: SCHEMA, kind: "Plan", plan: &plan }, || text(&plan))
}

/// What is to be planned, as far as nothing has to be called to know.
pub(crate) fn asked(session: &Session<'_>) -> Result<(Settings, NetworkSpec, Plan), SettingsErrors> {
    session.plan(Command::Plan, &known_before_sandbox(session, Command::Plan))
}

/// Compares with the network that is recorded; what is not given comes from its record.
async fn check(session: &Session<'_>, settings: &Settings, spec: &NetworkSpec) -> ExitStatus {
    match found_differences(session, settings, spec).await {
        Err(error) => session.output.failed(error),
        Ok(differences) => {
            let document = serde_json::json!({
                "schema": SCHEMA, "kind": "PlanCheck", "network": spec.network, "differences": differences,
            });
            let status = session.output.result(&document, || {
                if differences.is_empty() {
                    format!("network {} is as planned\n", spec.network)
                } else {
                    differences.join("\n")
                }
            });
            if differences.is_empty() { status } else { ExitStatus::Difference }
        }
    }
}

async fn found_differences(
    session: &Session<'_>,
    settings: &Settings,
    spec: &NetworkSpec,
) -> Result<Vec<String>> {
    let unexpected =
        |wrong: SettingsErrors| Error::new(Meaning::Invalid, "read settings", "", wrong.to_string());
    let info = start_sandbox(settings, session.environment).await?;
    let mut known = known_of_sandbox(info.as_ref());
    let settings = session.settings(Command::Plan, &known).map_err(unexpected)?;
    let wiring = Wiring::new(&settings, session.environment, info)?;
    let Some(record) = RecordStore::new(wiring.state_store().await?, &spec.network).read().await? else {
        return Ok(vec!["the network does not exist".to_owned()]);
    };
    known.of_record = record.settings;
    let (_, asked, _) = session.plan(Command::Plan, &known).map_err(unexpected)?;
    Ok(differences(&record.spec, &asked.with_changes_of(&record.spec)))
}

/// The Kubernetes objects, keys and addresses as placeholders, secrets blanked.
fn manifests(settings: &Settings, spec: &NetworkSpec, plan: &Plan) -> Result<Vec<serde_json::Value>> {
    let profile = Profile::new(spec.generation, &template_overrides(settings)?)?;
    let genesis = planned_genesis(spec, plan, Timestamp::now());
    let beacon_files = beacon_files(spec, &profile, &genesis)?;
    let bindings = Bindings::placeholders(spec, plan, genesis);
    let capabilities = spec.provider.capabilities();
    let place = spec.storage.state_location();
    let foundation = foundation_of(spec, plan, true, &place);
    let mut workloads: Vec<Workload> = support_workloads(spec, plan, beacon_files);
    for poet in &plan.poets {
        workloads.push(bindings.poet(spec, plan, &profile, poet.number)?);
    }
    for node in &plan.nodes {
        workloads.push(bindings.node(spec, plan, &profile, node)?);
    }
    // What is in Secrets is made up here, and blanked before it is printed.
    let token = SecretString::default();
    let secrets = secrets_of(spec, plan, Some(&token), &SeededRandom::new(0), &|_| true)?;
    let target = Target::of(&binding_of(spec, capabilities.creates_clusters));
    Ok(spacecraft_kubernetes::manifests(&target, &foundation, &secrets, &workloads))
}

/// Objects as a stream of YAML documents. JSON is YAML, should one of them resist.
fn yaml(objects: &[serde_json::Value]) -> String {
    let document = |object| serde_saphyr::to_string(object).unwrap_or_else(|_| format!("{object}\n"));
    objects.iter().map(|object| format!("---\n{}", document(object))).collect()
}

fn text(plan: &Plan) -> String {
    let cluster = &plan.cluster;
    let mut text = format!(
        "network {} ({}) on {}: {}, {}\n{} of type {} (at most {}), pods request {} processor and {} memory, {} of {} together\n",
        plan.network,
        plan.generation,
        plan.provider,
        counted(plan.nodes.len(), "node", "nodes"),
        counted(plan.poets.len(), "PoET", "PoETs"),
        counted(cluster.workers, "worker", "workers"),
        cluster.machine.machine_type,
        cluster.most_workers,
        cluster.requested.cpu,
        cluster.requested.memory,
        counted(cluster.disks, "claim", "claims"),
        cluster.disk,
    );
    if plan.genesis.from_parent {
        text.push_str("genesis comes from the parent's config\n");
    } else {
        let minutes = |seconds: u64| seconds.div_ceil(60);
        text.push_str(&format!(
            "genesis about {} min after the first node is applied: {} min to come up, {} min margin\n",
            minutes(plan.genesis.predicted_bring_up_seconds + plan.genesis.delay_seconds),
            minutes(plan.genesis.predicted_bring_up_seconds),
            minutes(plan.genesis.delay_seconds),
        ));
    }
    for note in &plan.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push('\n');
    text.push_str(&table(
        ["NODE", "ROLE", "POET", "P2P", "GRPC PORT", "JSON PORT"],
        plan.nodes.iter().map(|node| {
            [
                node.name.clone(),
                node.role.to_string(),
                node.poet.clone(),
                node.p2p.clone().unwrap_or_else(|| format!("port {} of any worker", node.p2p_port)),
                node.grpc_node_port.map_or_else(|| "-".to_owned(), |port| port.to_string()),
                node.json_node_port.map_or_else(|| "-".to_owned(), |port| port.to_string()),
            ]
        }),
    ));
    text.push('\n');
    text.push_str(&table(
        ["CHART", "VERSION", "NAMESPACE", "REPOSITORY"],
        plan.charts.iter().map(|chart| {
            [chart.chart.clone(), chart.version.clone(), chart.namespace.clone(), chart.repository.clone()]
        }),
    ));
    if !plan.dns.is_empty() {
        text.push('\n');
        let proxied = |proxied: bool| if proxied { "proxied" } else { "direct" }.to_owned();
        text.push_str(&table(
            ["DNS NAME", "TRAFFIC"],
            plan.dns.iter().map(|name| [name.name.clone(), proxied(name.proxied)]),
        ));
    }
    text.push('\n');
    text.push_str(&exposure_table(&plan.exposure));
    text.push('\n');
    text.push_str(&table(
        ["OBJECT", "COUNT"],
        plan.objects.iter().map(|(kind, count)| [kind.clone(), count.to_string()]),
    ));
    text
}

/// Who can reach what, as a table.
pub(crate) fn exposure_table(exposure: &[Exposure]) -> String {
    let reach = |reach: &Reach| match reach {
        Reach::Everybody => "everybody".to_owned(),
        Reach::Ranges(ranges) => ranges.join(", "),
        Reach::ClusterOnly => "nobody outside".to_owned(),
    };
    table(
        ["REACHABLE", "BY", "AT", "REMARK"],
        exposure.iter().map(|entry| {
            let at = entry.at.join(", ");
            [
                entry.what.clone(),
                reach(&entry.reach),
                or_dash(Some(at.as_str()).filter(|at| !at.is_empty())),
                entry.remark.clone(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use spacecraft_core::settings::SystemFiles;

    use super::*;

    const EVERYTHING: [(&str, &str); 8] = [
        ("miners", "12"),
        ("poets", "2"),
        ("metrics", "true"),
        ("logs", "elastic"),
        ("deploy-pyroscope", "true"),
        ("enable-slack-alerts", "true"),
        ("slack-channel-id", "C0123"),
        ("chaos-mesh", "true"),
    ];

    /// The objects of a network with all that `create-network` can make, and what its plan counts.
    fn planned(more: &[(&str, &str)]) -> (Vec<serde_json::Value>, BTreeMap<String, u32>) {
        let flags =
            EVERYTHING.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let token = ("SPACECRAFT_SLACK_TOKEN".to_owned(), "made-for-this-test".to_owned());
        let sources = Settings::builder(Command::Plan).flags(flags).environment([token]);
        let (settings, spec, _) = NetworkSpec::from_sources(sources, &SystemFiles).unwrap();
        let plan = Plan::new(&spec, &spec.provider.capabilities()).unwrap();
        (manifests(&settings, &spec, &plan).unwrap(), plan.objects)
    }

    #[test]
    fn a_plan_counts_the_objects_that_its_manifests_are() {
        let shared = [("provider", "kubernetes"), ("object-dir", "objects")];
        for more in
            [&[("provider", "sandbox")][..], &shared, &[("provider", "sandbox"), ("generation", "v0")]]
        {
            let (objects, counted) = planned(more);
            let mut found = BTreeMap::new();
            for object in &objects {
                *found.entry(object["kind"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
            }
            assert_eq!(found, counted, "{more:?}");
        }
    }

    #[test]
    fn manifests_have_every_secret_and_blank_what_is_in_it() {
        let (objects, _) = planned(&[("provider", "sandbox")]);
        let secrets: Vec<_> = objects.iter().filter(|object| object["kind"] == "Secret").collect();
        let has = |name: &str| secrets.iter().any(|secret| secret["metadata"]["name"] == name);
        for name in ["miner-12-keys", "elastic-credentials", "grafana-credentials", "spacemesh-watch-slack"] {
            assert!(has(name), "{name} is missing");
        }
        assert!(secrets.iter().all(|secret| !secret.to_string().contains("made-for-this-test")));
    }
}
