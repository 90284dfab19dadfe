//! Which subcharts take part, under which names, and which of their values the parent takes over.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Chart, ChartError, Dependency, Metadata};
use crate::values::{Nulls, Values, coalesce, combine_tables, leaf_at, merge, table_at};
use crate::version;

/// Settles the dependencies of `chart` for these given values: unused subcharts go, aliases take effect, and values that
/// are imported become the parent's own.
///
/// # Errors
/// If the values have something other than a table where a subchart's values belong.
pub fn process(chart: &mut Chart, given: &Values) -> Result<(), ChartError> {
    let mut forest = Forest::default();
    let root = forest.plant(std::mem::take(chart));
    forest.settle(root, given, "")?;
    forest.import_values(root)?;
    *chart = forest.into_chart(root);
    Ok(())
}

/// A chart with its dependencies, as Helm has them in memory while it settles them. A chart that is used under two names is copied for each use, but the
/// copies share what `Chart.yaml` declares and the charts packed with it: what the first use changes there, the second one sees. Charts of
/// these shapes are rendered by Helm accordingly, so this keeps the sharing.
#[derive(Default)]
struct Forest {
    nodes: Vec<Node>,
    declared: Vec<Declared>,
}

/// A chart without its dependencies, and where they are in the forest.
#[derive(Clone)]
struct Node {
    chart: Chart,
    /// What `Chart.yaml` lists; none if it has no list.
    declared: Option<Vec<usize>>,
    subcharts: Vec<usize>,
    /// The chart that this one was last made a dependency of.
    parent: Option<usize>,
}

struct Declared {
    dependency: Dependency,
    /// Its values were imported. A second use imports nothing: Helm does not understand any more what it noted then.
    is_imported: bool,
}

