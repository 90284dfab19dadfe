use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use super::{KEYPAIR_LENGTH, ed25519_from_keypair, generate_ed25519, trimmed_text};
use crate::secret::SecretBytes;
use crate::time::Random;

/// A libp2p private key in protobuf: field 1 (key type) is Ed25519, field 2 holds the 64 bytes that follow.
const PRIVATE_KEY_HEADER: [u8; 4] = [0x08, 0x01, 0x12, 0x40];
/// A libp2p public key in protobuf inside an identity multihash, whose length is 36 bytes.
const PEER_ID_HEADER: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The key that a node's peer id belongs to; kept in the file `p2p.key`.
#[derive(Clone)]
pub struct P2pKey(SigningKey);

/// The content of `p2p.key` (go-spacemesh `p2p/identity.go`).
#[derive(Serialize, Deserialize)]
struct KeyFile {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "ID")]
    peer_id: String,
}

impl P2pKey {
    /// A new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(generate_ed25519(random))
    }

    /// The peer id, base58, which starts with `12D3KooW`.
    #[must_use]
    pub fn peer_id(&self) -> String {
        let mut bytes = PEER_ID_HEADER.to_vec();
        bytes.extend_from_slice(self.0.verifying_key().as_bytes());
        bs58::encode(bytes).into_string()
    }

    /// The content of the file `p2p.key`.
    #[must_use]
    pub fn to_file(&self) -> SecretBytes {
        let mut bytes = PRIVATE_KEY_HEADER.to_vec();
        bytes.extend_from_slice(&self.0.to_keypair_bytes());
        let (key, peer_id) = (STANDARD.encode(bytes), self.peer_id());
        SecretBytes::new(format!(r#"{{"Key":"{key}","ID":"{peer_id}"}}"#))
    }

    /// The key of a file `p2p.key`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the file, without any of its content.
    pub fn from_file(content: &SecretBytes) -> Result<Self, String> {
        let text = trimmed_text(content).ok_or("it is no text")?;
        let file: KeyFile = serde_json::from_str(text)
            .map_err(|_| "it is no JSON object with the entries Key and ID".to_owned())?;
        let bytes = STANDARD.decode(file.key).map_err(|_| "its Key is no base64".to_owned())?;
        let key = bytes
            .strip_prefix(&PRIVATE_KEY_HEADER)
            .filter(|keypair| keypair.len() == KEYPAIR_LENGTH)
            .and_then(ed25519_from_keypair)
            .map(Self)
            .ok_or("its Key is no Ed25519 key of libp2p")?;
        if key.peer_id() == file.peer_id { Ok(key) } else { Err("its ID belongs to another Key".to_owned()) }
    }
}

impl std::fmt::Debug for P2pKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "P2pKey({})", self.peer_id())
    }
}

/// True for the peer id of an Ed25519 key, which is what nodes have.
#[must_use]
pub fn is_peer_id(text: &str) -> bool {
    text.len() <= 64
        && bs58::decode(text)
            .into_vec()
            .is_ok_and(|bytes| bytes.len() == PEER_ID_HEADER.len() + 32 && bytes.starts_with(&PEER_ID_HEADER))
}

/// How others reach a peer: `/ip4/<address>/tcp/<port>/p2p/<peer id>`.
///
/// ```
/// use spacecraft_core::identity::peer_multiaddress;
///
/// let address = peer_multiaddress("203.0.113.7", 5001, "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN");
/// assert_eq!(address, "/ip4/203.0.113.7/tcp/5001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN");
/// ```
#[must_use]
pub fn peer_multiaddress(address: &str, port: u16, peer_id: &str) -> String {
    format!("{}/p2p/{peer_id}", listen_multiaddress(address, port))
}

/// `/ip4/<address>/tcp/<port>`, with `ip6` or `dns4` in place of `ip4` as the address needs.
pub(crate) fn listen_multiaddress(address: &str, port: u16) -> String {
    let protocol = if address.parse::<Ipv4Addr>().is_ok() {
        "ip4"
    } else if address.parse::<Ipv6Addr>().is_ok() {
        "ip6"
    } else {
        "dns4"
    };
    format!("/{protocol}/{address}/tcp/{port}")
}

/// Checks the address of a bootnode: `/ip4/<address>/tcp/<port>/p2p/<peer id>`, also with `ip6`, `dns4`, `dns6`, `dns` or `dnsaddr`, and `udp/<port>/quic-v1`.
///
/// # Errors
///
/// A sentence that says what is wrong with it.
pub fn check_multiaddress(text: &str) -> Result<(), String> {
    let wrong = || {
        format!("{text:?} is no address of a bootnode: write it like /ip4/203.0.113.7/tcp/5001/p2p/<peer id>")
    };
    let parts: Vec<&str> = text.strip_prefix('/').ok_or_else(wrong)?.split('/').collect();
    let (host, transport, peer) = match parts.as_slice() {
        [kind, host, transport @ .., "p2p", peer] => ((*kind, *host), transport, *peer),
        _ => return Err(wrong()),
    };
    let good_transport = match transport {
        ["tcp", port] | ["udp", port, "quic-v1" | "quic"] => port.parse::<u16>().is_ok_and(|port| port > 0),
        [] => host.0 == "dnsaddr",
        _ => false,
    };
    if !is_host(host) || !good_transport {
        return Err(wrong());
    }
    if !is_peer_id(peer) {
        return Err(format!("{text:?} does not end with the peer id of an Ed25519 key"));
    }
    Ok(())
}

