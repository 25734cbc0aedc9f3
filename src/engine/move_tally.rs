//! How far a move of slots is, in numbers and in a line: from the news of [`migrate`](super::migrate::migrate).

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use super::detail::{Detail, EndsFirst, Moved, Pace};
use super::migrate::News;

/// Rate and time left are of this last while.
const RECENT: Duration = Duration::from_secs(5);

/// What has been moved so far.
#[derive(Debug, Clone, Default)]
pub struct MoveTally {
    pause_file: Option<PathBuf>,
    slots: usize,
    keys: u64,
    slots_done: usize,
    keys_done: u64,
    paused: bool,
    /// Why a stop that was asked for has to wait.
    ends_first: Option<EndsFirst>,
    /// When how many keys and slots were done, of the last while.
    recent: VecDeque<(Duration, u64, usize)>,
}

impl MoveTally {
    /// Nothing is moved yet. The file is what [`News::Paused`] waits for.
    #[must_use]
    pub fn new(pause_file: Option<PathBuf>) -> Self {
        Self { pause_file, ..Self::default() }
    }

    /// Slots that have changed hands.
    #[must_use]
    pub fn slots_done(&self) -> usize {
        self.slots_done
    }

    /// Keys that have arrived.
    #[must_use]
    pub fn keys_done(&self) -> u64 {
        self.keys_done
    }

    /// Counts the news in, so long after the beginning.
    pub fn take(&mut self, news: &News, elapsed: Duration) {
        match news {
            News::Counted { slots, keys } => (self.slots, self.keys) = (*slots, *keys),
            News::Begun { .. } => {}
            News::Keys(count) => self.keys_done += count,
            News::Moved { slots, .. } => self.slots_done += slots.len(),
            News::EndsFirst { at, others } => {
                self.ends_first = Some(EndsFirst { at: at.to_string(), others: others.clone() });
            }
            News::Paused | News::GoesOn => {
                self.paused = *news == News::Paused;
                self.recent.clear();
            }
        }
        self.remember(elapsed);
    }

    fn remember(&mut self, now: Duration) {
        self.recent.push_back((now, self.keys_done, self.slots_done));
        // The last one from before the while is where it begins.
        while self.recent.get(1).is_some_and(|(then, ..)| now.saturating_sub(*then) >= RECENT) {
            self.recent.pop_front();
        }
    }

    /// What it waits for while it is paused.
    #[must_use]
    pub fn pause_words(&self) -> String {
        self.pause().to_string()
    }

    /// Why a stop that was asked for has to wait.
    #[must_use]
    pub fn ends_first(&self) -> Option<String> {
        self.ends_first.as_ref().map(ToString::to_string)
    }

    /// What it waits for while it is paused, for a step.
    #[must_use]
    pub fn pause(&self) -> Detail {
        Detail::Paused(self.pause_file())
    }

    fn pause_file(&self) -> String {
        self.pause_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default()
    }

    /// Slots and keys so far; the pace, or that it waits.
    #[must_use]
    pub fn figures(&self) -> Moved {
        Moved {
            slots: (self.slots_done, self.slots),
            keys: (self.keys_done, self.keys),
            pace: self.pace().filter(|_| !self.paused && self.ends_first.is_none()),
            paused: self.paused.then(|| self.pause_file()),
            ends_first: self.ends_first.clone(),
        }
    }

    /// The same as a line.
    #[must_use]
    pub fn words(&self) -> String {
        self.figures().to_string()
    }

    /// Keys (or empty slots) a second, and the time left.
    fn pace(&self) -> Option<Pace> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        let seconds = last.0.saturating_sub(first.0).as_secs_f64();
        if seconds < 1.0 {
            return None;
        }
        let of_slots = self.keys <= self.keys_done;
        let (count, left) = if of_slots {
            ((last.2 - first.2) as f64, self.slots.saturating_sub(self.slots_done) as f64)
        } else {
            ((last.1 - first.1) as f64, (self.keys - self.keys_done) as f64)
        };
        if count <= 0.0 {
            return None;
        }
        let rate = count / seconds;
        Some(Pace { rate: rounded(rate), of_slots, left: rounded((left / rate).min(3.2e7)) })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and never negative")]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tally: &mut MoveTally, seconds: u64, keys: u64, slots: usize) {
        (tally.keys_done, tally.slots_done) = (keys, slots);
        tally.remember(Duration::from_secs(seconds));
    }

    fn tally(slots: usize, keys: u64) -> MoveTally {
        MoveTally { slots, keys, ..MoveTally::new(Some("/tmp/hold".into())) }
    }

    #[test]
    fn the_line_has_rate_and_time_left() {
        let mut tally = tally(100, 5000);
        at(&mut tally, 0, 0, 0);
        assert_eq!(tally.words(), "0 of 100 slots, 0 of 5000 keys");
        at(&mut tally, 2, 1000, 20);
        assert_eq!(tally.words(), "20 of 100 slots, 1000 of 5000 keys, 500 keys/s, 8 s left");
    }

    #[test]
    fn the_rate_is_that_of_the_last_while() {
        let mut tally = tally(100, 5000);
        for (second, keys) in [(0, 0), (10, 100), (11, 600), (15, 2600)] {
            at(&mut tally, second, keys, 0);
        }
        assert_eq!(tally.words(), "0 of 100 slots, 2600 of 5000 keys, 500 keys/s, 5 s left");
    }

    #[test]
    fn slots_without_keys_have_a_rate_too() {
        let mut tally = tally(100, 0);
        at(&mut tally, 0, 0, 0);
        at(&mut tally, 2, 0, 20);
        assert_eq!(tally.words(), "20 of 100 slots, 0 of 0 keys, 10 slots/s, 8 s left");
    }

    #[test]
    fn a_pause_is_said() {
        let mut tally = tally(100, 5000);
        tally.take(&News::Paused, Duration::ZERO);
        assert_eq!(tally.words(), "0 of 100 slots, 0 of 5000 keys. Paused while /tmp/hold exists.");
        tally.take(&News::GoesOn, Duration::ZERO);
        assert_eq!(tally.words(), "0 of 100 slots, 0 of 5000 keys");
    }
}
