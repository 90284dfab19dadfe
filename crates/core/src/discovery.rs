//! The public discovery file: a JSON array of networks, in which foreign entries and unknown fields survive byte for byte.

mod entry;
mod text;

pub use entry::DiscoveryEntry;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::observer::Outcome;
use crate::traits::{Look, ObjectStore, Precondition, PutOptions};

use self::text::{Element, members};

/// The key of the public file.
pub const PUBLIC_FILE: &str = "networks.json";

/// The key of the private file.
pub const PRIVATE_FILE: &str = "networks.private.json";

/// What a file that is not there counts as.
const EMPTY: &str = "[]\n";

/// How often an edit is tried again after somebody else changed the file in between.
const EDITS: usize = 50;

/// Changes a discovery file by reading, editing and conditionally writing it, and again on a conflict. It is never deleted here; one that is not there
/// counts as empty and is only written when the edit adds something.
///
/// `edit` gets the file's text and answers the new text, or none to leave it as it is.
///
/// # Errors
///
/// Those of the store; [`Meaning::Invalid`] for a file that is no JSON array, which is left as it is.
pub async fn edit_file(
    store: &dyn ObjectStore,
    key: &str,
    edit: impl Fn(&str) -> Result<Option<String>> + Send,
) -> Result<Outcome> {
    let mut conflict = None;
    for _ in 0..EDITS {
        let present = read_file(store, key).await?;
        let text = present.as_ref().map_or(EMPTY, |(text, _)| text.as_str());
        let Some(edited) = edit(text)? else { return Ok(Outcome::Unchanged) };
        let precondition = match &present {
            Some((_, generation)) => Precondition::Generation(*generation),
            None => Precondition::Absent,
        };
        match store.put(key, edited.into_bytes(), &PutOptions::json(precondition)).await {
            Ok(_) => return Ok(Outcome::Updated),
            Err(error) if error.meaning() == Meaning::PreconditionFailed => conflict = Some(error),
            Err(error) => return Err(error),
        }
    }
    let error = Error::new(Meaning::Unavailable, "edit discovery file", key, "others kept changing it");
    Err(match conflict {
        Some(conflict) => error.with_source(conflict),
        None => error,
    })
}

/// Whether there is such a file. A bucket that does not exist has none.
///
/// # Errors
///
/// Those of the store; [`Meaning::Invalid`] for a file that is no text.
pub async fn file_exists(store: &dyn ObjectStore, key: &str) -> Result<bool> {
    Ok(read_in_any_bucket(store, key).await?.is_some())
}

/// The generation of a file that is there and has no entries. A bucket that does not exist has no such file.
///
/// # Errors
///
/// Those of the store; [`Meaning::Invalid`] for a file that is no JSON array.
pub async fn empty_file(store: &dyn ObjectStore, key: &str) -> Result<Option<i64>> {
    let Some((text, generation)) = read_in_any_bucket(store, key).await? else { return Ok(None) };
    Ok(elements(&text)?.is_empty().then_some(generation))
}

/// Removes a file that has no entries; one that has, or gets one meanwhile, stays. For the network whose entry was the file's first, so that what it
/// brought goes with it: everybody else leaves an empty file as it is.
///
/// # Errors
///
/// Those of the store; [`Meaning::Invalid`] for a file that is no JSON array.
pub async fn remove_empty_file(store: &dyn ObjectStore, key: &str) -> Result<Outcome> {
    let Some(generation) = empty_file(store, key).await? else { return Ok(Outcome::Absent) };
    match store.delete(key, Precondition::Generation(generation)).await {
        Err(error) if error.meaning() == Meaning::PreconditionFailed => Ok(Outcome::Absent),
        ended => ended,
    }
}

/// Where a network's entry is to be: in one of the two files, as it should be, and not in the other.
///
/// # Errors
///
/// Those of the store; [`Meaning::Invalid`] for a file that is no JSON array.
pub async fn look_entry(
    store: &dyn ObjectStore,
    key: &str,
    network: &NetworkName,
    entry: &DiscoveryEntry,
) -> Result<Look> {
    let mut differences = Vec::new();
    for file in [PUBLIC_FILE, PRIVATE_FILE] {
        let text = read_file(store, file).await?.map_or_else(|| EMPTY.to_owned(), |(text, _)| text);
        let edited =
            if file == key { with_entry(&text, network, entry)? } else { without_entry(&text, network)? };
        if edited.is_some() {
            differences.push(file.to_owned());
        }
    }
    Ok(if differences.is_empty() { Look::Same } else { Look::Differs(differences) })
}

