//! Uploads: whole in one request (`media`), with their metadata (`multipart`), or in pieces (`resumable`).

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Caller, Conditions, Storage, link_root, object::Object, refuse_object_acl};
use crate::{
    context::Context,
    google::{ApiError, Reply, json_body, ok},
    wire::{Request, Response},
};

/// Pieces of a resumable upload but the last have a length of a multiple of this.
const PIECE_BYTES: usize = 256 * 1024;

/// A resumable upload in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Upload {
    bucket: String,
    name: String,
    metadata: Value,
    content_type: String,
    conditions: Conditions,
    #[serde(with = "crate::stored_bytes")]
    data: Bytes,
}

impl Storage {
    pub(super) fn handle_upload(
        &mut self,
        method: &Method,
        request: &Request,
        bucket: &str,
        caller: Caller,
        context: &mut Context<'_>,
    ) -> Reply {
        let kind = request.query_value("uploadType").unwrap_or_default();
        if let Some(upload) = request.query_value("upload_id").filter(|_| kind == "resumable") {
            return self.continue_upload(method, request, &upload, context);
        }
        self.require(bucket, "storage.objects.create", caller, context)?;
        if *method != Method::POST {
            return Err(ApiError::not_found("Not Found"));
        }
        match kind.as_str() {
            "media" => {
                let name = request.query_value("name").ok_or_else(name_required)?;
                let content_type = content_type(request);
                self.store_request(
                    request,
                    bucket,
                    &name,
                    &json!({}),
                    &content_type,
                    request.body.clone(),
                    context,
                )
            }
            "multipart" => self.multipart(request, bucket, context),
            "resumable" => self.start_upload(request, bucket, context),
            _ => Err(ApiError::invalid(format!("Upload type {kind} not supported")).with_reason("invalid")),
        }
    }

    fn multipart(&mut self, request: &Request, bucket: &str, context: &mut Context<'_>) -> Reply {
        let malformed = || ApiError::invalid("Malformed multipart body.").with_reason("badRequest");
        let boundary = boundary(request).ok_or_else(malformed)?;
        let parts = split_parts(&request.body, &boundary).ok_or_else(malformed)?;
        let [metadata, media] = parts.as_slice() else { return Err(malformed()) };
        let metadata: Value = serde_json::from_slice(&metadata.body).map_err(|_| malformed())?;
        let name = metadata["name"].as_str().map(str::to_owned).or_else(|| request.query_value("name"));
        let name = name.ok_or_else(name_required)?;
        let content_type = media.content_type.clone().unwrap_or_else(default_type);
        self.store_request(request, bucket, &name, &metadata, &content_type, media.body.clone(), context)
    }

    #[expect(clippy::too_many_arguments, reason = "a request, what it stores, and where")]
    fn store_request(
        &mut self,
        request: &Request,
        bucket: &str,
        name: &str,
        metadata: &Value,
        content_type: &str,
        data: Bytes,
        context: &mut Context<'_>,
    ) -> Reply {
        refuse_object_acl(metadata, request)?;
        let upload = Upload {
            bucket: bucket.to_owned(),
            name: name.to_owned(),
            metadata: metadata.clone(),
            content_type: content_type.to_owned(),
            conditions: Conditions::of(request)?,
            data,
        };
        self.store(upload, request.header("x-goog-hash"), context)
    }

    fn store(&mut self, upload: Upload, hashes: Option<&str>, context: &mut Context<'_>) -> Reply {
        let bucket = self.bucket_mut(&upload.bucket)?;
        if upload.name.is_empty() || upload.name.len() > 1024 {
            return Err(name_required());
        }
        if let Some(unchanged) = upload.conditions.check(bucket.objects.get(&upload.name))? {
            return Ok(unchanged);
        }
        let generation = context.now.as_microsecond().max(bucket.last_generation + 1);
        let object =
            Object::new(upload.data, &upload.metadata, &upload.content_type, generation, context.now)?;
        if let Some(header) = hashes {
            object.check_hash_header(header)?;
        }
        bucket.last_generation = generation;
        let reply = ok(&object.to_json(&upload.bucket, &upload.name, &link_root(context)));
        bucket.objects.insert(upload.name, object);
        reply
    }

    fn start_upload(&mut self, request: &Request, bucket: &str, context: &mut Context<'_>) -> Reply {
        let metadata = json_body(request)?;
        refuse_object_acl(&metadata, request)?;
        let name = metadata["name"].as_str().map(str::to_owned).or_else(|| request.query_value("name"));
        let content_type = request.header("x-upload-content-type").map_or_else(default_type, str::to_owned);
        let upload = Upload {
            bucket: bucket.to_owned(),
            name: name.ok_or_else(name_required)?,
            metadata,
            content_type,
            conditions: Conditions::of(request)?,
            data: Bytes::new(),
        };
        let id = context.mint.hex(40);
        let location = format!(
            "{}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}",
            link_root(context)
        );
        self.uploads.insert(id.clone(), upload);
        Ok(Response::empty(StatusCode::OK)
            .with_header("location", &location)
            .with_header("x-guploader-uploadid", &id))
    }

    fn continue_upload(
        &mut self,
        method: &Method,
        request: &Request,
        id: &str,
        context: &mut Context<'_>,
    ) -> Reply {
        if *method == Method::DELETE {
            self.uploads.remove(id).ok_or_else(|| ApiError::not_found("Not Found"))?;
            return Ok(Response::empty(StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)));
        }
        let upload = self.uploads.get_mut(id).ok_or_else(|| ApiError::not_found("Not Found"))?;
        let total = match request.header("content-range") {
            None => {
                upload.data = request.body.clone();
                Some(upload.data.len())
            }
            Some(range) => append(upload, &request.body, range)?,
        };
        if total != Some(upload.data.len()) {
            return Ok(incomplete(upload.data.len()));
        }
        let Some(upload) = self.uploads.remove(id) else { return Err(ApiError::not_found("Not Found")) };
        self.store(upload, request.header("x-goog-hash"), context)
    }
}

