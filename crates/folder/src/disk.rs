//! The folder itself, by blocking calls. Writes are for the holder of the lock only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write};
use std::path::{Path, PathBuf};

use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{Precondition, StoredObject};
use spacecraft_core::{Error, Meaning, Result};

use crate::Visibility;
use crate::generations::{Generations, by_hand};

/// Where everything is kept that is no object.
pub(crate) const OWN_FOLDER: &str = ".spacecraft";

/// The largest object that is read, in bytes, as in Cloud Storage.
const LARGEST_OBJECT: u64 = 64 << 20;

/// How often a reader looks again when a content and its note do not belong together: in between they were written twice.
const LOOKS: u32 = 10;

#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub(crate) root: PathBuf,
    pub(crate) visibility: Visibility,
}

impl Disk {
    /// The lock for writers; none while another one has it.
    pub(crate) fn try_lock(&self) -> Result<Option<File>> {
        let path = self.own("lock");
        let opened = self
            .make_parent(&path)
            .and_then(|()| OpenOptions::new().create(true).truncate(false).write(true).open(&path));
        let file = opened.map_err(|error| failed("lock folder", &self.root, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock folder", &self.root, error)),
        }
    }

    pub(crate) fn read(&self, key: &str) -> Result<Option<StoredObject>> {
        let path = self.object_path("read object", key)?;
        for _ in 0..LOOKS {
            let Some(bytes) = read_file("read object", &path)? else { return Ok(None) };
            if let Some(generation) = self.note(key)?.of(&bytes) {
                return Ok(Some(StoredObject { bytes, generation }));
            }
        }
        let bytes = read_file("read object", &path)?;
        Ok(bytes.map(|bytes| StoredObject { generation: by_hand(&bytes), bytes }))
    }

    pub(crate) fn write(&self, key: &str, bytes: &[u8], precondition: Precondition) -> Result<i64> {
        let old = self.read(key)?;
        require("write object", key, precondition, old.as_ref())?;
        let path = self.object_path("write object", key)?;
        if path.is_dir() {
            let reason = "there are objects below that key, and a folder cannot be a file as well";
            return Err(Error::new(Meaning::Invalid, "write object", key, reason));
        }
        let generation = self.next_generation()?;
        let known = old.as_ref().map(|old| (old.generation, old.bytes.as_slice()));
        let note = Generations::before_write(known, generation, bytes);
        let note =
            serde_json::to_vec(&note).map_err(|error| failed("note generation of", &path, error.into()))?;
        self.replace(&self.note_path(key), &note)
            .and_then(|()| self.replace(&path, bytes))
            .map_err(|error| failed("write object", &path, error))?;
        Ok(generation)
    }

    pub(crate) fn delete(&self, key: &str, precondition: Precondition) -> Result<Outcome> {
        let Some(old) = self.read(key)? else { return Ok(Outcome::Absent) };
        require("delete object", key, precondition, Some(&old))?;
        let path = self.object_path("delete object", key)?;
        fs::remove_file(&path).map_err(|error| failed("delete object", &path, error))?;
        // The object is gone; a note or an empty folder that stays behind harms nobody.
        let _ = fs::remove_file(self.note_path(key));
        self.remove_empty_parents(&path);
        Ok(Outcome::Removed)
    }

    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>> {
        let mut keys = Vec::new();
        self.collect_keys(&self.root, "", &mut keys)?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort();
        let generation = |key: String| {
            let object = self.read(&key)?;
            Ok(object.map(|object| (key, object.generation)))
        };
        keys.into_iter().filter_map(|key| generation(key).transpose()).collect()
    }

    /// True when people other than the folder's owner and group can read in it.
    pub(crate) fn is_public(&self) -> Result<bool> {
        match fs::metadata(&self.root) {
            Ok(metadata) => Ok(others_can_read(&metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self.visibility == Visibility::Public),
            Err(error) => Err(failed("look at folder", &self.root, error)),
        }
    }

    /// Checks the folder, or the nearest folder above it that exists.
    pub(crate) fn check_access(&self) -> Result<()> {
        let nearest = self.root.ancestors().find(|path| path.exists()).unwrap_or(&self.root);
        let metadata = fs::metadata(nearest).map_err(|error| failed("use folder", &self.root, error))?;
        let refuse = |meaning, reason: &str| {
            let reason = format!("{} {reason}", nearest.display());
            Err(Error::new(meaning, "use folder", self.root.display().to_string(), reason))
        };
        if !metadata.is_dir() {
            return refuse(Meaning::Invalid, "is no folder");
        }
        if metadata.permissions().readonly() {
            return refuse(Meaning::Denied, "is read-only");
        }
        fs::read_dir(nearest).map(drop).map_err(|error| failed("use folder", &self.root, error))
    }

    fn own(&self, name: &str) -> PathBuf {
        self.root.join(OWN_FOLDER).join(name)
    }

    /// The file that notes an object's generations. Folders and files on the way end differently, so that no two keys get into each
    /// other's way.
    fn note_path(&self, key: &str) -> PathBuf {
        let mut path = self.own("generations");
        let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
        path.extend(
            folders.split('/').filter(|folder| !folder.is_empty()).map(|folder| format!("{folder}.d")),
        );
        path.join(format!("{name}.json"))
    }

    /// The file of an object, unless a symbolic link on the way leads elsewhere.
    fn object_path(&self, operation: &str, key: &str) -> Result<PathBuf> {
        let mut path = self.root.clone();
        for part in key.split('/') {
            path.push(part);
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
                let reason =
                    format!("{} is a symbolic link, which may lead out of the folder", path.display());
                return Err(Error::new(Meaning::Invalid, operation, key, reason));
            }
        }
        Ok(path)
    }

    /// What is known of an object's generations. A note that cannot be read counts as none: the content is then taken as written by hand.
    fn note(&self, key: &str) -> Result<Generations> {
        let note = read_file("read generation of", &self.note_path(key))?;
        Ok(note.and_then(|note| serde_json::from_slice(&note).ok()).unwrap_or_default())
    }

    /// A number that no object here ever had. It is stored before it is used, so that a crash in between only skips it.
    fn next_generation(&self) -> Result<i64> {
        let path = self.own("last-generation");
        let refuse = || {
            Error::new(
                Meaning::Invalid,
                "read last generation",
                path.display().to_string(),
                "it is no number",
            )
            .with_hint("write a number into the file that is larger than all generations so far")
        };
        let last = match read_file("read last generation", &path)? {
            None => 0,
            Some(text) => std::str::from_utf8(&text)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(refuse)?,
        };
        let next = i64::checked_add(last, 1).filter(|next| *next > 0).ok_or_else(refuse)?;
        self.replace(&path, next.to_string().as_bytes())
            .map_err(|error| failed("note last generation", &path, error))?;
        Ok(next)
    }

    /// Writes a file so that readers see the old content or the new one, never a part.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.make_parent(path)?;
        let temporary = self.own("being-written");
        self.make_parent(&temporary)?;
        let _ = fs::remove_file(&temporary);
        let mut file = self.create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }

