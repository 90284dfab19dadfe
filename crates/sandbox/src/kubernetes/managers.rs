//! Who manages which fields: `metadata.managedFields`, kept by every write, and server-side apply over it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fields::{self, FieldSet};
use super::object::{self, items, text, text_or_empty};
use super::schema::Shape;
use super::status::{Failure, Outcome};

/// A write: who makes it, through which version and subresource, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    pub(crate) api_version: &'a str,
    /// `status`, `scale`, or empty.
    pub(crate) subresource: &'a str,
    pub(crate) now: Timestamp,
}

/// One manager's fields.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    manager: String,
    applies: bool,
    api_version: String,
    subresource: String,
    time: String,
    set: FieldSet,
}

impl Entry {
    fn read(entry: &Value) -> Self {
        Self {
            manager: text_or_empty(entry, "/manager").to_owned(),
            applies: text(entry, "/operation") == Some("Apply"),
            api_version: text_or_empty(entry, "/apiVersion").to_owned(),
            subresource: text_or_empty(entry, "/subresource").to_owned(),
            time: text_or_empty(entry, "/time").to_owned(),
            set: entry.get("fieldsV1").map(FieldSet::read).unwrap_or_default(),
        }
    }

    fn new(writer: &Writer<'_>, applies: bool, set: FieldSet) -> Self {
        Self {
            manager: writer.manager.to_owned(),
            applies,
            api_version: writer.api_version.to_owned(),
            subresource: writer.subresource.to_owned(),
            time: object::written(writer.now),
            set,
        }
    }

    fn written(&self) -> Value {
        let mut entry = json!({
            "manager": self.manager,
            "operation": if self.applies { "Apply" } else { "Update" },
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.set.written(),
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = self.subresource.clone().into();
        }
        entry
    }

    fn is(&self, writer: &Writer<'_>, applies: bool) -> bool {
        self.manager == writer.manager
            && self.applies == applies
            && self.subresource == writer.subresource
            && (applies || self.api_version == writer.api_version)
    }

    /// The manager as conflicts name it.
    fn named(&self) -> String {
        let mut name = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            name = format!("{name} with subresource {:?}", self.subresource);
        }
        if self.applies { name } else { format!("{name} using {}", self.api_version) }
    }
}

fn entries(object: &Value) -> Vec<Entry> {
    items(object, "/metadata/managedFields").iter().map(Entry::read).collect()
}

fn write(object: &mut Value, entries: &[Entry]) {
    let written: Vec<Value> =
        entries.iter().filter(|entry| !entry.set.is_empty()).map(Entry::written).collect();
    if written.is_empty() {
        object::remove(object, "/metadata/managedFields");
    } else {
        object::set(object, "/metadata/managedFields", written);
    }
}

/// The object without what nobody manages.
fn managed_part(object: &Value) -> Value {
    let mut part = object.clone();
    for pointer in [
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/generateName",
        "/metadata/namespace",
        "/metadata/creationTimestamp",
        "/metadata/deletionTimestamp",
        "/metadata/deletionGracePeriodSeconds",
        "/metadata/selfLink",
        "/metadata/uid",
        "/metadata/generation",
        "/metadata/resourceVersion",
        "/metadata/managedFields",
    ] {
        object::remove(&mut part, pointer);
    }
    if part.get("metadata").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
        object::remove(&mut part, "/metadata");
    }
    part
}

/// Notes in `new` that a writer changed `old` into it by create, replace or patch.
pub(crate) fn updated(old: &Value, new: &mut Value, shape: &Shape, writer: &Writer<'_>) {
    let (changed, gone) = FieldSet::difference(&managed_part(old), &managed_part(new), shape);
    let mut entries = if is_reset(new) { Vec::new() } else { entries(old) };
    if changed.is_empty() && gone.is_empty() {
        return write(new, &entries);
    }
    for entry in &mut entries {
        entry.set = entry.set.without(&gone);
        if !entry.is(writer, false) {
            entry.set = entry.set.without(&changed);
        }
    }
    claim(&mut entries, writer, changed);
    write(new, &entries);
}

/// True when a writer sent an emptied list of managers, which starts it anew.
fn is_reset(new: &Value) -> bool {
    new.pointer("/metadata/managedFields").and_then(Value::as_array).is_some_and(|entries| {
        entries.iter().all(|entry| entry.as_object().is_none_or(serde_json::Map::is_empty))
    })
}

fn claim(entries: &mut Vec<Entry>, writer: &Writer<'_>, changed: FieldSet) {
    if changed.is_empty() {
        return;
    }
    match entries.iter_mut().find(|entry| entry.is(writer, false)) {
        Some(entry) => {
            entry.set.add(&changed);
            entry.time = object::written(writer.now);
        }
        None => entries.push(Entry::new(writer, false, changed)),
    }
}

