//! What to do about the records that exist under a name: pure.

use spacecraft_core::traits::DnsRecord;
use spacecraft_core::{Error, Meaning, Result};

use crate::wire::{Record, mark_of};

/// What has to be done so that exactly one record of ours exists as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing.
    Keep,
    /// Create it.
    Create,
    /// Change one record and delete the surplus ones.
    Change {
        /// The identifier of the record that stays.
        keep: String,
        /// Identifiers of further records of ours.
        surplus: Vec<String>,
        /// Where they differ from what is wanted.
        differences: Vec<String>,
    },
}

/// Kinds of records that say where a name leads, so that a second owner would break the first.
const LEADING_KINDS: [&str; 5] = ["A", "AAAA", "CNAME", "NS", "HTTPS"];

/// Decides from the records under the wanted record's name.
///
/// # Errors
///
/// [`Meaning::AlreadyExists`] when one of them leads the name elsewhere and is not the network's own.
pub(crate) fn plan(existing: &[Record], wanted: &DnsRecord) -> Result<Plan> {
    let mark = mark_of(&wanted.network);
    let leading = existing.iter().filter(|record| LEADING_KINDS.contains(&record.kind.as_str()));
    let (mut ours, foreign): (Vec<&Record>, Vec<&Record>) =
        leading.partition(|record| record.kind == "A" && record.comment() == mark);
    if let Some(record) = foreign.first() {
        return Err(refused(record, wanted, &mark));
    }
    // The record that needs the least change stays.
    ours.sort_by_key(|record| differences(record, wanted).len());
    let Some((keep, surplus)) = ours.split_first() else { return Ok(Plan::Create) };
    let mut differences = differences(keep, wanted);
    differences
        .extend(surplus.iter().map(|record| format!("a second record with address {}", record.content)));
    if differences.is_empty() {
        return Ok(Plan::Keep);
    }
    let surplus = surplus.iter().map(|record| record.id.clone()).collect();
    Ok(Plan::Change { keep: keep.id.clone(), surplus, differences })
}

fn differences(record: &Record, wanted: &DnsRecord) -> Vec<String> {
    let mut points = Vec::new();
    if record.content != wanted.address {
        points.push(format!("address is {} and should be {}", record.content, wanted.address));
    }
    if record.proxied != wanted.proxied {
        points.push(format!("proxied is {} and should be {}", record.proxied, wanted.proxied));
    }
    points
}

fn refused(record: &Record, wanted: &DnsRecord, mark: &str) -> Error {
    let Record { kind, content, .. } = record;
    let owner = match record.comment() {
        "" => "has no comment".to_owned(),
        comment => format!("has the comment `{comment}`"),
    };
    let reason = format!("the name has a {kind} record ({content}) that is not this network's: it {owner}");
    Error::new(Meaning::AlreadyExists, "ensure DNS record", &wanted.name, reason)
        .with_hint(format!("delete that record, or give it the comment `{mark}` to hand it over"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use spacecraft_core::names::NetworkName;

    use super::*;

    fn record(id: &str, kind: &str, content: &str, comment: Option<&str>) -> Record {
        let name = "kibana-net1.example.org";
        let record = json!({
            "id": id, "type": kind, "name": name, "content": content, "proxied": true, "comment": comment,
        });
        serde_json::from_value(record).unwrap()
    }

    fn wanted() -> DnsRecord {
        DnsRecord {
            name: "kibana-net1.example.org".to_owned(),
            address: "203.0.113.7".to_owned(),
            proxied: true,
            network: NetworkName::new("net1").unwrap(),
        }
    }

    const OURS: Option<&str> = Some("spacecraft:net1");

    #[test]
    fn without_a_record_one_is_created() {
        assert_eq!(plan(&[], &wanted()).unwrap(), Plan::Create);
    }

    #[test]
    fn records_that_lead_nowhere_are_not_in_the_way() {
        let existing = [record("1", "TXT", "hello", None), record("2", "CAA", "0 issue ca", None)];
        assert_eq!(plan(&existing, &wanted()).unwrap(), Plan::Create);
    }

    #[test]
    fn an_identical_record_of_ours_is_kept() {
        assert_eq!(plan(&[record("1", "A", "203.0.113.7", OURS)], &wanted()).unwrap(), Plan::Keep);
    }

    #[test]
    fn of_several_records_of_ours_the_right_one_stays() {
        let existing = [record("1", "A", "203.0.113.9", OURS), record("2", "A", "203.0.113.7", OURS)];
        let differences = vec!["a second record with address 203.0.113.9".to_owned()];
        let expected = Plan::Change { keep: "2".to_owned(), surplus: vec!["1".to_owned()], differences };
        assert_eq!(plan(&existing, &wanted()).unwrap(), expected);
    }

    #[test]
    fn what_somebody_else_has_under_the_name_is_refused() {
        for foreign in [
            record("1", "A", "203.0.113.7", None),
            record("1", "A", "203.0.113.7", Some("spacecraft:net10")),
            record("1", "A", "203.0.113.7", Some("Spacecraft:net1 by hand")),
            record("1", "AAAA", "2001:db8::1", OURS),
            record("1", "CNAME", "elsewhere.example.org", None),
        ] {
            let existing = [record("2", "A", "203.0.113.7", OURS), foreign];
            assert_eq!(plan(&existing, &wanted()).unwrap_err().meaning(), Meaning::AlreadyExists);
        }
    }
}
