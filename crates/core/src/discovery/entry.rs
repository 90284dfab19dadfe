use serde::Serialize;

use crate::charts::public_name;
use crate::image::ImageReference;
use crate::spec::{Generation, NetworkSpec, WebServicesSpec};
use crate::state::GenesisRecord;

/// What the discovery file says of a network. Every address ends with a slash, and nothing is empty: clients of all ages read the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveryEntry {
    /// The network's name.
    pub net_name: String,
    /// v0: the network id, a number.
    #[serde(rename = "netID", skip_serializing_if = "Option::is_none")]
    pub net_id: Option<u64>,
    /// v1: the genesis id, hexadecimal.
    #[serde(rename = "genesisID", skip_serializing_if = "Option::is_none")]
    pub genesis_id: Option<String>,
    /// The published config.
    pub conf: String,
    /// gRPC of the public API nodes.
    #[serde(rename = "grpcAPI")]
    pub grpc_api: String,
    /// JSON of the public API nodes.
    #[serde(rename = "jsonAPI")]
    pub json_api: String,
    /// The explorer's pages.
    pub explorer: String,
    /// What the explorer's pages ask.
    #[serde(rename = "explorerAPI")]
    pub explorer_api: String,
    /// The explorer's version.
    pub explorer_version: String,
    /// The config of the explorer's nodes.
    pub explorer_conf: String,
    /// The dashboard's pages.
    pub dash: String,
    /// The web socket that the dashboard's pages listen to.
    #[serde(rename = "dashAPI")]
    pub dash_api: String,
    /// The dashboard's version.
    pub dash_version: String,
    /// The repository of the node's image.
    pub repository: String,
    /// The oldest node that may join.
    pub min_node_version: String,
    /// The newest node that may join.
    pub max_node_version: String,
    /// The oldest wallet app that may be used.
    pub min_smapp_release: String,
    /// The newest wallet app.
    pub latest_smapp_release: String,
    /// Where wallet apps are downloaded.
    pub smapp_base_download_url: String,
    /// Where nodes are downloaded.
    pub node_base_download_url: String,
}

impl DiscoveryEntry {
    /// The entry of a network with web services, whose config is published at `config_url`.
    #[must_use]
    pub fn new(
        spec: &NetworkSpec,
        services: &WebServicesSpec,
        genesis: &GenesisRecord,
        config_url: &str,
    ) -> Self {
        let domain = &spec.exposure.domain;
        let (net_id, genesis_id) = match spec.generation {
            Generation::V0 => (genesis.genesis.network_id.map(u64::from), None),
            Generation::V1 => (None, Some(genesis.id.clone())),
        };
        let version = version_of(&spec.node.image);
        Self {
            net_name: spec.network.to_string(),
            net_id,
            genesis_id,
            conf: config_url.to_owned(),
            grpc_api: format!("https://{}/", public_name(spec, "api")),
            json_api: format!("https://{}/", public_name(spec, "api-json")),
            explorer: format!("https://explorer.{domain}/"),
            explorer_api: format!("https://{}/", public_name(spec, "explorer-api")),
            explorer_version: services.explorer_version.clone(),
            explorer_conf: config_url.to_owned(),
            dash: format!("https://dash.{domain}/"),
            dash_api: format!("wss://{}/ws", public_name(spec, "dash-api")),
            dash_version: services.dash_version.clone(),
            repository: spec.node.image.repository().to_owned(),
            min_node_version: version.clone(),
            max_node_version: version,
            min_smapp_release: services.smapp_version.clone(),
            latest_smapp_release: services.smapp_version.clone(),
            smapp_base_download_url: format!("https://downloads.{domain}"),
            node_base_download_url: format!("https://downloads.{domain}"),
        }
    }
}

/// The tag of an image, else its digest, else what registries take without either.
fn version_of(image: &ImageReference) -> String {
    image.tag().or(image.digest()).unwrap_or("latest").to_owned()
}
