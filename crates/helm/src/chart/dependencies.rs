//! Which subcharts take part, under which names, and which of their values the parent takes over.

use serde_json::Value;

use super::{Chart, ChartError, Dependency};
use crate::values::{Nulls, Values, coalesce, combine_tables, leaf_at, merge, table_at};
use crate::version;

/// Settles the dependencies of `chart` for these given values: unused subcharts go, aliases take effect, and values that
/// are imported become the parent's own.
///
/// # Errors
/// If the values have something other than a table where a subchart's values belong.
pub fn process(chart: &mut Chart, given: &Values) -> Result<(), ChartError> {
    settle(chart, given, "")?;
    import_values(chart)
}

/// `path` is where the chart's values are in `values`: empty, or dotted with a dot at its end.
fn settle(chart: &mut Chart, values: &Values, path: &str) -> Result<(), ChartError> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    chart.dependencies = under_their_aliases(chart);
    for dependency in &mut chart.metadata.dependencies {
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    let values = coalesce(chart, values)?;
    for dependency in &mut chart.metadata.dependencies {
        dependency.enabled =
            by_condition(dependency, &values, path).unwrap_or_else(|| by_tags(dependency, &values));
    }
    let declared = std::mem::take(&mut chart.metadata.dependencies);
    let (enabled, disabled): (Vec<_>, Vec<_>) =
        declared.into_iter().partition(|dependency| dependency.enabled);
    chart.metadata.dependencies = enabled;
    let is_disabled = |name: &str| disabled.iter().any(|dependency| dependency.name == name);
    chart.dependencies.retain(|subchart| !is_disabled(subchart.name()));
    chart.metadata.dependencies.retain(|dependency| !is_disabled(&dependency.name));
    for subchart in &mut chart.dependencies {
        let path = format!("{path}{}.", subchart.name());
        settle(subchart, &values, &path)?;
    }
    Ok(())
}

/// First the packed charts that `Chart.yaml` does not speak of, then one for each dependency that it declares.
fn under_their_aliases(chart: &Chart) -> Vec<Chart> {
    let declared = &chart.metadata.dependencies;
    let is_declared = |packed: &&Chart| declared.iter().any(|dependency| is_for(dependency, packed));
    let mut charts: Vec<Chart> =
        chart.dependencies.iter().filter(|packed| !is_declared(packed)).cloned().collect();
    for dependency in declared {
        if let Some(packed) = chart.dependencies.iter().find(|packed| is_for(dependency, packed)) {
            let mut used = packed.clone();
            dependency.effective_name().clone_into(&mut used.metadata.name);
            charts.push(used);
        }
    }
    charts
}

fn is_for(dependency: &Dependency, packed: &Chart) -> bool {
    packed.name() == dependency.name && version::satisfies(&packed.metadata.version, &dependency.version)
}

/// What the first condition with a boolean says.
fn by_condition(dependency: &Dependency, values: &Values, path: &str) -> Option<bool> {
    let conditions =
        dependency.condition.trim().split(',').map(str::trim).filter(|condition| !condition.is_empty());
    for condition in conditions {
        match leaf_at(values, &format!("{path}{condition}")) {
            Some(Value::Bool(enabled)) => return Some(*enabled),
            Some(_) => {
                tracing::warn!(
                    "Condition path '{condition}' for chart {} returned non-bool value",
                    dependency.name
                );
            }
            None => {}
        }
    }
    None
}

/// One true tag enables; otherwise one false tag disables.
fn by_tags(dependency: &Dependency, values: &Values) -> bool {
    let Some(tags) = table_at(values, "tags") else {
        return true;
    };
    let mut settings = dependency.tags.iter().filter_map(|tag| tags.get(tag)?.as_bool()).peekable();
    settings.peek().is_none() || settings.any(|enabled| enabled)
}

/// Takes imported values over, from the deepest chart up.
fn import_values(chart: &mut Chart) -> Result<(), ChartError> {
    for subchart in &mut chart.dependencies {
        import_values(subchart)?;
    }
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let mut own = merge(chart, &Values::new())?;
    let mut imported = Values::new();
    for dependency in &mut chart.metadata.dependencies {
        let imports = std::mem::take(&mut dependency.import_values);
        for import in &imports {
            let Some((child, parent)) = child_and_parent(import) else {
                tracing::warn!("import-values of chart {} has an entry of an unknown shape", dependency.name);
                continue;
            };
            dependency.import_values.push(serde_json::json!({"child": child, "parent": parent}));
            match table_at(&own, &format!("{}.{child}", dependency.name)) {
                Some(table) => combine_tables(&mut imported, nested(&parent, table.clone()), Nulls::Keep),
                None => tracing::warn!("ImportValues missing table from chart {}: {child}", dependency.name),
            }
        }
    }
    combine_tables(&mut own, imported, Nulls::Keep);
    chart.values = own;
    Ok(())
}

