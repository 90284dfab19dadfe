use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use spacecraft_core::Meaning;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::fixture::{fixture, fixture_with};
use crate::{Client, ClientOptions};

struct TlsServer {
    url: String,
    authority: String,
    task: JoinHandle<()>,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server on loopback whose certificate is signed by an authority of its own.
async fn tls_server() -> TlsServer {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 204 OK\r\n\r\n").await;
        }
    });
    TlsServer { url, authority: authority.pem(), task }
}

#[tokio::test]
async fn a_server_of_an_extra_authority_is_trusted() {
    let server = tls_server().await;
    let fixture = fixture_with(|options| options.extra_roots.push(server.authority.clone()));
    assert_eq!(fixture.client.get(&server.url).send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_final() {
    let server = tls_server().await;
    let fixture = fixture();
    let error = fixture.client.get(&server.url).send().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.reason().contains("is not trusted"), "{error}");
    assert!(fixture.clock.slept().is_empty());
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_refused() {
    for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
        let options = ClientOptions { extra_roots: vec![pem.to_owned()], ..ClientOptions::default() };
        assert_eq!(Client::new(options).unwrap_err().meaning(), Meaning::Invalid, "{pem:?}");
    }
}
