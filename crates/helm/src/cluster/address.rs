//! Where an object is in the API.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Resource;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One object of a cluster: its kind, its namespace unless it belongs to the whole cluster, and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The kind.
    pub resource: Resource,
    /// The namespace; none for an object of the whole cluster.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl Address {
    /// The object of this kind and name; the namespace only counts if the kind has one.
    #[must_use]
    pub fn new(resource: Resource, namespace: &str, name: impl Into<String>) -> Self {
        let namespace = resource.namespaced.then(|| namespace.to_owned());
        Self { resource, namespace, name: name.into() }
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.collection_path(), encoded(&self.name))
    }

    pub(crate) fn collection_path(&self) -> String {
        self.resource.collection_path(self.namespace.as_deref())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.resource.kind, self.name)?;
        self.namespace.as_ref().map_or(Ok(()), |namespace| write!(formatter, " in namespace {namespace}"))
    }
}

impl Resource {
    pub(crate) fn collection_path(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let scope =
            namespace.map(|namespace| format!("/namespaces/{}", encoded(namespace))).unwrap_or_default();
        format!("/{root}/{}{scope}/{}", self.api_version, self.plural)
    }

    pub(super) fn list_uri(
        &self,
        namespace: Option<&str>,
        selector: &str,
        page: usize,
        next: &str,
    ) -> String {
        let mut uri = format!("{}?limit={page}", self.collection_path(namespace));
        for (name, value) in [("labelSelector", selector), ("continue", next)] {
            if !value.is_empty() {
                uri.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        uri
    }
}

pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Resource {
        Resource {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced,
        }
    }

    #[test]
    fn a_path_has_the_namespace_only_if_the_kind_has_one() {
        let deployment = Address::new(resource("apps/v1", "Deployment", "deployments", true), "apps", "rel");
        assert_eq!(deployment.path(), "/apis/apps/v1/namespaces/apps/deployments/rel");
        assert_eq!(deployment.to_string(), "Deployment rel in namespace apps");
        let node = Address::new(resource("v1", "Node", "nodes", false), "apps", "w-1");
        assert_eq!(node.path(), "/api/v1/nodes/w-1");
    }

    #[test]
    fn a_name_never_leads_to_another_path() {
        let secret = Address::new(resource("v1", "Secret", "secrets", true), "a/b", "../x?y");
        assert_eq!(secret.path(), "/api/v1/namespaces/a%2Fb/secrets/..%2Fx%3Fy");
    }
}