impl Forest {
    fn plant(&mut self, mut chart: Chart) -> usize {
        let subcharts = std::mem::take(&mut chart.dependencies);
        let subcharts = subcharts.into_iter().map(|subchart| self.plant(subchart)).collect();
        let listed = std::mem::take(&mut chart.metadata.dependencies);
        let has_list = !listed.is_empty() || chart.metadata.has_empty_dependencies;
        let declared: Vec<usize> = listed
            .into_iter()
            .map(|dependency| {
                self.declared.push(Declared { dependency, is_imported: false });
                self.declared.len() - 1
            })
            .collect();
        let declared = has_list.then_some(declared);
        let planted = self.add(Node { chart, declared, subcharts: Vec::new(), parent: None });
        self.set_subcharts(planted, subcharts);
        planted
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Where Helm takes a chart to be: below the chart that it was last made a dependency of.
    fn full_path(&self, index: usize) -> String {
        match self.node(index).and_then(|node| node.parent) {
            Some(parent) => format!("{}/charts/{}", self.full_path(parent), self.name(index)),
            None => self.name(index).to_owned(),
        }
    }

    fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    fn subcharts(&self, index: usize) -> Vec<usize> {
        self.node(index).map(|node| node.subcharts.clone()).unwrap_or_default()
    }

    fn declared_by(&self, index: usize) -> Option<Vec<usize>> {
        self.node(index)?.declared.clone()
    }

    fn dependency(&self, index: usize) -> Option<&Dependency> {
        self.declared.get(index).map(|declared| &declared.dependency)
    }

    fn name(&self, index: usize) -> &str {
        self.node(index).map_or("", |node| node.chart.name())
    }

    /// The names and values of a chart and its subcharts: all that values are computed from.
    fn values_tree(&self, index: usize) -> Chart {
        let Some(node) = self.node(index) else { return Chart::default() };
        let metadata = Metadata { name: node.chart.name().to_owned(), ..Metadata::default() };
        let dependencies = node.subcharts.iter().map(|subchart| self.values_tree(*subchart)).collect();
        Chart { metadata, values: node.chart.values.clone(), dependencies, ..Chart::default() }
    }

    /// `path` is where the chart's values are in `values`: empty, or dotted with a dot at its end.
    fn settle(&mut self, index: usize, values: &Values, path: &str) -> Result<(), ChartError> {
        let Some(declared) = self.declared_by(index) else { return Ok(()) };
        let subcharts = self.under_their_aliases(index, &declared);
        self.set_subcharts(index, subcharts);
        let values = coalesce(&self.values_tree(index), values)?;
        for place in &declared {
            let Some(Declared { dependency, .. }) = self.declared.get_mut(*place) else { continue };
            dependency.enabled =
                by_condition(dependency, &values, path).unwrap_or_else(|| by_tags(dependency, &values));
        }
        self.drop_disabled(index, &declared);
        for subchart in self.subcharts(index) {
            let path = format!("{path}{}.", self.name(subchart));
            self.settle(subchart, &values, &path)?;
        }
        Ok(())
    }

    fn set_subcharts(&mut self, index: usize, subcharts: Vec<usize>) {
        for subchart in &subcharts {
            if let Some(node) = self.nodes.get_mut(*subchart) {
                node.parent = Some(index);
            }
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.subcharts = subcharts;
        }
    }

    /// First the packed charts that `Chart.yaml` does not speak of, then one for each dependency that it declares, which goes by its
    /// alias from then on.
    fn under_their_aliases(&mut self, index: usize, declared: &[usize]) -> Vec<usize> {
        let packed = self.subcharts(index);
        let is_declared = |packed: &usize| declared.iter().any(|place| self.is_for(*place, *packed));
        let mut charts: Vec<usize> = packed.iter().copied().filter(|packed| !is_declared(packed)).collect();
        for place in declared {
            let found = packed.iter().copied().find(|packed| self.is_for(*place, *packed));
            let Some(declared) = self.declared.get_mut(*place) else { continue };
            let name = declared.dependency.effective_name().to_owned();
            declared.dependency.name.clone_from(&name);
            if let Some(mut used) = found.and_then(|found| self.node(found).cloned()) {
                used.chart.metadata.name = name;
                charts.push(self.add(used));
            }
        }
        charts
    }

    fn is_for(&self, declared: usize, packed: usize) -> bool {
        let pair = self.dependency(declared).zip(self.node(packed));
        pair.is_some_and(|(dependency, packed)| is_for(dependency, &packed.chart))
    }

    fn drop_disabled(&mut self, index: usize, declared: &[usize]) {
        let is_enabled = |name: &str| {
            let mut dependencies = declared.iter().filter_map(|place| self.dependency(*place));
            !dependencies.any(|dependency| !dependency.enabled && dependency.name == name)
        };
        let subcharts: Vec<usize> =
            self.subcharts(index).into_iter().filter(|subchart| is_enabled(self.name(*subchart))).collect();
        let is_kept =
            |place: &usize| self.dependency(*place).is_some_and(|dependency| is_enabled(&dependency.name));
        let kept: Vec<usize> = declared.iter().copied().filter(is_kept).collect();
        self.set_subcharts(index, subcharts);
        if let Some(node) = self.nodes.get_mut(index) {
            node.declared = (!kept.is_empty()).then_some(kept);
        }
    }

    /// Takes imported values over, from the deepest chart up.
    fn import_values(&mut self, index: usize) -> Result<(), ChartError> {
        for subchart in self.subcharts(index) {
            self.import_values(subchart)?;
        }
        let Some(declared) = self.declared_by(index) else { return Ok(()) };
        let mut own = merge(&self.values_tree(index), &Values::new())?;
        let mut imported = Values::new();
        for declared in declared {
            if let Some(declared) = self.declared.get_mut(declared) {
                declared.import(&own, &mut imported);
            }
        }
        combine_tables(&mut own, imported, Nulls::Keep);
        if let Some(node) = self.nodes.get_mut(index) {
            node.chart.values = own;
        }
        Ok(())
    }

    fn into_chart(self, root: usize) -> Chart {
        self.chart(root, self.name(root), &mut BTreeSet::new())
    }

    /// The chart with its dependencies. Charts that two uses share are in the place of the last one alone, so that their templates are only there:
    /// the charts are gone through from the end.
    fn chart(&self, index: usize, path: &str, placed: &mut BTreeSet<usize>) -> Chart {
        let Some(node) = self.node(index) else { return Chart::default() };
        let full_path = self.full_path(index);
        let subcharts = node.subcharts.iter().rev();
        let below = |subchart: usize| format!("{full_path}/charts/{}", self.name(subchart));
        let mut dependencies: Vec<Chart> =
            subcharts.map(|subchart| self.chart(*subchart, &below(*subchart), placed)).collect();
        dependencies.reverse();
        let mut chart = node.chart.clone();
        chart.metadata.dependencies =
            node.declared.iter().flatten().filter_map(|place| self.dependency(*place)).cloned().collect();
        if !placed.insert(index) {
            chart.templates.clear();
        }
        Chart { dependencies, full_path: (full_path != path).then_some(full_path), ..chart }
    }
}

impl Declared {
    /// Adds the values that are imported from this dependency, which are among the chart's `own`.
    fn import(&mut self, own: &Values, imported: &mut Values) {
        let dependency = &mut self.dependency;
        let imports = std::mem::take(&mut dependency.import_values);
        if std::mem::replace(&mut self.is_imported, true) {
            return;
        }
        for import in &imports {
            let Some((child, parent)) = child_and_parent(import) else {
                tracing::warn!("import-values of chart {} has an entry of an unknown shape", dependency.name);
                continue;
            };
            dependency.import_values.push(serde_json::json!({"child": child, "parent": parent}));
            match table_at(own, &format!("{}.{child}", dependency.name)) {
                Some(table) => combine_tables(imported, nested(&parent, table.clone()), Nulls::Keep),
                None => tracing::warn!("ImportValues missing table from chart {}: {child}", dependency.name),
            }
        }
    }
}

/// A dependency that is declared without a version is for no packed chart, which then takes part as one that is not declared.
fn is_for(dependency: &Dependency, packed: &Chart) -> bool {
    let Dependency { name, version, .. } = dependency;
    packed.name() == name
        && !version.trim().is_empty()
        && version::satisfies(&packed.metadata.version, version)
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

    fn table(value: Value) -> Values {
        value.as_object().cloned().unwrap_or_default()
    }

    fn chart(name: &str, declared: Value, values: Value, dependencies: Vec<Chart>) -> Chart {
        let mut metadata =
            Metadata::from_value(&json!({"name": name, "version": "1.2.3", "dependencies": declared}))
                .unwrap();
        for dependency in &mut metadata.dependencies {
            "*".clone_into(&mut dependency.version);
        }
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

    #[test]
    fn a_dependency_without_a_version_is_for_no_packed_chart() {
        let mut parent =
            chart("demo", json!([{"name": "kid", "alias": "two"}]), json!({}), vec![kid(json!({}))]);
        parent.metadata.dependencies[0].version.clear();
        assert_eq!(taking_part(parent, json!({})), ["kid"]);
    }

    #[test]
    fn an_empty_list_of_dependencies_is_settled_like_one_that_is_not_empty() {
        let inner = chart("inner", json!(null), json!({"a": null}), vec![]);
        let middle = chart("middle", json!([]), json!({}), vec![inner]);
        let mut parent = chart("demo", json!(null), json!({}), vec![middle]);
        process(&mut parent, &Values::new()).unwrap();
        assert_eq!(parent.dependencies[0].values["inner"]["a"], json!(null));
        assert!(parent.values.is_empty());
    }

    /// The tree of names, such as `demo(one(kid) two(kid))`.
    fn names(chart: &Chart) -> String {
        let inner: Vec<String> = chart.dependencies.iter().map(names).collect();
        match inner.as_slice() {
            [] => chart.name().to_owned(),
            inner => format!("{}({})", chart.name(), inner.join(" ")),
        }
    }

    fn used_twice(middle: Chart) -> Chart {
        let declared = json!([{"name": "middle", "alias": "one"}, {"name": "middle", "alias": "two"}]);
        chart("demo", declared, json!({}), vec![middle])
    }

    #[test]
    fn the_second_use_of_a_chart_finds_its_dependencies_renamed_by_the_first() {
        let declared = json!([{"name": "kid", "alias": "renamed", "condition": "renamed.enabled"}]);
        let mut parent = used_twice(chart("middle", declared, json!({}), vec![kid(json!({}))]));
        let given = table(json!({"two": {"renamed": {"enabled": false}}}));
        process(&mut parent, &given).unwrap();
        assert_eq!(names(&parent), "demo(one(renamed) two(kid))");
    }

    #[test]
    fn conditions_of_each_use_count_for_themselves() {
        let declared = json!([{"name": "kid", "condition": "kid.enabled"}]);
        let mut parent = used_twice(chart("middle", declared, json!({}), vec![kid(json!({}))]));
        process(&mut parent, &table(json!({"one": {"kid": {"enabled": false}}}))).unwrap();
        assert_eq!(names(&parent), "demo(one two(kid))");
    }

    #[test]
    fn only_the_first_use_imports_values() {
        let declared = json!([{"name": "kid", "import-values": ["data"]}]);
        let middle = chart("middle", declared, json!({}), vec![kid(json!({"exports": {"data": {"x": 1}}}))]);
        let mut parent = used_twice(middle);
        process(&mut parent, &Values::new()).unwrap();
        let imported: Vec<bool> =
            parent.dependencies.iter().map(|used| used.values.contains_key("x")).collect();
        assert_eq!(imported, [true, false]);
    }

    #[test]
    fn a_chart_that_both_uses_share_has_its_templates_in_the_last_one() {
        let mut shared = kid(json!({}));
        shared
            .templates
            .push(crate::chart::File { name: "templates/a.yaml".to_owned(), ..Default::default() });
        let declared = json!([{"name": "other", "condition": "no"}]);
        let mut parent = used_twice(chart("middle", declared, json!({}), vec![shared]));
        process(&mut parent, &Values::new()).unwrap();
        assert_eq!(names(&parent), "demo(one(kid) two(kid))");
        let templates: Vec<usize> =
            parent.dependencies.iter().map(|used| used.dependencies[0].templates.len()).collect();
        assert_eq!(templates, [0, 1]);
    }

    #[test]
    fn a_chart_packed_with_one_that_goes_by_an_alias_stays_below_the_other_name() {
        let mut parent = used_twice(chart("middle", json!(null), json!({}), vec![kid(json!({}))]));
        process(&mut parent, &Values::new()).unwrap();
        let paths: Vec<String> = parent
            .dependencies
            .iter()
            .map(|used| used.dependencies[0].path_below(&used.path_below("demo")))
            .collect();
        assert_eq!(paths, ["demo/charts/middle/charts/kid"; 2]);
    }
}