/// Lays an applied configuration over a live object. What the writer applied before and does not apply now is taken
/// away, unless somebody else manages it.
///
/// # Errors
/// A conflict that names each field that another manager set to another value, unless `force` takes them over.
pub(crate) fn apply(
    live: &Value,
    applied: &Value,
    shape: &Shape,
    writer: &Writer<'_>,
    force: bool,
) -> Outcome<Value> {
    let set = applied_set(applied, shape, writer);
    let mut entries = entries(live);
    let before = entries.iter().find(|entry| entry.is(writer, true)).map(|entry| entry.set.clone());
    let mut others: Vec<Entry> = entries.iter().filter(|entry| !entry.is(writer, true)).cloned().collect();
    let mut object = fields::merged(live, applied, shape);
    if let Some(before) = &before {
        let mut keep = set.clone();
        others.iter().for_each(|other| keep.add(&other.set));
        before.prune(&mut object, shape, &keep);
    }
    let (changed, gone) = FieldSet::difference(&managed_part(live), &managed_part(&object), shape);
    if !force {
        refuse_conflicts(&others, &changed)?;
    }
    for other in &mut others {
        other.set = other.set.without(&changed).without(&gone);
    }
    let time =
        entries.drain(..).find(|entry| entry.is(writer, true) && entry.set == set).map(|entry| entry.time);
    let mut own = Entry::new(writer, true, set);
    own.time = time.filter(|_| changed.is_empty() && gone.is_empty()).unwrap_or(own.time);
    let place = items(live, "/metadata/managedFields")
        .iter()
        .position(|entry| Entry::read(entry).is(writer, true))
        .unwrap_or(others.len());
    others.insert(place.min(others.len()), own);
    write(&mut object, &others);
    Ok(object)
}

/// The fields that an applied configuration owns: not those that its subresource cannot set.
fn applied_set(applied: &Value, shape: &Shape, writer: &Writer<'_>) -> FieldSet {
    let mut set = FieldSet::of(&managed_part(applied), shape, false);
    set.member = false;
    if writer.subresource == "status" {
        set.remove_field(&["spec"]);
        set.remove_field(&["metadata", "labels"]);
    } else {
        set.remove_field(&["status"]);
    }
    set
}

fn refuse_conflicts(others: &[Entry], changed: &FieldSet) -> Outcome<()> {
    let mut conflicts: Vec<(String, String)> = Vec::new();
    for other in others {
        let paths = other.set.and(changed).paths();
        conflicts.extend(paths.into_iter().map(|path| (other.named(), path)));
    }
    if conflicts.is_empty() {
        return Ok(());
    }
    conflicts.sort();
    let causes = conflicts
        .iter()
        .map(|(manager, path)| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": path})
        })
        .collect();
    Err(Failure::apply_conflict(conflict_message(&conflicts), causes))
}

fn conflict_message(conflicts: &[(String, String)]) -> String {
    if let [(manager, path)] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {manager}: {path}");
    }
    let mut lines = Vec::new();
    for chunk in conflicts.chunk_by(|one, next| one.0 == next.0) {
        let fields: Vec<String> = chunk.iter().map(|(_, path)| format!("- {path}")).collect();
        if let [(manager, path)] = chunk {
            lines.push(format!("conflict with {manager}: {path}"));
        } else if let Some((manager, _)) = chunk.first() {
            lines.push(format!("conflicts with {manager}:\n{}", fields.join("\n")));
        }
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::schema::built_in;

    fn shape() -> Shape {
        Shape::Structure(built_in("core/v1.ConfigMap").unwrap())
    }

    fn writer(manager: &str) -> Writer<'_> {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        Writer { manager, api_version: "v1", subresource: "", now }
    }

    fn config(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
    }

    fn applied(live: &Value, data: &Value, manager: &str, force: bool) -> Outcome<Value> {
        apply(live, &config(data), &shape(), &writer(manager), force)
    }

    #[test]
    fn what_is_no_longer_applied_goes_away() {
        let first = applied(&json!({}), &json!({"a": "1", "b": "2"}), "one", false).unwrap();
        let second = applied(&first, &json!({"a": "1"}), "one", false).unwrap();
        assert_eq!(second["data"], json!({"a": "1"}));
    }

    #[test]
    fn what_another_manager_applied_too_stays() {
        let first = applied(&json!({}), &json!({"a": "1", "b": "2"}), "one", false).unwrap();
        let shared = applied(&first, &json!({"b": "2"}), "two", false).unwrap();
        let second = applied(&shared, &json!({"a": "1"}), "one", false).unwrap();
        assert_eq!(second["data"], json!({"a": "1", "b": "2"}));
    }

    #[test]
    fn another_value_for_anothers_field_is_a_conflict_unless_forced() {
        let first = applied(&json!({}), &json!({"a": "1"}), "one", false).unwrap();
        let refused = applied(&first, &json!({"a": "2"}), "two", false).unwrap_err();
        assert_eq!(refused.message(), "Apply failed with 1 conflict: conflict with \"one\": .data.a");
        let forced = applied(&first, &json!({"a": "2"}), "two", true).unwrap();
        let managers: Vec<&str> = items(&forced, "/metadata/managedFields")
            .iter()
            .filter_map(|entry| text(entry, "/manager"))
            .collect();
        assert_eq!(managers, ["two"]);
    }

    #[test]
    fn applying_the_same_again_changes_nothing() {
        let first = applied(&json!({}), &json!({"a": "1"}), "one", false).unwrap();
        assert_eq!(applied(&first, &json!({"a": "1"}), "one", false).unwrap(), first);
    }

    #[test]
    fn an_update_takes_over_what_it_changes() {
        let old = applied(&json!({}), &json!({"a": "1", "b": "2"}), "one", false).unwrap();
        let mut new = old.clone();
        new["data"]["a"] = "3".into();
        updated(&old, &mut new, &shape(), &writer("two"));
        let refused = applied(&new, &json!({"a": "1", "b": "2"}), "one", false).unwrap_err();
        assert_eq!(
            refused.message(),
            "Apply failed with 1 conflict: conflict with \"two\" using v1: .data.a"
        );
    }
}
