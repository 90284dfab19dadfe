//! The chart's own values come in under those that were given, for the chart and every subchart.
//!
//! A null that was given removes the chart's own value of that key. While dependencies are still being settled, nulls are
//! kept instead, because a subchart may need them later.
//!
//! A chart hands its globals down to its subcharts, and of the tables in them only the outermost are copied: those inside are one and the
//! same for the whole family, so that what a subchart's own values add to one is seen by its parent and its siblings as well. That is how
//! Helm has it in memory. Here they are copies that are [kept alike](hand_up_globals).

use serde_json::Value;
use spacecraft_gotemplate::Value as GoValue;
use spacecraft_gotemplate::fmt::sprintf;

use super::{Values, table_at};
use crate::chart::{Chart, ChartError};

/// The table that every subchart sees.
const GLOBAL: &str = "global";

/// What becomes of a given null where the chart has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Both the null and the chart's value go.
    Remove,
    /// The null stays.
    Keep,
}

/// The complete values of `chart` and its subcharts under the `given` ones, nulls having removed what they name.
///
/// # Errors
/// If `given` has something other than a table where a subchart's values belong.
pub fn coalesce(chart: &Chart, given: &Values) -> Result<Values, ChartError> {
    complete(chart, given, Nulls::Remove)
}

/// As [`coalesce`], with the nulls kept.
///
/// # Errors
/// If `given` has something other than a table where a subchart's values belong.
pub fn merge(chart: &Chart, given: &Values) -> Result<Values, ChartError> {
    complete(chart, given, Nulls::Keep)
}

fn complete(chart: &Chart, given: &Values, nulls: Nulls) -> Result<Values, ChartError> {
    let mut values = given.clone();
    fill_in(chart, &mut values, nulls)?;
    share_globals(chart, &mut values);
    Ok(values)
}

fn fill_in(chart: &Chart, values: &mut Values, nulls: Nulls) -> Result<(), ChartError> {
    fill_in_own(chart, values, nulls);
    for subchart in &chart.dependencies {
        fill_in_subchart(subchart, values, nulls)?;
    }
    Ok(())
}

fn fill_in_own(chart: &Chart, values: &mut Values, nulls: Nulls) {
    for (key, own) in &chart.values {
        match (values.get_mut(key), own) {
            (None, own) => {
                values.insert(key.clone(), own.clone());
            }
            (Some(Value::Null), _) if nulls == Nulls::Remove => {
                values.remove(key);
            }
            (Some(Value::Object(given)), Value::Object(own)) => {
                let is_subchart = chart.dependencies.iter().any(|subchart| subchart.name() == key);
                combine_tables(given, own.clone(), if is_subchart { Nulls::Keep } else { nulls });
            }
            (Some(Value::Object(_)), own) if !own.is_null() => {
                tracing::warn!("skipped value for {}.{key}: Not a table.", chart.name());
            }
            (Some(_), _) => {}
        }
    }
}

fn fill_in_subchart(subchart: &Chart, values: &mut Values, nulls: Nulls) -> Result<(), ChartError> {
    let name = subchart.name();
    let globals = values.get(GLOBAL).cloned();
    let entry = values.entry(name).or_insert_with(|| Value::Object(Values::new()));
    match entry {
        Value::Object(table) => {
            hand_down_globals(table, globals);
            fill_in(subchart, table, nulls)?;
            hand_up_globals(name, values);
            Ok(())
        }
        other => {
            let shown = sprintf("%t", &[GoValue::from(&*other)]);
            Err(ChartError::new(format!("type mismatch on {name}: {}", String::from_utf8_lossy(&shown))))
        }
    }
}

/// Puts the parent's globals over those of the subchart's table.
fn hand_down_globals(table: &mut Values, parent: Option<Value>) {
    let parent = match parent {
        None => Values::new(),
        Some(Value::Object(globals)) => globals,
        Some(_) => return tracing::warn!("skipping globals because source {GLOBAL} is not a table."),
    };
    let own = table.entry(GLOBAL).or_insert_with(|| Value::Object(Values::new()));
    let Value::Object(own) = own else {
        return tracing::warn!("skipping globals because destination {GLOBAL} is not a table.");
    };
    for (key, value) in parent {
        hand_down_global(own, key, value);
    }
}

