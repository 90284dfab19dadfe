//! The objects that networks of shared clusters keep in a folder instead of a bucket.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// What the object store keeps for itself: which generation a content has.
const BOOKKEEPING: &str = ".spacecraft";

/// The files of a folder and of those in it, by their path, and who may read them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects {
    folders: BTreeMap<PathBuf, Permissions>,
    files: BTreeMap<PathBuf, (Permissions, Vec<u8>)>,
}

impl Objects {
    /// Reads a folder as it is at this instant; files that go meanwhile are left out.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let mut objects = Self::default();
        objects.add(folder, Path::new(""));
        objects
    }

    fn add(&mut self, root: &Path, below: &Path) {
        for entry in fs::read_dir(root.join(below)).into_iter().flatten().flatten() {
            let path = below.join(entry.file_name());
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                self.add(root, &path);
                self.folders.insert(path, metadata.permissions());
            } else if let Ok(content) = fs::read(root.join(&path)) {
                self.files.insert(path, (metadata.permissions(), content));
            }
        }
    }

    /// Makes the folder have these objects and no others.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for (path, permissions) in &self.folders {
            fs::create_dir_all(folder.join(path))?;
            fs::set_permissions(folder.join(path), permissions.clone())?;
        }
        for (path, (permissions, content)) in &self.files {
            fs::write(folder.join(path), content)?;
            fs::set_permissions(folder.join(path), permissions.clone())?;
        }
        Ok(())
    }

    /// The objects by name, without what the store keeps for itself.
    pub fn named(&self) -> impl Iterator<Item = (String, &[u8])> {
        let is_object = |path: &&PathBuf| !path.components().any(|part| part.as_os_str() == BOOKKEEPING);
        let objects = self.files.iter().filter(move |(path, _)| is_object(path));
        objects.map(|(path, (_, content))| (path.display().to_string(), content.as_slice()))
    }
}
