//! How an attempt failed before a whole reply was there.

use std::error::Error as StdError;
use std::time::Duration;

use hyper_util::client::legacy::Error as ConnectionError;
use spacecraft_core::{Error, Meaning};
use spacecraft_http::Failure;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// The failure of an attempt to send a request.
pub(super) fn of_sending(error: kube::Error) -> Failure {
    match error {
        kube::Error::Service(cause) => of_service(cause),
        kube::Error::Auth(cause) => credentials(cause.into()),
        other => of_service(other.into()),
    }
}

fn of_service(cause: Source) -> Failure {
    let cause = match cause.downcast::<Error>() {
        Ok(ours) => return Failure::Final(*ours),
        Err(cause) => cause,
    };
    if has_cause::<kube::client::AuthError>(&*cause) {
        return credentials(cause);
    }
    if has_cause::<rustls::Error>(&*cause) {
        return untrusted(cause);
    }
    let not_connected = find::<ConnectionError>(&*cause).is_some_and(ConnectionError::is_connect);
    if not_connected {
        Failure::NotSent { reason: "there is no connection to the server".to_owned(), source: Some(cause) }
    } else {
        Failure::ReplyLost {
            reason: "the connection broke before the reply came".to_owned(),
            timed_out: false,
            source: Some(cause),
        }
    }
}

/// The failure of reading a reply's body.
pub(super) fn of_reading(cause: Source) -> Failure {
    Failure::ReplyLost {
        reason: "the reply ended too early".to_owned(),
        timed_out: false,
        source: Some(cause),
    }
}

/// The failure of an attempt whose time ran out.
pub(super) fn of_patience(timeout: Duration) -> Failure {
    Failure::ReplyLost {
        reason: format!("no whole reply came within {} s", timeout.as_secs_f32()),
        timed_out: true,
        source: None,
    }
}

/// The failure of a reply that was damaged on its way.
pub(super) fn garbled() -> Failure {
    Failure::ReplyLost { reason: "the reply is no whole JSON".to_owned(), timed_out: false, source: None }
}

fn credentials(cause: Source) -> Failure {
    let error =
        Error::new(Meaning::Denied, "get credentials for the Kubernetes API", "", "they cannot be had")
            .with_hint("check the user of the kubeconfig's context: its plugin, token or keys")
            .with_source(cause);
    Failure::Final(error)
}

fn untrusted(cause: Source) -> Failure {
    let error = Error::new(
        Meaning::Denied,
        "connect to the Kubernetes API",
        "",
        "the TLS handshake failed, so the server cannot be trusted",
    )
    .with_hint("check the cluster's certificate authority and that the address is the cluster's own")
    .with_source(cause);
    Failure::Final(error)
}

fn has_cause<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    find::<T>(error).is_some()
}

/// The first cause of type `T`, looking into I/O errors too, which hide what they wrap.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(layer) = next {
        if let Some(found) = layer.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = layer.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = layer.source();
    }
    None
}
