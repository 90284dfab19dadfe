//! The public discovery file: a JSON array of networks, in which foreign entries and unknown fields survive byte for byte.

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::observer::Outcome;
use crate::traits::{ObjectStore, Precondition, PutOptions};

/// The key of the public file.
pub const PUBLIC_FILE: &str = "networks.json";

/// The key of the private file.
pub const PRIVATE_FILE: &str = "networks.private.json";

/// How often an edit is tried again after somebody else changed the file in between.
const EDITS: usize = 50;

/// Changes a discovery file by reading, editing and conditionally writing it, and again on a conflict. The file is never deleted; one that is not there
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
        let present = store.get(key).await?;
        let text = match &present {
            Some(object) => std::str::from_utf8(&object.bytes)
                .map_err(|error| invalid("it is not UTF-8").with_source(error))?,
            None => "[]\n",
        };
        let Some(edited) = edit(text)? else { return Ok(Outcome::Unchanged) };
        let precondition = present
            .as_ref()
            .map_or(Precondition::Absent, |object| Precondition::Generation(object.generation));
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

/// The file without the network's entry; none when it has no such entry.
///
/// # Errors
///
/// [`Meaning::Invalid`] when `text` is no JSON array.
pub fn without_entry(text: &str, network: &NetworkName) -> Result<Option<String>> {
    let elements = elements(text)?;
    let kept: Vec<&Element<'_>> =
        elements.iter().filter(|element| !is_entry_of(element.raw, network)).collect();
    let (Some(first), Some(last)) = (elements.first(), elements.last()) else { return Ok(None) };
    if kept.len() == elements.len() {
        return Ok(None);
    }
    let (head, tail) = (text.get(..first.start).unwrap_or("["), text.get(last.end..).unwrap_or("]"));
    let mut edited = head.to_owned();
    for (position, element) in kept.iter().enumerate() {
        if position > 0 {
            edited.push_str(element.separator);
        }
        edited.push_str(element.raw);
    }
    edited.push_str(tail);
    Ok(Some(edited))
}

/// The file with `entry` at its front, replacing the network's entry in its place when there is one; none when it is there as it should be.
///
/// # Errors
///
/// [`Meaning::Invalid`] when `text` is no JSON array.
pub fn with_entry(text: &str, network: &NetworkName, entry: &Value) -> Result<Option<String>> {
    let elements = elements(text)?;
    let rendered = indented(entry)?;
    let mut edited = text.to_owned();
    if let Some(present) = elements.iter().find(|element| is_entry_of(element.raw, network)) {
        if serde_json::from_str::<Value>(present.raw).is_ok_and(|value| value == *entry) {
            return Ok(None);
        }
        edited.replace_range(present.start..present.end, &rendered);
        return Ok(Some(edited));
    }
    match elements.first() {
        Some(first) => edited.insert_str(first.start, &format!("{rendered},\n  ")),
        None => edited = format!("[\n  {rendered}\n]\n"),
    }
    Ok(Some(edited))
}

/// One entry as it is written: its text, where that is, and what stands between it and the entry before.
struct Element<'a> {
    raw: &'a str,
    separator: &'a str,
    start: usize,
    end: usize,
}

fn elements(text: &str) -> Result<Vec<Element<'_>>> {
    let values: Vec<Value> =
        serde_json::from_str(text).map_err(|error| invalid("it is no JSON array").with_source(error))?;
    if !values.iter().all(Value::is_object) {
        return Err(invalid("it has entries that are no objects"));
    }
    let mut end = text.find('[').map_or(0, |bracket| bracket + 1);
    let mut elements = Vec::with_capacity(values.len());
    for _ in values {
        let unreadable = || invalid("it cannot be read");
        let rest = text.get(end..).ok_or_else(unreadable)?;
        let start = rest.find('{').map(|at| end + at).ok_or_else(unreadable)?;
        let mut stream =
            Deserializer::from_str(text.get(start..).ok_or_else(unreadable)?).into_iter::<IgnoredAny>();
        stream.next();
        let separator = text.get(end..start).ok_or_else(unreadable)?;
        end = start + stream.byte_offset();
        elements.push(Element { raw: text.get(start..end).ok_or_else(unreadable)?, separator, start, end });
    }
    Ok(elements)
}

fn is_entry_of(raw: &str, network: &NetworkName) -> bool {
    serde_json::from_str::<Value>(raw)
        .is_ok_and(|value| value.get("netName").and_then(Value::as_str) == Some(network.as_str()))
}

fn indented(entry: &Value) -> Result<String> {
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
    }
}
