//! Builds of go-spacemesh, which a fresh simulated cloud has of every version, without keeping them.

use bytes::Bytes;
use flate2::Crc;

/// The bucket that builds are read from.
pub(super) const BUILDS_BUCKET: &str = "go-spacemesh-release-builds";

/// The bytes of a signature, a version and so on of a zip archive, as PKWARE's note on the format numbers them.
const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END_OF_CENTRAL: u32 = 0x0605_4b50;
const VERSION: u16 = 20;
/// 1 January 1980, the first day that an archive can name.
const FIRST_DAY: u16 = 0x21;

/// The archive `VERSION/PLATFORM.zip`, always the same; `None` for names that are no build's.
pub(super) fn archive(name: &str) -> Option<Bytes> {
    let (version, file) = name.split_once('/')?;
    let numbered = version.strip_prefix('v')?.starts_with(|c: char| c.is_ascii_digit());
    let program = match file {
        "Windows.zip" => "go-spacemesh.exe",
        "macOS.zip" | "Linux.zip" => "go-spacemesh",
        _ => return None,
    };
    let text = format!("go-spacemesh {version}, simulated, for {}\n", file.trim_end_matches(".zip"));
    let entries = [(program, text.repeat(2_000)), ("README.txt", text)];
    numbered.then(|| stored(&entries))
}

/// A zip archive of uncompressed entries.
fn stored(entries: &[(&str, String)]) -> Bytes {
    let mut archive = Vec::new();
    let mut central = Vec::new();
    for (name, content) in entries {
        let offset = length(&archive);
        let head = entry_head(name, content.as_bytes());
        archive.extend(LOCAL_HEADER.to_le_bytes());
        archive.extend(&head);
        archive.extend(name.as_bytes());
        archive.extend(content.as_bytes());
        central.extend(CENTRAL_HEADER.to_le_bytes());
        central.extend(VERSION.to_le_bytes());
        central.extend(&head);
        // No comment, first disk, no attributes.
        central.extend([0; 10]);
        central.extend(offset.to_le_bytes());
        central.extend(name.as_bytes());
    }
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    let (start, size) = (length(&archive), length(&central));
    archive.extend(central);
    archive.extend(END_OF_CENTRAL.to_le_bytes());
    archive.extend([0; 4]);
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(size.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive.into()
}

/// What local and central headers have in common, from the version that is needed to the length of extra fields.
fn entry_head(name: &str, content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(content);
    let mut head = Vec::new();
    for number in [VERSION, 0, 0, 0, FIRST_DAY] {
        head.extend(number.to_le_bytes());
    }
    for number in [crc.sum(), length(content), length(content)] {
        head.extend(number.to_le_bytes());
    }
    head.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    head.extend([0; 2]);
    head
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_build_of_every_version_for_three_systems() {
        for name in ["v1.7.6/Linux.zip", "v0.2.17-beta.0/macOS.zip", "v1.7.6/Windows.zip"] {
            let archive = archive(name).unwrap();
            assert!(archive.starts_with(b"PK\x03\x04") && archive.len() > 1_000, "{name}");
            assert_eq!(super::archive(name), Some(archive));
        }
        for name in ["", "v1.7.6", "v1.7.6/BeOS.zip", "latest/Linux.zip", "v/Linux.zip", "v1/a/Linux.zip"] {
            assert_eq!(archive(name), None, "{name}");
        }
    }
}