/// Puts a network's entry into one of the two files and takes it out of the other.
///
/// # Errors
///
/// As [`edit_file`].
pub async fn ensure_entry(
    store: &dyn ObjectStore,
    key: &str,
    network: &NetworkName,
    entry: &DiscoveryEntry,
) -> Result<Outcome> {
    let had = |text: &str| without_entry(text, network).map(|edited| edited.is_some());
    let existed = match read_file(store, key).await? {
        Some((text, _)) => had(&text)?,
        None => false,
    };
    let put = edit_file(store, key, |text| with_entry(text, network, entry)).await?;
    let other = if key == PUBLIC_FILE { PRIVATE_FILE } else { PUBLIC_FILE };
    let taken = edit_file(store, other, |text| without_entry(text, network)).await?;
    Ok(match (put, existed) {
        (Outcome::Updated, false) => Outcome::Created,
        _ => put.and(taken),
    })
}

/// In which of the two files a network has an entry.
///
/// # Errors
///
/// Those of the store, but for a bucket that does not exist, which has no entries; [`Meaning::Invalid`] for a file that is no JSON array.
pub async fn files_with_entry(store: &dyn ObjectStore, network: &NetworkName) -> Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for file in [PUBLIC_FILE, PRIVATE_FILE] {
        if let Some((text, _)) = read_in_any_bucket(store, file).await?
            && without_entry(&text, network)?.is_some()
        {
            found.push(file);
        }
    }
    Ok(found)
}

/// The networks that have an entry in a file; those whose names could not be ours are left out. A bucket that does not exist has no entries.
///
/// # Errors
///
/// Those of the store; [`Meaning::Invalid`] for a file that is no JSON array.
pub async fn networks_in(store: &dyn ObjectStore, file: &str) -> Result<Vec<NetworkName>> {
    let Some((text, _)) = read_in_any_bucket(store, file).await? else { return Ok(Vec::new()) };
    let name = |element: &Element<'_>| {
        let entry: Value = serde_json::from_str(element.raw).ok()?;
        NetworkName::new(entry.get("netName")?.as_str()?).ok()
    };
    Ok(elements(&text)?.iter().filter_map(name).collect())
}

/// As [`read_file`]; in a bucket that does not exist there is no file.
async fn read_in_any_bucket(store: &dyn ObjectStore, key: &str) -> Result<Option<(String, i64)>> {
    match read_file(store, key).await {
        Err(error) if error.is_not_found() => Ok(None),
        ended => ended,
    }
}

/// The text of a file and its generation.
async fn read_file(store: &dyn ObjectStore, key: &str) -> Result<Option<(String, i64)>> {
    let Some(object) = store.get(key).await? else { return Ok(None) };
    let text =
        String::from_utf8(object.bytes).map_err(|error| invalid("it is not UTF-8").with_source(error))?;
    Ok(Some((text, object.generation)))
}

/// The file without the network's entry; none when it has no such entry.
///
/// # Errors
///
/// [`Meaning::Invalid`] when `text` is no JSON array.
pub fn without_entry(text: &str, network: &NetworkName) -> Result<Option<String>> {
    let elements = elements(text)?;
    let kept: Vec<Element<'_>> =
        elements.iter().filter(|element| !is_entry_of(element.raw, network)).copied().collect();
    if kept.len() == elements.len() {
        return Ok(None);
    }
    Ok(Some(joined(text, &elements, &kept)))
}

/// The file with `entry` at its front; none when it is there as it should be. An entry that the network has already stays in its place: what differs in
/// it is changed, and fields of others stay as they are written. Further entries of the network go.
///
/// # Errors
///
/// [`Meaning::Invalid`] when `text` is no JSON array.
pub fn with_entry(text: &str, network: &NetworkName, entry: &impl Serialize) -> Result<Option<String>> {
    let elements = elements(text)?;
    let rendered = indented(entry)?;
    let mut ours = elements.iter().filter(|element| is_entry_of(element.raw, network));
    let Some(present) = ours.next() else {
        return Ok(Some(match elements.first() {
            Some(first) => inserted(text, first.start, &format!("{rendered},\n  ")),
            None => format!("[\n  {rendered}\n]\n"),
        }));
    };
    let merged = with_members(present.raw, &rendered)?;
    let doubled = ours.next().is_some();
    if merged == present.raw && !doubled {
        return Ok(None);
    }
    let kept = elements
        .iter()
        .filter(|element| element.start == present.start || !is_entry_of(element.raw, network));
    let kept: Vec<Element<'_>> =
        kept.map(|element| {
            if element.start == present.start { Element { raw: &merged, ..*element } } else { *element }
        })
        .collect();
    Ok(Some(joined(text, &elements, &kept)))
}

