use bytes::Bytes;
use spacecraft_core::time::Random;

/// The body of a request, kept whole so that every attempt can send it again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

impl Body {
    pub(crate) fn new(content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { content_type: Some(content_type.into()), bytes: bytes.into() }
    }

    pub(crate) fn form(pairs: &[(&str, &str)]) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self::new("application/x-www-form-urlencoded", text)
    }

    pub(crate) fn multipart(parts: &[Part], random: &dyn Random) -> Self {
        let boundary = format!("boundary-{:016x}{:016x}", random.number(), random.number());
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(part.head(&boundary).as_bytes());
            bytes.extend_from_slice(&part.bytes);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Self::new(format!("multipart/form-data; boundary={boundary}"), bytes)
    }
}

/// A part of a `multipart/form-data` body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, when the part is a file.
    pub file_name: Option<String>,
    /// Its content type.
    pub content_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Part {
    fn head(&self, boundary: &str) -> String {
        let name = parameter(&self.name);
        let file = self.file_name.as_deref().map(parameter);
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let content_type = self.content_type.replace(['\r', '\n'], " ");
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nContent-Type: {content_type}\r\n\r\n"
        )
    }
}

/// The characters that end a quoted parameter, escaped as the HTML standard says for multipart/form-data.
fn parameter(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use spacecraft_core::time::SeededRandom;

    use super::*;

    #[test]
    fn a_multipart_body_holds_each_part_between_boundaries() {
        let part = Part {
            name: "file".to_owned(),
            file_name: Some("a\"b\r\n.ndjson".to_owned()),
            content_type: "application/ndjson".to_owned(),
            bytes: b"{}".to_vec(),
        };
        let body = Body::multipart(&[part], &SeededRandom::new(1));
        let content_type = body.content_type.unwrap();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b%0D%0A.ndjson\"\r\n\
             Content-Type: application/ndjson\r\n\r\n{{}}\r\n--{boundary}--\r\n"
        );
        assert_eq!(body.bytes, expected);
    }
}
