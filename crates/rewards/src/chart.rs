//! Draws a report as SVG: what each epoch paid, to managed accounts and to others, and the managed share below it.

use std::fmt::Write as _;

use crate::amount::{Percent, Smidge};
use crate::report::{EpochRow, RewardsReport};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 560;
/// The left and right ends of both panels.
const LEFT: u32 = 110;
const RIGHT: u32 = 930;
/// The panel of amounts.
const AMOUNTS: Panel = Panel { top: 100, bottom: 360 };
/// The panel of the managed share.
const SHARES: Panel = Panel { top: 400, bottom: 490 };
/// The most columns; with more epochs, neighbours share one.
const MOST_COLUMNS: usize = 100;
/// The most labels below the columns.
const MOST_LABELS: usize = 14;
/// The most lines across the panel of amounts.
const MOST_TICKS: u128 = 5;

const MANAGED: &str = "#2f6fb2";
const OTHERS: &str = "#b9c3cf";
const LINES: &str = "#d9dee4";
const INK: &str = "#22303c";

/// The vertical extent of a panel.
struct Panel {
    top: u32,
    bottom: u32,
}

impl Panel {
    /// The height of `value` in a panel that is `most` high.
    fn height(&self, value: u128, most: u128) -> u32 {
        let pixels = u128::from(self.bottom - self.top);
        let height = value.min(most).saturating_mul(pixels).checked_div(most).unwrap_or(0);
        u32::try_from(height).unwrap_or(0)
    }

    /// Where `value` is in a panel that is `most` high.
    fn at(&self, value: u128, most: u128) -> u32 {
        self.bottom - self.height(value, most)
    }
}

/// One column: an epoch, or several neighbours.
struct Column {
    first_epoch: u32,
    total: Smidge,
    managed: Smidge,
}

/// The report's epochs as a picture.
#[must_use]
pub fn draw(report: &RewardsReport) -> String {
    let columns = columns(&report.epochs);
    let most = columns.iter().map(|column| column.total).max().unwrap_or_default();
    let mut picture = Picture::new();
    picture.headings(report);
    picture.amount_lines(most);
    picture.share_lines();
    let steps = Steps::of(columns.len());
    for (number, column) in columns.iter().enumerate() {
        picture.column(steps.place(number), column, most);
        if number.is_multiple_of(steps.label_every) {
            let middle = steps.place(number).middle();
            picture.text(middle, SHARES.bottom + 22, "middle", 13, &column.first_epoch.to_string());
        }
    }
    picture.share_line(&columns, &steps);
    let together = epochs_per_column(report.epochs.len());
    let axis = if together > 1 { format!("epoch (first of each {together})") } else { "epoch".to_owned() };
    picture.text((LEFT + RIGHT) / 2, HEIGHT - 22, "middle", 14, &axis);
    picture.end()
}

fn epochs_per_column(epochs: usize) -> usize {
    epochs.div_ceil(MOST_COLUMNS).max(1)
}

fn columns(epochs: &[EpochRow]) -> Vec<Column> {
    epochs.chunks(epochs_per_column(epochs.len())).map(column).collect()
}

fn column(epochs: &[EpochRow]) -> Column {
    Column {
        first_epoch: epochs.first().map_or(0, |epoch| epoch.epoch),
        total: epochs.iter().map(|epoch| epoch.totals.total).sum(),
        managed: epochs.iter().map(|epoch| epoch.managed).sum(),
    }
}

/// Where columns are, and which of them have labels.
struct Steps {
    columns: u32,
    label_every: usize,
}

/// The horizontal extent of a column.
#[derive(Clone, Copy)]
struct Place {
    left: u32,
    width: u32,
}

impl Place {
    fn middle(self) -> u32 {
        self.left + self.width / 2
    }
}

impl Steps {
    fn of(columns: usize) -> Self {
        Self {
            columns: u32::try_from(columns).unwrap_or(u32::MAX).max(1),
            label_every: columns.div_ceil(MOST_LABELS).max(1),
        }
    }

    /// A fifth of each step is left free between columns, and no column is wider than people expect of one.
    fn place(&self, number: usize) -> Place {
        let number = u32::try_from(number).unwrap_or(0);
        let start = LEFT + (RIGHT - LEFT) * number / self.columns;
        let step = (RIGHT - LEFT) / self.columns;
        let width = (step * 4 / 5).clamp(2, 90);
        Place { left: start + step.saturating_sub(width) / 2, width }
    }
}

/// An SVG in the making.
struct Picture(String);

