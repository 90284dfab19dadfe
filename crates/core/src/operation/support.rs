//! What there is to know of an operation that failed, in one document for whoever is to help.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Leftover, OperationFailure, Services, StepReport};
use crate::error::{Result, render_chain};
use crate::names::NetworkName;
use crate::plan::Plan;
use crate::state::{Journal, JournalDocument, NetworkRecord, RecordStore, SCHEMA};
use crate::traits::Evidence;

/// All that helps to understand a failure: events and last log lines, the plan, the journal, the record, versions.
///
/// Nothing that Spacecraft writes into it is a secret. Log lines are what nodes and charts printed; whoever stores the bundle blanks the
/// secrets that were given to the command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupportBundle {
    /// [`SCHEMA`].
    pub schema: String,
    /// `SupportBundle`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// The command, such as `create-network`.
    pub operation: String,
    /// When it was collected.
    pub collected_at: Timestamp,
    /// Versions, by what they are of: `spacecraft`, `kubernetes`.
    pub versions: BTreeMap<String, String>,
    /// Why the operation failed, with all causes.
    pub error: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The steps that came to an end.
    pub steps: Vec<StepReport>,
    /// What is left behind.
    pub leftovers: Vec<Leftover>,
    /// The cluster's last warnings, and the pods that were not ready with their last log lines.
    pub evidence: Option<Evidence>,
    /// The journal.
    pub journal: Option<JournalDocument>,
    /// The record.
    pub record: Option<NetworkRecord>,
    /// The plan of the recorded spec.
    pub plan: Option<Plan>,
}

/// Collects what there is to know of a failed operation, by a handful of reads. What cannot be read is left out: a bundle must not fail because
/// of what it is to explain.
pub async fn collect_support(
    services: &Services,
    network: &NetworkName,
    operation: &str,
    failure: &OperationFailure,
) -> SupportBundle {
    let records = RecordStore::new(services.state_store.clone(), network);
    let record = records.read().await.ok().flatten();
    SupportBundle {
        schema: SCHEMA.to_owned(),
        kind: "SupportBundle".to_owned(),
        network: network.clone(),
        operation: operation.to_owned(),
        collected_at: services.clock.now(),
        versions: versions(services, network).await,
        error: render_chain(&failure.error),
        hint: failure.error.hint().map(str::to_owned),
        steps: failure.steps.clone(),
        leftovers: failure.leftovers.clone(),
        evidence: failure.evidence.clone(),
        journal: journal(services, network).await.ok().flatten(),
        plan: record.as_ref().and_then(|record| plan(services, record)),
        record,
    }
}

async fn versions(services: &Services, network: &NetworkName) -> BTreeMap<String, String> {
    let cluster = services.cluster.get(network).await.ok().flatten();
    let kubernetes = cluster.map(|cluster| ("kubernetes".to_owned(), cluster.version));
    let own = ("spacecraft".to_owned(), services.version.clone());
    kubernetes.into_iter().chain([own]).collect()
}

async fn journal(services: &Services, network: &NetworkName) -> Result<Option<JournalDocument>> {
    let object = services.state_store.get(&Journal::key(network)).await?;
    Ok(object.and_then(|object| serde_json::from_slice(&object.bytes).ok()))
}

fn plan(services: &Services, record: &NetworkRecord) -> Option<Plan> {
    Plan::new(&record.spec, &services.cluster.capabilities()).ok()
}

impl SupportBundle {
    /// The bundle as a JSON text in which each of `secrets` is blanked, in whatever string it appears and also as base64.
    #[must_use]
    pub fn blanked(&self, secrets: &[&str]) -> String {
        let mut document = serde_json::to_value(self).unwrap_or_default();
        let hidden: Vec<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
        blank(&mut document, &hidden);
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }
}

/// Secrets shorter than this would blank half of every text.
const SHORTEST_SECRET: usize = 4;

fn spellings(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    if secret.len() < SHORTEST_SECRET {
        return Vec::new();
    }
    vec![
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        percent_encoded(secret),
    ]
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn blank(value: &mut Value, hidden: &[String]) {
    match value {
        Value::String(text) => {
            for secret in hidden {
                if text.contains(secret.as_str()) {
                    *text = text.replace(secret.as_str(), "[secret]");
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| blank(item, hidden)),
        Value::Object(fields) => fields.values_mut().for_each(|field| blank(field, hidden)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn no_spelling_of_a_secret_is_left(secret in "[0-9A-Za-z/+=%-]{8,20}", before in "[a-z ]{0,5}", after in "[a-z ]{0,5}") {
            let texts: Vec<String> =
                spellings(&secret).into_iter().map(|spelling| format!("{before}{spelling}{after}")).collect();
            let mut document = json!({ "a": texts, "b": { "c": secret } });
            blank(&mut document, &spellings(&secret));
            let as_json = serde_json::to_string(&secret).unwrap();
            prop_assert!(!document.to_string().contains(as_json.trim_matches('"')));
        }
    }

    #[test]
    fn what_is_hardly_a_secret_blanks_nothing() {
        assert_eq!(spellings("a"), Vec::<String>::new());
    }
}
