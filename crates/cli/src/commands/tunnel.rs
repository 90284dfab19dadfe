//! `tunnel`: a local port that leads to a private service through the Kubernetes API.

use clap::Arg;
use serde_json::json;
use spacecraft_core::charts::{Namespaces, elasticsearch_service, grafana_service, kibana_service};
use spacecraft_core::generation::{GRPC_PORT, REST_PORT};
use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{binding_of, with_way_out};
use spacecraft_core::plan::PYROSCOPE;
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::state::{SCHEMA, unknown_network};
use spacecraft_core::traits::{ClusterServices, ServiceName};
use spacecraft_core::{Error, Result};

use crate::arguments::of;
use crate::exit::ExitStatus;
use crate::recorded::{PossibleNetwork, open};
use crate::session::{Session, network_name, one_mistake};

/// A network whose cluster is connected.
pub(crate) struct OpenNetwork {
    /// Its name.
    pub network: NetworkName,
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// What is inside its cluster.
    pub cluster: ClusterServices,
}

/// Finds the network that the settings name and connects to its cluster; tells what is wrong otherwise.
pub(crate) async fn open_network(session: &Session<'_>, command: Command) -> Result<OpenNetwork, ExitStatus> {
    let named = session.named(command);
    let (settings, network) = named.map_err(|wrong| session.output.wrong_settings(&wrong))?;
    let opened = async {
        let PossibleNetwork { settings, record, services, .. } =
            open(session, command, &settings, &network).await?;
        let (record, provider) = (record?, &services.cluster);
        if record.is_none() && provider.get(&network).await?.is_none() {
            return Err(unknown_network(&*services.state_store, &format!("{command} of"), &network).await);
        }
        let binding = record.map_or_else(
            || super::delete_network::fallback(&settings, &network),
            |record| binding_of(&record.spec, provider.capabilities().creates_clusters),
        );
        let access = services.access(&network).await?;
        let cluster = services.connector.connect(&access, &binding).await?;
        Ok(OpenNetwork { network: network.clone(), namespaces: binding.namespaces, cluster })
    };
    opened.await.map_err(|error: Error| session.output.failed(with_way_out(error)))
}

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Tunnel, "Open a local port that leads to a private service, until Ctrl-C").args([
        Arg::new("service")
            .value_name("SERVICE")
            .required(true)
            .help("kibana, elasticsearch, grafana, pyroscope, miner-N, poet-N, or NAMESPACE/SERVICE:PORT"),
        Arg::new("port")
            .long("port")
            .value_name("PORT")
            .help("port of the service, instead of its usual one"),
    ])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (wanted, port) = match asked(session) {
        Ok(asked) => asked,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let opened = match open_network(session, Command::Tunnel).await {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    let hint = wanted.hint();
    let (service, usual_port) = wanted.place(&opened.namespaces);
    let port = port.unwrap_or(usual_port);
    let tunnel = match opened.cluster.workloads.tunnel(&service, port).await {
        Ok(tunnel) => tunnel,
        Err(error) if error.is_not_found() => return session.output.failed(error.with_hint(hint)),
        Err(error) => return session.output.failed(with_way_out(error)),
    };
    let document = json!({
        "schema": SCHEMA, "kind": "Tunnel", "network": opened.network, "service": service, "port": port,
        "local": tunnel.local.to_string(),
    });
    let status = session
        .output
        .result(&document, || format!("{} -> {}/{}:{port}\n", tunnel.local, service.namespace, service.name));
    if status == ExitStatus::Done {
        session.output.say("open until Ctrl-C");
        session.environment.interrupt(session.output).stopped().await;
    }
    drop(tunnel);
    status
}

/// What the tunnel is to lead to, checked before anything is called.
pub(crate) fn asked(session: &Session<'_>) -> Result<(Wanted, Option<u16>), SettingsErrors> {
    let look = |settings: &Settings| {
        let wanted = SettingsErrors::both(wanted(session), port(session));
        SettingsErrors::both(network_name(settings), wanted)
    };
    session.checked(Command::Tunnel, look).map(|(_, (_, asked))| asked)
}

fn wanted(session: &Session<'_>) -> Result<Wanted, SettingsErrors> {
    let word = session.argument("service").unwrap_or_default();
    Wanted::named(word).ok_or_else(|| {
        let message =
            "name kibana, elasticsearch, grafana, pyroscope, miner-N, poet-N, or NAMESPACE/SERVICE:PORT";
        one_mistake("service", word, message)
    })
}

/// The port that is asked for instead of the usual one.
fn port(session: &Session<'_>) -> Result<Option<u16>, SettingsErrors> {
    let Some(text) = session.argument("port") else { return Ok(None) };
    let port = text.parse().ok().filter(|port| *port > 0);
    port.map(Some).ok_or_else(|| one_mistake("port", text, "write a port, 1 to 65535"))
}

/// The service that a word names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Kibana,
    Elasticsearch,
    Grafana,
    /// A workload of the network, with its usual port.
    Own(String, u16),
    /// Any other, with a port.
    Other(ServiceName, u16),
}

