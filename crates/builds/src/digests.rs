//! What is known of a file by its content, and whether a download is what the server meant to send.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use spacecraft_core::traits::{FileDigests, StoredFile};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Downloaded, HeaderMap, header::CONTENT_LENGTH};

/// How much is read at once.
const PIECE: usize = 256 << 10;

/// Size and digests of a local file.
pub(crate) fn digests_of(path: &Path) -> Result<StoredFile> {
    let unreadable = |error: std::io::Error| {
        Error::new(Meaning::Other, "read file", path.display().to_string(), "it cannot be read")
            .with_source(error)
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut piece = vec![0; PIECE];
    let (mut size, mut md5, mut crc32c) = (0_u64, Md5::new(), 0);
    loop {
        let length = file.read(&mut piece).map_err(unreadable)?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
        size += u64::try_from(read.len()).unwrap_or(u64::MAX);
        md5.update(read);
        crc32c = crc32c::crc32c_append(crc32c, read);
    }
    let digests = FileDigests { md5: Some(md5.finalize().into()), crc32c: Some(crc32c) };
    Ok(StoredFile { size, digests, generation: 0 })
}

/// Compares what came with the size and the digests that the server announced; those it does not announce are not missed.
pub(crate) fn check_download(url: &str, path: &Path, downloaded: &Downloaded) -> Result<()> {
    let damaged = |reason: String| {
        Err(Error::new(Meaning::Invalid, "download build", url, reason)
            .of_reply()
            .with_hint("run the command again; if it stays so, the build at that address is damaged"))
    };
    let file = digests_of(path)?;
    if let Some(announced) = announced_size(&downloaded.headers).filter(|announced| *announced != file.size) {
        return damaged(format!("{} bytes came where {announced} were announced", file.size));
    }
    if announced_digests(&downloaded.headers).agree(&file.digests) == Some(false) {
        return damaged("what came has not the digest that was announced".to_owned());
    }
    Ok(())
}

fn announced_size(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// The digests in `x-goog-hash`: `crc32c=BASE64` and `md5=BASE64`, in one header or in two.
fn announced_digests(headers: &HeaderMap) -> FileDigests {
    let mut digests = FileDigests::default();
    let values = headers.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
    for part in values.flat_map(|value| value.split(',')) {
        let Some((kind, value)) = part.trim().split_once('=') else { continue };
        let Ok(bytes) = STANDARD.decode(value) else { continue };
        match kind {
            "md5" => digests.md5 = bytes.try_into().ok(),
            "crc32c" => digests.crc32c = bytes.try_into().ok().map(u32::from_be_bytes),
            _ => {}
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use spacecraft_http::HeaderValue;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| ("x-goog-hash".parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn digests_come_in_one_header_or_in_two() {
        let both = FileDigests {
            md5: Some([
                0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42,
                0x7e,
            ]),
            crc32c: Some(0),
        };
        assert_eq!(announced_digests(&headers(&["crc32c=AAAAAA==,md5=1B2M2Y8AsgTpgAmY7PhCfg=="])), both);
        let mut two = headers(&["crc32c=AAAAAA=="]);
        two.append("x-goog-hash", HeaderValue::from_static("md5=1B2M2Y8AsgTpgAmY7PhCfg=="));
        assert_eq!(announced_digests(&two), both);
        assert_eq!(announced_digests(&headers(&["md5=nonsense, x, crc32c=AA=="])), FileDigests::default());
    }

    #[test]
    fn a_files_digests_are_those_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"123456789").unwrap();
        let known = digests_of(file.path()).unwrap();
        assert_eq!((known.size, known.digests.crc32c), (9, Some(0xe306_9283)));
        assert_eq!(known.digests.md5.unwrap()[..4], [0x25, 0xf9, 0xe7, 0x94]);
    }
}
