//! Compares what is wanted with what the server has: only fields that are wanted count, because the server fills in the
//! others and their owners are somebody else.

use serde_json::{Map, Value};
use spacecraft_core::error::printable;
use spacecraft_core::traits::Look;

use crate::objects::Manifest;
use crate::objects::labels::MANIFEST_DIGEST;
use crate::quantity::thousandths;

/// The most differences of one object that are told.
const MOST_TOLD: usize = 8;
/// Values longer than this are told by their length.
const LONGEST_SHOWN_VALUE: usize = 60;
/// Fields by which the server tells the elements of a list apart, the first that an element has.
const KEY_FIELDS: [&str; 4] = ["name", "mountPath", "containerPort", "port"];

/// Compares an object with what the server has of it.
pub(crate) fn look(wanted: &Manifest, live: Option<&Value>) -> Look {
    let Some(live) = live else { return Look::Absent };
    let mut differences = Differences::default();
    for (field, value) in wanted.body.as_object().into_iter().flatten() {
        // What kind of object it is was asked for, and the elements of a list do not repeat it.
        if field != "apiVersion" && field != "kind" {
            differences.compare(field, value, live.get(field));
        }
    }
    let digest =
        live.pointer("/metadata/annotations").and_then(|annotations| annotations.get(MANIFEST_DIGEST));
    if differences.found.is_empty() && digest.and_then(Value::as_str) != Some(wanted.digest()) {
        differences.found.push("has fields that are no longer wanted".to_owned());
    }
    if differences.found.is_empty() {
        Look::Same
    } else {
        let what = format!("{} {}", wanted.address.resource.kind, wanted.address.name);
        Look::Differs(differences.found.into_iter().map(|text| format!("{what}: {text}")).collect())
    }
}

/// What looks at parts of one thing amount to. The thing is `absent` when its essential part is; any other part that is missing is a
/// difference.
pub(crate) fn joined(absent: bool, looks: impl IntoIterator<Item = (String, Look)>) -> Look {
    if absent {
        return Look::Absent;
    }
    let mut differences = Vec::new();
    for (what, look) in looks {
        match look {
            Look::Absent => differences.push(format!("{what}: does not exist")),
            Look::Differs(found) => differences.extend(found),
            Look::Same => {}
        }
    }
    if differences.is_empty() { Look::Same } else { Look::Differs(differences) }
}

#[derive(Default)]
struct Differences {
    found: Vec<String>,
}

impl Differences {
    fn compare(&mut self, path: &str, wanted: &Value, live: Option<&Value>) {
        match (wanted, live) {
            (Value::Object(wanted), Some(Value::Object(live))) => self.compare_fields(path, wanted, live),
            (Value::Array(wanted), Some(Value::Array(live))) => self.compare_lists(path, wanted, live),
            (wanted, None) if is_left_out_when_empty(wanted) => {}
            (wanted, Some(live)) if wanted == live || same_amount(path, wanted, live) => {}
            (wanted, live) => self.tell(path, live, wanted),
        }
    }

    fn compare_fields(&mut self, path: &str, wanted: &Map<String, Value>, live: &Map<String, Value>) {
        for (key, value) in wanted {
            if key == MANIFEST_DIGEST {
                continue;
            }
            self.compare(&format!("{path}.{key}"), value, live.get(key));
        }
    }

    /// Elements that have a key field are found by it wherever they stand, and others may be among them; lists without one have to
    /// agree from the first to the last element.
    fn compare_lists(&mut self, path: &str, wanted: &[Value], live: &[Value]) {
        let Some(field) =
            KEY_FIELDS.into_iter().find(|field| wanted.iter().all(|item| item.get(field).is_some()))
        else {
            return self.compare_in_order(path, wanted, live);
        };
        for item in wanted {
            let same = |other: &&Value| same_element(field, item, other);
            let path = format!("{path}[{}]", shown(&item[field]));
            self.compare(&path, item, live.iter().find(same));
        }
    }

    fn compare_in_order(&mut self, path: &str, wanted: &[Value], live: &[Value]) {
        if wanted.len() != live.len() {
            return self.tell(path, Some(&Value::Array(live.to_vec())), &Value::Array(wanted.to_vec()));
        }
        for (index, (wanted, live)) in wanted.iter().zip(live).enumerate() {
            self.compare(&format!("{path}[{index}]"), wanted, Some(live));
        }
    }

    fn tell(&mut self, path: &str, live: Option<&Value>, wanted: &Value) {
        if self.found.len() < MOST_TOLD {
            let there = live.map_or_else(|| "missing".to_owned(), |live| format!("is {}", shown(live)));
            self.found.push(format!("{path} {there}, wanted {}", shown(wanted)));
        }
    }
}

