//! One panel as the saved object behind it.

use serde_json::{Value, json};

use super::catalogue::{Chart, Panel};
use super::{LOGS, identifier};

/// The name of the reference from a search source to its index pattern.
const INDEX_REFERENCE: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";

/// How many series a timeline has besides the one of all others.
const MOST_SERIES: u32 = 20;

/// The type of the saved object behind a panel.
pub(super) fn kind(panel: &Panel) -> &'static str {
    match panel.chart {
        Chart::Lines(_) => "search",
        Chart::Count | Chart::Distinct(_) | Chart::Timeline(_) | Chart::Table { .. } => "visualization",
    }
}

/// The saved object behind a panel.
pub(super) fn object(panel: &Panel) -> Value {
    let (attributes, version) = match panel.chart {
        Chart::Lines(columns) => (search(panel, columns), "7.9.3"),
        _ => (visualization(panel), "7.14.0"),
    };
    json!({
        "type": kind(panel),
        "id": identifier(panel.id),
        "attributes": attributes,
        "references": [{"name": INDEX_REFERENCE, "type": "index-pattern", "id": LOGS}],
        "migrationVersion": {kind(panel): version},
    })
}

/// What is searched for, as Kibana keeps it.
pub(super) fn search_source(query: &str, index_reference: Option<&str>) -> String {
    let mut source = json!({"query": {"query": query, "language": "kuery"}, "filter": []});
    if let (Some(reference), Some(fields)) = (index_reference, source.as_object_mut()) {
        fields.insert("indexRefName".to_owned(), json!(reference));
    }
    source.to_string()
}

fn search(panel: &Panel, columns: &[&str]) -> Value {
    json!({
        "title": panel.title,
        "description": "",
        "hits": 0,
        "columns": columns,
        "sort": [["@timestamp", "desc"]],
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": search_source(panel.query, Some(INDEX_REFERENCE))},
    })
}

fn visualization(panel: &Panel) -> Value {
    let (kind, aggregations, parameters) = state(panel.chart);
    let state = json!({"title": panel.title, "type": kind, "aggs": aggregations, "params": parameters});
    json!({
        "title": panel.title,
        "description": "",
        "visState": state.to_string(),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": search_source(panel.query, Some(INDEX_REFERENCE))},
    })
}

/// Type, aggregations and parameters of a visualization.
fn state(chart: Chart) -> (&'static str, Vec<Value>, Value) {
    match chart {
        Chart::Count | Chart::Lines(_) => ("metric", vec![count()], metric_parameters()),
        Chart::Distinct(field) => {
            let distinct = aggregation(1, "cardinality", "metric", &json!({"field": field}));
            ("metric", vec![distinct], metric_parameters())
        }
        Chart::Timeline(None) => ("histogram", vec![count(), over_time()], histogram_parameters()),
        Chart::Timeline(Some(field)) => {
            let split = terms(3, "group", field, MOST_SERIES, true);
            ("histogram", vec![count(), over_time(), split], histogram_parameters())
        }
        Chart::Table { field, rows } => {
            let last =
                aggregation(3, "max", "metric", &json!({"field": "@timestamp", "customLabel": "last seen"}));
            ("table", vec![count(), terms(2, "bucket", field, rows, false), last], table_parameters())
        }
    }
}

fn aggregation(id: u32, kind: &str, schema: &str, parameters: &Value) -> Value {
    json!({"id": id.to_string(), "enabled": true, "type": kind, "params": parameters, "schema": schema})
}

fn count() -> Value {
    aggregation(1, "count", "metric", &json!({}))
}

fn over_time() -> Value {
    let parameters = json!({
        "field": "@timestamp", "useNormalizedEsInterval": true, "scaleMetricValues": false, "interval": "auto",
        "drop_partials": false, "min_doc_count": 1, "extended_bounds": {},
    });
    aggregation(2, "date_histogram", "segment", &parameters)
}

fn terms(id: u32, schema: &str, field: &str, size: u32, with_others: bool) -> Value {
    let parameters = json!({
        "field": field, "orderBy": "1", "order": "desc", "size": size, "otherBucket": with_others,
        "otherBucketLabel": "Other", "missingBucket": false, "missingBucketLabel": "Missing",
    });
    aggregation(id, "terms", schema, &parameters)
}

fn metric_parameters() -> Value {
    json!({
        "addTooltip": true, "addLegend": false, "type": "metric",
        "metric": {
            "percentageMode": false, "useRanges": false, "colorSchema": "Green to Red", "metricColorMode": "None",
            "colorsRange": [{"from": 0, "to": 10_000}], "labels": {"show": true}, "invertColors": false,
            "style": {"bgFill": "#000", "bgColor": false, "labelColor": false, "subText": "", "fontSize": 36},
        },
    })
}

fn table_parameters() -> Value {
    json!({
        "perPage": 25, "showPartialRows": false, "showMetricsAtAllLevels": false, "showTotal": false,
        "showToolbar": true, "totalFunc": "sum", "percentageCol": "",
    })
}

fn histogram_parameters() -> Value {
    let labels = json!({"show": true, "filter": true, "truncate": 100});
    json!({
        "type": "histogram", "grid": {"categoryLines": false}, "addTooltip": true, "addLegend": true,
        "legendPosition": "right", "times": [], "addTimeMarker": false,
        "categoryAxes": [{"id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": true, "style": {},
            "scale": {"type": "linear"}, "labels": labels, "title": {}}],
        "valueAxes": [{"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left", "show": true,
            "style": {}, "scale": {"type": "linear", "mode": "normal"}, "labels": labels, "title": {"text": "lines"}}],
        "seriesParams": [{"show": true, "type": "histogram", "mode": "stacked", "data": {"label": "lines", "id": "1"},
            "valueAxis": "ValueAxis-1", "drawLinesBetweenPoints": true, "lineWidth": 2, "showCircles": true}],
    })
}
