//! The log on disk: a snapshot and the entries after it, numbered, so that the newest complete pair counts.
//!
//! An answered call is in the log: entries are handed to the system before the answer is sent, so that they survive the
//! death of the server, though not of the machine. A last line that is torn was not answered and is dropped.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::folder::{FolderError, failed, private_file};
use crate::{
    context::Environment,
    world::{
        Entry, World,
        entry::{Restoration, Snapshot},
    },
};

/// A log longer than this is replaced by a snapshot, when that is much shorter.
const COMPACT_BYTES: u64 = 64 * 1024 * 1024;

/// An open log.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    generation: u64,
    file: File,
    bytes: u64,
    compact_at: u64,
}

impl Log {
    /// Reads the newest snapshot and log of a folder, and goes on with a log after it.
    pub(super) fn open(
        folder: &Path,
        environment: Environment,
        now: Timestamp,
    ) -> Result<(Self, World), FolderError> {
        let generation = newest_generation(folder)?;
        let mut restoration = begin(&snapshot_file(folder, generation), environment, now)?;
        let log_file = log_file(folder, generation);
        let intact = replay(&log_file, &mut restoration)?;
        let world = restoration.finish(now);
        let file = private_file().create(true).truncate(false).write(true).open(&log_file);
        let mut file = file.map_err(|source| failed("open", &log_file, source))?;
        drop_torn_end(&mut file, intact).map_err(|source| failed("mend", &log_file, source))?;
        let log =
            Self { folder: folder.to_owned(), generation, file, bytes: intact, compact_at: COMPACT_BYTES };
        Ok((log, world))
    }

    /// Adds entries.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), FolderError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for entry in entries {
            let path = log_file(&self.folder, self.generation);
            serde_json::to_writer(&mut lines, entry)
                .map_err(|source| FolderError::Damaged { path, source })?;
            lines.push(b'\n');
        }
        self.bytes += u64::try_from(lines.len()).unwrap_or_default();
        let written = self.file.write_all(&lines);
        written.map_err(|source| failed("append to", &log_file(&self.folder, self.generation), source))
    }

    /// Replaces a log that has become long by a snapshot of the world.
    pub(super) fn compact_if_long(&mut self, world: &World) -> Result<(), FolderError> {
        if self.bytes < self.compact_at { Ok(()) } else { self.compact(world) }
    }

    /// Starts a new log after a snapshot of the world.
    pub(super) fn compact(&mut self, world: &World) -> Result<(), FolderError> {
        let next = self.generation + 1;
        let path = snapshot_file(&self.folder, next);
        let temporary = path.with_extension("new");
        let size = write_snapshot(&temporary, world).map_err(|source| failed("write", &temporary, source))?;
        let log_path = log_file(&self.folder, next);
        let file = private_file().create(true).truncate(true).write(true).open(&log_path);
        self.file = file.map_err(|source| failed("open", &log_path, source))?;
        fs::rename(&temporary, &path).map_err(|source| failed("write", &path, source))?;
        for old in [snapshot_file(&self.folder, self.generation), log_file(&self.folder, self.generation)] {
            let _ = fs::remove_file(old);
        }
        self.generation = next;
        self.bytes = 0;
        self.compact_at = COMPACT_BYTES.max(size.saturating_mul(2));
        Ok(())
    }
}

fn snapshot_file(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("snapshot-{generation}.jsonl"))
}

fn log_file(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("log-{generation}.jsonl"))
}

/// The highest number of a complete snapshot; 0 without any.
fn newest_generation(folder: &Path) -> Result<u64, FolderError> {
    let entries = fs::read_dir(folder).map_err(|source| failed("read", folder, source))?;
    let numbers = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.strip_prefix("snapshot-")?.strip_suffix(".jsonl")?.parse::<u64>().ok()
    });
    Ok(numbers.max().unwrap_or(0))
}

/// Writes a snapshot, and tells its length.
fn write_snapshot(path: &Path, world: &World) -> std::io::Result<u64> {
    let (snapshot, entries) = world.snapshot();
    let mut writer = BufWriter::new(private_file().create(true).truncate(true).write(true).open(path)?);
    serde_json::to_writer(&mut writer, &snapshot)?;
    writer.write_all(b"\n")?;
    for entry in entries {
        serde_json::to_writer(&mut writer, &entry)?;
        writer.write_all(b"\n")?;
    }
    writer.flush()?;
    Ok(writer.get_ref().metadata()?.len())
}

/// The world of a snapshot, or a fresh one without, to be led on by a log.
fn begin(path: &Path, environment: Environment, now: Timestamp) -> Result<Restoration, FolderError> {
    let Some(file) = open(path)? else { return Ok(Restoration::new(environment, None, now)) };
    let damaged = |source| FolderError::Damaged { path: path.to_owned(), source };
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().transpose().map_err(|source| failed("read", path, source))?.unwrap_or_default();
    let snapshot: Snapshot = serde_json::from_str(&first).map_err(damaged)?;
    let mut restoration = Restoration::new(environment, Some(snapshot), now);
    for line in lines {
        let line = line.map_err(|source| failed("read", path, source))?;
        restoration.take(serde_json::from_str(&line).map_err(damaged)?);
    }
    Ok(restoration)
}

/// Takes back the entries of a log; answers the length of its intact part.
fn replay(path: &Path, restoration: &mut Restoration) -> Result<u64, FolderError> {
    let Some(file) = open(path)? else { return Ok(0) };
    let mut reader = BufReader::new(file);
    let (mut intact, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(|source| failed("read", path, source))?;
        let is_whole = line.last() == Some(&b'\n');
        if length == 0 || !is_whole {
            return Ok(intact);
        }
        let entry = serde_json::from_slice(&line);
        restoration.take(entry.map_err(|source| FolderError::Damaged { path: path.to_owned(), source })?);
        intact += u64::try_from(length).unwrap_or_default();
    }
}

fn open(path: &Path) -> Result<Option<File>, FolderError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", path, source)),
    }
}

fn drop_torn_end(file: &mut File, intact: u64) -> std::io::Result<()> {
    use std::io::Seek;
    file.set_len(intact)?;
    file.seek(std::io::SeekFrom::Start(intact)).map(|_| ())
}