    fn make_parent(&self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, self.folder_mode());
        builder.create(parent)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.file_mode());
        options.open(path)
    }

    #[cfg(unix)]
    fn file_mode(&self) -> u32 {
        match self.visibility {
            Visibility::Private => 0o600,
            Visibility::Public => 0o644,
        }
    }

    #[cfg(unix)]
    fn folder_mode(&self) -> u32 {
        match self.visibility {
            Visibility::Private => 0o700,
            Visibility::Public => 0o755,
        }
    }

    fn collect_keys(&self, folder: &Path, above: &str, keys: &mut Vec<String>) -> Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("list folder", folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed("list folder", folder, error))?;
            let kind = entry.file_type().map_err(|error| failed("look at", &entry.path(), error))?;
            // A name that is no UTF-8 cannot be an object's: keys are text.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let key = if above.is_empty() { name } else { format!("{above}/{name}") };
            if kind.is_file() {
                keys.push(key);
            } else if kind.is_dir() && key != OWN_FOLDER {
                self.collect_keys(&entry.path(), &key, keys)?;
            }
        }
        Ok(())
    }

    fn remove_empty_parents(&self, path: &Path) {
        for parent in path.ancestors().skip(1) {
            if parent == self.root || fs::remove_dir(parent).is_err() {
                return;
            }
        }
    }
}

fn require(
    operation: &str,
    key: &str,
    precondition: Precondition,
    found: Option<&StoredObject>,
) -> Result<()> {
    let generation = found.map(|object| object.generation);
    let holds = match precondition {
        Precondition::None => true,
        Precondition::Absent => generation.is_none(),
        Precondition::Generation(wanted) => generation == Some(wanted),
    };
    if holds {
        return Ok(());
    }
    let reason = match generation {
        Some(generation) => format!("it has generation {generation} by now"),
        None => "there is no such object".to_owned(),
    };
    Err(Error::new(Meaning::PreconditionFailed, operation, key, reason))
}

/// A file's content, unless it is larger than anything that is kept here or no file at all, such as a pipe, which may never end.
fn read_file(operation: &str, path: &Path) -> Result<Option<Vec<u8>>> {
    let refuse =
        |reason: String| Err(Error::new(Meaning::Invalid, operation, path.display().to_string(), reason));
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() || metadata.is_dir() => {}
        Ok(_) => return refuse("it is no plain file".to_owned()),
        Err(error) if means_absent(&error) => return Ok(None),
        Err(error) => return Err(failed(operation, path, error)),
    }
    let mut bytes = Vec::new();
    // The limit is kept while reading, because a file may grow meanwhile.
    match File::open(path).and_then(|file| file.take(LARGEST_OBJECT + 1).read_to_end(&mut bytes)) {
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST_OBJECT) => Ok(Some(bytes)),
        Ok(_) => refuse(format!("it is larger than the {LARGEST_OBJECT} bytes that are taken")),
        Err(error) if means_absent(&error) => Ok(None),
        Err(error) => Err(failed(operation, path, error)),
    }
}

/// True when nothing is there as a file: also when a file stands where a folder would have to be, or a folder where the file would be.
fn means_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

#[cfg(unix)]
fn others_can_read(metadata: &fs::Metadata) -> bool {
    const READ_AND_ENTER_BY_OTHERS: u32 = 0o005;
    std::os::unix::fs::MetadataExt::mode(metadata) & READ_AND_ENTER_BY_OTHERS != 0
}

#[cfg(not(unix))]
fn others_can_read(_metadata: &fs::Metadata) -> bool {
    false
}

fn failed(operation: &str, path: &Path, error: io::Error) -> Error {
    let (meaning, reason) = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            (Meaning::Denied, "the file system does not let us")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (Meaning::Quota, "the disk is full"),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::IsADirectory => {
            (Meaning::Invalid, "a file stands where a folder is needed, or the reverse")
        }
        ErrorKind::InvalidFilename => (Meaning::Invalid, "the file system takes no such name"),
        _ => (Meaning::Other, "the file system failed"),
    };
    Error::new(meaning, operation, path.display().to_string(), reason).with_source(error)
}
