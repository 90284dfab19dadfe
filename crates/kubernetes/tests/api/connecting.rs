//! How a connection is made: trust, kubeconfigs, credentials that cannot be had.

use std::sync::Arc;

use async_trait::async_trait;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{Access, BearerTokens, Workloads as _};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_kubernetes::kubeconfig::{self, KubeconfigEntry, KubeconfigUser};
use spacecraft_kubernetes::{Connection, KubernetesWorkloads};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use wiremock::MockServer;

use crate::support::{CountedTokens, NAMESPACE, answer, binding, list, quick_retrier, requests};

/// An authority of this test alone, and a server on loopback with a certificate from it that has no Secrets.
async fn secured_server() -> (String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let server = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(answer_without_secrets(listener, TlsAcceptor::from(Arc::new(config))));
    (server, authority.pem())
}

async fn answer_without_secrets(listener: TcpListener, acceptor: TlsAcceptor) {
    const BODY: &str = r#"{"metadata":{"resourceVersion":"1"},"items":[]}"#;
    while let Ok((socket, _)) = listener.accept().await {
        let Ok(mut socket) = acceptor.accept(socket).await else { continue };
        let mut buffer = [0; 16 * 1024];
        let _ = socket.read(&mut buffer).await;
        let length = BODY.len();
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{BODY}");
        let _ = socket.write_all(reply.as_bytes()).await;
        let _ = socket.shutdown().await;
    }
}

async fn secrets_through(access: &Access) -> Result<usize> {
    let connection = Connection::open(access, quick_retrier().0).await?;
    Ok(KubernetesWorkloads::new(connection, &binding()).secrets().await?.len())
}

#[tokio::test]
async fn a_server_with_a_certificate_of_the_clusters_authority_is_trusted() {
    let (server, authority) = secured_server().await;
    let tokens = Arc::new(CountedTokens::default());
    let access = Access::Bearer { server, certificate_authority: Some(authority), tokens };
    assert_eq!(secrets_through(&access).await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_and_is_not_asked_again() {
    let (server, _) = secured_server().await;
    let (_, other_authority) = secured_server().await;
    let tokens = Arc::new(CountedTokens::default());
    let access = Access::Bearer { server, certificate_authority: Some(other_authority), tokens };
    let error = secrets_through(&access).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(error.reason().contains("cannot be trusted"), "{error}");
}

#[tokio::test]
async fn an_authority_that_is_no_certificate_is_refused_before_any_call() {
    for authority in ["", "-----BEGIN CERTIFICATE-----\nAAAA", "text"] {
        let tokens = Arc::new(CountedTokens::default());
        let access = Access::Bearer {
            server: "https://127.0.0.1:1".to_owned(),
            certificate_authority: Some(authority.to_owned()),
            tokens,
        };
        assert_eq!(secrets_through(&access).await.unwrap_err().meaning(), Meaning::Invalid, "{authority:?}");
    }
}

#[tokio::test]
async fn a_printed_kubeconfig_reaches_the_cluster() {
    let server = MockServer::start().await;
    answer(&server, "GET", &format!("{NAMESPACE}/secrets"), list(&[])).await;
    let entry = KubeconfigEntry {
        name: "net1".to_owned(),
        server: server.uri(),
        certificate_authority: None,
        namespace: None,
        user: KubeconfigUser::Token(SecretString::from("of-the-kubeconfig")),
    };
    let text = kubeconfig::print(&entry).unwrap();
    let access = Access::Kubeconfig { text, context: Some("net1".to_owned()) };
    assert_eq!(secrets_through(&access).await.unwrap(), 0);
    let received = server.received_requests().await.unwrap();
    assert_eq!(received[0].headers["authorization"], "Bearer of-the-kubeconfig");
}

#[tokio::test]
async fn a_context_that_the_kubeconfig_lacks_is_named() {
    let text = SecretString::from("clusters: []\nusers: []\ncontexts: []\n");
    let access = Access::Kubeconfig { text, context: Some("elsewhere".to_owned()) };
    let error = secrets_through(&access).await.unwrap_err();
    assert_eq!((error.meaning(), error.resource()), (Meaning::Invalid, "elsewhere"));
}

#[derive(Debug)]
struct NoTokens;

#[async_trait]
impl BearerTokens for NoTokens {
    async fn bearer_token(&self) -> Result<SecretString> {
        Err(Error::new(Meaning::Denied, "get a token", "account", "the key was revoked"))
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_the_error_and_nothing_is_sent() {
    let server = MockServer::start().await;
    let access =
        Access::Bearer { server: server.uri(), certificate_authority: None, tokens: Arc::new(NoTokens) };
    let error = secrets_through(&access).await.unwrap_err();
    assert_eq!((error.meaning(), error.reason()), (Meaning::Denied, "the key was revoked"));
    assert_eq!(requests(&server).await, Vec::<String>::new());
}
