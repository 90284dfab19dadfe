//! How long indices are kept: a lifecycle policy, a composable index template for indices to come, and settings for those that exist.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use spacecraft_core::Result;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{LogRetention, Look};
use spacecraft_core::wait::Progress;
use spacecraft_http::Response;

use crate::settings::flatten;
use crate::{Service, look_policy};

/// The calls to Elasticsearch.
#[derive(Debug, Clone)]
pub(crate) struct Elasticsearch(pub(crate) Service);

/// What differs from a wanted retention.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Differences {
    policy: Part,
    template: Part,
    /// Indices that exist with other settings.
    indices: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Same,
    Absent,
    Differs(String),
}

#[derive(Debug, Deserialize)]
struct Health {
    #[serde(default)]
    status: String,
    #[serde(default)]
    timed_out: bool,
}

const ONE_LOOK: Duration = Duration::from_secs(10);

/// Above the templates that Elasticsearch brings along.
const TEMPLATE_PRIORITY: u32 = 500;

/// Each field of a log line is a text and a keyword, so the default of 1000 would be reached by 500 names.
const MOST_FIELDS: u32 = 4000;

/// Longer texts can be searched and shown but not grouped by.
const LONGEST_KEYWORD: u32 = 1024;

impl Elasticsearch {
    /// Looks once whether every primary shard is there.
    pub(crate) async fn look_for_readiness(&self) -> Result<Progress<()>> {
        let url = self.0.url(["_cluster", "health"]);
        let request = self.0.prepare(self.0.client.get(url), "look at health of", "Elasticsearch");
        let request = request.query("wait_for_status", "yellow").query("timeout", "1s");
        let health: Health =
            request.timeout(ONE_LOOK).retry(look_policy()).send().await?.json("a cluster's health")?;
        Ok(match health.status.as_str() {
            "green" | "yellow" if !health.timed_out => Progress::Ready(()),
            status => Progress::Pending(format!("Elasticsearch's health is {status}")),
        })
    }

    pub(crate) async fn look(&self, wanted: &LogRetention) -> Result<Differences> {
        let policy =
            self.read(["_ilm", "policy", &wanted.name], "read lifecycle policy", &wanted.name).await?;
        let template =
            self.read(["_index_template", &wanted.name], "read index template", &wanted.name).await?;
        let indices = self
            .read([&wanted.index_pattern, "_settings"], "read settings of", &wanted.index_pattern)
            .await?;
        Ok(Differences {
            policy: compare_policy(policy.as_ref(), wanted),
            template: compare_template(template.as_ref(), wanted),
            indices: differing_indices(indices.as_ref(), wanted),
        })
    }

    /// Writes what differs, the policy first because the others name it.
    pub(crate) async fn ensure(&self, wanted: &LogRetention) -> Result<Outcome> {
        let differences = self.look(wanted).await?;
        let name = &wanted.name;
        if differences.policy != Part::Same {
            self.write(["_ilm", "policy", name], "write lifecycle policy", name, &policy(wanted)).await?;
        }
        if differences.template != Part::Same {
            self.write(["_index_template", name], "write index template", name, &template(wanted)).await?;
        }
        if !differences.indices.is_empty() {
            let pattern = &wanted.index_pattern;
            self.write([pattern, "_settings"], "change settings of", pattern, &index_settings(wanted))
                .await?;
        }
        Ok(match differences.look() {
            Look::Same => Outcome::Unchanged,
            Look::Absent => Outcome::Created,
            Look::Differs(_) => Outcome::Updated,
        })
    }

