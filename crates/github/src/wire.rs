//! What GitHub answers, as far as it is read.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use spacecraft_core::traits::{ReleaseAsset, ReleaseDraft};

#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    #[serde(default)]
    pub(crate) permissions: Permissions,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Permissions {
    #[serde(default)]
    pub(crate) push: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag_name: String,
    pub(crate) name: Option<String>,
    body: Option<String>,
    pub(crate) draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    pub(crate) html_url: String,
    #[serde(default)]
    pub(crate) assets: Vec<Asset>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Asset {
    pub(crate) id: u64,
    pub(crate) name: String,
    state: String,
    size: u64,
    digest: Option<String>,
}

impl Release {
    /// In what the release differs from what is wanted; assets of other names do not count.
    pub(crate) fn differences(&self, wanted: &ReleaseDraft) -> Vec<String> {
        let mut differences = Vec::new();
        if self.name.as_deref() != Some(&wanted.name) {
            differences.push(format!("name: {} -> {}", self.name.as_deref().unwrap_or("none"), wanted.name));
        }
        if lines(self.body.as_deref().unwrap_or_default()) != lines(&wanted.notes) {
            differences.push("notes".to_owned());
        }
        if !self.prerelease {
            differences.push("prerelease: false -> true".to_owned());
        }
        let missing = |asset: &&ReleaseAsset| !self.assets.iter().any(|known| known.is(asset));
        differences.extend(wanted.assets.iter().filter(missing).map(|asset| format!("asset {}", asset.name)));
        differences
    }

    /// Whether anything but assets differs.
    pub(crate) fn text_differs(&self, wanted: &ReleaseDraft) -> bool {
        let bare = ReleaseDraft { assets: Vec::new(), ..wanted.clone() };
        !self.differences(&bare).is_empty()
    }
}

/// A text whose line ends are all alike; the web form writes others than we do.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

impl Asset {
    /// Whether this is that file, wholly uploaded. Older assets have no digest; then the size decides.
    pub(crate) fn is(&self, wanted: &ReleaseAsset) -> bool {
        let size = u64::try_from(wanted.bytes.len()).unwrap_or(u64::MAX);
        let digest = || format!("sha256:{}", hex::encode(Sha256::digest(&wanted.bytes)));
        self.name == wanted.name
            && self.state == "uploaded"
            && self.size == size
            && self.digest.as_ref().is_none_or(|known| *known == digest())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NAME: &str = "net1-Linux.zip";

    fn wanted() -> ReleaseDraft {
        let asset = ReleaseAsset {
            name: NAME.to_owned(),
            content_type: "application/zip".to_owned(),
            bytes: vec![1, 2, 3],
        };
        ReleaseDraft {
            tag: "v1".to_owned(),
            name: "NET1".to_owned(),
            notes: "notes".to_owned(),
            assets: vec![asset],
        }
    }

    /// What GitHub answers, in a text of which a part is another one.
    fn damaged() -> impl Strategy<Value = Vec<u8>> {
        let asset = json!({"id": 2, "name": NAME, "state": "uploaded", "size": 3, "digest": "sha256:00"});
        let release = json!({
            "id": 1, "tag_name": "v1", "name": null, "body": "notes", "draft": true, "prerelease": true,
            "html_url": "https://github.com/x", "assets": [asset], "permissions": {"push": true},
        });
        let whole = release.to_string().into_bytes();
        (0..whole.len(), 0..40_usize, "[\\PC]{0,12}").prop_map(move |(start, length, instead)| {
            let end = (start + length).min(whole.len());
            [&whole[..start], instead.as_bytes(), &whole[end..]].concat()
        })
    }

    fn read(bytes: &[u8]) {
        let _ = serde_json::from_slice::<Repository>(bytes);
        let _ = serde_json::from_slice::<Vec<Release>>(bytes);
        if let Ok(release) = serde_json::from_slice::<Release>(bytes) {
            let differences = release.differences(&wanted());
            assert!(release.text_differs(&wanted()) || differences.len() <= 1, "{differences:?}");
        }
    }

    proptest! {
        #[test]
        fn no_reply_makes_reading_panic(bytes in any::<Vec<u8>>(), damaged in damaged()) {
            read(&bytes);
            read(&damaged);
        }
    }
}
