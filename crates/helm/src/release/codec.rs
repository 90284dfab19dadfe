//! How a release is kept in a Secret: JSON, gzipped, in base64 (and once more in base64, as all Secret data).

use std::io::{Read, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::Value;

use super::Release;
use crate::values::{Values, as_go_json, as_kubernetes_json};

/// Nothing that unpacks to more is taken for a release: a Secret holds 1 MiB at most.
const MAX_RELEASE_BYTES: u64 = 256 * 1024 * 1024;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];

/// Why something is no release record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The text is not base64.
    #[error("the record is not base64")]
    Base64(#[from] base64::DecodeError),
    /// It cannot be gzipped or gunzipped, or is too large.
    #[error("the record cannot be compressed or decompressed, or is larger than any release")]
    Gzip(#[from] std::io::Error),
    /// What was inside is no release.
    #[error("the record holds no release")]
    Json(#[from] serde_json::Error),
}

/// The content of the Secret's key `release`, before the base64 that all Secret data has.
///
/// # Errors
/// If the release cannot be written as JSON.
pub fn encode(release: &Release) -> Result<String, CodecError> {
    let value = serde_json::to_value(release)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&serde_json::to_vec(&as_kubernetes_json(value))?)?;
    Ok(STANDARD.encode(gzip.finish()?))
}

/// The release in the content of a Secret's key `release`; a record that was never gzipped is read as well.
///
/// # Errors
/// If it is none.
pub fn decode(record: &[u8]) -> Result<Release, CodecError> {
    let packed = STANDARD.decode(record)?;
    let text = if packed.starts_with(GZIP_MAGIC) {
        let mut text = Vec::new();
        let mut unpacked = GzDecoder::new(packed.as_slice()).take(MAX_RELEASE_BYTES);
        unpacked.read_to_end(&mut text)?;
        text
    } else {
        packed
    };
    let mut release: Release = serde_json::from_slice(&text)?;
    release.config = with_go_numbers(release.config);
    release.chart.values = with_go_numbers(release.chart.values);
    Ok(release)
}

fn with_go_numbers(values: Values) -> Values {
    match as_go_json(Value::Object(values)) {
        Value::Object(values) => values,
        _ => Values::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_end_in_a_release_or_an_error(record in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&record);
            let _ = decode(STANDARD.encode(&record).as_bytes());
        }
    }

    #[test]
    fn a_release_reads_back_as_it_was_written() {
        let mut release =
            Release { name: "rel".to_owned(), namespace: "apps".to_owned(), ..Release::default() };
        release.config.insert("a".to_owned(), serde_json::json!({"n": 1.0, "f": 1.5, "t": "<&>"}));
        release.info.first_deployed = Some("2026-11-22T14:56:20.195593811Z".parse().unwrap());
        assert_eq!(decode(encode(&release).unwrap().as_bytes()).unwrap(), release);
    }

    #[test]
    fn a_record_that_was_never_gzipped_is_read_too() {
        let record =
            STANDARD.encode(r#"{"name":"old","info":{"status":"deployed"},"version":3,"namespace":"n"}"#);
        let release = decode(record.as_bytes()).unwrap();
        assert_eq!((release.name.as_str(), release.version), ("old", 3));
    }
}
