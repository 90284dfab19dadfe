//! The one table printer.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

/// A table without lines, its columns two spaces apart; empty without rows.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    let mut any = false;
    for row in rows {
        table.add_row(row);
        any = true;
    }
    if !any {
        return String::new();
    }
    table.lines().map(|line| line.trim_end().trim_start_matches(' ').to_owned() + "\n").collect()
}

/// What stands in a cell without a value.
pub(crate) fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_space() {
        let text = table(
            ["NAME", "ROLE"],
            [["miner-1".to_owned(), "bootstrap".to_owned()], ["miner-10".to_owned(), "miner".to_owned()]],
        );
        assert_eq!(text, "NAME      ROLE\nminer-1   bootstrap\nminer-10  miner\n");
        assert_eq!(table::<1>(["NAME"], []), "");
    }
}