    async fn read<const SEGMENTS: usize>(
        &self,
        path: [&str; SEGMENTS],
        operation: &str,
        resource: &str,
    ) -> Result<Option<Value>> {
        let request = self.0.client.get(self.0.url(path));
        match self.0.prepare(request, operation, resource).send().await {
            Ok(response) => response.json("an object by name").map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write<const SEGMENTS: usize>(
        &self,
        path: [&str; SEGMENTS],
        operation: &str,
        resource: &str,
        body: &Value,
    ) -> Result<()> {
        let request = self.0.prepare(self.0.client.put(self.0.url(path)), operation, resource);
        acknowledged(&request.json(body).send().await?)
    }
}

/// Elasticsearch answers with success before all its nodes have taken note of a change, and says so.
fn acknowledged(response: &Response) -> Result<()> {
    let answer: Value = response.json("an acknowledgement")?;
    match answer.get("acknowledged") {
        Some(Value::Bool(true)) => Ok(()),
        _ => Err(response
            .misread("Elasticsearch took the change and not all its nodes have it yet")
            .with_hint("run the same command again")),
    }
}

impl Differences {
    /// Whether there is a retention of that name, and where it differs.
    pub(crate) fn look(&self) -> Look {
        if self.policy == Part::Absent && self.template == Part::Absent {
            return Look::Absent;
        }
        let part = |name: &str, part: &Part| match part {
            Part::Same => None,
            Part::Absent => Some(format!("{name} is missing")),
            Part::Differs(why) => Some(format!("{name}: {why}")),
        };
        let parts = [part("lifecycle policy", &self.policy), part("index template", &self.template)];
        let indices = self.indices.iter().map(|index| format!("index {index} has other settings"));
        let points: Vec<String> = parts.into_iter().flatten().chain(indices).collect();
        if points.is_empty() { Look::Same } else { Look::Differs(points) }
    }
}

fn policy(wanted: &LogRetention) -> Value {
    json!({"policy": {"phases": {
        "hot": {"min_age": "0ms", "actions": {}},
        "delete": {"min_age": age(wanted), "actions": {"delete": {}}},
    }}})
}

fn age(wanted: &LogRetention) -> String {
    format!("{}d", wanted.days)
}

fn template(wanted: &LogRetention) -> Value {
    let text = json!({
        "type": "text",
        "fields": {"keyword": {"type": "keyword", "ignore_above": LONGEST_KEYWORD}},
    });
    let strings = json!({"match_mapping_type": "string", "mapping": text});
    json!({
        "index_patterns": [wanted.index_pattern],
        "priority": TEMPLATE_PRIORITY,
        "template": {
            "settings": template_settings(wanted),
            "mappings": {
                // A text that looks like a date would make every other text of that field a mistake.
                "date_detection": false,
                "dynamic_templates": [{"strings": strings}],
                "properties": {"@timestamp": {"type": "date"}, "name": {"type": "keyword"}},
            },
        },
    })
}

fn template_settings(wanted: &LogRetention) -> Value {
    json!({
        "index.lifecycle.name": wanted.name,
        "index.number_of_shards": 1,
        "index.number_of_replicas": wanted.replicas,
        "index.mapping.total_fields.limit": MOST_FIELDS,
    })
}

/// What can be changed of an index that exists.
fn index_settings(wanted: &LogRetention) -> Value {
    json!({"index.lifecycle.name": wanted.name, "index.number_of_replicas": wanted.replicas})
}

fn compare_policy(answer: Option<&Value>, wanted: &LogRetention) -> Part {
    let Some(found) = answer.and_then(|answer| answer.get(&wanted.name)) else { return Part::Absent };
    let delete = found.pointer("/policy/phases/delete");
    let age_found =
        delete.and_then(|delete| delete.get("min_age")).and_then(Value::as_str).unwrap_or("never");
    let deletes = delete.and_then(|delete| delete.pointer("/actions/delete")).is_some();
    if deletes && age_found == age(wanted) {
        return Part::Same;
    }
    let found = if deletes { age_found } else { "never" };
    Part::Differs(format!("indices are deleted after {found} and should be after {}", age(wanted)))
}

fn compare_template(answer: Option<&Value>, wanted: &LogRetention) -> Part {
    let templates = answer.and_then(|answer| answer.get("index_templates")).and_then(Value::as_array);
    let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some(&wanted.name);
    let Some(found) = templates.and_then(|all| all.iter().find(named)) else { return Part::Absent };
    if found.pointer("/index_template/index_patterns") != Some(&json!([wanted.index_pattern])) {
        return Part::Differs(format!("it is not for {}", wanted.index_pattern));
    }
    let settings = found.pointer("/index_template/template/settings").map(flatten).unwrap_or_default();
    match first_difference(&settings, &flatten(&template_settings(wanted))) {
        Some(difference) => Part::Differs(difference),
        None => Part::Same,
    }
}

fn first_difference(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> Option<String> {
    let (name, value) = wanted.iter().find(|(name, value)| found.get(*name) != Some(value))?;
    let found = found.get(name).map_or("not set", String::as_str);
    Some(format!("{name} is {found} and should be {value}"))
}

fn differing_indices(answer: Option<&Value>, wanted: &LogRetention) -> Vec<String> {
    let Some(Value::Object(indices)) = answer else { return Vec::new() };
    let wanted = flatten(&index_settings(wanted));
    let differs = |found: &Value| {
        let settings = found.get("settings").map(flatten).unwrap_or_default();
        first_difference(&settings, &wanted).is_some()
    };
    indices.iter().filter(|(_, found)| differs(found)).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> LogRetention {
        LogRetention { name: "sm".to_owned(), index_pattern: "sm-*".to_owned(), days: 7, replicas: 0 }
    }

    /// A policy as Elasticsearch shows it, with what it adds.
    fn shown_policy(age: &str) -> Value {
        let delete = json!({"min_age": age, "actions": {"delete": {"delete_searchable_snapshot": true}}});
        json!({"sm": {"version": 1, "modified_date": "2026-11-22T10:00:00.000Z", "in_use_by": {},
            "policy": {"phases": {"hot": {"min_age": "0ms", "actions": {}}, "delete": delete}}}})
    }

    fn shown_template(settings: &Value) -> Value {
        let template = json!({"index_patterns": ["sm-*"], "priority": 500, "composed_of": [],
            "template": {"settings": {"index": settings}}});
        json!({"index_templates": [{"name": "sm", "index_template": template}]})
    }

    #[test]
    fn a_policy_is_the_same_with_what_elasticsearch_adds() {
        assert_eq!(compare_policy(Some(&shown_policy("7d")), &wanted()), Part::Same);
        assert!(matches!(compare_policy(Some(&shown_policy("8d")), &wanted()), Part::Differs(_)));
        assert_eq!(compare_policy(None, &wanted()), Part::Absent);
    }

    #[test]
    fn a_policy_that_deletes_nothing_differs() {
        let shown = json!({"sm": {"policy": {"phases": {"hot": {"actions": {}}}}}});
        let expected = "indices are deleted after never and should be after 7d".to_owned();
        assert_eq!(compare_policy(Some(&shown), &wanted()), Part::Differs(expected));
    }

    #[test]
    fn a_template_is_compared_by_its_settings() {
        let limit = json!({"total_fields": {"limit": "4000"}});
        let same = json!({"lifecycle": {"name": "sm"}, "number_of_shards": "1", "number_of_replicas": "0",
            "mapping": limit});
        assert_eq!(compare_template(Some(&shown_template(&same)), &wanted()), Part::Same);
        let mut other = same.clone();
        other["number_of_replicas"] = json!("1");
        let expected = "number_of_replicas is 1 and should be 0".to_owned();
        assert_eq!(compare_template(Some(&shown_template(&other)), &wanted()), Part::Differs(expected));
    }

    #[test]
    fn indices_with_other_settings_are_named() {
        let index = |name: &str, replicas: &str| json!({"settings": {"index": {"lifecycle": {"name": name}, "number_of_replicas": replicas}}});
        let answer = json!({"sm-1": index("sm", "0"), "sm-2": index("old", "0"), "sm-3": index("sm", "1")});
        assert_eq!(differing_indices(Some(&answer), &wanted()), ["sm-2", "sm-3"]);
    }

    #[test]
    fn garbage_counts_as_different() {
        for garbage in [json!(null), json!([1]), json!({"sm": 3, "index_templates": "x"})] {
            assert_ne!(compare_policy(Some(&garbage), &wanted()), Part::Same);
            assert_ne!(compare_template(Some(&garbage), &wanted()), Part::Same);
        }
    }
}
