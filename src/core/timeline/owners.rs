//! Who owned which slot at a time: the owners as they are now and, for each change, who had the slots before it. A
//! bounded amount of memory holds the latest changes; the oldest go first.

use std::collections::VecDeque;

use crate::core::slot::SLOT_COUNT;
use crate::core::topology::NodeAddr;

/// How many changes are kept at most.
const CHANGES: usize = 2_000;
/// How many runs of slots all changes together may have.
const RUNS: usize = 60_000;
/// A slot that nobody owns.
const NOBODY: u16 = u16::MAX;

/// Slots in a row, and who owned them before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u16,
    last: u16,
    before: u16,
}

/// A moment in which slots changed hands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    at_ms: u64,
    runs: Box<[Run]>,
}

/// The owners of all slots over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerLog {
    /// Every owner that was seen, by its number.
    names: Vec<NodeAddr>,
    /// The owner of each slot now; empty before the first look.
    now: Box<[u16]>,
    /// Oldest first.
    changes: VecDeque<Change>,
    runs: usize,
    /// From when on everything is known, milliseconds since 1970.
    since_ms: u64,
}

impl OwnerLog {
    /// Takes in who owns the slots, in their order; `true` where that is news.
    pub fn record<'a>(&mut self, at_ms: u64, owners: impl Iterator<Item = Option<&'a NodeAddr>>) -> bool {
        let mut last: Option<(&NodeAddr, u16)> = None;
        let now: Box<[u16]> = owners
            .take(usize::from(SLOT_COUNT))
            .map(|owner| {
                let Some(addr) = owner else { return NOBODY };
                match last {
                    Some((known, number)) if known == addr => number,
                    _ => last.insert((addr, self.number(addr))).1,
                }
            })
            .collect();
        if self.now.len() != now.len() {
            *self = Self { names: std::mem::take(&mut self.names), now, since_ms: at_ms, ..Self::default() };
            return true;
        }
        let runs = runs(&self.now, &now);
        if runs.is_empty() {
            return false;
        }
        self.runs += runs.len();
        self.changes.push_back(Change { at_ms, runs });
        self.now = now;
        while self.changes.len() > CHANGES || self.runs > RUNS {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.runs -= oldest.runs.len();
            self.since_ms = oldest.at_ms;
        }
        true
    }

    /// Whether nothing was recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    /// The number of an owner, a new one for a new owner.
    fn number(&mut self, addr: &NodeAddr) -> u16 {
        let at = self.names.iter().position(|known| known == addr).unwrap_or_else(|| {
            self.names.push(addr.clone());
            self.names.len() - 1
        });
        u16::try_from(at).unwrap_or(NOBODY)
    }

    /// The owner of each slot at this time; `None` where that was before everything that is remembered.
    #[must_use]
    pub fn at(&self, at_ms: u64) -> Option<Vec<Option<&NodeAddr>>> {
        if at_ms < self.since_ms || self.now.is_empty() {
            return None;
        }
        let mut owners = self.now.clone();
        for change in self.changes.iter().rev().take_while(|change| change.at_ms > at_ms) {
            for run in &change.runs {
                owners[usize::from(run.first)..=usize::from(run.last)].fill(run.before);
            }
        }
        Some(owners.iter().map(|number| self.names.get(usize::from(*number))).collect())
    }

    /// The last change before this time, milliseconds since 1970.
    #[must_use]
    pub fn before(&self, at_ms: u64) -> Option<u64> {
        let from = self.changes.partition_point(|change| change.at_ms < at_ms);
        // Before the first change the owners are known too.
        let earlier = from.checked_sub(1).map(|i| self.changes[i].at_ms);
        earlier.or_else(|| (from == 0 && self.since_ms < at_ms && !self.changes.is_empty()).then_some(self.since_ms))
    }

    /// The first change after this time, milliseconds since 1970.
    #[must_use]
    pub fn after(&self, at_ms: u64) -> Option<u64> {
        let from = self.changes.partition_point(|change| change.at_ms <= at_ms);
        self.changes.get(from).map(|change| change.at_ms)
    }
}

