//! `deploy-ws`: public API nodes, explorer and dashboard of a network, with names and an entry in the discovery file.

use std::collections::BTreeMap;

use spacecraft_core::charts::{Namespaces, WEB_SERVICE_CHARTS, certified_names};
use spacecraft_core::image::ImageReference;
use spacecraft_core::operation::{ReleaseVersion, TlsPair, WebServicesRequest, deploy_web_services};
use spacecraft_core::quantity::Resources;
use spacecraft_core::report::WebServicesReport;
use spacecraft_core::settings::{Command, Settings, SettingsError, SettingsErrors};
use spacecraft_core::spec::{ChartOverride, NetworkSpec, WebServicesSpec};
use spacecraft_core::time::{Clock, SystemClock};

use crate::additions::{chart_changes, limits};
use crate::arguments::{force_unlock, of};
use crate::certificate::{check_names, pair_of};
use crate::exit::ExitStatus;
use crate::materials::{materials, web_services_filebeat_config};
use crate::output::table::table;
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Session, network_name, one_mistake};
use crate::support::tell_failure;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::DeployWs, "Deploy public API nodes, explorer and dashboard, with names and discovery entry")
        .args([force_unlock()])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (certificate, charts) = match asked(session) {
        Ok(asked) => asked,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let network = match recorded_network(session, Command::DeployWs).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let RecordedNetwork { settings, record, services, .. } = &network;
    let wanted = services_of(settings, &record.spec).and_then(|wanted| {
        check_domain(settings, &record.spec)?;
        if let Some(pair) = &certificate {
            check_names(pair, &certified_names(&record.spec))?;
        }
        Ok(wanted)
    });
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(wrong) => return session.output.refused_settings(&wrong),
    };
    let namespace = Namespaces::of(&record.spec).web_services;
    let prepared = materials(settings, &record.spec)
        .and_then(|materials| Ok((materials, web_services_filebeat_config(settings, &namespace)?)));
    let (materials, filebeat_config) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return session.output.failed(error),
    };
    let request = WebServicesRequest {
        network: record.network.clone(),
        services: wanted,
        charts,
        certificate,
        materials,
        filebeat_config,
        limits: limits(session, settings),
    };
    match Box::pin(deploy_web_services(services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            let next = next(session, "deploy-ws", record.network.as_str());
            let about = (&record.network, "deploy-ws");
            tell_failure(session, (settings, services), about, &failure, &next).await
        }
    }
}

type Certificate = Option<TlsPair>;
type Charts = BTreeMap<String, ChartOverride>;

/// The certificate and the changes to charts, with all else checked that can be before the network's record is read.
pub(crate) fn asked(session: &Session<'_>) -> Result<(Certificate, Charts), SettingsErrors> {
    let look = |given: &Settings| {
        let certified = SettingsErrors::both(network_name(given), pair_of(given, SystemClock.now()));
        let forms = SettingsErrors::both(given_image(given), check_versions(given));
        let charts = SettingsErrors::both(forms, chart_changes(given, &WEB_SERVICE_CHARTS));
        SettingsErrors::both(certified, charts)
    };
    let (_, ((_, certificate), (_, charts))) = session.checked(Command::DeployWs, look)?;
    Ok((certificate, charts))
}

/// What can be done after a failure.
pub(super) fn next(session: &Session<'_>, command: &str, network: &str) -> [(&'static str, String); 2] {
    [
        ("to go on, run the same command again", session.same_again(command)),
        ("to remove the network with all that belongs to it", session.again("delete-network", network)),
    ]
}

/// The web services that the settings ask for: what is not given now is as it was.
fn services_of(settings: &Settings, spec: &NetworkSpec) -> Result<WebServicesSpec, SettingsErrors> {
    let recorded = spec.web_services.as_ref();
    let text = |name: &str, was: Option<&String>| match was {
        Some(was) if !settings.is_given_now(name) => was.clone(),
        _ => settings.text(name).unwrap_or_default().to_owned(),
    };
    let services = WebServicesSpec {
        image: image_of(settings, spec)?,
        resources: resources_of(settings, spec),
        explorer_version: text("explorer-version", recorded.map(|was| &was.explorer_version)),
        dash_version: text("dash-version", recorded.map(|was| &was.dash_version)),
        smapp_version: text("smapp-version", recorded.map(|was| &was.smapp_version)),
        private: match recorded {
            Some(was) if !settings.is_given_now("private") => was.private,
            _ => settings.flag("private"),
        },
        logs_expiry_days: match recorded {
            Some(was) if !settings.is_given_now("logs-expiry") => was.logs_expiry_days,
            _ => settings.number("logs-expiry").and_then(|days| u32::try_from(days).ok()).unwrap_or(1),
        },
    };
    Ok(services)
}