/// Where an entry of `import-values` takes from and puts to: a text names a table under `exports`, whose keys go to the
/// top.
fn child_and_parent(import: &Value) -> Option<(String, String)> {
    match import {
        Value::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
            Some((text("child")?, text("parent")?))
        }
        _ => None,
    }
}

fn nested(path: &str, table: Values) -> Values {
    if path == "." {
        return table;
    }
    path.rsplit('.')
        .fold(table, |inner, key| std::iter::once((key.to_owned(), Value::Object(inner))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chart::Metadata;

    fn table(value: Value) -> Values {
        value.as_object().cloned().unwrap_or_default()
    }

    fn chart(name: &str, declared: Value, values: Value, dependencies: Vec<Chart>) -> Chart {
        let metadata =
            Metadata::from_value(&json!({"name": name, "version": "1.2.3", "dependencies": declared}))
                .unwrap();
        Chart { metadata, values: table(values), dependencies, ..Chart::default() }
    }

    fn kid(values: Value) -> Chart {
        chart("kid", json!(null), values, vec![])
    }

    fn taking_part(mut chart: Chart, given: Value) -> Vec<String> {
        process(&mut chart, &table(given)).unwrap();
        chart.dependencies.iter().map(|subchart| subchart.name().to_owned()).collect()
    }

    #[test]
    fn a_condition_decides_before_tags_and_only_if_it_is_a_boolean() {
        let parent = |values: Value| {
            let declared = json!([{"name": "kid", "condition": "x.on, kid.on", "tags": ["front"]}]);
            chart("demo", declared, values, vec![kid(json!({}))])
        };
        assert_eq!(taking_part(parent(json!({})), json!({})), ["kid"]);
        assert!(taking_part(parent(json!({"tags": {"front": false}})), json!({})).is_empty());
        assert_eq!(
            taking_part(parent(json!({"tags": {"front": false}})), json!({"kid": {"on": true}})),
            ["kid"]
        );
        assert!(taking_part(parent(json!({"x": {"on": "yes"}})), json!({"kid": {"on": false}})).is_empty());
    }

    #[test]
    fn one_true_tag_enables_whatever_the_others_say() {
        let declared = json!([{"name": "kid", "tags": ["a", "b"]}]);
        let parent = chart("demo", declared, json!({"tags": {"a": false, "b": true}}), vec![kid(json!({}))]);
        assert_eq!(taking_part(parent, json!({})), ["kid"]);
    }

    #[test]
    fn one_chart_takes_part_under_each_alias_and_undeclared_ones_stay() {
        let declared = json!([{"name": "kid", "alias": "one"}, {"name": "kid", "alias": "two"}]);
        let other = chart("other", json!(null), json!({}), vec![]);
        let parent = chart("demo", declared, json!({}), vec![kid(json!({})), other]);
        assert_eq!(taking_part(parent, json!({})), ["other", "one", "two"]);
    }

    #[test]
    fn conditions_of_a_subcharts_dependencies_are_looked_up_under_the_subchart() {
        let middle = chart(
            "middle",
            json!([{"name": "kid", "condition": "kid.enabled"}]),
            json!({}),
            vec![kid(json!({"enabled": true}))],
        );
        let mut parent = chart("demo", json!([{"name": "middle"}]), json!({}), vec![middle]);
        process(&mut parent, &table(json!({"middle": {"kid": {"enabled": false}}}))).unwrap();
        assert!(parent.dependencies[0].dependencies.is_empty());
    }

    #[test]
    fn imported_values_become_the_parents_own_under_what_the_parent_says() {
        let declared =
            json!([{"name": "kid", "import-values": ["data", {"child": "deep", "parent": "a.b"}]}]);
        let values = json!({"exports": {"data": {"x": 1, "y": 2}}, "deep": {"z": 3}});
        let mut parent = chart("demo", declared, json!({"y": "mine"}), vec![kid(values)]);
        process(&mut parent, &Values::new()).unwrap();
        assert_eq!(parent.values.get("x"), Some(&json!(1)));
        assert_eq!(parent.values.get("y"), Some(&json!("mine")));
        assert_eq!(parent.values.get("a"), Some(&json!({"b": {"z": 3}})));
        assert_eq!(
            parent.metadata.dependencies[0].import_values,
            [json!({"child": "exports.data", "parent": "."}), json!({"child": "deep", "parent": "a.b"})]
        );
    }
}
