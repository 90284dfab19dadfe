//! Tables as they are while TOML is read.

use std::collections::BTreeMap;

use spacecraft_gotemplate::value::{List, Map};
use spacecraft_gotemplate::{GoString, Value};

pub(super) type Table = BTreeMap<String, Node>;

/// What stands under a key.
pub(super) enum Node {
    Value(Value),
    Table(Table),
    /// `[[name]]`, once or more.
    Tables(Vec<Table>),
}

pub(super) fn from_table(table: Table) -> Map {
    table.into_iter().map(|(key, node)| (GoString::from(key), from_node(node))).collect()
}

fn from_node(node: Node) -> Value {
    match node {
        Node::Value(value) => value,
        Node::Table(table) => Value::Map(from_table(table)),
        Node::Tables(tables) => {
            let tables = tables.into_iter().map(|table| Value::Map(from_table(table))).collect();
            Value::List(List::of("map[string]interface {}", tables))
        }
    }
}

/// The table that a node is, or the last of its tables.
pub(super) fn table_in(node: &mut Node) -> Option<&mut Table> {
    match node {
        Node::Value(_) => None,
        Node::Table(table) => Some(table),
        Node::Tables(tables) => tables.last_mut(),
    }
}

/// Puts a value under a key of several parts into a table, tables around it included.
pub(super) fn insert_at(table: &Map, key: &[String], value: Value) {
    let Some((last, around)) = key.split_last() else { return };
    let mut table = table.clone();
    for part in around {
        let inner = match table.get(part) {
            Some(Value::Map(inner)) => inner,
            _ => Map::new(),
        };
        table.insert(part.as_str(), Value::Map(inner.clone()));
        table = inner;
    }
    table.insert(last.as_str(), value);
}
