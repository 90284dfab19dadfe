//! `tunnel`: a local port that leads to a private service through the Kubernetes API.

use clap::Arg;
use serde_json::json;
use spacecraft_core::charts::{Namespaces, elasticsearch_service, grafana_service, kibana_service};
use spacecraft_core::generation::{GRPC_PORT, REST_PORT};
use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::binding_of;
use spacecraft_core::plan::PYROSCOPE;
use spacecraft_core::settings::Command;
use spacecraft_core::state::{SCHEMA, unknown_network};
use spacecraft_core::traits::{ClusterServices, ServiceName};
use spacecraft_core::{Error, Meaning, Result};

use crate::arguments::of;
use crate::exit::ExitStatus;
use crate::recorded::{PossibleNetwork, open};
use crate::session::{Known, Session, network_name, one_mistake};

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
    let named = session
        .settings(command, &Known::default())
        .and_then(|settings| Ok((network_name(&settings)?, settings)));
    let (network, settings) = named.map_err(|wrong| session.output.wrong_settings(&wrong))?;
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
        if provider.get(&network).await?.is_none() {
            return Err(Error::new(Meaning::NotFound, "find network", network.as_str(), "it has no cluster"));
        }
        let access = provider.access(&network).await?;
        let cluster = services.connector.connect(&access, &binding).await?;
        Ok(OpenNetwork { network: network.clone(), namespaces: binding.namespaces, cluster })
    };
    opened.await.map_err(|error: Error| session.output.failed(error))
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
    let opened = match open_network(session, Command::Tunnel).await {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    let wanted = session.argument("service").unwrap_or_default();
    let Some((service, usual_port)) = service(wanted, &opened.namespaces) else {
        let message =
            "name kibana, elasticsearch, grafana, pyroscope, miner-N, poet-N, or NAMESPACE/SERVICE:PORT";
        return session.output.wrong_settings(&one_mistake("service", wanted, message));
    };
    let port = match session.argument("port").map(str::parse).transpose() {
        Ok(port) => port.unwrap_or(usual_port),
        Err(_) => {
            return session.output.wrong_settings(&one_mistake(
                "port",
                session.argument("port").unwrap_or_default(),
                "write a port, 1 to 65535",
            ));
        }
    };
    let tunnel = match opened.cluster.workloads.tunnel(&service, port).await {
        Ok(tunnel) => tunnel,
        Err(error) => return session.output.failed(error),
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

/// The Service that a word names, with its usual port.
fn service(word: &str, namespaces: &Namespaces) -> Option<(ServiceName, u16)> {
    let own = |name: &str| ServiceName::new(&namespaces.network, name);
    match word {
        "kibana" => Some((kibana_service(namespaces), 5601)),
        "elasticsearch" => Some((elasticsearch_service(namespaces), 9200)),
        "grafana" => Some((grafana_service(namespaces), 80)),
        PYROSCOPE => Some((own(PYROSCOPE), 4040)),
        _ if is_numbered(word, "miner-") => Some((own(word), GRPC_PORT)),
        _ if is_numbered(word, "poet-") => Some((own(word), REST_PORT)),
        _ => {
            let (namespace, rest) = word.split_once('/')?;
            let (name, port) = rest.split_once(':')?;
            let port = port.parse().ok()?;
            (!namespace.is_empty() && !name.is_empty()).then(|| (ServiceName::new(namespace, name), port))
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
        let found = |word: &str| service(word, &namespaces).map(|(service, port)| (service.name, port));
        assert_eq!(found("miner-10"), Some(("miner-10".to_owned(), GRPC_PORT)));
        assert_eq!(found("kibana"), Some(("kibana-kibana".to_owned(), 5601)));
        assert_eq!(
            found("metrics/prometheus-pushgateway:9091"),
            Some(("prometheus-pushgateway".to_owned(), 9091))
        );
        for word in ["", "miner-", "miner-x", "a/b", "/b:1", "a/b:99999"] {
            assert_eq!(found(word), None, "{word}");
        }
    }
}
