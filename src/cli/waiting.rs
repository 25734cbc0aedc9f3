//! Lines as they come, and below them, where a person looks on, what is waited for.

use std::sync::{Mutex, PoisonError};

use super::progress::{TAKE_BACK, row_width};
use super::terminal::Terminal;
use super::text::Text;

/// The lines of a command under way.
pub(super) struct Lines {
    terminal: Terminal,
    /// What stands in the unended row.
    row: Mutex<String>,
}

impl Lines {
    pub(super) fn new(terminal: Terminal) -> Self {
        Self { terminal, row: Mutex::default() }
    }

    /// Says what has come about.
    pub(super) fn say(&self, build: impl FnOnce(&mut Text)) {
        self.wait_for("");
        self.terminal.say(build);
    }

    /// Shows what is waited for; nothing for an empty text, or where nobody looks on.
    pub(super) fn wait_for(&self, what: &str) {
        if !self.terminal.is_live() {
            return;
        }
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        let line: String = what.chars().take(row_width()).collect();
        if *row != line {
            self.terminal.print(&format!("{TAKE_BACK}{line}"));
            *row = line;
        }
    }
}
