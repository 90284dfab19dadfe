//! The folder of a sandbox: its identity, its files, and who serves it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use rand::Rng;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::info::{AUTHORITY_FILE, SandboxInfo};
use crate::{
    context::{Environment, ServiceUrls},
    credentials::{CannotMakeKey, Credentials},
    google::PROJECT,
};

/// How many clusters a sandbox can have at once: each has a port of its own.
const CLUSTER_PORTS: u16 = 24;
/// Fixed ports are taken from here, below those that systems give to outgoing connections.
const PORT_RANGE: std::ops::Range<u16> = 20_000..29_900;
const ATTEMPTS: usize = 200;

/// A sandbox's folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    identity: Identity,
}

/// What a sandbox keeps for life.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    rest_port: u16,
    seed: u64,
    credentials: Credentials,
}

/// What can be wrong with a folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be read or written.
    #[error("{action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("read {}: it is damaged; remove the folder to start afresh", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// No free ports were found.
    #[error("find {CLUSTER_PORTS} free ports in a row between {} and {}", PORT_RANGE.start, PORT_RANGE.end)]
    NoPorts,
    /// A key or certificate could not be made.
    #[error("make the sandbox's certificates")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<CannotMakeKey> for FolderError {
    fn from(error: CannotMakeKey) -> Self {
        Self::Certificate(Box::new(error))
    }
}

fn certificate(error: impl std::error::Error + Send + Sync + 'static) -> FolderError {
    FolderError::Certificate(Box::new(error))
}

impl Folder {
    /// Opens a folder, making it and the sandbox's identity when they are missing.
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        make_private_folder(path)?;
        let path = path.canonicalize().map_err(|source| failed("open", path, source))?;
        let identity_file = path.join("identity.json");
        let identity = match read_json(&identity_file)? {
            Some(identity) => identity,
            None => new_identity(&path, &identity_file)?,
        };
        Ok(Self { path, identity })
    }

    /// Keeps other processes from serving the folder for as long as the file is held; `None` when one does.
    pub(super) fn hold(&self) -> Result<Option<File>, FolderError> {
        let path = self.path.join("server.lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| failed("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(failed("lock", &path, source)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn rest_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.identity.rest_port))
    }

    /// The addresses of the clusters' Kubernetes APIs, in the order in which they are taken.
    pub(super) fn cluster_addresses(&self) -> Vec<SocketAddr> {
        let ports = (1..=CLUSTER_PORTS).map(|offset| self.identity.rest_port.saturating_add(offset));
        ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).collect()
    }

    fn root(&self) -> String {
        format!("http://{}", self.rest_address())
    }

    fn authority_file(&self) -> PathBuf {
        self.path.join(AUTHORITY_FILE)
    }

    /// What the world of this sandbox is told of its surroundings.
    pub(super) fn environment(&self) -> Result<Environment, FolderError> {
        let path = self.authority_file();
        Ok(Environment {
            urls: ServiceUrls::below(&self.root()),
            cluster_endpoints: self.cluster_addresses().iter().map(SocketAddr::to_string).collect(),
            authority_pem: fs::read_to_string(&path).map_err(|source| failed("read", &path, source))?,
            credentials: self.identity.credentials.clone(),
            seed: self.identity.seed,
        })
    }

    /// A TLS server with a certificate of the sandbox's authority for the loopback addresses.
    pub(super) fn tls_config(&self) -> Result<Arc<rustls::ServerConfig>, FolderError> {
        let read = |name: &str| {
            let path = self.path.join(name);
            fs::read_to_string(&path).map_err(|source| failed("read", &path, source))
        };
        let authority_key = KeyPair::from_pem(&read("authority-key.pem")?).map_err(certificate)?;
        let issuer = Issuer::from_ca_cert_pem(&read("authority.pem")?, authority_key).map_err(certificate)?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned(), "kubernetes.default.svc".to_owned()];
        let mut params = CertificateParams::new(names).map_err(certificate)?;
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(certificate)?;
        let signed = params.signed_by(&key, &issuer).map_err(certificate)?;
        let chain: Vec<CertificateDer<'static>> = vec![signed.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        super::tls::server_config(chain, key).map_err(certificate)
    }

    /// What clients need to know.
    pub(super) fn info(&self) -> SandboxInfo {
        SandboxInfo::of(&self.path, &self.root(), &self.identity.credentials)
    }

    /// Tells clients that the server is up.
    pub(super) fn write_info(&self) -> Result<(), FolderError> {
        let token_uri = format!("{}/token", ServiceUrls::below(&self.root()).of("oauth2.googleapis.com"));
        let key = self.identity.credentials.service_account_key(PROJECT, &token_uri);
        write_private(&self.path.join("service-account.json"), key.to_string().as_bytes())?;
        write_json(&info_file(&self.path), &self.info())
    }

    /// Tells clients that the server is gone.
    pub(super) fn remove_info(&self) {
        let _ = fs::remove_file(info_file(&self.path));
    }
}

/// Where a running server says where everything is.
pub(super) fn info_file(folder: &Path) -> PathBuf {
    folder.join("info.json")
}

fn new_identity(folder: &Path, file: &Path) -> Result<Identity, FolderError> {
    let (authority, key) = new_authority()?;
    write_private(&folder.join("authority-key.pem"), key.as_bytes())?;
    write_private(&folder.join(AUTHORITY_FILE), authority.as_bytes())?;
    let identity = Identity {
        rest_port: free_ports()?,
        seed: rand::rng().random(),
        credentials: Credentials::generate(PROJECT)?,
    };
    write_json(file, &identity)?;
    Ok(identity)
}

fn new_authority() -> Result<(String, String), FolderError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(certificate)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name.push(DnType::CommonName, "Sandbox Kubernetes authority");
    let key = KeyPair::generate().map_err(certificate)?;
    let authority = params.self_signed(&key).map_err(certificate)?;
    Ok((authority.pem(), key.serialize_pem()))
}

/// The first of enough free ports in a row.
fn free_ports() -> Result<u16, FolderError> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut random = rand::rng();
    (0..ATTEMPTS)
        .map(|_| random.random_range(PORT_RANGE))
        .find(|first| (*first..=first.saturating_add(CLUSTER_PORTS)).all(is_free))
        .ok_or(FolderError::NoPorts)
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> FolderError {
    FolderError::File { action, path: path.to_owned(), source }
}

pub(super) fn make_private_folder(path: &Path) -> Result<(), FolderError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| failed("make the folder", path, source))
}

/// Options for files that only their owner may read.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file as a whole or not at all.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), FolderError> {
    let temporary = path.with_extension("new");
    let mut file = private_file()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&temporary)
        .map_err(|source| failed("write", &temporary, source))?;
    file.write_all(content).map_err(|source| failed("write", &temporary, source))?;
    fs::rename(&temporary, path).map_err(|source| failed("write", path, source))
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    let damaged = |source| FolderError::Damaged { path: path.to_owned(), source };
    write_private(path, &serde_json::to_vec_pretty(value).map_err(damaged)?)
}

/// The content of a JSON file; nothing when there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    match fs::read(path) {
        Ok(content) => serde_json::from_slice(&content)
            .map(Some)
            .map_err(|source| FolderError::Damaged { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", path, source)),
    }
}
