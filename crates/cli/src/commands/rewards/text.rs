//! The report as people read it.

use spacecraft_rewards::csv::Table;
use spacecraft_rewards::{LayerSpan, Percent, RewardsReport, Smidge, Totals};

use crate::output::table::{or_dash, table};

/// The most ranges of empty layers that are named.
const MOST_RANGES: usize = 8;
/// The most nodes that are named as the owners of an account.
const MOST_NODES: usize = 3;

pub(super) fn write(report: &RewardsReport, by: Table) -> String {
    let rows = match by {
        Table::Coinbase => coinbases(report),
        Table::Smesher => smeshers(report),
        Table::Epoch => epochs(report),
        Table::Layer => layers(report),
    };
    format!("{}\n{rows}", head(report))
}

fn head(report: &RewardsReport) -> String {
    let reading = &report.reading;
    let summary = &report.summary;
    let name = reading.network.as_deref().map(|name| format!("{name}, ")).unwrap_or_default();
    let synced = if reading.synced { "synced" } else { "NOT SYNCED" };
    let concentration = summary.concentration;
    let mut lines = vec![
        ("network", format!("{name}generation {}, id {}", reading.generation, reading.network_id)),
        ("genesis", reading.genesis_time.to_string()),
        ("node", format!("{}, {synced}, in layer {}", reading.node, reading.current_layer)),
        ("layers", spans(report)),
        ("rewards", amounts(&summary.totals)),
        ("managed", format!("{}: {}", percent(summary.managed_share), amounts(&summary.managed))),
        (
            "concentration",
            format!(
                "{} to the largest account, {} to the largest ten; {} accounts have more than half",
                percent(concentration.largest_share),
                percent(concentration.largest_ten_share),
                concentration.accounts_with_majority
            ),
        ),
        ("subsidy", summary.consistency.to_string()),
    ];
    lines.extend(reading.unknown.iter().map(|unknown| ("unknown", unknown.clone())));
    lines.iter().map(|(name, value)| format!("{name:<14} {value}\n")).collect()
}

fn spans(report: &RewardsReport) -> String {
    let LayerSpan { first, last } = report.layer_span;
    let epochs = report.epoch_span;
    let empty = match report.summary.empty_layers {
        0 => "none of them empty".to_owned(),
        count => format!("{count} of them empty: {}", ranges(&report.empty_layers)),
    };
    format!("{first} to {last}, epochs {} to {}; {empty}", epochs.first, epochs.last)
}

fn ranges(spans: &[LayerSpan]) -> String {
    let one = |span: &LayerSpan| {
        if span.first == span.last { span.first.to_string() } else { format!("{}-{}", span.first, span.last) }
    };
    let named: Vec<String> = spans.iter().take(MOST_RANGES).map(one).collect();
    let more = if spans.len() > MOST_RANGES { ", ..." } else { "" };
    format!("{}{more}", named.join(", "))
}

fn amounts(totals: &Totals) -> String {
    let Totals { count, subsidy, fees, total } = totals;
    format!(
        "{count} of {} SMH together ({} SMH subsidy, {} SMH fees)",
        total.in_smh(),
        subsidy.in_smh(),
        fees.in_smh()
    )
}

fn coinbases(report: &RewardsReport) -> String {
    let head = [
        "COINBASE",
        "NODES",
        "COUNT",
        "SUBSIDY (smidge)",
        "FEES (smidge)",
        "TOTAL (smidge)",
        "TOTAL (SMH)",
        "SHARE",
        "BALANCE (SMH)",
    ];
    let row = |row: &spacecraft_rewards::CoinbaseRow| {
        let [count, subsidy, fees, total, smh] = cells(&row.totals);
        let balance = or_dash(row.balance.map(Smidge::in_smh).as_deref());
        [row.coinbase.clone(), nodes(row), count, subsidy, fees, total, smh, percent(row.share), balance]
    };
    table(head, report.coinbases.iter().map(row))
}

/// The nodes that an account belongs to, a few of them by name.
fn nodes(row: &spacecraft_rewards::CoinbaseRow) -> String {
    if row.nodes.is_empty() {
        return "-".to_owned();
    }
    let named: Vec<&str> = row.nodes.iter().take(MOST_NODES).map(String::as_str).collect();
    match row.nodes.len() - named.len() {
        0 => named.join(" "),
        more => format!("{} and {more} more", named.join(" ")),
    }
}

fn smeshers(report: &RewardsReport) -> String {
    let head = [
        "SMESHER",
        "NODE",
        "COUNT",
        "SUBSIDY (smidge)",
        "FEES (smidge)",
        "TOTAL (smidge)",
        "TOTAL (SMH)",
        "SHARE",
    ];
    let row = |row: &spacecraft_rewards::SmesherRow| {
        let [count, subsidy, fees, total, smh] = cells(&row.totals);
        let node = or_dash(row.node.as_deref());
        [row.smesher.to_string(), node, count, subsidy, fees, total, smh, percent(row.share)]
    };
    let unnamed = match report.without_smesher.count {
        0 => String::new(),
        _ => format!("without a smesher's name: {}\n", amounts(&report.without_smesher)),
    };
    table(head, report.smeshers.iter().map(row)) + &unnamed
}

fn epochs(report: &RewardsReport) -> String {
    let head = [
        "EPOCH",
        "LAYERS",
        "EMPTY",
        "COUNT",
        "SUBSIDY (smidge)",
        "FEES (smidge)",
        "TOTAL (smidge)",
        "TOTAL (SMH)",
        "MANAGED (SMH)",
        "MANAGED",
    ];
    let row = |row: &spacecraft_rewards::EpochRow| {
        let [count, subsidy, fees, total, smh] = cells(&row.totals);
        let layers = format!("{}-{}", row.layers.first, row.layers.last);
        let (empty, managed) = (row.empty_layers.to_string(), row.managed.in_smh());
        [
            row.epoch.to_string(),
            layers,
            empty,
            count,
            subsidy,
            fees,
            total,
            smh,
            managed,
            percent(row.managed_share),
        ]
    };
    table(head, report.epochs.iter().map(row))
}

fn layers(report: &RewardsReport) -> String {
    let head =
        ["LAYER", "EPOCH", "COUNT", "SUBSIDY (smidge)", "FEES (smidge)", "TOTAL (smidge)", "TOTAL (SMH)"];
    let row = |row: &spacecraft_rewards::LayerRow| {
        let [count, subsidy, fees, total, smh] = cells(&row.totals);
        [row.layer.to_string(), row.epoch.to_string(), count, subsidy, fees, total, smh]
    };
    table(head, report.layers.iter().flatten().map(row))
}

fn cells(totals: &Totals) -> [String; 5] {
    let Totals { count, subsidy, fees, total } = totals;
    [count.to_string(), subsidy.to_string(), fees.to_string(), total.to_string(), total.in_smh()]
}

fn percent(share: Option<Percent>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| share.to_string())
}
