//! From how a cluster is reached to a client that reaches it.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use kube::client::{Body, ClientBuilder};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use spacecraft_core::traits::{Access, BearerTokens};
use spacecraft_core::{Error, Meaning, Result};
use tower::BoxError;
use tower::buffer::BufferLayer;
use tower::filter::AsyncFilterLayer;

use spacecraft_core::secret::ExposeSecret;

/// The time that making a connection may take, the TLS handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests that may wait for the connection pool at once.
const WAITING_REQUESTS: usize = 1024;
const OPERATION: &str = "connect to the Kubernetes API";

/// A client with the server that it talks to.
pub(crate) async fn client(access: &Access) -> Result<(kube::Client, String)> {
    match access {
        Access::Bearer { server, certificate_authority, tokens } => {
            let config = bearer_config(server, certificate_authority.as_deref())?;
            Ok((with_tokens(config, Arc::clone(tokens))?, server.clone()))
        }
        Access::Kubeconfig { text, context } => {
            let config = kubeconfig(text.expose_secret(), context.as_deref()).await?;
            let server = config.cluster_url.to_string();
            let builder =
                ClientBuilder::try_from(settled(config)).map_err(|error| unusable(&server, error))?;
            Ok((builder.build(), server))
        }
    }
}

fn bearer_config(server: &str, certificate_authority: Option<&str>) -> Result<Config> {
    let address = Uri::from_str(server).map_err(|error| {
        Error::new(Meaning::Invalid, OPERATION, server, "the server's address is no URL").with_source(error)
    })?;
    let mut config = Config::new(address);
    config.root_cert = certificate_authority.map(|pem| certificates(server, pem)).transpose()?;
    Ok(config)
}

/// The certificates of a PEM text as DER.
fn certificates(server: &str, pem: &str) -> Result<Vec<Vec<u8>>> {
    let broken = |reason: &str| Error::new(Meaning::Invalid, OPERATION, server, reason);
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|certificate| certificate.map(|der| der.as_ref().to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| broken("the cluster's certificate authority is no PEM").with_source(error))?;
    if certificates.is_empty() {
        return Err(broken("the cluster's certificate authority holds no certificate"));
    }
    Ok(certificates)
}

async fn kubeconfig(text: &str, context: Option<&str>) -> Result<Config> {
    let invalid = |error: kube::config::KubeconfigError, reason: &str| {
        Error::new(Meaning::Invalid, "use kubeconfig context", context.unwrap_or("(current)"), reason)
            .with_source(error)
            .with_hint("check --kubeconfig and --context; `kubectl config get-contexts` lists the contexts")
    };
    let kubeconfig =
        Kubeconfig::from_yaml(text).map_err(|error| invalid(error, "the kubeconfig cannot be read"))?;
    let options = KubeConfigOptions { context: context.map(str::to_owned), cluster: None, user: None };
    let names_proxy = names_proxy(&kubeconfig, context);
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| invalid(error, "it does not name a cluster and a user"))?;
    // Of itself kube would also ask a proxy that the environment names, even for servers of this machine.
    config.proxy_url = config.proxy_url.filter(|_| names_proxy);
    Ok(config)
}

/// Whether the context's cluster is reached through a proxy of its own.
fn names_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> bool {
    let wanted = context.or(kubeconfig.current_context.as_deref());
    let context = kubeconfig.contexts.iter().find(|one| Some(one.name.as_str()) == wanted);
    let Some(name) = context.and_then(|one| one.context.as_ref()).map(|context| &context.cluster) else {
        return false;
    };
    let cluster = kubeconfig.clusters.iter().find(|one| one.name == *name);
    let proxy = cluster.and_then(|one| one.cluster.as_ref()).and_then(|cluster| cluster.proxy_url.as_ref());
    proxy.is_some_and(|proxy| !proxy.is_empty())
}

/// The same configuration with our deadlines and without kube's own retry, which repeats every method blindly.
fn settled(mut config: Config) -> Config {
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config
}

/// A client whose every request asks for a token.
fn with_tokens(config: Config, tokens: Arc<dyn BearerTokens>) -> Result<kube::Client> {
    let server = config.cluster_url.to_string();
    let authorize = AsyncFilterLayer::new(move |request: Request<Body>| {
        let tokens = Arc::clone(&tokens);
        async move { authorized(request, tokens.as_ref()).await }
    });
    let builder = ClientBuilder::try_from(settled(config)).map_err(|error| unusable(&server, error))?;
    Ok(builder.with_layer(&BufferLayer::new(WAITING_REQUESTS)).with_layer(&authorize).build())
}

async fn authorized(
    mut request: Request<Body>,
    tokens: &dyn BearerTokens,
) -> Result<Request<Body>, BoxError> {
    let token = tokens.bearer_token().await?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
        Error::new(Meaning::Denied, OPERATION, "", "the token has characters that no header may have")
    })?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(request)
}

fn unusable(server: &str, error: kube::Error) -> Error {
    Error::new(Meaning::Invalid, OPERATION, server, "its address, certificates or keys cannot be used")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_contexts_own_cluster_names_a_proxy() {
        let text = "current-context: plain\n\
                    contexts: [{name: plain, context: {cluster: a, user: u}}, {name: behind, context: {cluster: b, user: u}}]\n\
                    clusters: [{name: a, cluster: {server: 'https://a'}}, {name: b, cluster: {server: 'https://b', proxy-url: 'http://p:1'}}]\n";
        let kubeconfig = Kubeconfig::from_yaml(text).unwrap();
        assert!(!names_proxy(&kubeconfig, None));
        assert!(names_proxy(&kubeconfig, Some("behind")));
        assert!(!names_proxy(&kubeconfig, Some("none")));
    }
}