impl Wanted {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "kibana" => Self::Kibana,
            "elasticsearch" => Self::Elasticsearch,
            "grafana" => Self::Grafana,
            PYROSCOPE => Self::Own(word.to_owned(), 4040),
            _ if is_numbered(word, "miner-") => Self::Own(word.to_owned(), GRPC_PORT),
            _ if is_numbered(word, "poet-") => Self::Own(word.to_owned(), REST_PORT),
            _ => {
                let (namespace, rest) = word.split_once('/')?;
                let (name, port) = rest.split_once(':')?;
                let port = port.parse().ok()?;
                let is_whole = !namespace.is_empty() && !name.is_empty() && port > 0;
                return is_whole.then(|| Self::Other(ServiceName::new(namespace, name), port));
            }
        })
    }

    /// Why the network may not have it.
    fn hint(&self) -> &'static str {
        match self {
            Self::Kibana | Self::Elasticsearch => "a network that was made with --logs none has none",
            Self::Grafana => "a network has it that was made with --metrics",
            Self::Own(name, _) if name == PYROSCOPE => {
                "a network has it that was made with --deploy-pyroscope"
            }
            Self::Own(..) => "status tells the nodes and PoETs that there are",
            Self::Other(..) => {
                "write NAMESPACE/SERVICE:PORT as kubectl get services --all-namespaces tells them"
            }
        }
    }

    /// Its Service in the network, with the port that is meant when none is given.
    fn place(self, namespaces: &Namespaces) -> (ServiceName, u16) {
        match self {
            Self::Kibana => (kibana_service(namespaces), 5601),
            Self::Elasticsearch => (elasticsearch_service(namespaces), 9200),
            Self::Grafana => (grafana_service(namespaces), 80),
            Self::Own(name, port) => (ServiceName::new(&namespaces.network, name), port),
            Self::Other(service, port) => (service, port),
        }
    }
}

fn is_numbered(word: &str, prefix: &str) -> bool {
    word.strip_prefix(prefix).is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use spacecraft_core::spec::ProviderKind;

    use super::*;

    #[test]
    fn words_name_services_and_what_is_no_service_is_refused() {
        let network = NetworkName::new("net1").unwrap();
        let namespaces = Namespaces::named(ProviderKind::Gcp, &network, "default");
        let place = |wanted: Wanted| wanted.place(&namespaces);
        let found = |word: &str| Wanted::named(word).map(place).map(|(service, port)| (service.name, port));
        assert_eq!(found("miner-10"), Some(("miner-10".to_owned(), GRPC_PORT)));
        assert_eq!(found("kibana"), Some(("kibana-kibana".to_owned(), 5601)));
        assert_eq!(
            found("metrics/prometheus-pushgateway:9091"),
            Some(("prometheus-pushgateway".to_owned(), 9091))
        );
        for word in ["", "miner-", "miner-x", "a/b", "/b:1", "a/b:99999", "a/b:0"] {
            assert_eq!(found(word), None, "{word}");
        }
    }
}
