//! Deployments and the other kinds that make pods.

use serde_json::Value;

use super::super::object::{items, text, text_or_empty, texts, whole};
use super::super::selector::Selector;
use super::super::status::Mistake;
use super::{Mistakes, label_selector, labels, not_negative, one_of, pods, storage};

/// A workload of any kind.
pub(super) fn object(kind: &str, object: &Value, mistakes: &mut Mistakes) {
    match kind {
        "Job" => job(object, "/spec", "spec", mistakes),
        "CronJob" => cron_job(object, mistakes),
        _ => {
            not_negative(object, "/spec/replicas", "spec.replicas", mistakes);
            not_negative(object, "/spec/minReadySeconds", "spec.minReadySeconds", mistakes);
            not_negative(object, "/spec/revisionHistoryLimit", "spec.revisionHistoryLimit", mistakes);
            selector(object, mistakes);
            template(object, "/spec/template", "spec.template", mistakes);
            restart_policy(object, "/spec/template", "spec.template", &["Always"], mistakes);
        }
    }
    match kind {
        "Deployment" => deployment(object, mistakes),
        "StatefulSet" => stateful_set(object, mistakes),
        "DaemonSet" => {
            let kinds = ["RollingUpdate", "OnDelete"];
            one_of(object, "/spec/updateStrategy/type", "spec.updateStrategy.type", &kinds, mistakes);
        }
        _ => {}
    }
}

fn selector(object: &Value, mistakes: &mut Mistakes) {
    let Some(selector) = object.pointer("/spec/selector") else {
        mistakes.push(Mistake::required("spec.selector", ""));
        return;
    };
    label_selector(object, "/spec/selector", "spec.selector", mistakes);
    let parsed = Selector::of_object(selector);
    if parsed.is_everything() {
        mistakes.push(Mistake::invalid(
            "spec.selector",
            selector.clone(),
            "empty selector is invalid for deployment",
        ));
        return;
    }
    let labels = texts(object, "/spec/template/metadata/labels");
    if !parsed.matches(&labels) {
        let shown = serde_json::to_value(labels).unwrap_or_default();
        let detail = "`selector` does not match template `labels`";
        mistakes.push(Mistake::invalid("spec.template.metadata.labels", shown, detail));
    }
}

fn template(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    labels(object, &format!("{pointer}/metadata/labels"), &format!("{field}.labels"), mistakes);
    pods::spec(object, &format!("{pointer}/spec"), &format!("{field}.spec"), mistakes);
}

fn restart_policy(object: &Value, pointer: &str, field: &str, supported: &[&str], mistakes: &mut Mistakes) {
    one_of(
        object,
        &format!("{pointer}/spec/restartPolicy"),
        &format!("{field}.spec.restartPolicy"),
        supported,
        mistakes,
    );
}

fn deployment(object: &Value, mistakes: &mut Mistakes) {
    let kinds = ["Recreate", "RollingUpdate"];
    one_of(object, "/spec/strategy/type", "spec.strategy.type", &kinds, mistakes);
    if text(object, "/spec/strategy/type") == Some("Recreate")
        && object.pointer("/spec/strategy/rollingUpdate").is_some()
    {
        let detail = "may not be specified when strategy `type` is 'Recreate'";
        mistakes.push(Mistake::forbidden("spec.strategy.rollingUpdate", detail));
    }
    not_negative(object, "/spec/progressDeadlineSeconds", "spec.progressDeadlineSeconds", mistakes);
    let deadline = whole(object, "/spec/progressDeadlineSeconds").unwrap_or(600);
    if deadline >= 0 && deadline <= whole(object, "/spec/minReadySeconds").unwrap_or(0) {
        let detail = "must be greater than minReadySeconds";
        mistakes.push(Mistake::invalid("spec.progressDeadlineSeconds", deadline, detail));
    }
    let amount = |name: &str| object.pointer(&format!("/spec/strategy/rollingUpdate/{name}"));
    if is_zero(amount("maxUnavailable")) && is_zero(amount("maxSurge")) {
        let detail = "may not be 0 when `maxSurge` is 0";
        mistakes.push(Mistake::invalid("spec.strategy.rollingUpdate.maxUnavailable", 0, detail));
    }
}