fn hand_down_global(own: &mut Values, key: String, value: Value) {
    match (own.remove(&key), value) {
        (Some(Value::Object(below)), Value::Object(mut above)) => {
            combine_tables(&mut above, below, Nulls::Keep);
            own.insert(key, Value::Object(above));
        }
        (Some(kept @ Value::Object(_)), _) | (Some(kept), Value::Object(_)) => {
            own.insert(key, kept);
        }
        (_, value) => {
            own.insert(key, value);
        }
    }
}

/// Puts what has become of the tables that a subchart shares with its parent into the parent's globals.
fn hand_up_globals(subchart: &str, values: &mut Values) {
    let Some(below) = table_at(values, subchart).and_then(globals_of).cloned() else { return };
    if let Some(Value::Object(own)) = values.get_mut(GLOBAL) {
        copy_shared(&below, own);
    }
}

/// Gives every subchart the tables that it shares with its parent as they are at the end.
fn share_globals(chart: &Chart, values: &mut Values) {
    let globals = globals_of(values).cloned().unwrap_or_default();
    for subchart in &chart.dependencies {
        let Some(Value::Object(table)) = values.get_mut(subchart.name()) else { continue };
        if let Some(Value::Object(own)) = table.get_mut(GLOBAL) {
            copy_shared(&globals, own);
        }
        share_globals(subchart, table);
    }
}

fn globals_of(values: &Values) -> Option<&Values> {
    values.get(GLOBAL)?.as_object()
}

/// Copies the tables that are inside tables of both.
fn copy_shared(from: &Values, to: &mut Values) {
    for (key, from) in from {
        let Some((from, Value::Object(to))) = from.as_object().zip(to.get_mut(key)) else { continue };
        for (key, shared) in from.iter().filter(|(_, value)| value.is_object()) {
            if let Some(own @ Value::Object(_)) = to.get_mut(key) {
                own.clone_from(shared);
            }
        }
    }
}

