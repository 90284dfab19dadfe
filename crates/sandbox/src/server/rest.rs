//! Which REST service a path stands for: its first segment is the service's public host name.

use http::StatusCode;
use serde_json::json;

use crate::{
    address::ServiceAddress,
    wire::{Request, Response},
};

/// The service of a request; the host name is taken off its path.
pub(super) fn route(request: &mut Request) -> Option<ServiceAddress> {
    let rest = request.path.strip_prefix('/')?;
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) => (host, format!("/{path}")),
        None => (rest, "/".to_owned()),
    };
    let address = ServiceAddress::of_host(host)?;
    request.path = path;
    Some(address)
}

/// The answer to a path that no service has.
pub(super) fn not_found(request: &Request) -> Response {
    let message = format!(
        "no service at {}: the first segment of a path is a public host name, as in /storage.googleapis.com/...",
        request.path
    );
    Response::json(StatusCode::NOT_FOUND, &json!({"message": message, "services": crate::address::HOSTS}))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    fn request(path: &str) -> Request {
        Request {
            method: Method::GET,
            path: path.to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn the_first_segment_names_the_service() {
        let mut request = request("/storage.googleapis.com/storage/v1/b/x");
        assert_eq!(route(&mut request), Some(ServiceAddress::Storage));
        assert_eq!(request.path, "/storage/v1/b/x");
    }

    #[test]
    fn other_paths_have_no_service() {
        for path in ["/", "/example.com/", "", "/storage"] {
            assert_eq!(route(&mut request(path)), None, "{path}");
        }
    }
}