fn is_zero(amount: Option<&Value>) -> bool {
    match amount {
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::String(text)) => text == "0%",
        _ => false,
    }
}

fn stateful_set(object: &Value, mistakes: &mut Mistakes) {
    let kinds = ["OrderedReady", "Parallel"];
    one_of(object, "/spec/podManagementPolicy", "spec.podManagementPolicy", &kinds, mistakes);
    let kinds = ["RollingUpdate", "OnDelete"];
    one_of(object, "/spec/updateStrategy/type", "spec.updateStrategy.type", &kinds, mistakes);
    for (index, claim) in items(object, "/spec/volumeClaimTemplates").iter().enumerate() {
        storage::claim(claim, "/spec", &format!("spec.volumeClaimTemplates[{index}].spec"), mistakes);
    }
}

fn job(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    for number in
        ["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"]
    {
        not_negative(object, &format!("{pointer}/{number}"), &format!("{field}.{number}"), mistakes);
    }
    let modes = ["NonIndexed", "Indexed"];
    one_of(
        object,
        &format!("{pointer}/completionMode"),
        &format!("{field}.completionMode"),
        &modes,
        mistakes,
    );
    let (at, named) = (format!("{pointer}/template"), format!("{field}.template"));
    template(object, &at, &named, mistakes);
    restart_policy(object, &at, &named, &["OnFailure", "Never"], mistakes);
}

fn cron_job(object: &Value, mistakes: &mut Mistakes) {
    let schedule = text_or_empty(object, "/spec/schedule");
    if schedule.is_empty() {
        mistakes.push(Mistake::required("spec.schedule", ""));
    } else if !is_schedule(schedule) {
        let detail =
            format!("expected exactly 5 fields, found {}: [{schedule}]", schedule.split(' ').count());
        mistakes.push(Mistake::invalid("spec.schedule", schedule, &detail));
    }
    let policies = ["Allow", "Forbid", "Replace"];
    one_of(object, "/spec/concurrencyPolicy", "spec.concurrencyPolicy", &policies, mistakes);
    let name = text_or_empty(object, "/metadata/name");
    if name.len() > 52 {
        mistakes.push(Mistake::invalid("metadata.name", name, "must be no more than 52 characters"));
    }
    job(object, "/spec/jobTemplate/spec", "spec.jobTemplate.spec", mistakes);
}

fn is_schedule(schedule: &str) -> bool {
    schedule.starts_with('@') || schedule.split_whitespace().count() == 5
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::verdict;

    fn deployment(change: impl Fn(&mut Value)) -> Value {
        let mut object = json!({"metadata": {"name": "a"}, "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
        }});
        change(&mut object);
        object
    }

    #[test]
    fn a_selector_must_match_the_labels_of_the_template() {
        assert_eq!(verdict("deployments.apps", &deployment(|_| {})), "");
        let other = deployment(|object| object["spec"]["template"]["metadata"]["labels"]["app"] = "b".into());
        assert_eq!(
            verdict("deployments.apps", &other),
            "Deployment.apps \"x\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"b\"}: \
             `selector` does not match template `labels`"
        );
    }

    #[test]
    fn what_recreates_cannot_roll() {
        let object = deployment(|object| {
            object["spec"]["strategy"] = json!({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}});
        });
        assert!(
            verdict("deployments.apps", &object)
                .contains("may not be specified when strategy `type` is 'Recreate'")
        );
    }

    #[test]
    fn a_jobs_pods_do_not_restart_always() {
        let job = json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}});
        assert_eq!(
            verdict("jobs.batch", &job),
            "Job.batch \"x\" is invalid: spec.template.spec.restartPolicy: Unsupported value: \"Always\": \
             supported values: \"OnFailure\", \"Never\""
        );
    }
}
