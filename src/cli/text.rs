//! Text under construction, with redis-cli's four colours where a terminal reads it.

use std::fmt::{self, Write as _};

/// Lines of output. Colour is one flag, so that tests and pipes get the bare bytes.
#[derive(Debug, Default)]
pub struct Text {
    out: String,
    colour: bool,
}

/// redis-cli's colours, by what they say.
#[derive(Debug, Clone, Copy)]
enum Tone {
    /// A heading (bold).
    Info,
    /// Good news (green).
    Ok,
    /// A warning (yellow).
    Warn,
    /// An error (red).
    Error,
}

impl Text {
    /// Empty text, coloured or bare.
    #[must_use]
    pub fn new(colour: bool) -> Self {
        Self { out: String::new(), colour }
    }

    /// A line as it is.
    pub fn line(&mut self, line: impl fmt::Display) {
        // Writing to a String can't fail.
        let _ = writeln!(self.out, "{line}");
    }

    /// A heading: `>>> …`.
    pub fn info(&mut self, line: impl fmt::Display) {
        self.toned(Tone::Info, line);
    }

    /// Good news: `[OK] …`.
    pub fn ok(&mut self, line: impl fmt::Display) {
        self.toned(Tone::Ok, line);
    }

    /// A warning: `[WARNING] …`.
    pub fn warn(&mut self, line: impl fmt::Display) {
        self.toned(Tone::Warn, line);
    }

    /// An error: `[ERR] …`.
    pub fn error(&mut self, line: impl fmt::Display) {
        self.toned(Tone::Error, line);
    }

    fn toned(&mut self, tone: Tone, line: impl fmt::Display) {
        if !self.colour {
            return self.line(line);
        }
        let code = match tone {
            Tone::Info => "1",
            Tone::Ok => "32;1",
            Tone::Warn => "33;1",
            Tone::Error => "31;1",
        };
        let _ = writeln!(self.out, "\x1b[{code}m{line}\x1b[0m");
    }

    /// A table: columns as wide as their widest cell, two spaces between; numbers are the caller's to align.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            self.line(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }

    /// The text, all lines ended.
    #[must_use]
    pub fn into_string(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_text_holds_no_escape() {
        let mut text = Text::new(false);
        text.ok("[OK] fine");
        text.error("[ERR] not");
        assert_eq!(text.into_string(), "[OK] fine\n[ERR] not\n");
    }

    #[test]
    fn colour_ends_before_the_line_does() {
        let mut text = Text::new(true);
        text.ok("[OK] fine");
        assert_eq!(text.into_string(), "\u{1b}[32;1m[OK] fine\u{1b}[0m\n");
    }

    #[test]
    fn columns_line_up() {
        let mut text = Text::default();
        text.table(&[vec!["NAME".into(), "STATE".into()], vec!["a-long-name".into(), "ok".into()]]);
        assert_eq!(text.into_string(), "NAME         STATE\na-long-name  ok\n");
    }
}
