//! Paths, as Go's `path` treats them.

use spacecraft_gotemplate::{Function, Functions, Type, Value};

use super::add_as;
use super::octets::with_texts;

pub(super) fn add(functions: &mut Functions) {
    let mut one = |names: &[&'static str], make: fn(&str) -> String| {
        let function = Function::new(&[Type::String], move |call| {
            Ok(Value::String(with_texts([call.bytes(0)], |[path], bytes| bytes(&make(&path)))))
        });
        add_as(functions, names, &function);
    };
    one(&["base", "osBase"], |path| base(path).to_owned());
    one(&["dir", "osDir"], |path| clean(path.rsplit_once('/').map_or("", |(folder, _)| folder_of(folder))));
    one(&["clean", "osClean"], clean);
    one(&["ext", "osExt"], |path| extension(path).to_owned());
    let is_absolute = Function::new(&[Type::String], |call| Ok(call.text(0).starts_with('/').into()));
    add_as(functions, &["isAbs", "osIsAbs"], &is_absolute);
}

fn folder_of(folder: &str) -> &str {
    if folder.is_empty() { "/" } else { folder }
}

/// The last element of a path.
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        None | Some("") => "/",
        Some(last) => last,
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').and_then(|dot| name.get(dot..)).unwrap_or("")
}

/// The shortest path that means the same.
pub(crate) fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => drop(kept.pop()),
            ".." if is_absolute => {}
            _ => kept.push(part),
        }
    }
    let joined = kept.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}
