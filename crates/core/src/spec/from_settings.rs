use std::collections::BTreeMap;
use std::time::Duration;

use super::credentials::Credentials;
use super::reader::Reader;
use super::{GenesisSpec, NetworkSpec, ProviderKind, RolloutOrder, RolloutSpec, WaitFor};
use crate::names::NetworkName;
use crate::settings::{FileReader, Settings, SettingsBuilder, SettingsError, SettingsErrors};

impl NetworkSpec {
    /// The network that the settings describe, and the credentials that go with it. `files` reads the node config and whatever else the settings name; nothing
    /// else is called.
    ///
    /// Settings that hold a network's record ([`to_settings`](Self::to_settings)) give the same spec again.
    ///
    /// # Errors
    ///
    /// All that is wrong, with key, value and what would be right.
    pub fn from_settings(
        settings: &Settings,
        files: &dyn FileReader,
    ) -> Result<(Self, Credentials), SettingsErrors> {
        let (spec, mut errors) = read_all(settings, files);
        explain_nothing(spec.as_ref(), &mut errors);
        spec_unless_wrong(spec, errors).map(|spec| (spec, Credentials::from_settings(settings)))
    }

    /// The same from settings that are still to be collected: mistakes in their form and in what they say are reported together.
    ///
    /// # Errors
    ///
    /// As [`from_settings`](Self::from_settings), and what [`SettingsBuilder::build`] fails with.
    pub fn from_sources(
        sources: SettingsBuilder,
        files: &dyn FileReader,
    ) -> Result<(Settings, Self, Credentials), SettingsErrors> {
        let DescribedNetwork { settings, spec, errors } = DescribedNetwork::read(sources, files);
        let spec = spec_unless_wrong(spec, errors)?;
        let credentials = Credentials::from_settings(&settings);
        Ok((settings, spec, credentials))
    }
}

/// What settings say of a network, right or wrong.
#[derive(Debug)]
pub(crate) struct DescribedNetwork {
    /// The settings that could be read; in the place of others stand their defaults.
    pub settings: Settings,
    /// The network, with stand-ins for what is wrong; none when something has no stand-in.
    pub spec: Option<NetworkSpec>,
    /// Everything that is wrong with settings and network.
    pub errors: Vec<SettingsError>,
}

impl DescribedNetwork {
    /// Reads what can be read. What settings say together is judged where all of them could be read.
    pub(crate) fn read(sources: SettingsBuilder, files: &dyn FileReader) -> Self {
        let (settings, mut errors) = sources.build_what_can_be_read(files);
        let (spec, further) = read_all(&settings, files);
        errors.extend(further);
        explain_nothing(spec.as_ref(), &mut errors);
        Self { settings, spec, errors }
    }
}

fn read_all(settings: &Settings, files: &dyn FileReader) -> (Option<NetworkSpec>, Vec<SettingsError>) {
    let mut reader = Reader::new(settings);
    let spec = read(&mut reader, files);
    (spec, reader.into_errors())
}

/// Settings that make no network have a mistake, if only this one.
fn explain_nothing(spec: Option<&NetworkSpec>, errors: &mut Vec<SettingsError>) {
    if spec.is_none() && errors.is_empty() {
        errors.push(SettingsError::new("", "", "the settings do not describe a network"));
    }
}

fn spec_unless_wrong(
    spec: Option<NetworkSpec>,
    errors: Vec<SettingsError>,
) -> Result<NetworkSpec, SettingsErrors> {
    spec.filter(|_| errors.is_empty()).ok_or_else(|| SettingsErrors::of(errors))
}

/// The spec, or none when something that has no stand-in is wrong; what is wrong is with the reader.
fn read(reader: &mut Reader<'_>, files: &dyn FileReader) -> Option<NetworkSpec> {
    let network = reader.parsed("network-name", |name| NetworkName::new(name));
    let provider = provider(reader);
    let generation = reader.generation();
    let fleet = reader.fleet(generation);
    let node = reader.node(generation, &fleet, files);
    let poet = reader.poet(generation);
    let coinbase = node.as_ref().and_then(|node| reader.coinbase(generation, &node.base_config));
    let genesis = GenesisSpec { delay: reader.settings.duration("genesis-delay").unwrap_or_default() };
    let rollout = rollout(reader);
    let cluster = reader.cluster(provider, network.as_ref());
    let logs = reader.logs(files);
    let metrics = reader.metrics();
    let profiling = reader.profiling(fleet.nodes);
    let alerts = reader.alerts();
    let chaos = reader.chaos();
    let exposure = reader.exposure();
    let storage = reader.storage(provider, &cluster.project);
    let charts = reader.charts();
    Some(NetworkSpec {
        network: network?,
        provider,
        generation,
        fleet,
        node: node?,
        poet: poet?,
        coinbase,
        genesis,
        rollout,
        cluster,
        logs,
        metrics,
        profiling,
        alerts,
        chaos,
        web_services: None,
        exposure,
        storage,
        charts,
        node_overrides: BTreeMap::new(),
    })
}

fn provider(reader: &Reader<'_>) -> ProviderKind {
    match reader.text("provider") {
        Some("kubernetes") => ProviderKind::Kubernetes,
        Some("sandbox") => ProviderKind::Sandbox,
        _ => ProviderKind::Gcp,
    }
}

fn rollout(reader: &mut Reader<'_>) -> RolloutSpec {
    let mut limit = |name: &str| {
        let limit = reader.settings.duration(name).unwrap_or_default();
        if limit < Duration::from_secs(1) {
            reader.wrong(name, "0s", "it must be at least a second");
        }
        limit
    };
    let (timeout, step_timeout) = (limit("timeout"), limit("step-timeout"));
    RolloutSpec {
        max_concurrent_deployments: reader.number("max-concurrent-deployments"),
        order: match reader.text("rollout") {
            Some("ordered") => RolloutOrder::Ordered,
            _ => RolloutOrder::Parallel,
        },
        wait: match reader.text("wait") {
            Some("healthy") => WaitFor::Healthy,
            _ => WaitFor::Ready,
        },
        timeout,
        step_timeout,
    }
}
