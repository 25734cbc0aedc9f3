//! How far a move of slots is: a line that is rewritten on a terminal, plain lines otherwise.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::core::slot::SlotSet;
use crate::core::topology::NodeAddr;
use crate::engine::migrate::News;

use super::progress::ProgressLine;
use super::terminal::Terminal;

/// Rate and time left are of this last while.
const RECENT: Duration = Duration::from_secs(5);

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
    pause_file: Option<PathBuf>,
    begun: Instant,
    slots: usize,
    keys: u64,
    /// Slots that have changed hands.
    pub(super) slots_done: usize,
    /// Keys that have arrived.
    pub(super) keys_done: u64,
    paused: bool,
    /// When how many keys and slots were done, of the last while.
    recent: VecDeque<(Duration, u64, usize)>,
    line: ProgressLine,
    /// Whether a row of marks is not ended.
    marks: bool,
}

impl Progress {
    pub(super) fn new(terminal: Terminal, told: Told, pause_file: Option<PathBuf>) -> Self {
        Self {
            terminal,
            told,
            pause_file,
            begun: Instant::now(),
            slots: 0,
            keys: 0,
            slots_done: 0,
            keys_done: 0,
            paused: false,
            recent: VecDeque::new(),
            line: ProgressLine::new(terminal),
            marks: false,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn take(&mut self, news: &News) {
        match news {
            News::Counted { slots, keys } => (self.slots, self.keys) = (*slots, *keys),
            News::Begun { .. } => {}
            News::Keys(count) => self.keys_done += count,
            News::Moved { from, to, slots } => {
                self.slots_done += slots.len();
                if !self.terminal.is_live() {
                    self.tell_moved(from, to, slots);
                }
            }
            News::Paused | News::GoesOn => self.pause(*news == News::Paused),
        }
        self.remember(self.elapsed());
        if matches!(news, News::Paused | News::GoesOn) {
            // At once, however short ago the line was shown.
            self.line.end();
        }
        if self.terminal.is_live() {
            let words = self.words();
            self.line.show(|| words);
        }
    }

    fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.recent.clear();
        if !self.terminal.is_live() {
            self.end();
            let words = if paused { self.pause_words() } else { "The move goes on.".to_owned() };
            self.terminal.say(|text| text.line(words));
        }
    }

    fn pause_words(&self) -> String {
        let file = self.pause_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        format!("Paused while {file} exists.")
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

    fn remember(&mut self, now: Duration) {
        self.recent.push_back((now, self.keys_done, self.slots_done));
        // The last one from before the while is where it begins.
        while self.recent.get(1).is_some_and(|(then, ..)| now.saturating_sub(*then) >= RECENT) {
            self.recent.pop_front();
        }
    }

    /// Slots and keys so far; keys (or empty slots) a second and the time left, or that it waits.
    fn words(&self) -> String {
        let line = format!("{} of {} slots, {} of {} keys", self.slots_done, self.slots, self.keys_done, self.keys);
        if self.paused {
            return format!("{line}. {}", self.pause_words());
        }
        let (Some(first), Some(last)) = (self.recent.front(), self.recent.back()) else { return line };
        let seconds = last.0.saturating_sub(first.0).as_secs_f64();
        if seconds < 1.0 {
            return line;
        }
        let (keys, slots) = (last.1 - first.1, last.2 - first.2);
        let (what, count, left) = if self.keys > self.keys_done {
            ("keys", keys as f64, (self.keys - self.keys_done) as f64)
        } else {
            ("slots", slots as f64, self.slots.saturating_sub(self.slots_done) as f64)
        };
        if count <= 0.0 {
            return line;
        }
        let rate = count / seconds;
        format!("{line}, {rate:.0} {what}/s, {} left", time_left(left / rate))
    }

    pub(super) fn end(&mut self) {
        self.line.end();
        if std::mem::take(&mut self.marks) {
            self.terminal.print("\n");
        }
    }
}

/// `8 s`, `2 min 5 s`, `3 h 20 min`.
fn time_left(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and bounded to a year")]
    let seconds = seconds.clamp(0.0, 3.2e7).round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(progress: &mut Progress, seconds: u64, keys: u64, slots: usize) {
        (progress.keys_done, progress.slots_done) = (keys, slots);
        progress.remember(Duration::from_secs(seconds));
    }

    fn progress(slots: usize, keys: u64) -> Progress {
        let mut progress = Progress::new(Terminal::new(true), Told::Lines, Some("/tmp/hold".into()));
        (progress.slots, progress.keys) = (slots, keys);
        progress
    }

    #[test]
    fn the_line_has_rate_and_time_left() {
        let mut progress = progress(100, 5000);
        at(&mut progress, 0, 0, 0);
        assert_eq!(progress.words(), "0 of 100 slots, 0 of 5000 keys");
        at(&mut progress, 2, 1000, 20);
        assert_eq!(progress.words(), "20 of 100 slots, 1000 of 5000 keys, 500 keys/s, 8 s left");
    }

    #[test]
    fn the_rate_is_that_of_the_last_while() {
        let mut progress = progress(100, 5000);
        for (second, keys) in [(0, 0), (10, 100), (11, 600), (15, 2600)] {
            at(&mut progress, second, keys, 0);
        }
        assert_eq!(progress.words(), "0 of 100 slots, 2600 of 5000 keys, 500 keys/s, 5 s left");
    }

    #[test]
    fn slots_without_keys_have_a_rate_too() {
        let mut progress = progress(100, 0);
        at(&mut progress, 0, 0, 0);
        at(&mut progress, 2, 0, 20);
        assert_eq!(progress.words(), "20 of 100 slots, 0 of 0 keys, 10 slots/s, 8 s left");
    }

    #[test]
    fn a_pause_is_said() {
        let mut progress = progress(100, 5000);
        progress.take(&News::Paused);
        assert_eq!(progress.words(), "0 of 100 slots, 0 of 5000 keys. Paused while /tmp/hold exists.");
        progress.take(&News::GoesOn);
        assert_eq!(progress.words(), "0 of 100 slots, 0 of 5000 keys");
    }

    #[test]
    fn long_times_are_told_in_minutes_and_hours() {
        assert_eq!([8.4, 125.0, 12_000.0].map(time_left), ["8 s", "2 min 5 s", "3 h 20 min"]);
    }
}
