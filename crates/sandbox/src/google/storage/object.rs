//! A stored object: its bytes, metadata and how both are shown.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::ApiError;
use crate::wire::{Request, Response};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One live object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) generation: i64,
    pub(crate) metageneration: i64,
    #[serde(with = "crate::stored_bytes")]
    data: Bytes,
    content_type: String,
    /// `cacheControl`, `contentEncoding`, `contentDisposition`, `contentLanguage` by their JSON names.
    fields: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
    created: Timestamp,
    updated: Timestamp,
}

const TEXT_FIELDS: [(&str, &str); 4] = [
    ("cacheControl", "cache-control"),
    ("contentEncoding", "content-encoding"),
    ("contentDisposition", "content-disposition"),
    ("contentLanguage", "content-language"),
];

impl Object {
    /// An object of these bytes; `metadata` is the resource that came with them.
    ///
    /// # Errors
    /// 400 when `metadata` names checksums that the bytes do not have.
    pub(crate) fn new(
        data: Bytes,
        metadata: &Value,
        content_type: &str,
        generation: i64,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let mut object = Self {
            generation,
            metageneration: 1,
            data,
            content_type: content_type.to_owned(),
            fields: BTreeMap::new(),
            metadata: BTreeMap::new(),
            created: now,
            updated: now,
        };
        compare_hashes("md5Hash", metadata["md5Hash"].as_str(), &object.md5())?;
        compare_hashes("crc32c", metadata["crc32c"].as_str(), &object.crc32c())?;
        object.assign(metadata);
        Ok(object)
    }

