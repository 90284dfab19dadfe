//! Merging dictionaries into the first of them.

use spacecraft_gotemplate::{Call, CallError, CallResult, Function, Functions, Map, Type, Value};

use super::add_as;

/// A dictionary can hold itself; merging goes no deeper than this.
const MAX_DEPTH: usize = 256;

pub(super) fn add(functions: &mut Functions) {
    let merging =
        |overwrite: bool| Function::variadic(&[Type::Map], Type::Map, move |call| merge_all(call, overwrite));
    add_as(functions, &["merge", "mustMerge"], &merging(false));
    add_as(functions, &["mergeOverwrite", "mustMergeOverwrite"], &merging(true));
}

fn merge_all(call: &Call<'_>, overwrite: bool) -> CallResult {
    let into = call.map(0).cloned().unwrap_or_default();
    for source in call.rest(1) {
        if let Value::Map(source) = source {
            merge(&into, source, overwrite, 0)?;
        }
    }
    Ok(Value::Map(into))
}

/// Puts the entries of `source` in. What is there already stays unless it is empty, or is to be overwritten; dictionaries
/// on both sides are merged. A nil in `source` counts only when overwriting.
fn merge(into: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), CallError> {
    if depth > MAX_DEPTH {
        return Err(CallError::new("the dictionaries are nested too deep to be merged"));
    }
    for (key, value) in source.entries() {
        let existing = into.get(&key);
        match (existing, &value) {
            (_, Value::Nil) if !overwrite => {}
            (Some(Value::Map(below)), Value::Map(above)) => {
                if !below.is(above) {
                    merge(&below, above, overwrite, depth + 1)?;
                }
                if below.is_empty() {
                    into.insert(key, value);
                }
            }
            (Some(existing), _) if existing.is_true() && !overwrite => {}
            _ => into.insert(key, value),
        }
    }
    Ok(())
}
