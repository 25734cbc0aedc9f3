//! How fast a move may go: a limit of keys or bytes a second, and a file that holds it up while it is there.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::core::rate::Rate;

use super::{News, Report};

/// How often the file is looked for while it holds the move up.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// So many portions a second, at least: a small rate means small portions, not long waits.
const PORTIONS: u64 = 10;

/// Shared by all pairs of a move.
#[derive(Debug, Default)]
pub(super) struct Pace {
    rate: Option<Rate>,
    pause_file: Option<PathBuf>,
    /// When the next portion may go.
    next: Mutex<Option<Instant>>,
    /// How many wait for the file to go.
    waiting: Mutex<usize>,
}

impl Pace {
    pub(super) fn new(rate: Option<Rate>, pause_file: Option<PathBuf>) -> Self {
        Self { rate, pause_file, ..Self::default() }
    }

    /// The most that one portion may have: keys and bytes.
    pub(super) fn portion(&self, keys: usize, bytes: u64) -> (usize, u64) {
        let tenth = |rate: Rate| (rate.per_second().get() / PORTIONS).max(1);
        match self.rate {
            None => (keys, bytes),
            Some(rate @ Rate::Keys(_)) => (keys.min(usize::try_from(tenth(rate)).unwrap_or(usize::MAX)), bytes),
            Some(rate @ Rate::Bytes(_)) => (keys, bytes.min(tenth(rate))),
        }
    }

    /// How many keys the open slots may hold, so that they are not open for long.
    pub(super) fn window(&self, keys: u64) -> u64 {
        match self.rate {
            Some(Rate::Keys(rate)) => keys.min(rate.get()),
            _ => keys,
        }
    }

    /// Whether sizes must be known.
    pub(super) fn counts_bytes(&self) -> bool {
        matches!(self.rate, Some(Rate::Bytes(_)))
    }

    /// Waits until a portion may go. Who has asked the move to stop need not wait: what is under way is finished.
    pub(super) async fn pass(&self, keys: u64, bytes: u64, stop: &CancellationToken, report: &Report) {
        self.wait_for_file(stop, report).await;
        let Some(rate) = self.rate else { return };
        let cost = Duration::from_secs_f64(rate.counts(keys, bytes) as f64 / rate.per_second().get() as f64);
        let at = self.reserve(Instant::now(), cost);
        tokio::select! {
            () = sleep_until(at) => {}
            () = stop.cancelled() => {}
        }
    }

    /// When a portion of this cost may go, if it comes now.
    fn reserve(&self, now: Instant, cost: Duration) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + cost);
        at
    }

    async fn wait_for_file(&self, stop: &CancellationToken, report: &Report) {
        let Some(file) = &self.pause_file else { return };
        let there = || file.exists() && !stop.is_cancelled();
        if !there() {
            return;
        }
        if self.wait(true) {
            report(News::Paused);
        }
        while there() {
            tokio::select! {
                () = sleep(LOOK_AGAIN) => {}
                () = stop.cancelled() => {}
            }
        }
        if self.wait(false) {
            report(News::GoesOn);
        }
    }

    /// One waits more or less; whether it is the first one, or the last.
    fn wait(&self, begins: bool) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = if begins { *waiting + 1 } else { waiting.saturating_sub(1) };
        *waiting == usize::from(begins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: &str) -> Pace {
        Pace::new(Some(rate.parse().unwrap()), None)
    }

    #[test]
    fn portions_follow_each_other_at_the_rate() {
        let (pace, now) = (pace("1000"), Instant::now());
        let each = Duration::from_millis(100);
        let waits: Vec<Duration> = (0..4).map(|_| pace.reserve(now, each) - now).collect();
        assert_eq!(waits, [0, 100, 200, 300].map(Duration::from_millis));
        let later = now + Duration::from_secs(5);
        assert_eq!(pace.reserve(later, each), later, "time that was not used is not made up for");
    }

    #[test]
    fn a_small_rate_means_small_portions_and_windows() {
        assert_eq!(pace("50").portion(64, 9999), (5, 9999));
        assert_eq!(pace("3").portion(64, 9999), (1, 9999));
        assert_eq!(pace("100KB").portion(64, 1 << 20), (64, 10 << 10));
        assert_eq!((pace("50").window(4096), pace("100KB").window(4096)), (50, 4096));
        assert_eq!(Pace::default().portion(64, 9999), (64, 9999));
    }
}
