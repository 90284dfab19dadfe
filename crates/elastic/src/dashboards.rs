//! The Kibana objects that every network gets: index patterns, saved queries and dashboards, for the logs of both generations.
//!
//! They are made from the tables in [`catalogue`], so that nothing in them is repeated by hand. Kibana keeps much of an object as
//! JSON inside of text; its format is that of exports of 7.15 to 8.5, which 8.5 imports.

mod catalogue;
mod visualization;

use serde_json::{Value, json};

use self::catalogue::{DASHBOARDS, Dashboard, INDEX_PATTERNS, Panel, QUERIES};

/// The index pattern that all queries and panels are about.
const LOGS: &str = "sm";

/// The width of a dashboard in columns.
const COLUMNS: u32 = 48;

/// The built-in saved objects, newline-delimited JSON, for `LogStore::ensure_dashboards`.
#[must_use]
pub fn built_in_objects() -> String {
    let patterns = INDEX_PATTERNS.iter().map(|(id, title)| index_pattern(id, title));
    let queries = QUERIES.iter().map(|(id, title, query)| saved_query(id, title, query));
    let panels = DASHBOARDS.iter().flat_map(|dashboard| dashboard.panels).map(visualization::object);
    let dashboards = DASHBOARDS.iter().map(dashboard);
    let lines = patterns.chain(queries).chain(panels).chain(dashboards);
    lines.map(|object| format!("{object}\n")).collect()
}

fn index_pattern(id: &str, title: &str) -> Value {
    json!({
        "type": "index-pattern",
        "id": id,
        "attributes": {"title": title, "timeFieldName": "@timestamp"},
        "references": [],
        "migrationVersion": {"index-pattern": "7.11.0"},
    })
}

fn saved_query(id: &str, title: &str, query: &str) -> Value {
    json!({
        "type": "query",
        "id": identifier(id),
        "attributes": {
            "title": title,
            "description": "",
            "query": {"query": query, "language": "kuery"},
            "filters": [],
        },
        "references": [],
    })
}

/// The identifier of an object of ours that others would otherwise call the same.
fn identifier(id: &str) -> String {
    format!("spacecraft-{id}")
}

fn dashboard(dashboard: &Dashboard) -> Value {
    let placed = place(dashboard.panels);
    let panels: Vec<Value> = placed.iter().map(panel).collect();
    let references: Vec<Value> = placed.iter().map(reference).collect();
    json!({
        "type": "dashboard",
        "id": identifier(dashboard.id),
        "attributes": {
            "title": dashboard.title,
            "description": dashboard.description,
            "hits": 0,
            "panelsJSON": Value::Array(panels).to_string(),
            "optionsJSON": json!({"useMargins": true, "hidePanelTitles": false}).to_string(),
            "version": 1,
            "timeRestore": true,
            "timeFrom": "now-3h",
            "timeTo": "now",
            "refreshInterval": {"pause": false, "value": 60_000},
            "kibanaSavedObjectMeta": {"searchSourceJSON": visualization::search_source("", None)},
        },
        "references": references,
        "migrationVersion": {"dashboard": "7.14.0"},
    })
}

/// A panel with its place on a dashboard.
#[derive(Debug, Clone, Copy)]
struct Placed {
    panel: &'static Panel,
    number: usize,
    left: u32,
    top: u32,
}

/// Panels side by side, row by row, each row as high as its highest panel.
fn place(panels: &'static [Panel]) -> Vec<Placed> {
    let (mut left, mut top, mut row_height) = (0, 0, 0);
    let mut placed = Vec::new();
    for (index, panel) in panels.iter().enumerate() {
        if left + panel.width > COLUMNS {
            top += row_height;
            left = 0;
            row_height = 0;
        }
        placed.push(Placed { panel, number: index + 1, left, top });
        left += panel.width;
        row_height = row_height.max(panel.height);
    }
    placed
}

