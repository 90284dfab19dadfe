//! A zip archive with a config put in, everything else copied as it is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use spacecraft_core::{Error, Meaning, Result};
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// The most entries of an archive.
const MOST_ENTRIES: usize = 10_000;
/// The most bytes that an archive unpacks to, as it says itself.
const MOST_UNPACKED: u64 = 8 << 30;
/// The name of the config, beside the program.
const CONFIG: &str = "config.json";
/// The program, on Windows with `.exe`.
const PROGRAMS: [&str; 2] = ["go-spacemesh", "go-spacemesh.exe"];
/// The bits of a file's mode that tell its kind, and the kind of a symbolic link.
const KIND_BITS: u32 = 0o170_000;
const SYMBOLIC_LINK: u32 = 0o120_000;

/// Copies the archive `from` to `to` with `config` as `config.json` beside the program, or at the top without one; a config that is there is replaced. Names of
/// entries are copied, never used: nothing is unpacked.
///
/// # Errors
///
/// [`Meaning::Invalid`] when `from` is no archive, or one that could harm who unpacks it; `name` is what it is called.
pub(crate) fn put_config(name: &str, from: &Path, to: &Path, config: &[u8]) -> Result<()> {
    let source =
        File::open(from).map_err(|error| unusable(name, "it cannot be opened").with_source(error))?;
    let mut archive = ZipArchive::new(BufReader::new(source)).map_err(|error| unreadable(name, error))?;
    let place = survey(name, &mut archive)?;
    let target = File::create(to).map_err(|error| unwritable(name, ZipError::Io(error)))?;
    let mut writer = ZipWriter::new(BufWriter::new(target));
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| unreadable(name, error))?;
        if entry_name(name, &entry)? != place {
            writer.raw_copy_file(entry).map_err(|error| unwritable(name, error))?;
        }
    }
    // A fixed time, so that the same build and config make the same archive.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    writer.start_file(place, options).map_err(|error| unwritable(name, error))?;
    writer.write_all(config).map_err(|error| unwritable(name, ZipError::Io(error)))?;
    let mut file = writer.finish().map_err(|error| unwritable(name, error))?;
    file.flush().map_err(|error| unwritable(name, ZipError::Io(error)))
}

/// Looks at every entry before any is copied; answers where the config belongs.
fn survey(name: &str, archive: &mut ZipArchive<BufReader<File>>) -> Result<String> {
    if archive.len() > MOST_ENTRIES {
        return Err(unusable(name, format!("it has more than {MOST_ENTRIES} entries")));
    }
    let mut seen = BTreeSet::new();
    let mut unpacked = 0_u64;
    let mut place = None;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| unreadable(name, error))?;
        let path = entry_name(name, &entry)?;
        check_entry(name, &path, &entry)?;
        if !seen.insert(path.to_lowercase()) {
            return Err(unusable(name, format!("it has two entries {path:?}")));
        }
        unpacked = unpacked.saturating_add(entry.size());
        place = place.or_else(|| beside_program(&path));
    }
    if unpacked > MOST_UNPACKED {
        return Err(unusable(name, format!("it unpacks to more than {MOST_UNPACKED} bytes")));
    }
    Ok(place.unwrap_or_else(|| CONFIG.to_owned()))
}

/// The name of an entry, which must be text.
fn entry_name(name: &str, entry: &ZipFile<'_, BufReader<File>>) -> Result<String> {
    entry.name().map(|path| path.into_owned()).map_err(|error| unreadable(name, error))
}

/// Refuses what could write elsewhere than below the folder that it is unpacked into, or cannot be unpacked by everybody.
fn check_entry(name: &str, path: &str, entry: &ZipFile<'_, BufReader<File>>) -> Result<()> {
    let refuse = |why: &str| Err(unusable(name, format!("its entry {path:?} {why}")));
    if !is_lawful(path) {
        return refuse(
            "leads out of the folder that it is unpacked into, or has a name that not every system takes",
        );
    }
    if entry.unix_mode().is_some_and(|mode| mode & KIND_BITS == SYMBOLIC_LINK) {
        return refuse("is a symbolic link");
    }
    if entry.encrypted() {
        return refuse("is encrypted");
    }
    Ok(())
}

/// A relative path of parts separated by `/`, none of them empty, `.` or `..`, without characters that lead elsewhere on any system.
fn is_lawful(path: &str) -> bool {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && !part.contains(['\\', ':', '\0'])
            && !part.chars().any(char::is_control)
    };
    path.len() <= 1_024 && path.strip_suffix('/').unwrap_or(path).split('/').all(plain)
}