/// Where two pictures differ, as runs with the old owner.
fn runs(before: &[u16], now: &[u16]) -> Box<[Run]> {
    let mut runs: Vec<Run> = Vec::new();
    for (slot, (was, is)) in (0..SLOT_COUNT).zip(before.iter().zip(now)) {
        if was == is {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.last + 1 == slot && run.before == *was => run.last = slot,
            _ => runs.push(Run { first: slot, last: slot, before: *was }),
        }
    }
    runs.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addr(port: u16) -> NodeAddr {
        NodeAddr::new("h", port)
    }

    /// Owners by port, in blocks of 4096 slots; port 0 is nobody.
    fn map(ports: [u16; 4]) -> Vec<Option<NodeAddr>> {
        let block = |port: &u16| vec![(*port > 0).then(|| addr(*port)); 4096];
        ports.iter().flat_map(block).collect()
    }

    fn record(log: &mut OwnerLog, at: u64, ports: [u16; 4]) -> bool {
        log.record(at, map(ports).iter().map(Option::as_ref))
    }

    fn shown(log: &OwnerLog, at: u64) -> Option<[u16; 4]> {
        let owners = log.at(at)?;
        Some([0, 4096, 8192, 12288].map(|slot: usize| owners[slot].map_or(0, |addr| addr.port)))
    }

    #[test]
    fn the_map_is_as_it_was_at_any_time_since_the_first_look() {
        let mut log = OwnerLog::default();
        assert!(record(&mut log, 10, [1, 1, 2, 3]));
        assert!(!record(&mut log, 20, [1, 1, 2, 3]), "nothing has changed");
        assert!(record(&mut log, 30, [1, 0, 2, 3]));
        assert!(record(&mut log, 40, [1, 4, 2, 2]));
        assert_eq!(shown(&log, 9), None);
        assert_eq!(shown(&log, 10), Some([1, 1, 2, 3]));
        assert_eq!(shown(&log, 29), Some([1, 1, 2, 3]));
        assert_eq!(shown(&log, 30), Some([1, 0, 2, 3]));
        assert_eq!(shown(&log, 99), Some([1, 4, 2, 2]));
    }

    #[test]
    fn one_can_step_from_change_to_change() {
        let mut log = OwnerLog::default();
        record(&mut log, 10, [1, 1, 2, 3]);
        record(&mut log, 30, [1, 2, 2, 3]);
        record(&mut log, 40, [1, 2, 3, 3]);
        assert_eq!(
            (log.before(99), log.before(40), log.before(30), log.before(10)),
            (Some(40), Some(30), Some(10), None)
        );
        assert_eq!((log.after(10), log.after(30), log.after(40)), (Some(30), Some(40), None));
    }

    #[test]
    fn the_oldest_changes_are_forgotten_and_nothing_is_said_of_before() {
        let mut log = OwnerLog::default();
        for at in 0..2_u64 * CHANGES as u64 {
            record(&mut log, at, [if at % 2 == 0 { 1 } else { 2 }, 1, 1, 1]);
        }
        assert_eq!(log.changes.len(), CHANGES);
        assert_eq!(shown(&log, 5), None);
        let at = 2 * CHANGES as u64 - 4;
        assert_eq!(shown(&log, at), Some([1, 1, 1, 1]));
    }

    proptest! {
        #[test]
        fn every_picture_that_was_recorded_is_found_again(
            maps in proptest::collection::vec(proptest::array::uniform4(0_u16..5), 1..12)
        ) {
            let mut log = OwnerLog::default();
            for (i, ports) in maps.iter().enumerate() {
                record(&mut log, i as u64 * 10, *ports);
            }
            for (i, ports) in maps.iter().enumerate() {
                prop_assert_eq!(shown(&log, i as u64 * 10 + 5), Some(*ports));
            }
        }
    }
}