fn panel(placed: &Placed) -> Value {
    let Placed { panel, number, left, top } = placed;
    let number = number.to_string();
    json!({
        "version": "7.15.0",
        "type": visualization::kind(panel),
        "gridData": {"x": left, "y": top, "w": panel.width, "h": panel.height, "i": number},
        "panelIndex": number,
        "embeddableConfig": {"enhancements": {}},
        "panelRefName": format!("panel_{number}"),
    })
}

fn reference(placed: &Placed) -> Value {
    let Placed { panel, number, .. } = placed;
    json!({
        "name": format!("{number}:panel_{number}"),
        "type": visualization::kind(panel),
        "id": identifier(panel.id),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::saved_objects::{identity, parse};

    fn embedded(object: &Value, attribute: &str) -> Value {
        let text = object["attributes"][attribute].as_str().unwrap();
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_object_that_is_referred_to_is_there() {
        let objects = parse(&built_in_objects()).unwrap();
        for object in objects.values() {
            for reference in object["references"].as_array().unwrap() {
                assert!(objects.contains_key(&identity(reference).unwrap()), "{reference}");
            }
        }
    }

    #[test]
    fn every_panel_of_a_dashboard_has_its_reference() {
        let objects = parse(&built_in_objects()).unwrap();
        let dashboards = objects.values().filter(|object| object["type"] == "dashboard");
        for dashboard in dashboards {
            let references = dashboard["references"].as_array().unwrap();
            for panel in embedded(dashboard, "panelsJSON").as_array().unwrap() {
                let number = panel["panelIndex"].as_str().unwrap();
                let name = format!("{number}:{}", panel["panelRefName"].as_str().unwrap());
                let reference =
                    references.iter().find(|reference| reference["name"] == name.as_str()).unwrap();
                assert_eq!(reference["type"], panel["type"]);
            }
        }
    }

    #[test]
    fn panels_fill_their_dashboard_without_overlapping() {
        for dashboard in DASHBOARDS {
            let mut taken = BTreeSet::new();
            for Placed { panel, left, top, .. } in place(dashboard.panels) {
                assert!(left + panel.width <= COLUMNS, "{}", panel.id);
                for cell in
                    (left..left + panel.width).flat_map(|x| (top..top + panel.height).map(move |y| (x, y)))
                {
                    assert!(taken.insert(cell), "{} covers another panel of {}", panel.id, dashboard.id);
                }
            }
        }
    }

    #[test]
    fn texts_that_hold_json_hold_json() {
        for object in parse(&built_in_objects()).unwrap().values() {
            let attributes = object["attributes"].as_object().unwrap();
            for name in ["visState", "uiStateJSON", "panelsJSON", "optionsJSON"] {
                if attributes.contains_key(name) {
                    embedded(object, name);
                }
            }
            if let Some(source) = object.pointer("/attributes/kibanaSavedObjectMeta/searchSourceJSON") {
                serde_json::from_str::<Value>(source.as_str().unwrap()).unwrap();
            }
        }
    }

    #[test]
    fn operators_find_the_well_known_patterns_and_dashboards() {
        let objects = parse(&built_in_objects()).unwrap();
        let titles = |kind: &str| -> Vec<&str> {
            let of_kind = objects.values().filter(|object| object["type"] == kind);
            of_kind.map(|object| object["attributes"]["title"].as_str().unwrap()).collect()
        };
        assert_eq!(titles("index-pattern"), ["sm-*", "ws-*"]);
        assert_eq!(titles("dashboard"), ["Errors", "General", "Status"]);
        assert!(titles("query").len() >= 12);
    }

    #[test]
    fn a_dashboard_looks_like_this() {
        let objects = parse(&built_in_objects()).unwrap();
        let of = |kind: &str, id: &str| &objects[&(kind.to_owned(), id.to_owned())];
        insta::assert_json_snapshot!("metric", of("visualization", "spacecraft-errors"));
        insta::assert_json_snapshot!("timeline", of("visualization", "spacecraft-lines-by-level"));
        insta::assert_json_snapshot!("table", of("visualization", "spacecraft-nodes-last-seen"));
        insta::assert_json_snapshot!("search", of("search", "spacecraft-error-lines"));
        insta::assert_json_snapshot!("dashboard", of("dashboard", "spacecraft-status"));
    }
}
