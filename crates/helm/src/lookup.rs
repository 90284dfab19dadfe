//! `lookup` in templates: rendering is synchronous, so objects are fetched between renders until none is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use spacecraft_core::Result;

use crate::cluster::{Address, Cluster, Served};
use crate::engine::Lookup;

/// What a template asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    /// Empty for all objects of the kind.
    pub(crate) name: String,
}

/// The answers so far, and the questions that had none.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    answers: BTreeMap<Question, Value>,
    open: Mutex<BTreeSet<Question>>,
}

impl Lookups {
    /// The answer; an empty object, as if there were none, while it is not known yet.
    pub(crate) fn answer(&self, question: Question) -> Value {
        if let Some(answer) = self.answers.get(&question) {
            return answer.clone();
        }
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(question);
        json!({})
    }

    /// Fetches the answers to all open questions; false if there was none.
    ///
    /// # Errors
    /// If the cluster does not let an object be read.
    pub(crate) async fn fetch(&mut self, cluster: &Cluster, served: &Served) -> Result<bool> {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let had_any = !open.is_empty();
        for question in open {
            let answer = ask(cluster, served, &question).await?;
            self.answers.insert(question, answer);
        }
        Ok(had_any)
    }
}

impl Lookup for Lookups {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, String> {
        Ok(self.answer(Question {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }))
    }
}

/// What there is; an empty object if there is nothing, or nothing of that kind.
async fn ask(cluster: &Cluster, served: &Served, question: &Question) -> Result<Value> {
    let Some(resource) = served.resource(&question.api_version, &question.kind) else {
        return Ok(json!({}));
    };
    if question.name.is_empty() {
        let namespace =
            Some(question.namespace.as_str()).filter(|name| !name.is_empty() && resource.namespaced);
        let (items, version) = match cluster.list(resource, namespace, "").await {
            // A kind that the chart is about to define.
            Err(error) if error.is_not_found() => return Ok(json!({})),
            listed => listed?,
        };
        return Ok(json!({
            "apiVersion": question.api_version, "kind": format!("{}List", question.kind),
            "metadata": {"resourceVersion": version}, "items": items,
        }));
    }
    let address = Address::new(resource.clone(), &question.namespace, question.name.as_str());
    Ok(cluster.get(&address).await?.unwrap_or_else(|| json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_without_an_answer_is_noted_and_answered_as_if_there_were_nothing() {
        let question = Question {
            api_version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            namespace: "apps".to_owned(),
            name: "s".to_owned(),
        };
        let mut lookups = Lookups::default();
        assert_eq!(lookups.answer(question.clone()), json!({}));
        assert_eq!(lookups.open.lock().unwrap().len(), 1);
        lookups.answers.insert(question.clone(), json!({"data": {}}));
        assert_eq!(lookups.answer(question), json!({"data": {}}));
    }
}
