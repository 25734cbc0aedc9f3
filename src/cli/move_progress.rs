//! How far a move of slots is: a line that is rewritten on a terminal, plain lines otherwise.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::core::slot::SlotSet;
use crate::core::topology::NodeAddr;
use crate::engine::migrate::News;
use crate::engine::move_tally::MoveTally;

use super::progress::ProgressLine;
use super::terminal::Terminal;

/// How moved slots are told where no line can be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// A line for each, as redis-cli's reshard.
    Lines,
    /// A `#` for each, as redis-cli's rebalance.
    Marks,
}

/// What has been moved so far, and its line.
pub(super) struct Progress {
    terminal: Terminal,
    told: Told,
    begun: Instant,
    tally: MoveTally,
    line: ProgressLine,
    /// Whether a row of marks is not ended.
    marks: bool,
}

impl Progress {
    pub(super) fn new(terminal: Terminal, told: Told, pause_file: Option<PathBuf>) -> Self {
        let (tally, line) = (MoveTally::new(pause_file), ProgressLine::new(terminal));
        Self { terminal, told, begun: Instant::now(), tally, line, marks: false }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn tally(&self) -> &MoveTally {
        &self.tally
    }

    pub(super) fn take(&mut self, news: &News) {
        self.tally.take(news, self.elapsed());
        match news {
            News::Moved { from, to, slots } if !self.terminal.is_live() => self.tell_moved(from, to, slots),
            News::Paused | News::GoesOn => self.pause(*news == News::Paused),
            News::EndsFirst { .. } => self.ends_first(),
            _ => {}
        }
        self.line.show(|| self.tally.words());
    }

    /// Told at once, however short ago the line was shown.
    fn pause(&mut self, paused: bool) {
        self.end();
        if !self.terminal.is_live() {
            let words = if paused { self.tally.pause_words() } else { "The move goes on.".to_owned() };
            self.terminal.say(|text| text.line(words));
        }
    }

    /// Whoever pressed Ctrl-C is told why it goes on.
    fn ends_first(&mut self) {
        self.end();
        if let Some(why) = self.tally.ends_first() {
            self.terminal.say(|text| text.warn(format_args!("[WARNING] {why}")));
        }
    }

    fn tell_moved(&mut self, from: &NodeAddr, to: &NodeAddr, slots: &SlotSet) {
        match self.told {
            Told::Lines => self.terminal.say(|text| {
                for slot in slots.iter() {
                    text.line(format_args!("Moving slot {slot} from {from} to {to}: "));
                }
            }),
            Told::Marks => {
                self.terminal.print(&"#".repeat(slots.len()));
                self.marks = true;
            }
        }
    }

    pub(super) fn end(&mut self) {
        self.line.end();
        if std::mem::take(&mut self.marks) {
            self.terminal.print("\n");
        }
    }
}