/// Fills `given` up with what `own` has and `given` has not; tables are combined key by key.
pub(crate) fn combine_tables(given: &mut Values, own: Values, nulls: Nulls) {
    for (key, own) in own {
        match (given.get_mut(&key), own) {
            (None, own) => {
                given.insert(key, own);
            }
            (Some(Value::Null), _) if nulls == Nulls::Remove => {
                given.remove(&key);
            }
            (Some(Value::Object(given)), Value::Object(own)) => combine_tables(given, own, nulls),
            (Some(Value::Object(_)), own) if !own.is_null() => {
                tracing::warn!("destination for {key} is a table. Ignoring non-table value");
            }
            (Some(_), Value::Object(_)) => tracing::warn!("cannot overwrite table with non table for {key}"),
            (Some(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::chart::Metadata;

    fn table(value: Value) -> Values {
        value.as_object().cloned().unwrap_or_default()
    }

    fn chart(name: &str, values: Value, dependencies: Vec<Chart>) -> Chart {
        let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
        Chart { metadata, values: table(values), dependencies, ..Chart::default() }
    }

    fn coalesced(chart: &Chart, given: Value) -> Value {
        Value::Object(coalesce(chart, &table(given)).unwrap())
    }

    #[test]
    fn a_null_removes_what_the_chart_has_at_any_depth_and_stays_where_it_has_nothing() {
        let chart = chart("demo", json!({"gone": {"a": 1}, "nest": {"keep": 1, "drop": 2}}), vec![]);
        assert_eq!(
            coalesced(&chart, json!({"gone": null, "nest": {"drop": null}, "never": null})),
            json!({"nest": {"keep": 1}, "never": null})
        );
    }

    #[test]
    fn a_null_for_a_subchart_removes_the_subcharts_own_default() {
        let kid = chart("kid", json!({"a": 1, "b": {"c": 2, "d": 3}}), vec![]);
        let parent = chart("demo", json!({"kid": {"b": {"e": 4}}}), vec![kid]);
        assert_eq!(
            coalesced(&parent, json!({"kid": {"a": null, "b": {"c": null}}})),
            json!({"kid": {"b": {"d": 3, "e": 4}, "global": {}}})
        );
    }

    #[test]
    fn globals_flow_down_and_the_parents_win_over_the_subcharts() {
        let kid =
            chart("kid", json!({"global": {"env": "kid", "own": "k", "t": {"a": "K", "b": "K"}}}), vec![]);
        let parent = chart("demo", json!({"global": {"env": "parent", "t": {"a": "P"}}}), vec![kid]);
        assert_eq!(
            coalesced(&parent, json!({})),
            json!({
                "global": {"env": "parent", "t": {"a": "P"}},
                "kid": {"global": {"env": "parent", "own": "k", "t": {"a": "P", "b": "K"}}},
            })
        );
    }

    #[test]
    fn a_subchart_whose_values_are_no_table_is_an_error() {
        let parent = chart("demo", json!({}), vec![chart("kid", json!({}), vec![])]);
        let refusal = |kid: Value| coalesce(&parent, &table(json!({"kid": kid}))).unwrap_err().to_string();
        assert_eq!(refusal(json!("x")), "type mismatch on kid: %!t(string=x)");
        assert_eq!(refusal(json!([true, 1.0])), "type mismatch on kid: [true %!t(float64=1)]");
    }

    #[test]
    fn a_global_table_does_not_replace_what_is_no_table_in_the_subchart() {
        let kid = chart("kid", json!({}), vec![]);
        let parent =
            chart("demo", json!({"global": {"a": {"b": 1}}, "kid": {"global": {"a": "s"}}}), vec![kid]);
        assert_eq!(coalesced(&parent, json!({}))["kid"], json!({"global": {"a": "s"}}));
    }

    #[test]
    fn tables_inside_global_tables_are_one_for_the_whole_family() {
        let kid = chart("kid", json!({"global": {"a": {"b": {"d": 2}, "e": 3}}}), vec![]);
        let brother = chart("brother", json!({}), vec![]);
        let parent = chart("demo", json!({"global": {"a": {"b": {"c": 1}}}}), vec![brother, kid]);
        let shared = json!({"a": {"b": {"c": 1, "d": 2}}});
        assert_eq!(
            coalesced(&parent, json!({})),
            json!({
                "global": shared,
                "brother": {"global": shared},
                "kid": {"global": {"a": {"b": {"c": 1, "d": 2}, "e": 3}}},
            })
        );
    }

    #[test]
    fn a_null_deep_in_the_globals_of_a_subchart_comes_back_through_its_own_subchart() {
        let inner = chart("inner", json!({}), vec![]);
        let kid = chart("kid", json!({"global": {"a": {"b": {"c": null}}}}), vec![inner]);
        let given = json!({"kid": {
            "global": {"a": {"b": {"c": null}}},
            "inner": {"global": {"a": {"b": {"c": null}}}},
        }});
        let values = coalesced(&chart("demo", json!({}), vec![kid]), given);
        assert_eq!(values["kid"]["global"], json!({"a": {"b": {"c": null}}}));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_given_stands_whatever_the_chart_has(given in any_value(), own in any_value()) {
            let chart = chart("demo", own, vec![]);
            let given = table(given);
            let values = coalesce(&chart, &given).unwrap();
            for (key, value) in given.iter().filter(|(_, value)| !value.is_object() && !value.is_null()) {
                prop_assert_eq!(values.get(key), Some(value));
            }
        }

        #[test]
        fn coalescing_again_changes_nothing_but_nulls(given in any_value(), own in any_value()) {
            let chart = chart("demo", own, vec![]);
            let once = merge(&chart, &table(given)).unwrap();
            prop_assert_eq!(merge(&chart, &once).unwrap(), once);
        }
    }
}