/// Servers leave fields out that say nothing: nothing at all, `false`, 0, and what is empty.
fn is_left_out_when_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// Two ports may share a number when their protocols differ.
fn same_element(field: &str, wanted: &Value, live: &Value) -> bool {
    let agree = |field: &str| wanted.get(field) == live.get(field);
    agree(field) && (wanted.get("protocol").is_none() || agree("protocol"))
}

/// Amounts are compared as amounts: the server may write `1` for `1000m`.
fn same_amount(path: &str, wanted: &Value, live: &Value) -> bool {
    let is_amount = path.contains("requests.") || path.contains("limits.");
    match (wanted.as_str().and_then(thousandths), live.as_str().and_then(thousandths)) {
        (Some(wanted), Some(live)) => is_amount && wanted == live,
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    if text.chars().count() > LONGEST_SHOWN_VALUE {
        format!("a value of {} characters", text.chars().count())
    } else {
        printable(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::objects::labels::TEMPLATE_DIGEST;
    use crate::objects::{of_workload, tests::sample};

    fn deployment() -> Manifest {
        of_workload(&sample::target(), &sample::v1_node()).pop().unwrap()
    }

    fn differences(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let wanted = deployment();
        let mut live = wanted.body.clone();
        change(&mut live);
        match look(&wanted, Some(&live)) {
            Look::Differs(found) => found,
            Look::Same => Vec::new(),
            Look::Absent => panic!("it is there"),
        }
    }

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let found = differences(|live| {
            live["metadata"]["uid"] = json!("u");
            live["metadata"]["managedFields"] = json!([{ "manager": "spacecraft" }]);
            live["status"] = json!({ "readyReplicas": 1 });
            live["spec"]["template"]["spec"]["dnsPolicy"] = json!("ClusterFirst");
            live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("IfNotPresent");
            live["spec"]["template"]["spec"]["containers"][0]["ports"][0]["hostIP"] = json!("");
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn the_element_of_a_list_does_not_say_its_kind() {
        let found = differences(|live| {
            let fields = live.as_object_mut().unwrap();
            fields.remove("apiVersion");
            fields.remove("kind");
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn what_says_nothing_may_be_left_out() {
        let mut differences = Differences::default();
        let wanted = json!({ "a": "", "b": false, "c": 0, "d": [], "e": {}, "f": null, "g": "x" });
        differences.compare("spec", &wanted, Some(&json!({})));
        assert_eq!(differences.found, ["spec.g missing, wanted x"]);
    }

    #[test]
    fn amounts_are_compared_as_amounts() {
        let found = differences(|live| {
            live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] =
                json!("1000m");
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn another_image_is_told_with_its_path() {
        let found = differences(|live| {
            live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("x:v0");
        });
        assert_eq!(
            found,
            [
                "Deployment miner-3: spec.template.spec.containers[miner].image is x:v0, wanted spacemeshos/go-spacemesh:v1.7.6"
            ]
        );
    }

    #[test]
    fn a_sidecar_that_somebody_injected_is_no_difference_and_a_missing_container_is_one() {
        let injected = differences(|live| {
            let containers = live["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
            containers.insert(0, json!({ "name": "proxy", "image": "p" }));
        });
        assert_eq!(injected, Vec::<String>::new());
        let missing = differences(|live| live["spec"]["template"]["spec"]["containers"] = json!([]));
        assert_eq!(missing.len(), 1, "{missing:?}");
    }

    #[test]
    fn a_field_that_is_no_longer_wanted_shows_by_the_digest() {
        let found = differences(|live| live["metadata"]["annotations"][MANIFEST_DIGEST] = json!("older"));
        assert_eq!(found, ["Deployment miner-3: has fields that are no longer wanted"]);
    }

    #[test]
    fn changed_config_shows_on_the_deployment_by_the_digest_of_the_template() {
        let found = differences(|live| {
            live["spec"]["template"]["metadata"]["annotations"][TEMPLATE_DIGEST] = json!("older");
        });
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_missing_part_is_a_difference_of_what_is_there() {
        let looks = || [("Service a".to_owned(), Look::Absent), ("Deployment a".to_owned(), Look::Same)];
        assert_eq!(joined(false, looks()), Look::Differs(vec!["Service a: does not exist".to_owned()]));
        assert_eq!(joined(true, looks()), Look::Absent);
        assert_eq!(joined(false, [("Service a".to_owned(), Look::Same)]), Look::Same);
    }

    fn json_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z0-9]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("name|port|spec|requests|[a-c]", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_reply_makes_comparing_panic(live in json_values()) {
            let _ = look(&deployment(), Some(&live));
        }

        #[test]
        fn a_value_never_differs_from_itself_with_fields_added(value in json_values(), more in json_values()) {
            let mut live = value.clone();
            if let Some(fields) = live.as_object_mut() {
                fields.insert("zzz".to_owned(), more);
            }
            let mut differences = Differences::default();
            differences.compare("spec", &value, Some(&live));
            prop_assert_eq!(differences.found, Vec::<String>::new());
        }
    }
}