impl Picture {
    fn new() -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"Helvetica, Arial, sans-serif\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        ))
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// Writing to a text cannot fail.
    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{element}");
    }

    fn text(&mut self, x: u32, y: u32, anchor: &str, size: u32, text: &str) {
        let text = escaped(text);
        self.element(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{INK}\">{text}</text>"
        ));
    }

    fn box_of(&mut self, place: Place, top: u32, height: u32, colour: &str) {
        let Place { left, width } = place;
        self.element(format_args!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>"
        ));
    }

    fn line_across(&mut self, y: u32) {
        self.element(format_args!(
            "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{RIGHT}\" y2=\"{y}\" stroke=\"{LINES}\" stroke-width=\"1\"/>"
        ));
    }

    fn headings(&mut self, report: &RewardsReport) {
        let summary = &report.summary;
        let network = report.reading.network.as_deref().unwrap_or(&report.reading.network_id);
        self.text(LEFT, 36, "start", 20, &format!("Rewards per epoch of {network}"));
        let share = summary.managed_share.map(|share| format!(", {share} of it managed")).unwrap_or_default();
        let (first, last) = (report.layer_span.first, report.layer_span.last);
        let total = shortened(summary.totals.total);
        self.text(LEFT, 60, "start", 14, &format!("layers {first} to {last}: {total} SMH{share}"));
        for (left, colour, name) in [(730, MANAGED, "managed"), (840, OTHERS, "others")] {
            self.box_of(Place { left, width: 14 }, 24, 14, colour);
            self.text(left + 20, 36, "start", 14, name);
        }
        self.text(LEFT, AMOUNTS.top - 12, "end", 13, "SMH");
    }

    fn amount_lines(&mut self, most: Smidge) {
        let step = tick_step(most);
        let mut value = 0;
        while value <= most.0 {
            let y = AMOUNTS.at(value, most.0);
            self.line_across(y);
            self.text(LEFT - 10, y + 5, "end", 13, &tick_label(value, step));
            value += step;
        }
    }

    fn share_lines(&mut self) {
        for percent in [0, 50, 100] {
            let y = SHARES.at(percent, 100);
            self.line_across(y);
            self.text(LEFT - 10, y + 5, "end", 13, &format!("{percent} %"));
        }
        self.text(LEFT, SHARES.top - 12, "start", 13, "managed share");
    }

    fn column(&mut self, place: Place, column: &Column, most: Smidge) {
        let whole = AMOUNTS.height(column.total.0, most.0);
        let managed = AMOUNTS.height(column.managed.0, most.0);
        self.box_of(place, AMOUNTS.bottom - managed, managed, MANAGED);
        self.box_of(place, AMOUNTS.bottom - whole, whole.saturating_sub(managed), OTHERS);
    }

    fn share_line(&mut self, columns: &[Column], steps: &Steps) {
        let point = |(number, column): (usize, &Column)| {
            let share = Percent::of(column.managed, column.total)?.hundredths();
            Some((steps.place(number).middle(), SHARES.at(u128::from(share), 10_000)))
        };
        let points: Vec<(u32, u32)> = columns.iter().enumerate().filter_map(point).collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let line = line.join(" ");
        self.element(format_args!(
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{MANAGED}\" stroke-width=\"2\"/>"
        ));
        if points.len() <= 40 {
            for (x, y) in points {
                self.element(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{MANAGED}\"/>"));
            }
        }
    }
}

/// The distance of lines across the panel: 1, 2 or 5 with zeros behind, in smidge.
fn tick_step(most: Smidge) -> u128 {
    if most == Smidge::default() {
        return 1_000_000_000;
    }
    let mut power = 1_u128;
    loop {
        for digit in [1, 2, 5] {
            let step = power.saturating_mul(digit);
            if most.0 / step <= MOST_TICKS {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// An amount on the axis, with as many decimals as the distance of its lines needs.
fn tick_label(value: u128, step: u128) -> String {
    let text = Smidge(value).in_smh();
    let Some((whole, decimals)) = text.split_once('.') else { return text };
    let needed =
        Smidge(step).in_smh().split_once('.').map_or(0, |(_, decimals)| decimals.trim_end_matches('0').len());
    match decimals.get(..needed) {
        Some(decimals) if !decimals.is_empty() => format!("{}.{decimals}", grouped(whole)),
        _ => grouped(whole),
    }
}

/// Whole SMH when there are many, else with three decimals.
fn shortened(amount: Smidge) -> String {
    let text = amount.in_smh();
    match text.split_once('.') {
        Some((whole, _)) if whole.len() > 4 => grouped(whole),
        Some((whole, decimals)) => format!("{}.{}", grouped(whole), decimals.get(..3).unwrap_or(decimals)),
        None => text,
    }
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn a_report_is_drawn_like_this() {
        insta::assert_snapshot!(draw(&report()));
    }

    #[test]
    fn many_epochs_share_columns_and_their_labels_keep_apart() {
        let mut report = report();
        let epoch = report.epochs[0].clone();
        report.epochs = (0..1_234).map(|number| EpochRow { epoch: number, ..epoch.clone() }).collect();
        let columns = columns(&report.epochs);
        assert!(columns.len() <= MOST_COLUMNS);
        let steps = Steps::of(columns.len());
        assert!(columns.len().div_ceil(steps.label_every) <= MOST_LABELS);
        let last = steps.place(columns.len() - 1);
        assert!(last.left + last.width <= RIGHT);
        assert!(draw(&report).contains("epoch (first of each 13)"));
    }

    #[test]
    fn nothing_to_draw_is_a_picture_too() {
        let mut report = report();
        report.epochs.clear();
        assert!(draw(&report).ends_with("</svg>\n"));
    }

    #[test]
    fn lines_are_at_round_amounts() {
        let labels = |smidge: u128| {
            let step = tick_step(Smidge(smidge));
            (0..=smidge / step).map(|tick| tick_label(tick * step, step)).collect::<Vec<_>>()
        };
        assert_eq!(labels(1_910_000_000_000), ["0", "500", "1,000", "1,500"]);
        assert_eq!(labels(470_000_000), ["0.0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(labels(0), ["0"]);
    }

    #[test]
    fn names_cannot_break_out_of_the_picture() {
        let mut report = report();
        report.reading.network = Some("<script>&".to_owned());
        let picture = draw(&report);
        assert!(picture.contains("&lt;script&gt;&amp;") && !picture.contains("<script>"));
    }
}
