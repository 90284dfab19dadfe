//! Lifecycle policies, and the templates that lead new indices to them.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Elasticsearch, Refusal, Reply, Versioned, acknowledged, no_handler, ok, read_object};
use crate::faults::matches_pattern;
use crate::wire::{Request, Response};

impl Elasticsearch {
    pub(super) fn policy(&mut self, request: &Request, rest: &[&str]) -> Reply {
        let shown = |policy: &Versioned| json!({"version": policy.version, "policy": policy.body["policy"]});
        match (&request.method, rest) {
            (&Method::GET, []) => {
                let all: Map<String, Value> =
                    self.policies.iter().map(|(name, policy)| (name.clone(), shown(policy))).collect();
                ok(&Value::Object(all))
            }
            (&Method::GET, [name]) => {
                let missing = || {
                    Refusal::new(
                        StatusCode::NOT_FOUND,
                        "resource_not_found_exception",
                        format!("Lifecycle policy not found: {name}"),
                    )
                };
                let policy = self.policies.get(*name).ok_or_else(missing)?;
                ok(&json!({ *name: shown(policy) }))
            }
            (&Method::PUT, [name]) => {
                let body = read_object(request)?;
                check_policy(&body)?;
                let policy = self.policies.entry((*name).to_owned()).or_default();
                policy.version += 1;
                policy.body = Value::Object(body);
                acknowledged()
            }
            (&Method::DELETE, [name]) => {
                let used = self.indices.iter().find(|(_, index)| {
                    index.settings.get("lifecycle.name").is_some_and(|policy| policy == name)
                });
                if let Some((index, _)) = used {
                    return Err(Refusal::illegal(format!(
                        "Cannot delete policy [{name}]. It is in use by one or more indices: [{index}]"
                    )));
                }
                self.policies.remove(*name).map_or_else(
                    || {
                        Err(Refusal::new(
                            StatusCode::NOT_FOUND,
                            "resource_not_found_exception",
                            format!("Lifecycle policy not found: {name}"),
                        ))
                    },
                    |_| acknowledged(),
                )
            }
            _ => Err(no_handler(request)),
        }
    }

    pub(super) fn index_template(&mut self, request: &Request, rest: &[&str]) -> Reply {
        let missing = |name: &str| {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "resource_not_found_exception",
                format!("index template matching [{name}] not found"),
            )
        };
        match (&request.method, rest) {
            (&Method::GET | &Method::HEAD, rest) if rest.len() < 2 => {
                let wanted = rest.first().copied().unwrap_or("*");
                let found: Vec<Value> = self
                    .index_templates
                    .iter()
                    .filter(|(name, _)| matches_pattern(wanted, name))
                    .map(|(name, template)| json!({"name": name, "index_template": template}))
                    .collect();
                if found.is_empty() && !wanted.contains('*') {
                    return Err(missing(wanted));
                }
                ok(&json!({ "index_templates": found }))
            }
            (&Method::PUT | &Method::POST, [name]) => {
                let body = read_object(request)?;
                self.check_index_template(name, &body)?;
                self.index_templates.insert((*name).to_owned(), Value::Object(body));
                acknowledged()
            }
            (&Method::DELETE, [name]) => {
                self.index_templates.remove(*name).ok_or_else(|| missing(name))?;
                acknowledged()
            }
            _ => Err(no_handler(request)),
        }
    }

    fn check_index_template(&self, name: &str, body: &Map<String, Value>) -> Result<(), Refusal> {
        let known = [
            "index_patterns",
            "priority",
            "template",
            "composed_of",
            "version",
            "_meta",
            "data_stream",
            "allow_auto_create",
        ];
        if let Some(field) = body.keys().find(|field| !known.contains(&field.as_str())) {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "x_content_parse_exception",
                format!("[index_template] unknown field [{field}]"),
            ));
        }
        let patterns = patterns(body.get("index_patterns"));
        if patterns.is_empty() {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "action_request_validation_exception",
                "Validation Failed: 1: index patterns are missing;",
            ));
        }
        let priority = |template: &Value| template["priority"].as_i64().unwrap_or_default();
        let own = body.get("priority").and_then(Value::as_i64).unwrap_or_default();
        let clash = self.index_templates.iter().find(|(other, template)| {
            *other != name
                && priority(template) == own
                && self::patterns(template.get("index_patterns"))
                    .iter()
                    .any(|theirs| patterns.iter().any(|ours| overlap(ours, theirs)))
        });
        match clash {
            Some((other, _)) => Err(Refusal::illegal(format!(
                "index template [{name}] has index patterns {patterns:?} matching patterns from existing templates \
                 [{other}] with the same priority [{own}], multiple index templates may not match during index \
                 creation, please use a different priority"
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn legacy_template(&mut self, request: &Request, rest: &[&str]) -> Reply {
        match (&request.method, rest) {
            (&Method::GET | &Method::HEAD, []) => ok(&json!(self.legacy_templates)),
            (&Method::GET | &Method::HEAD, [name]) => match self.legacy_templates.get(*name) {
                Some(template) => ok(&json!({ *name: template })),
                None => Ok(Response::json(StatusCode::NOT_FOUND, &json!({}))),
            },
            (&Method::PUT | &Method::POST, [name]) => {
                let body = read_object(request)?;
                if patterns(body.get("index_patterns")).is_empty() {
                    return Err(Refusal::new(
                        StatusCode::BAD_REQUEST,
                        "action_request_validation_exception",
                        "Validation Failed: 1: index patterns are missing;",
                    ));
                }
                self.legacy_templates.insert((*name).to_owned(), Value::Object(body));
                acknowledged()
            }
            (&Method::DELETE, [name]) => {
                let missing = || {
                    Refusal::new(
                        StatusCode::NOT_FOUND,
                        "index_template_missing_exception",
                        format!("index_template [{name}] missing"),
                    )
                };
                self.legacy_templates.remove(*name).ok_or_else(missing)?;
                acknowledged()
            }
            _ => Err(no_handler(request)),
        }
    }
}

fn check_policy(body: &Map<String, Value>) -> Result<(), Refusal> {
    let phases = body.get("policy").and_then(|policy| policy["phases"].as_object());
    let phases = phases.ok_or_else(|| Refusal::illegal("Required [phases]"))?;
    for (name, phase) in phases {
        if !["hot", "warm", "cold", "frozen", "delete"].contains(&name.as_str()) {
            return Err(Refusal::illegal(format!("Timeseries lifecycle does not support phase [{name}]")));
        }
        let age = phase["min_age"].as_str().unwrap_or("0ms");
        let units = ["d", "h", "ms", "m", "s"];
        let number = units
            .iter()
            .find_map(|unit| age.strip_suffix(unit))
            .and_then(|number| number.parse::<u64>().ok());
        if number.is_none() {
            return Err(Refusal::illegal(format!(
                "failed to parse setting [min_age] with value [{age}] as a time value"
            )));
        }
    }
    Ok(())
}

pub(super) fn patterns(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(pattern)) => vec![pattern.clone()],
        Some(Value::Array(patterns)) => {
            patterns.iter().filter_map(|p| Some(p.as_str()?.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

/// True when some name matches both patterns, judged by their fixed beginnings.
pub(super) fn overlap(first: &str, second: &str) -> bool {
    let fixed = |pattern: &str| pattern.split('*').next().unwrap_or_default().to_owned();
    let (first, second) = (fixed(first), fixed(second));
    first.starts_with(&second) || second.starts_with(&first)
}