fn check_versions(settings: &Settings) -> Result<(), SettingsErrors> {
    let is_no_tag = |version: &str| ImageReference::parse(&format!("image:{version}")).is_err();
    let mut mistakes = Vec::new();
    for name in ["explorer-version", "dash-version"] {
        let version = settings.text(name).unwrap_or_default();
        if is_no_tag(version) {
            let message = "it is the tag of an image, such as v0.0.10";
            mistakes.push(SettingsError::new(name, version, message));
        }
    }
    let wallet = settings.text("smapp-version").unwrap_or_default();
    if ReleaseVersion::new(wallet).is_err() {
        let message = "clients of the discovery file need a release, such as 0.2.1";
        mistakes.push(SettingsError::new("smapp-version", wallet, message));
    }
    SettingsErrors::unless_empty(mistakes, || ())
}

/// An image of their own; none follows the network's nodes.
fn image_of(settings: &Settings, spec: &NetworkSpec) -> Result<Option<ImageReference>, SettingsErrors> {
    let given = given_image(settings)?;
    let wanted = given.map(|image| Some(image).filter(|image| *image != spec.node.image));
    Ok(wanted.unwrap_or_else(|| spec.web_services.as_ref().and_then(|was| was.image.clone())))
}

/// The image that is given for this run.
fn given_image(settings: &Settings) -> Result<Option<ImageReference>, SettingsErrors> {
    const NAME: &str = "go-sm-image";
    let Some(text) = settings.text(NAME).filter(|_| settings.is_given_now(NAME)) else { return Ok(None) };
    let image = ImageReference::parse(text).map_err(|message| one_mistake(NAME, text, message))?;
    if image.tag().is_none() && image.digest().is_none() {
        return Err(one_mistake(
            NAME,
            text,
            "it needs a tag or a digest: what runs must not change by itself",
        ));
    }
    Ok(Some(image))
}

/// Resources of their own; none follows the network's nodes.
fn resources_of(settings: &Settings, spec: &NetworkSpec) -> Option<Resources> {
    let was = spec.web_services.as_ref().and_then(|was| was.resources);
    let cpu = settings.cpu("miner-cpu").filter(|_| settings.is_given_now("miner-cpu"));
    let memory = settings.bytes("miner-ram").filter(|_| settings.is_given_now("miner-ram"));
    if cpu.is_none() && memory.is_none() {
        return was;
    }
    let usual = was.unwrap_or(spec.node.resources);
    let wanted = Resources { cpu: cpu.unwrap_or(usual.cpu), memory: memory.unwrap_or(usual.memory) };
    Some(wanted).filter(|wanted| *wanted != spec.node.resources)
}

/// A network has its names in one domain.
fn check_domain(settings: &Settings, spec: &NetworkSpec) -> Result<(), SettingsErrors> {
    match settings.text("domain") {
        Some(domain) if domain != spec.exposure.domain => {
            let message = format!("the network's names are in {}", spec.exposure.domain);
            Err(one_mistake("domain", domain, message))
        }
        _ => Ok(()),
    }
}

fn text(report: &WebServicesReport) -> String {
    let mut text = format!("web services of network {} are deployed\n\n", report.network);
    let urls = report.urls.iter().map(|(what, url)| [what.clone(), url.clone()]);
    text.push_str(&table(
        ["WHAT", "WHERE"],
        urls.chain([["discovery".to_owned(), report.discovery_url.clone()]]),
    ));
    text.push('\n');
    let steps = report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]);
    text.push_str(&table(["STEP", "OUTCOME"], steps));
    text
}
