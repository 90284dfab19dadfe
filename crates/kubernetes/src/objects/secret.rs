//! Secrets of the network: created once, never applied over.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use spacecraft_core::secret::{ExposeSecret as _, SecretBytes};
use spacecraft_core::traits::Look;
use spacecraft_core::workload::{NetworkSecret, TlsSecret};

use super::{Target, labels, strings};
use crate::resource::{Address, SECRET};

/// What stands in place of a Secret's content where objects are shown.
const BLANK: &str = "[secret]";

/// Where the Secret goes.
pub(crate) fn address(target: &Target, secret: &NetworkSecret) -> Address {
    Address::new(SECRET, target.namespace.as_str(), secret.name.as_str())
}

/// The Secret as it is sent to the API, contents and all.
pub(crate) fn with_contents(target: &Target, secret: &NetworkSecret) -> Value {
    let data: BTreeMap<&String, String> =
        secret.data.iter().map(|(key, content)| (key, STANDARD.encode(content.expose()))).collect();
    object(target, secret, json!({ "data": data }))
}

/// The Secret as it may be shown.
pub(super) fn blanked(target: &Target, secret: &NetworkSecret) -> Value {
    let data = strings(secret.data.keys().map(|key| (key.as_str(), BLANK)));
    object(target, secret, json!({ "stringData": data }))
}

fn object(target: &Target, secret: &NetworkSecret, content: Value) -> Value {
    let network = target.network.as_str();
    let labels = match secret.part {
        Some(part) => labels::of_workload(network, &part.workload_name(), part),
        None => labels::of_network(network),
    };
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": secret.name, "namespace": target.namespace, "labels": labels },
        "type": "Opaque",
    });
    if let (Some(fields), Value::Object(content)) = (object.as_object_mut(), content) {
        fields.extend(content);
    }
    object
}

/// A TLS Secret as it is sent to the API.
pub(crate) fn tls_with_contents(target: &Target, secret: &TlsSecret) -> Value {
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret.name,
            "namespace": secret.namespace,
            "labels": labels::of_network(target.network.as_str()),
        },
        "type": "kubernetes.io/tls",
    });
    if let (Some(fields), Value::Object(contents)) = (object.as_object_mut(), tls_contents(secret)) {
        fields.extend(contents);
    }
    object
}

/// The contents of a TLS Secret, as a merge patch puts them in the place of others.
pub(crate) fn tls_contents(secret: &TlsSecret) -> Value {
    json!({ "data": {
        TlsSecret::CERTIFICATE: STANDARD.encode(&secret.certificate),
        TlsSecret::KEY: STANDARD.encode(secret.key.expose_secret()),
    } })
}

/// Compares a TLS Secret with what the server has, without telling what is in either.
pub(crate) fn look_tls(wanted: &TlsSecret, stored: Option<&NetworkSecret>) -> Look {
    let Some(stored) = stored else { return Look::Absent };
    let is = |key: &str, text: &str| {
        stored.data.get(key).is_some_and(|content| content.expose() == text.as_bytes())
    };
    if is(TlsSecret::CERTIFICATE, &wanted.certificate) && is(TlsSecret::KEY, wanted.key.expose_secret()) {
        return Look::Same;
    }
    Look::Differs(vec![format!("Secret {}", wanted.name)])
}

/// A Secret as the API shows it. It has no `Debug`, because its contents are in it as text.
#[derive(Deserialize)]
pub(crate) struct StoredSecret {
    metadata: StoredMetadata,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct StoredMetadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl StoredSecret {
    /// The Secret in core's terms; contents that are no base64, which no server stores, are left out.
    pub(crate) fn into_network_secret(self) -> NetworkSecret {
        let decode = |text: String| STANDARD.decode(text).ok().map(SecretBytes::new);
        let data = self.data.unwrap_or_default();
        NetworkSecret {
            part: labels::part_of(|key| self.metadata.labels.get(key).cloned()),
            name: self.metadata.name,
            data: data.into_iter().filter_map(|(key, text)| Some((key, decode(text)?))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spacecraft_core::workload::Part;

    use super::*;
    use crate::objects::tests::sample::target;

    proptest! {
        #[test]
        fn a_secret_reads_back_as_it_was_sent(
            data in proptest::collection::btree_map("[a-z.]{1,8}", proptest::collection::vec(any::<u8>(), 0..40), 0..4),
            number in any::<u32>(),
        ) {
            let secret = NetworkSecret {
                name: "poet-1-key".to_owned(),
                part: Some(Part::Poet { number }),
                data: data.into_iter().map(|(key, bytes)| (key, SecretBytes::new(bytes))).collect(),
            };
            let stored: StoredSecret = serde_json::from_value(with_contents(&target(), &secret)).unwrap();
            prop_assert_eq!(stored.into_network_secret(), secret);
        }
    }

    #[test]
    fn a_shown_secret_has_its_keys_and_none_of_its_contents() {
        let secret = NetworkSecret {
            name: "kibana".to_owned(),
            part: None,
            data: BTreeMap::from([("password".to_owned(), SecretBytes::new(*b"hunter2"))]),
        };
        let shown = blanked(&target(), &secret).to_string();
        assert!(shown.contains("password"));
        assert!(!shown.contains("hunter2") && !shown.contains(&STANDARD.encode("hunter2")));
    }
}