fn is_host((kind, host): (&str, &str)) -> bool {
    match kind {
        "ip4" => host.parse::<Ipv4Addr>().is_ok(),
        "ip6" => host.parse::<Ipv6Addr>().is_ok(),
        "dns" | "dns4" | "dns6" | "dnsaddr" => is_domain_name(host),
        _ => false,
    }
}

/// True for a host name of letters, digits, hyphens and dots.
pub(crate) fn is_domain_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// True for an address that v1 nodes refuse to dial unless they run with `--p2p-private-network`: private, shared (RFC 6598), loopback and link-local
/// ranges, and names, since what they resolve to is checked again.
///
/// `address` is an IP address or host name, or a multiaddress that starts with one.
#[must_use]
pub fn is_private_address(address: &str) -> bool {
    let host = address.strip_prefix('/').and_then(|rest| rest.split('/').nth(1)).unwrap_or(address);
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        let [first, second, ..] = ip.octets();
        let shared = first == 100 && (64..128).contains(&second);
        ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared
    } else if let Ok(ip) = host.parse::<Ipv6Addr>() {
        ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified()
    } else {
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_seed(seed: [u8; 32]) -> P2pKey {
        P2pKey(SigningKey::from_bytes(&seed))
    }

    #[test]
    fn key_file_and_peer_id_are_those_that_libp2p_makes_of_a_seed() {
        let key = of_seed([0; 32]);
        assert_eq!(key.peer_id(), "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN");
        let expected = concat!(
            r#"{"Key":"CAESQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAO2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=","#,
            r#""ID":"12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"}"#
        );
        assert_eq!(key.to_file().expose_text(), Some(expected));

        let ascending = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let key = of_seed(ascending);
        assert_eq!(
            hex::encode(key.0.verifying_key().as_bytes()),
            "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
        );
        assert_eq!(key.peer_id(), "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB");
    }

    #[test]
    fn a_key_file_whose_id_belongs_to_another_key_is_refused() {
        let text = of_seed([1; 32])
            .to_file()
            .expose_text()
            .unwrap()
            .replace(&of_seed([1; 32]).peer_id(), &of_seed([2; 32]).peer_id());
        assert_eq!(P2pKey::from_file(&SecretBytes::new(text)).unwrap_err(), "its ID belongs to another Key");
    }

    #[test]
    fn debug_output_shows_the_peer_id_alone() {
        let key = of_seed([3; 32]);
        assert_eq!(format!("{key:?}"), format!("P2pKey({})", key.peer_id()));
    }

    #[test]
    fn addresses_of_bootnodes_are_told_from_other_texts() {
        let peer = of_seed([4; 32]).peer_id();
        for good in [
            format!("/ip4/203.0.113.7/tcp/5001/p2p/{peer}"),
            format!("/ip6/2001:db8::1/tcp/5001/p2p/{peer}"),
            format!("/dns4/bootnode-0.example.org/tcp/5000/p2p/{peer}"),
            format!("/ip4/203.0.113.7/udp/5001/quic-v1/p2p/{peer}"),
            format!("/dnsaddr/example.org/p2p/{peer}"),
        ] {
            assert_eq!(check_multiaddress(&good), Ok(()), "{good}");
        }
        for bad in [
            String::new(),
            format!("ip4/203.0.113.7/tcp/5001/p2p/{peer}"),
            format!("/ip4/300.0.113.7/tcp/5001/p2p/{peer}"),
            format!("/ip4/203.0.113.7/tcp/0/p2p/{peer}"),
            format!("/ip4/203.0.113.7/tcp/70000/p2p/{peer}"),
            "/ip4/203.0.113.7/tcp/5001".to_owned(),
            "/ip4/203.0.113.7/tcp/5001/p2p/12D3KooW".to_owned(),
            format!("/ip4/203.0.113.7/p2p/{peer}"),
        ] {
            assert!(check_multiaddress(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn private_addresses_are_those_that_nodes_will_not_dial_by_themselves() {
        for private in ["10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "127.0.0.1", "fd00::1", "name"]
        {
            assert!(is_private_address(private), "{private}");
        }
        assert!(is_private_address("/ip4/10.1.2.3/tcp/5001/p2p/x"));
        for public in ["203.0.113.7", "100.128.0.1", "2001:db8::1", "/ip4/8.8.8.8/tcp/1/p2p/x"] {
            assert!(!is_private_address(public), "{public}");
        }
    }

    proptest! {
        #[test]
        fn every_key_reads_back_from_its_file(seed in any::<[u8; 32]>()) {
            let key = of_seed(seed);
            let read = P2pKey::from_file(&key.to_file()).unwrap();
            prop_assert_eq!(read.peer_id(), key.peer_id());
            prop_assert!(is_peer_id(&key.peer_id()));
            prop_assert!(key.peer_id().starts_with("12D3KooW"));
        }

        #[test]
        fn no_file_makes_reading_panic(content in any::<Vec<u8>>(), text in "\\PC*") {
            let _ = P2pKey::from_file(&SecretBytes::new(content));
            let _ = (is_peer_id(&text), check_multiaddress(&text), is_private_address(&text));
        }
    }
}
