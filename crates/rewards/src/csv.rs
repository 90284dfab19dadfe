//! A table of a report as comma-separated values (RFC 4180), for spreadsheets. Amounts are in smidge, so that nothing is lost.

use crate::amount::{Percent, Smidge};
use crate::ledger::Totals;
use crate::report::RewardsReport;

/// Which table of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Accounts.
    Coinbase,
    /// Smeshers.
    Smesher,
    /// Epochs.
    Epoch,
    /// Layers.
    Layer,
}

/// Writes a table, its head first. A table by layer is empty unless the ledger kept layers.
#[must_use]
pub fn write(report: &RewardsReport, table: Table) -> String {
    match table {
        Table::Coinbase => coinbases(report),
        Table::Smesher => smeshers(report),
        Table::Epoch => epochs(report),
        Table::Layer => layers(report),
    }
}

fn coinbases(report: &RewardsReport) -> String {
    let head = [
        "coinbase",
        "managed",
        "nodes",
        "count",
        "subsidy_smidge",
        "fees_smidge",
        "total_smidge",
        "share_percent",
        "balance_smidge",
    ];
    let row = |row: &crate::report::CoinbaseRow| {
        let [count, subsidy, fees, total] = amounts(&row.totals);
        let nodes = row.nodes.join(" ");
        let balance = row.balance.map(|balance| balance.to_string()).unwrap_or_default();
        [
            row.coinbase.clone(),
            row.managed.to_string(),
            nodes,
            count,
            subsidy,
            fees,
            total,
            percent(row.share),
            balance,
        ]
    };
    lines(&head, report.coinbases.iter().map(row))
}

fn smeshers(report: &RewardsReport) -> String {
    let head = [
        "smesher",
        "managed",
        "node",
        "count",
        "subsidy_smidge",
        "fees_smidge",
        "total_smidge",
        "share_percent",
    ];
    let row = |row: &crate::report::SmesherRow| {
        let [count, subsidy, fees, total] = amounts(&row.totals);
        let node = row.node.clone().unwrap_or_default();
        [
            row.smesher.to_string(),
            row.managed.to_string(),
            node,
            count,
            subsidy,
            fees,
            total,
            percent(row.share),
        ]
    };
    lines(&head, report.smeshers.iter().map(row))
}

fn epochs(report: &RewardsReport) -> String {
    let head = [
        "epoch",
        "first_layer",
        "last_layer",
        "empty_layers",
        "count",
        "subsidy_smidge",
        "fees_smidge",
        "total_smidge",
        "managed_smidge",
        "managed_percent",
    ];
    let row = |row: &crate::report::EpochRow| {
        let [count, subsidy, fees, total] = amounts(&row.totals);
        let [epoch, first, last] =
            [row.epoch, row.layers.first, row.layers.last].map(|number| number.to_string());
        let (empty, managed) = (row.empty_layers.to_string(), smidge(row.managed));
        [epoch, first, last, empty, count, subsidy, fees, total, managed, percent(row.managed_share)]
    };
    lines(&head, report.epochs.iter().map(row))
}

fn layers(report: &RewardsReport) -> String {
    let head = ["layer", "epoch", "count", "subsidy_smidge", "fees_smidge", "total_smidge"];
    let row = |row: &crate::report::LayerRow| {
        let [count, subsidy, fees, total] = amounts(&row.totals);
        [row.layer.to_string(), row.epoch.to_string(), count, subsidy, fees, total]
    };
    lines(&head, report.layers.iter().flatten().map(row))
}

fn amounts(totals: &Totals) -> [String; 4] {
    [totals.count.to_string(), smidge(totals.subsidy), smidge(totals.fees), smidge(totals.total)]
}

fn smidge(amount: Smidge) -> String {
    amount.to_string()
}

fn percent(share: Option<Percent>) -> String {
    share.map(|share| share.to_string().trim_end_matches(" %").to_owned()).unwrap_or_default()
}

fn lines<const N: usize>(head: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = head.join(",") + "\r\n";
    for row in rows {
        text.push_str(&row.map(|field| quoted(&field)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// A field as RFC 4180 has it, which a spreadsheet takes for no formula either.
fn quoted(field: &str) -> String {
    let field = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains([',', '"', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn every_table_is_written_like_this() {
        let report = report();
        let tables = [Table::Coinbase, Table::Smesher, Table::Epoch, Table::Layer];
        insta::assert_snapshot!(tables.map(|table| write(&report, table).replace("\r\n", "\n")).join("\n"));
    }

    #[test]
    fn fields_cannot_break_out_of_their_cell() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }
}
