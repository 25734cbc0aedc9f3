//! A line that tells how far something is, where it can be rewritten.

use std::time::{Duration, Instant};

use super::terminal::Terminal;

/// How often the line changes at most: more is not seen, and slows what is told.
const EVERY: Duration = Duration::from_millis(100);

/// Takes the unended row back, so that others can be written.
pub(super) const TAKE_BACK: &str = "\r\x1b[K";

/// The row of a terminal of which nothing is known, and the narrowest that is reckoned with, letters.
const USUAL: usize = 78;
const NARROWEST: usize = 20;

/// So many letters fit a row that is rewritten: a longer one would leave rows behind.
pub(super) fn row_width() -> usize {
    let size = terminal_size::terminal_size();
    size.map_or(USUAL, |(width, _)| usize::from(width.0).saturating_sub(1).max(NARROWEST))
}

/// One line at the end of a live terminal; nothing elsewhere.
#[derive(Debug)]
pub struct ProgressLine {
    terminal: Terminal,
    shown: Option<Instant>,
}

impl ProgressLine {
    /// Nothing is shown yet.
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal, shown: None }
    }

    /// Shows these words, unless others have just been shown.
    pub fn show(&mut self, words: impl FnOnce() -> String) {
        if self.terminal.is_live() && self.shown.is_none_or(|at| at.elapsed() >= EVERY) {
            let row: String = words().chars().take(row_width()).collect();
            self.terminal.print(&format!("{TAKE_BACK}{row}"));
            self.shown = Some(Instant::now());
        }
    }

    /// Takes the line away: other words follow. A line that nobody ended goes with its owner.
    pub fn end(&mut self) {
        if self.shown.take().is_some() {
            self.terminal.print(TAKE_BACK);
        }
    }
}

/// A number of bytes for the eye: `512 B`, `1.5 MiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, shift)| count >> shift > 0);
    unit.map_or_else(
        || format!("{count} B"),
        |(name, shift)| format!("{:.1} {name}", count as f64 / (1_u64 << shift) as f64),
    )
}

/// How long something still takes at the rate so far; nothing where that can't be said yet.
#[must_use]
pub fn time_left(done: u64, of: u64, elapsed: Duration) -> Option<String> {
    if done == 0 || elapsed < Duration::from_secs(1) {
        return None;
    }
    let seconds = of.saturating_sub(done) as f64 * elapsed.as_secs_f64() / done as f64;
    Some(format!("{seconds:.0} s left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_fits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
    }

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done() {
        assert_eq!(time_left(250, 1000, Duration::from_secs(2)).as_deref(), Some("6 s left"));
        assert_eq!(time_left(0, 1000, Duration::from_secs(2)), None);
        assert_eq!(time_left(5, 1000, Duration::from_millis(2)), None);
    }
}