/// The object `present` with all members of the object `wanted`: those that differ with the wanted value, those that are missing behind the others.
fn with_members(present: &str, wanted: &str) -> Result<String> {
    let existing = members(present)?;
    let mut edited = present.to_owned();
    let mut missing = Vec::new();
    let mut changes = Vec::new();
    for member in members(wanted)? {
        match existing.iter().rev().find(|other| other.name == member.name) {
            None => missing.push(member),
            Some(other) if same_value(other.raw, member.raw) => {}
            Some(other) => changes.push((other.start, other.end, member.raw)),
        }
    }
    if !missing.is_empty() {
        let end =
            existing.last().map_or_else(|| present.find('{').map_or(0, |brace| brace + 1), |last| last.end);
        let mut text = String::new();
        for (position, member) in missing.iter().enumerate() {
            let separator = if existing.is_empty() && position == 0 { "\n    " } else { ",\n    " };
            text.push_str(&format!("{separator}{}: {}", Value::from(member.name.as_str()), member.raw));
        }
        edited.insert_str(end, &text);
    }
    changes.sort_unstable();
    for (start, end, raw) in changes.into_iter().rev() {
        edited.replace_range(start..end, raw);
    }
    Ok(edited)
}

fn same_value(left: &str, right: &str) -> bool {
    let read = |raw: &str| serde_json::from_str::<Value>(raw).ok();
    read(left).is_some_and(|value| Some(value) == read(right))
}

fn inserted(text: &str, at: usize, more: &str) -> String {
    let mut edited = text.to_owned();
    edited.insert_str(at, more);
    edited
}

/// The file with the elements in `kept` alone, everything else as it was written.
fn joined(text: &str, elements: &[Element<'_>], kept: &[Element<'_>]) -> String {
    let (Some(first), Some(last)) = (elements.first(), elements.last()) else { return text.to_owned() };
    if kept.is_empty() {
        return EMPTY.to_owned();
    }
    let mut edited = text.get(..first.start).unwrap_or("[").to_owned();
    for (position, element) in kept.iter().enumerate() {
        if position > 0 {
            edited.push_str(element.separator);
        }
        edited.push_str(element.raw);
    }
    edited.push_str(text.get(last.end..).unwrap_or("]"));
    edited
}

fn elements(text: &str) -> Result<Vec<Element<'_>>> {
    let values: Vec<Value> =
        serde_json::from_str(text).map_err(|error| invalid("it is no JSON array").with_source(error))?;
    if !values.iter().all(Value::is_object) {
        return Err(invalid("it has entries that are no objects"));
    }
    text::elements(text, values.len())
}

fn is_entry_of(raw: &str, network: &NetworkName) -> bool {
    serde_json::from_str::<Value>(raw)
        .is_ok_and(|value| value.get("netName").and_then(Value::as_str) == Some(network.as_str()))
}

fn indented(entry: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(entry)
        .map_err(|error| invalid("the entry cannot be encoded").with_source(error))?;
    Ok(text.replace('\n', "\n  "))
}

