//! Rows as text for other programs.

use crate::gui::format::NONE;
use crate::gui::i18n::tr;

use super::columns::{Col, Row};

/// Rows as tab-separated values with a header and the full ids, as they are shown.
#[must_use]
pub fn to_tsv(rows: &[Row<'_>], columns: &[Col]) -> String {
    let mut header: Vec<String> = columns.iter().map(|col| col.title()).collect();
    header.push(tr!("nodes.id"));
    let mut lines = vec![header.join("\t")];
    for row in rows {
        let mut cells: Vec<String> = columns.iter().map(|col| col.text(*row)).collect();
        cells.push(row.node.id.as_ref().map_or(NONE.to_owned(), ToString::to_string));
        lines.push(cells.join("\t"));
    }
    lines.join("\n") + "\n"
}

/// Rows as comma-separated values (RFC 4180) for programs: names of fields, plain numbers, empty where nothing is known.
#[must_use]
pub fn to_csv(rows: &[Row<'_>], columns: &[Col]) -> String {
    let mut header: Vec<String> = columns.iter().map(|col| col.name().to_owned()).collect();
    header.push("id".to_owned());
    let mut text = header.join(",") + "\n";
    for row in rows {
        let mut cells: Vec<String> = columns.iter().map(|col| quoted(col.plain(*row).unwrap_or_default())).collect();
        cells.push(row.node.id.as_ref().map(ToString::to_string).unwrap_or_default());
        text += &cells.join(",");
        text.push('\n');
    }
    text
}

fn quoted(cell: String) -> String {
    let needs = cell.contains([',', '"', '\n', '\r']);
    if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// Rows as a JSON array of objects; numbers are numbers, `null` where nothing is known.
#[must_use]
pub fn to_json(rows: &[Row<'_>], columns: &[Col]) -> String {
    let value = |col: &Col, row: &Row<'_>| match col.plain(*row) {
        Some(text) if col.is_number() => text.parse::<u64>().map_or_else(|_| text.into(), Into::into),
        Some(text) => serde_json::Value::from(text),
        None => serde_json::Value::Null,
    };
    let object = |row: &Row<'_>| {
        let mut fields: serde_json::Map<String, serde_json::Value> =
            columns.iter().map(|col| (col.name().to_owned(), value(col, row))).collect();
        fields.insert("id".to_owned(), row.node.id.as_ref().map(ToString::to_string).into());
        serde_json::Value::Object(fields)
    };
    let all: Vec<_> = rows.iter().map(object).collect();
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}