/// Adds a piece; the answer is the upload's total length, when the caller told it.
fn append(upload: &mut Upload, piece: &Bytes, range: &str) -> Result<Option<usize>, ApiError> {
    let invalid = || ApiError::invalid(format!("Invalid Content-Range: {range}")).with_reason("badRequest");
    let (span, total) =
        range.strip_prefix("bytes ").and_then(|rest| rest.split_once('/')).ok_or_else(invalid)?;
    let total: Option<usize> = if total == "*" { None } else { Some(total.parse().map_err(|_| invalid())?) };
    if span == "*" {
        return Ok(total);
    }
    let (first, last) = span.split_once('-').ok_or_else(invalid)?;
    let first: usize = first.parse().map_err(|_| invalid())?;
    let last: usize = last.parse().map_err(|_| invalid())?;
    let length = last.checked_sub(first).and_then(|length| length.checked_add(1)).ok_or_else(invalid)?;
    let stored = upload.data.len();
    let is_last = total == Some(last + 1);
    if length != piece.len() || first > stored || (!is_last && !piece.len().is_multiple_of(PIECE_BYTES)) {
        return Err(invalid());
    }
    let fresh = piece.get(stored - first..).unwrap_or_default();
    let mut data = Vec::from(upload.data.clone());
    data.extend_from_slice(fresh);
    upload.data = data.into();
    Ok(total)
}

fn incomplete(stored: usize) -> Response {
    let response = Response::empty(StatusCode::PERMANENT_REDIRECT);
    match stored.checked_sub(1) {
        Some(last) => response.with_header("range", &format!("bytes=0-{last}")),
        None => response,
    }
}

fn name_required() -> ApiError {
    ApiError::invalid("Required object name").with_reason("required")
}

fn default_type() -> String {
    "application/octet-stream".to_owned()
}

fn content_type(request: &Request) -> String {
    request.header("content-type").map_or_else(default_type, str::to_owned)
}

fn boundary(request: &Request) -> Option<String> {
    let content_type = request.header("content-type")?;
    if !content_type.starts_with("multipart/related") {
        return None;
    }
    let (_, rest) = content_type.split_once("boundary=")?;
    let boundary = rest.split(';').next()?.trim().trim_matches('"');
    (!boundary.is_empty()).then(|| boundary.to_owned())
}

pub(crate) struct Part {
    pub(crate) headers: String,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

/// The parts of a multipart body, or nothing when it is malformed.
pub(crate) fn split_parts(body: &Bytes, boundary: &str) -> Option<Vec<Part>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut start = find(body, delimiter.as_bytes(), 0)? + delimiter.len();
    loop {
        if body.get(start..start + 2)? == b"--" {
            return Some(parts);
        }
        let head_start = skip_line_end(body, start)?;
        let next = find(body, format!("\n{delimiter}").as_bytes(), head_start.saturating_sub(1))?;
        let end = if next > head_start && body.get(next - 1) == Some(&b'\r') { next - 1 } else { next };
        parts.push(read_part(body, head_start, end.max(head_start))?);
        start = next + 1 + delimiter.len();
    }
}

fn read_part(body: &Bytes, start: usize, end: usize) -> Option<Part> {
    let (head_end, data_start) = match find(body, b"\r\n\r\n", start).filter(|found| *found < end) {
        Some(found) => (found, found + 4),
        None => {
            let found = find(body, b"\n\n", start).filter(|found| *found < end)?;
            (found, found + 2)
        }
    };
    let headers = String::from_utf8_lossy(body.get(start..head_end)?).into_owned();
    let content_type = headers
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.trim().to_owned());
    Some(Part { headers, content_type, body: body.slice(data_start.min(end)..end) })
}

fn skip_line_end(body: &Bytes, start: usize) -> Option<usize> {
    find(body, b"\n", start).map(|line_end| line_end + 1)
}

fn find(haystack: &Bytes, needle: &[u8], from: usize) -> Option<usize> {
    let rest = haystack.get(from..)?;
    rest.windows(needle.len()).position(|window| window == needle).map(|position| position + from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_multipart_body_is_split_at_its_boundary() {
        let body = Bytes::from_static(
            b"--X\r\ncontent-type: application/json\r\n\r\n{}\r\n--X\r\nContent-Type: text/plain\r\n\r\n--data\r\n\r\n--X--\r\n",
        );
        let parts = split_parts(&body, "X").unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].body, "{}");
        assert_eq!(parts[1].body, "--data\r\n");
        assert_eq!(parts[1].content_type.as_deref(), Some("text/plain"));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_splitter_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut framed = b"--X\r\n".to_vec();
            framed.extend(&body);
            let _ = split_parts(&Bytes::from(framed), "X");
            let _ = split_parts(&Bytes::from(body), "X");
        }

        #[test]
        fn parts_keep_their_bytes(data in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut body = b"--boundary-of-parts\r\n\r\n".to_vec();
            body.extend(b"\r\n--boundary-of-parts\r\nA: b\r\n\r\n");
            body.extend(&data);
            body.extend(b"\r\n--boundary-of-parts--");
            let parts = split_parts(&Bytes::from(body), "boundary-of-parts");
            if let Some(parts) = parts {
                prop_assert_eq!(parts.last().map(|part| part.body.to_vec()), Some(data));
            }
        }
    }
}