    /// Checks the checksums of an `x-goog-hash` header.
    pub(crate) fn check_hash_header(&self, header: &str) -> Result<(), ApiError> {
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("crc32c", value)) => compare_hashes("crc32c", Some(value), &self.crc32c())?,
                Some(("md5", value)) => compare_hashes("md5Hash", Some(value), &self.md5())?,
                _ => {}
            }
        }
        Ok(())
    }

    fn assign(&mut self, resource: &Value) {
        if let Some(content_type) = resource["contentType"].as_str() {
            self.content_type = content_type.to_owned();
        }
        for (field, _) in TEXT_FIELDS {
            match resource.get(field) {
                Some(Value::String(text)) => {
                    self.fields.insert(field.to_owned(), text.clone());
                }
                Some(Value::Null) => {
                    self.fields.remove(field);
                }
                _ => {}
            }
        }
        for (key, value) in resource["metadata"].as_object().into_iter().flatten() {
            match value {
                Value::String(text) => {
                    self.metadata.insert(key.clone(), text.clone());
                }
                _ => {
                    self.metadata.remove(key);
                }
            }
        }
    }

    /// Changes the metadata: given fields replace, nulls remove.
    pub(crate) fn patch(&mut self, resource: &Value, now: Timestamp) {
        self.assign(resource);
        self.metageneration += 1;
        self.updated = now;
    }

    fn md5(&self) -> String {
        STANDARD.encode(Md5::digest(&self.data))
    }

    fn crc32c(&self) -> String {
        STANDARD.encode(crc32c(&self.data).to_be_bytes())
    }

    fn etag(&self) -> String {
        STANDARD.encode(format!("{}/{}", self.generation, self.metageneration))
    }

    /// The resource as the JSON API shows it.
    pub(crate) fn to_json(&self, bucket: &str, name: &str, link_root: &str) -> Value {
        let encoded = utf8_percent_encode(name, UNRESERVED);
        let mut body = Map::new();
        let mut put = |field: &str, value: Value| body.insert(field.to_owned(), value);
        put("kind", json!("storage#object"));
        put("id", json!(format!("{bucket}/{name}/{}", self.generation)));
        put("selfLink", json!(format!("{link_root}/storage/v1/b/{bucket}/o/{encoded}")));
        let media = format!("{link_root}/download/storage/v1/b/{bucket}/o/{encoded}");
        put("mediaLink", json!(format!("{media}?generation={}&alt=media", self.generation)));
        put("name", json!(name));
        put("bucket", json!(bucket));
        put("generation", json!(self.generation.to_string()));
        put("metageneration", json!(self.metageneration.to_string()));
        put("contentType", json!(self.content_type));
        put("storageClass", json!("STANDARD"));
        put("size", json!(self.data.len().to_string()));
        put("md5Hash", json!(self.md5()));
        put("crc32c", json!(self.crc32c()));
        put("etag", json!(self.etag()));
        put("timeCreated", json!(self.created));
        put("updated", json!(self.updated));
        put("timeStorageClassUpdated", json!(self.created));
        for (field, text) in &self.fields {
            put(field, json!(text));
        }
        if !self.metadata.is_empty() {
            put("metadata", json!(self.metadata));
        }
        Value::Object(body)
    }

    /// The bytes, whole or the range asked for, with the headers that describe them.
    pub(crate) fn media(&self, request: &Request) -> Response {
        let mut response = match self.range(request) {
            Ok(None) => self.bytes_response(StatusCode::OK, self.data.clone()),
            Ok(Some((start, end))) => {
                let part = self.data.slice(start..end);
                let range = format!("bytes {start}-{}/{}", end.saturating_sub(1), self.data.len());
                self.bytes_response(StatusCode::PARTIAL_CONTENT, part).with_header("content-range", &range)
            }
            Err(()) => Response::text(StatusCode::RANGE_NOT_SATISFIABLE, "Request range not satisfiable")
                .with_header("content-range", &format!("bytes */{}", self.data.len())),
        };
        for (field, header) in TEXT_FIELDS {
            if let Some(text) = self.fields.get(field) {
                response = response.with_header(header, text);
            }
        }
        for (key, value) in &self.metadata {
            let name = http::HeaderName::try_from(format!("x-goog-meta-{key}"));
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                response.headers.insert(name, value);
            }
        }
        response
    }

    /// The bytes at the object's public address, which edge caches may keep for an hour unless told otherwise.
    pub(crate) fn public_media(&self, request: &Request) -> Response {
        let response = self.media(request);
        if self.fields.contains_key("cacheControl") {
            return response;
        }
        response.with_header("cache-control", "public, max-age=3600")
    }

    fn bytes_response(&self, status: StatusCode, data: Bytes) -> Response {
        let content_type = HeaderValue::from_str(&self.content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let encoding = self.fields.get("contentEncoding").map_or("identity", String::as_str);
        Response::with_type(status, content_type, data)
            .with_header("x-goog-generation", &self.generation.to_string())
            .with_header("x-goog-metageneration", &self.metageneration.to_string())
            .with_header("x-goog-hash", &format!("crc32c={},md5={}", self.crc32c(), self.md5()))
            .with_header("x-goog-stored-content-length", &self.data.len().to_string())
            .with_header("x-goog-stored-content-encoding", encoding)
            .with_header("x-goog-storage-class", "STANDARD")
            .with_header("etag", &self.etag())
    }

    /// Start and end (exclusive) of a `bytes=` range; `Err` when it lies outside.
    fn range(&self, request: &Request) -> Result<Option<(usize, usize)>, ()> {
        let length = self.data.len();
        let Some((first, last)) = request
            .header("range")
            .and_then(|text| text.strip_prefix("bytes="))
            .and_then(|text| text.split_once('-'))
        else {
            return Ok(None);
        };
        let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(start), Ok(end)) => (start, end.saturating_add(1).min(length)),
            (Ok(start), Err(_)) => (start, length),
            (Err(_), Ok(suffix)) => (length.saturating_sub(suffix), length),
            (Err(_), Err(_)) => return Ok(None),
        };
        if start < end { Ok(Some((start, end))) } else { Err(()) }
    }
}

fn compare_hashes(name: &str, provided: Option<&str>, calculated: &str) -> Result<(), ApiError> {
    match provided {
        Some(provided) if provided != calculated => Err(ApiError::invalid(format!(
            "Provided {name} hash \"{provided}\" doesn't match calculated {name} hash \"{calculated}\"."
        ))
        .with_reason("invalid")),
        _ => Ok(()),
    }
}

/// The CRC-32C checksum (Castagnoli polynomial, reflected).
fn crc32c(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn checksums_are_compared_when_given() {
        let make = |metadata: Value| {
            Object::new(Bytes::from_static(b"123456789"), &metadata, "text/plain", 1, Timestamp::UNIX_EPOCH)
        };
        assert!(make(json!({"crc32c": "4waSgw=="})).is_ok());
        assert!(make(json!({"crc32c": "AAAAAA=="})).is_err());
        assert!(make(json!({"md5Hash": "AAAAAA=="})).is_err());
        assert!(make(json!({})).unwrap().check_hash_header("crc32c=4waSgw==").is_ok());
        assert!(make(json!({})).unwrap().check_hash_header("md5=4waSgw==").is_err());
    }
}