fn invalid(reason: &str) -> Error {
    Error::new(Meaning::Invalid, "edit discovery file", "", reason)
        .with_hint("the file was left as it is; correct it by hand")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn network(name: &str) -> NetworkName {
        NetworkName::new(name).unwrap()
    }

    #[test]
    fn foreign_entries_survive_byte_for_byte() {
        let text = "[ {\"netName\" : \"theirs\",\"x\":1.0e2 },\n\t{\"netName\":\"net1\"} , {\"netName\":\"last\",\"u\":\"\\u00e9\"}]";
        let edited = without_entry(text, &network("net1")).unwrap().unwrap();
        assert_eq!(
            edited,
            "[ {\"netName\" : \"theirs\",\"x\":1.0e2 } , {\"netName\":\"last\",\"u\":\"\\u00e9\"}]"
        );
        assert_eq!(without_entry(&edited, &network("net1")).unwrap(), None);
    }

    #[test]
    fn a_network_is_not_confused_with_one_whose_name_begins_alike() {
        let text = "[{\"netName\":\"net10\"}]";
        assert_eq!(without_entry(text, &network("net1")).unwrap(), None);
    }

    #[test]
    fn the_newest_network_comes_first_and_is_never_there_twice() {
        let entry = json!({"netName": "net1", "conf": "https://a/"});
        let first = with_entry("[]", &network("net1"), &entry).unwrap().unwrap();
        let both = with_entry(&first, &network("net2"), &json!({"netName": "net2"})).unwrap().unwrap();
        let value: Value = serde_json::from_str(&both).unwrap();
        assert_eq!(value, json!([{"netName": "net2"}, entry]));
        assert_eq!(with_entry(&both, &network("net1"), &entry).unwrap(), None);
    }

    #[test]
    fn what_is_no_array_is_refused_and_left_alone() {
        for text in ["", "{}", "null", "[", "\"x\""] {
            assert_eq!(
                without_entry(text, &network("net1")).unwrap_err().meaning(),
                Meaning::Invalid,
                "{text}"
            );
        }
    }

    #[test]
    fn an_entry_that_differs_is_changed_in_its_place_and_fields_of_others_stay_as_they_are_written() {
        let text = "[{\"netName\":\"first\"},\n {\"netName\":\"net1\", \"mine\" : 1.0e2,\"conf\":\"old\"}, {\"netName\":\"last\"}]";
        let entry = json!({"netName": "net1", "conf": "new", "dash": "d"});
        let edited = with_entry(text, &network("net1"), &entry).unwrap().unwrap();
        assert_eq!(
            edited,
            "[{\"netName\":\"first\"},\n {\"netName\":\"net1\", \"mine\" : 1.0e2,\"conf\":\"new\",\n    \"dash\": \"d\"}, {\"netName\":\"last\"}]"
        );
        assert_eq!(with_entry(&edited, &network("net1"), &entry).unwrap(), None);
    }

    #[test]
    fn entries_that_are_there_twice_become_one() {
        let text = "[{\"netName\":\"net1\",\"conf\":\"a\"}, {\"netName\":\"x\"}, {\"netName\":\"net1\",\"conf\":\"b\"}]";
        let entry = json!({"netName": "net1", "conf": "a"});
        let edited = with_entry(text, &network("net1"), &entry).unwrap().unwrap();
        assert_eq!(edited, "[{\"netName\":\"net1\",\"conf\":\"a\"}, {\"netName\":\"x\"}]");
    }

    proptest! {
        #[test]
        fn removing_what_was_added_leaves_the_others_as_they_were(names in prop::collection::vec("[a-z]{1,6}", 0..6), doubled: bool) {
            let others: Vec<Value> = names.iter().map(|name| json!({"netName": name, "n": 1})).collect();
            let text = serde_json::to_string(&others).unwrap();
            let mine = network("mine-1");
            let mut with = with_entry(&text, &mine, &json!({"netName": "mine-1"})).unwrap().unwrap();
            if doubled { with = with.replacen('[', "[{\"netName\":\"mine-1\"},", 1); }
            let without = without_entry(&with, &mine).unwrap().unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Value>>(&without).unwrap(), others, "{}", with);
        }

        #[test]
        fn an_edit_keeps_every_other_byte_and_is_made_once(
            others in prop::collection::vec(("[a-z]{1,6}", 0_u8..4), 0..5),
            gaps in prop::collection::vec("[ \t\n]{0,3}", 6),
            place in any::<prop::sample::Index>(),
            present: bool,
            extra in prop::option::of("[a-z\"\\\\ {},:]{0,8}"),
        ) {
            let written = |(name, digits): &(String, u8)| {
                format!("{{\"netName\" : \"{name}\",\"n\":1.{}}}", "0".repeat(usize::from(*digits) + 1))
            };
            let mut entries: Vec<String> = others.iter().map(written).collect();
            let foreign = entries.clone();
            let more = extra.map(|extra| format!(",\"extra\":{}", Value::from(extra))).unwrap_or_default();
            if present {
                let at = place.index(entries.len() + 1);
                entries.insert(at, format!("{{\"conf\":\"old\"{more},\"netName\":\"mine-1\"}}"));
            }
            let mut text = String::from("[");
            for (position, entry) in entries.iter().enumerate() {
                let gap = gaps.get(position).cloned().unwrap_or_default();
                text.push_str(&format!("{}{gap}{entry}", if position > 0 { "," } else { "" }));
            }
            text.push(']');
            let mine = network("mine-1");
            let entry = json!({"netName": "mine-1", "conf": "https://new/", "dash": "d"});
            let edited = with_entry(&text, &mine, &entry).unwrap().unwrap();
            prop_assert_eq!(with_entry(&edited, &mine, &entry).unwrap(), None);
            let mut rest = edited.as_str();
            for other in &foreign {
                let at = rest.find(other.as_str());
                prop_assert!(at.is_some(), "{} is not in {}", other, edited);
                rest = rest.get(at.unwrap() + other.len()..).unwrap();
            }
            let read: Vec<Value> = serde_json::from_str(&edited).unwrap();
            prop_assert_eq!(read.len(), foreign.len() + 1);
            let ours = read.iter().find(|entry| entry["netName"] == "mine-1").unwrap();
            prop_assert_eq!((&ours["conf"], &ours["dash"]), (&json!("https://new/"), &json!("d")));
            if present && !more.is_empty() {
                prop_assert!(edited.contains(&more), "{}", edited);
            }
        }

        #[test]
        fn no_text_makes_an_edit_panic(text in "[\\[\\]{}\",:a-z0-9 \\\\]{0,40}") {
            let _ = with_entry(&text, &network("net1"), &json!({"netName": "net1"}));
            let _ = without_entry(&text, &network("net1"));
        }
    }
}
