//! `.Files`: a chart's own files.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use spacecraft_gotemplate::value::NamedMap;
use spacecraft_gotemplate::{Function, GoString, Map, Type, Value, yaml};

use super::glob::Glob;
use crate::chart::File;

static FILES: NamedMap = NamedMap { name: "engine.files", method };

/// `.Files` of a chart.
pub(super) fn files(files: &[File]) -> Value {
    let map = Map::of("[]uint8");
    for file in files {
        map.insert(file.name.as_str(), Value::Bytes(file.data.as_ref().into()));
    }
    Value::Map(map.named(&FILES))
}

fn method(files: &Map, name: &str) -> Option<Function> {
    let files = files.clone();
    Some(match name {
        "Get" => {
            Function::new(&[Type::String], move |call| Ok(Value::String(content(&files, call.bytes(0)))))
        }
        "GetBytes" => Function::new(&[Type::String], move |call| {
            Ok(Value::Bytes(content(&files, call.bytes(0)).as_bytes().into()))
        }),
        "Glob" => Function::new(&[Type::String], move |call| Ok(matching(&files, &call.text(0)))),
        "AsConfig" => Function::new(&[], move |_| Ok(as_yaml(&files, Value::String))),
        "AsSecrets" => Function::new(&[], move |_| {
            Ok(as_yaml(&files, |content| STANDARD.encode(content.as_bytes()).into()))
        }),
        "Lines" => Function::new(&[Type::String], move |call| Ok(lines(&content(&files, call.bytes(0))))),
        _ => return None,
    })
}

fn content(files: &Map, name: &[u8]) -> GoString {
    match files.get(name) {
        Some(Value::Bytes(bytes)) => GoString::from(bytes.as_ref()),
        _ => GoString::default(),
    }
}

/// The files whose names match a pattern; a malformed pattern matches all, as in Helm.
fn matching(files: &Map, pattern: &str) -> Value {
    let glob = Glob::new(pattern);
    let found = Map::of("[]uint8");
    for (name, content) in files.entries() {
        if glob.matches(&name.to_str()) {
            found.insert(name, content);
        }
    }
    Value::Map(found.named(&FILES))
}

/// YAML of the contents by the last part of the files' names.
fn as_yaml(files: &Map, make: impl Fn(GoString) -> Value) -> Value {
    let contents = files.entries().into_iter().map(|(name, _)| {
        let path = name.to_str();
        let base = path.rsplit('/').next().unwrap_or_default().to_owned();
        (base, make(content(files, name.as_bytes())))
    });
    let text = yaml::to_string(&Value::map(contents)).unwrap_or_default();
    text.strip_suffix('\n').unwrap_or(&text).into()
}

fn lines(content: &GoString) -> Value {
    let text = content.as_bytes();
    if text.is_empty() {
        return Value::strings::<&str>([]);
    }
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    Value::strings(text.split(|byte| *byte == b'\n'))
}
