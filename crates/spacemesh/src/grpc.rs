//! gRPC as every node speaks it: connections, deadlines, and what a status means.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Failure, Refusal, Repeat};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Response, Status};

/// The messages and clients of the gRPC packages, as far as they are asked.
// What the compiler of the interface writes is neither documented nor all used.
#[allow(missing_docs, dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("spacemesh.v1");
}

/// The same for the package that v1 nodes alone serve.
#[allow(missing_docs, dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v2alpha1 {
    tonic::include_proto!("spacemesh.v2alpha1");
}

/// Until there is a connection to a node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a node's gRPC listener is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeAddress {
    authority: String,
    encrypted: bool,
}

impl NodeAddress {
    /// Reads `host:port`, or `https://host:port` for a listener behind TLS.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |reason: &str| {
            Error::new(Meaning::Invalid, "read address of node", text, reason)
                .with_hint("write host:port, or https://host:port for a listener behind TLS")
        };
        let (encrypted, authority) = match text.split_once("://") {
            None => (false, text),
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err(wrong("gRPC is reached over http or https")),
        };
        let authority = authority.trim_end_matches('/');
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
        let port: u16 = port.parse().map_err(|_| wrong("its port is no number from 1 to 65535"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if host.is_empty() || port == 0 || !host.chars().all(plain) {
            return Err(wrong("it names no host and port"));
        }
        Ok(Self { authority: authority.to_owned(), encrypted })
    }

    /// True when what the node says cannot be changed on its way: over TLS, or within this machine.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.encrypted
            || self.authority.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
            || self.authority.starts_with("localhost:")
    }

    fn url(&self) -> String {
        format!("{}://{}", if self.encrypted { "https" } else { "http" }, self.authority)
    }
}

impl From<SocketAddr> for NodeAddress {
    fn from(address: SocketAddr) -> Self {
        Self { authority: address.to_string(), encrypted: false }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.encrypted {
            formatter.write_str("https://")?
        };
        formatter.write_str(&self.authority)
    }
}

/// A connection to a node. It stays one: what breaks it is a failure of the call that was under way.
///
/// # Errors
///
/// [`Failure::NotSent`], naming the address.
pub async fn connect(address: &NodeAddress) -> Result<Channel, Failure> {
    let not_sent = |reason: String, source: Box<dyn StdError + Send + Sync>| Failure::NotSent {
        reason,
        source: Some(source),
    };
    let mut endpoint = Endpoint::from_shared(address.url())
        .map_err(|error| not_sent("the address makes no URL".to_owned(), Box::new(error)))?;
    if address.encrypted {
        endpoint = endpoint
            .tls_config(ClientTlsConfig::new().with_native_roots())
            .map_err(|error| not_sent("TLS cannot be set up".to_owned(), Box::new(error)))?;
    }
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .connect()
        .await
        .map_err(|error| not_sent(format!("no connection to {address}"), Box::new(error)))
}

/// The answer of a call, which may take `patience`.
///
/// # Errors
///
/// What the status means; [`Failure::ReplyLost`] without an answer in time.
pub async fn answer<T>(
    patience: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Failure> {
    let answer = tokio::time::timeout(patience, call).await.map_err(|_| Failure::ReplyLost {
        reason: format!("no answer within {} s", patience.as_secs_f64()),
        timed_out: true,
        source: None,
    })?;
    Ok(answer.map_err(failure)?.into_inner())
}

/// A status that is no success. The codes say by themselves whether the same question may be answered later.
#[must_use]
pub fn failure(status: Status) -> Failure {
    let code = status.code();
    let message = if status.message().is_empty() { code.description() } else { status.message() };
    let mut refusal = Refusal::new(meaning_of(code), message, format!("gRPC {code:?}"));
    if matches!(code, Code::Unavailable | Code::Internal | Code::Unknown | Code::Aborted | Code::Cancelled) {
        refusal.repeat = Repeat::MayHaveActed;
    }
    refusal.retry_after = asked_to_wait(&status);
    Failure::Refused(refusal)
}

/// What a proxy before the node asks to wait, in seconds: gRPC hands on its `Retry-After` with the status.
fn asked_to_wait(status: &Status) -> Option<Duration> {
    let text = status.metadata().get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn meaning_of(code: Code) -> Meaning {
    match code {
        Code::NotFound => Meaning::NotFound,
        Code::AlreadyExists => Meaning::AlreadyExists,
        Code::FailedPrecondition => Meaning::PreconditionFailed,
        Code::PermissionDenied | Code::Unauthenticated => Meaning::Denied,
        Code::ResourceExhausted => Meaning::Quota,
        Code::InvalidArgument | Code::OutOfRange | Code::DataLoss => Meaning::Invalid,
        // The transport calls a connection that broke off cancelled.
        Code::Unavailable | Code::Internal | Code::Unknown | Code::Aborted | Code::Cancelled => {
            Meaning::Unavailable
        }
        Code::DeadlineExceeded => Meaning::TimedOut,
        Code::Unimplemented => Meaning::Unsupported,
        Code::Ok => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[test]
    fn addresses_are_host_and_port_with_tls_when_asked_for() {
        for (text, shown, protected) in [
            ("127.0.0.1:9092", "127.0.0.1:9092", true),
            ("[::1]:9092", "[::1]:9092", true),
            ("http://localhost:1/", "localhost:1", true),
            ("node.example:9092", "node.example:9092", false),
            ("https://node.example:443", "https://node.example:443", true),
        ] {
            let address = NodeAddress::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.is_protected()), (shown, protected), "{text}");
        }
    }

    fn read<T: Message + Default + PartialEq + fmt::Debug>(bytes: &[u8]) {
        if let Ok(message) = T::decode(bytes) {
            assert_eq!(T::decode(&message.encode_to_vec()[..]), Ok(message), "read again it is another");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_messages_panic(
            bytes in any::<Vec<u8>>(),
            cut in 0..64_usize,
            layer in any::<u32>(),
            version in "[\\PC]{0,20}",
        ) {
            let layer = Some(v1::LayerNumber { number: layer });
            let status = v1::NodeStatus { connected_peers: 9, synced_layer: layer, ..Default::default() };
            let status = v1::StatusResponse { status: Some(status) }.encode_to_vec();
            let version = v1::VersionResponse { version_string: Some(v1::Text { value: version }) }.encode_to_vec();
            for whole in [&bytes, &status, &version] {
                for part in [&whole[..], &whole[..cut.min(whole.len())]] {
                    read::<v1::StatusResponse>(part);
                    read::<v1::VersionResponse>(part);
                }
            }
        }

        #[test]
        fn every_status_means_something(code in any::<i32>(), message in "[\\PC]{0,20}") {
            let failure = failure(Status::new(Code::from_i32(code), message));
            prop_assert!(matches!(failure, Failure::Refused(_)));
        }
    }

    #[test]
    fn a_wait_that_is_asked_for_is_handed_on() {
        let asked = |text: &str| {
            let mut status = Status::unavailable("busy");
            status.metadata_mut().insert("retry-after", text.parse().unwrap());
            failure(status).retry_after()
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("soon"), None);
        assert_eq!(failure(Status::unavailable("busy")).retry_after(), None);
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_one_looks_like() {
        for text in
            ["", "node", "node:", ":1", "node:0", "node:99999", "ftp://node:1", "a b:1", "a/b:1", "u@h:1"]
        {
            let error = NodeAddress::parse(text).unwrap_err();
            assert_eq!(error.meaning(), Meaning::Invalid, "{text}");
            assert!(error.hint().unwrap().contains("host:port"));
        }
    }
}
