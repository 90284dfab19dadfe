use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What makes a v1 network a network of its own: its genesis time and extra data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// When layer 0 starts; whole seconds count.
    pub time: Timestamp,
    /// v1: text of 1 to 255 bytes that tells networks of the same genesis time apart. v0 does not use it.
    pub extra_data: String,
    /// v0: the number that the P2P handshake compares. v1 derives its id instead.
    pub network_id: Option<u32>,
}

/// The 20 bytes that nodes of a v1 network must agree on; prints as 40 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct GenesisId(pub [u8; 20]);

impl Genesis {
    /// The identifier of the golden ATX, which PoST data commits to: BLAKE3 of the genesis time in decimal unix seconds followed by the extra data
    /// (go-spacemesh `config/genesis.go`).
    ///
    /// ```
    /// use spacecraft_core::identity::Genesis;
    ///
    /// let mainnet = Genesis {
    ///     time: "2023-07-14T08:00:00Z".parse().unwrap(),
    ///     extra_data: "00000000000000000001a6bc150307b5c1998045752b3c87eccf3c013036f3cc".to_owned(),
    ///     network_id: None,
    /// };
    /// assert_eq!(mainnet.id().to_string(), "9eebff023abb17ccb775c602daade8ed708f0a50");
    /// ```
    #[must_use]
    pub fn golden_atx(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.time.as_second().to_string().as_bytes());
        hasher.update(self.extra_data.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The genesis id: the first 20 bytes of the golden ATX.
    #[must_use]
    pub fn id(&self) -> GenesisId {
        let mut id = [0; 20];
        for (target, byte) in id.iter_mut().zip(self.golden_atx()) {
            *target = byte;
        }
        GenesisId(id)
    }

    /// The genesis time as node configs spell it: RFC 3339 in UTC, whole seconds.
    #[must_use]
    pub fn time_text(&self) -> String {
        whole_seconds(self.time).to_string()
    }
}

/// `time` without its fraction of a second.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The id that the wallet app smapp computes for a network: BLAKE3 of the genesis time *as it is written* in the config, followed by the extra data. It
/// differs from the node's own [`GenesisId`] and must not be mixed up with it.
#[must_use]
pub fn smapp_genesis_id(genesis_time_as_written: &str, extra_data: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(genesis_time_as_written.as_bytes());
    hasher.update(extra_data.as_bytes());
    hasher.finalize().to_hex().chars().take(40).collect()
}

impl fmt::Display for GenesisId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl From<GenesisId> for String {
    fn from(id: GenesisId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for GenesisId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut id = [0; 20];
        hex::decode_to_slice(&text, &mut id)
            .map(|()| Self(id))
            .map_err(|_| format!("{text:?} is no genesis id: it has 40 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAINNET_EXTRA_DATA: &str = "00000000000000000001a6bc150307b5c1998045752b3c87eccf3c013036f3cc";

    fn mainnet() -> Genesis {
        Genesis {
            time: Timestamp::from_second(1_689_321_600).unwrap(),
            extra_data: MAINNET_EXTRA_DATA.to_owned(),
            network_id: None,
        }
    }

    #[test]
    fn mainnet_has_the_ids_it_is_known_by() {
        let golden_atx = hex::encode(mainnet().golden_atx());
        assert_eq!(golden_atx, "9eebff023abb17ccb775c602daade8ed708f0a50d3149a42801184f5b74f2865");
        assert_eq!(mainnet().id().to_string(), "9eebff023abb17ccb775c602daade8ed708f0a50");
    }

    #[test]
    fn the_wallet_app_has_an_id_of_its_own() {
        assert_eq!(
            smapp_genesis_id("2023-07-14T08:00:00Z", MAINNET_EXTRA_DATA),
            "7c8cef2bfd54447d60c3ffcc5daf974b24b74605"
        );
    }

    #[test]
    fn the_time_is_written_in_whole_seconds() {
        let genesis = Genesis { time: "2026-01-02T03:04:05.678Z".parse().unwrap(), ..mainnet() };
        assert_eq!(genesis.time_text(), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn a_genesis_id_reads_back_from_its_text() {
        let id = mainnet().id();
        assert_eq!(GenesisId::try_from(id.to_string()), Ok(id));
        assert!(GenesisId::try_from("9eeb".to_owned()).is_err());
    }
}