/// The config's name beside a program; none beside anything else.
fn beside_program(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/').map_or(("", path), |(folder, file)| (folder, file));
    if !PROGRAMS.contains(&file) {
        return None;
    }
    Some(if folder.is_empty() { CONFIG.to_owned() } else { format!("{folder}/{CONFIG}") })
}

fn unusable(name: &str, reason: impl Into<String>) -> Error {
    Error::new(Meaning::Invalid, "read build", name, reason).of_reply()
}

fn unreadable(name: &str, error: ZipError) -> Error {
    unusable(name, "it is no zip archive, or a damaged one").with_source(error)
}

fn unwritable(name: &str, error: ZipError) -> Error {
    Error::new(Meaning::Other, "pack build", name, "the archive cannot be written").with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    /// An archive of these entries, packed and read back: names with contents, in order.
    fn packed(entries: &[(&str, &str)], config: &str) -> Result<Vec<(String, String)>> {
        let folder = TempDir::new().unwrap();
        let (from, to) = (folder.path().join("from.zip"), folder.path().join("to.zip"));
        let mut writer = ZipWriter::new(File::create(&from).unwrap());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, content) in entries {
            writer.start_file(*name, options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        put_config("v1/Linux.zip", &from, &to, config.as_bytes())?;
        let mut archive = ZipArchive::new(File::open(&to).unwrap()).unwrap();
        let read = |index: usize| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            (entry.name().unwrap().into_owned(), content)
        };
        Ok((0..entries.len() + 1).take_while(|index| *index < archive_length(&to)).map(read).collect())
    }

    fn archive_length(path: &Path) -> usize {
        ZipArchive::new(File::open(path).unwrap()).unwrap().len()
    }

    fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
        entries.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    #[test]
    fn the_config_is_put_beside_the_program_and_replaces_the_one_there() {
        let beside =
            packed(&[("go-spacemesh/go-spacemesh", "ELF"), ("go-spacemesh/config.json", "old")], "new")
                .unwrap();
        assert_eq!(
            beside,
            pairs(&[("go-spacemesh/go-spacemesh", "ELF"), ("go-spacemesh/config.json", "new")])
        );
        let top = packed(&[("go-spacemesh.exe", "MZ"), ("other/config.json", "kept")], "new").unwrap();
        assert_eq!(
            top,
            pairs(&[("go-spacemesh.exe", "MZ"), ("other/config.json", "kept"), ("config.json", "new")])
        );
        let without = packed(&[("README", "x")], "new").unwrap();
        assert_eq!(without, pairs(&[("README", "x"), ("config.json", "new")]));
    }

    #[test]
    fn an_archive_that_could_harm_who_unpacks_it_is_refused() {
        for name in ["../evil", "/etc/passwd", "a/../../b", "C:evil", "a\\b", "a//b", "./a", "bell\u{7}"] {
            let error = packed(&[("go-spacemesh", "ELF"), (name, "x")], "new").unwrap_err();
            assert_eq!(error.meaning(), Meaning::Invalid, "{name:?}");
        }
        let twice = packed(&[("README", "1"), ("readme", "2")], "new").unwrap_err();
        assert!(twice.reason().contains("two entries"), "{twice}");
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let folder = TempDir::new().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for content in ["", "<html>404</html>", "PK\u{3}\u{4}"] {
            std::fs::write(&from, content).unwrap();
            let error = put_config("v1/Linux.zip", &from, &to, b"{}").unwrap_err();
            assert_eq!((error.meaning(), error.resource()), (Meaning::Invalid, "v1/Linux.zip"));
        }
    }

    #[test]
    fn the_same_build_and_config_make_the_same_archive() {
        let folder = TempDir::new().unwrap();
        let from = folder.path().join("from.zip");
        let mut writer = ZipWriter::new(File::create(&from).unwrap());
        writer
            .start_file(
                "go-spacemesh",
                SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
            )
            .unwrap();
        writer.write_all(b"ELF").unwrap();
        writer.finish().unwrap();
        let made = ["one", "two"].map(|name| {
            let to = folder.path().join(name);
            put_config("v1/Linux.zip", &from, &to, b"{}").unwrap();
            std::fs::read(to).unwrap()
        });
        assert_eq!(made[0], made[1]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_an_archive_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let folder = TempDir::new().unwrap();
            let from = folder.path().join("from.zip");
            std::fs::write(&from, bytes).unwrap();
            let _ = put_config("v1/Linux.zip", &from, &folder.path().join("to.zip"), b"{}");
        }

        #[test]
        fn no_lawful_name_climbs(path in "[a./\\\\:]{0,12}") {
            if is_lawful(&path) {
                prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
            }
        }
    }
}
