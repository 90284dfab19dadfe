//! Charts as folders.

use std::fs;
use std::path::Path;

use super::archive::{Budget, without_byte_order_mark};
use super::ignore::IgnoreRules;
use super::{ChartError, File};

/// How deep folders may lie in each other; symbolic links that lead in a circle end here.
const MAX_DEPTH: usize = 64;

/// The files of a chart's folder, without those that `.helmignore` names, each folder's in the order of their names.
///
/// Symbolic links are followed, as Helm does with a folder of the operator's own.
///
/// # Errors
/// If something cannot be read, is neither file nor folder, or is larger than allowed.
pub(crate) fn read(folder: &Path, budget: &mut Budget) -> Result<Vec<File>, ChartError> {
    let rules_text = match fs::read_to_string(folder.join(".helmignore")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable(&folder.join(".helmignore"), &error)),
    };
    let mut walk = Walk { rules: IgnoreRules::parse(&rules_text)?, budget, files: Vec::new() };
    walk.folder(folder, "", 0)?;
    Ok(walk.files)
}

struct Walk<'a> {
    rules: IgnoreRules,
    budget: &'a mut Budget,
    files: Vec<File>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, name: &str, depth: usize) -> Result<(), ChartError> {
        if depth > MAX_DEPTH {
            return Err(ChartError::new(format!("chart folder {name:?} is nested too deep")));
        }
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(|error| unreadable(folder, &error))?.file_name());
        }
        names.sort();
        for file_name in names {
            let shown = file_name.to_string_lossy();
            let inside = if name.is_empty() { shown.into_owned() } else { format!("{name}/{shown}") };
            self.entry(&folder.join(&file_name), inside, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: String, depth: usize) -> Result<(), ChartError> {
        let about = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if self.rules.ignores(&name, about.is_dir()) {
            return Ok(());
        }
        if about.is_dir() {
            return self.folder(path, &name, depth + 1);
        }
        if !about.is_file() {
            return Err(ChartError::new(format!(
                "cannot load irregular file {} as it has file mode type bits set",
                path.display()
            )));
        }
        self.budget.take_file(&name, about.len())?;
        let data = fs::read(path).map_err(|error| unreadable(path, &error))?;
        self.files.push(File { name, data: without_byte_order_mark(data) });
        Ok(())
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ChartError {
    ChartError::new(format!("error reading {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_walked_by_name_without_what_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "Chart.yaml",
            "templates/b.yaml",
            "templates/_a.tpl",
            "templates/.swp",
            "templates-x",
            "ci/v.yaml",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        fs::write(folder.path().join(".helmignore"), "ci/\n.helmignore\n").unwrap();
        let files = read(folder.path(), &mut Budget::default()).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["Chart.yaml", "templates/_a.tpl", "templates/b.yaml", "templates-x"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_in_a_circle_end_in_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        assert!(read(folder.path(), &mut Budget::default()).is_err());
    }
}
