//! Which calls are alike: the same service, method and path but for names, numbers and parameters.

use std::sync::LazyLock;

use regex::Regex;
use spacecraft_sandbox::server::SeenCall;

/// Names that differ between alike calls: numbered ones, identifiers, and what follows them.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z]+(?:-[A-Za-z]+)*-\d+(?:-[a-z0-9]+)*|[0-9a-f]{8,}(?:-[0-9a-f]+)*|\d{2,}").ok()
});

/// What a call has in common with those that are alike.
#[must_use]
pub fn shape(call: &SeenCall) -> String {
    let (path, query) = parts(call);
    let mut keys: Vec<&str> =
        query.split('&').filter_map(|pair| pair.split('=').next()).filter(|key| !key.is_empty()).collect();
    keys.sort_unstable();
    format!("{} {} {path} {}", call.service, call.method, keys.join("&"))
}

/// A pattern for the path of calls that are alike, as fault rules take it.
#[must_use]
pub fn pattern(call: &SeenCall) -> String {
    let (path, query) = parts(call);
    match query {
        "" => path,
        query if query.contains("watch=") => format!("{path}?*watch=*"),
        _ => format!("{path}?*"),
    }
}

/// The path without names, and the query.
fn parts(call: &SeenCall) -> (String, &str) {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let names = NAMES.as_ref();
    (names.map_or_else(|| path.to_owned(), |names| names.replace_all(path, "*").into_owned()), query)
}
