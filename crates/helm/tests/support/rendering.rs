//! A chart of one template, and what it is rendered with.

use std::sync::Arc;

use bytes::Bytes;
use spacecraft_helm::capabilities::Capabilities;
use spacecraft_helm::chart::{Chart, File, Metadata};
use spacecraft_helm::engine::{ReleaseContext, RenderContext, Seed};
use spacecraft_helm::keys::NewRsaKeys;

/// The chart `c` whose one template is `text`.
pub(crate) fn chart(text: &str) -> Chart {
    let metadata = Metadata { name: "c".to_owned(), version: "1.0.0".to_owned(), ..Metadata::default() };
    let template =
        File { name: "templates/t.yaml".to_owned(), data: Bytes::copy_from_slice(text.as_bytes()) };
    Chart { metadata, templates: vec![template], ..Chart::default() }
}

/// What the release `rel` in namespace `ns` is rendered with; chance follows from `seed`.
pub(crate) fn context(seed: u8) -> RenderContext {
    RenderContext {
        release: ReleaseContext {
            name: "rel".to_owned(),
            namespace: "ns".to_owned(),
            revision: 1,
            is_upgrade: false,
        },
        capabilities: Capabilities::default(),
        lookup: None,
        now: "2024-03-01T12:00:00Z".parse().expect("a timestamp"),
        time_zone: jiff::tz::TimeZone::UTC,
        seed: Seed::new([seed; 32]),
        keys: Arc::new(NewRsaKeys),
    }
}
