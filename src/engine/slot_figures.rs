//! What is measured of single slots, and how they stand, as compact data for the slot map.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::core::slot::{SLOT_COUNT, Slot, SlotSet};
use crate::core::topology::{NodeAddr, NodeId};

/// A value that nobody told.
pub const UNKNOWN: u64 = u64::MAX;

/// What can be measured of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Keys, on every server.
    Keys,
    /// Bytes of memory (`memory-bytes`, Redis 8.2 and newer).
    Memory,
    /// Microseconds of CPU time a second (`cpu-usec`).
    Cpu,
    /// Bytes a second that clients and replication sent (`network-bytes-in`).
    NetIn,
    /// Bytes a second that went out (`network-bytes-out`).
    NetOut,
}

impl Figure {
    /// All of them.
    pub const ALL: [Figure; 5] = [Figure::Keys, Figure::Memory, Figure::Cpu, Figure::NetIn, Figure::NetOut];

    /// Its name in a reply of CLUSTER SLOT-STATS.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Figure::Keys => "key-count",
            Figure::Memory => "memory-bytes",
            Figure::Cpu => "cpu-usec",
            Figure::NetIn => "network-bytes-in",
            Figure::NetOut => "network-bytes-out",
        }
    }

    /// Whether the server counts it up from its start, so that only the difference of two looks says what goes on.
    #[must_use]
    pub const fn is_counter(self) -> bool {
        matches!(self, Figure::Cpu | Figure::NetIn | Figure::NetOut)
    }

    const fn index(self) -> usize {
        match self {
            Figure::Keys => 0,
            Figure::Memory => 1,
            Figure::Cpu => 2,
            Figure::NetIn => 3,
            Figure::NetOut => 4,
        }
    }
}

/// The figures of all slots as last measured. Values are [`UNKNOWN`] where nobody told them.
#[derive(Debug, Clone)]
pub struct SlotFigures {
    now: [Box<[u64]>; 5],
    totals: [Box<[u64]>; 5],
    /// How each master was measured, in the order of addresses.
    pub nodes: Vec<NodeFigures>,
}

impl Default for SlotFigures {
    fn default() -> Self {
        let unknown = || std::array::from_fn(|_| vec![UNKNOWN; usize::from(SLOT_COUNT)].into_boxed_slice());
        Self { now: unknown(), totals: unknown(), nodes: Vec::new() }
    }
}

impl SlotFigures {
    /// The value of each slot, by slot number: keys, bytes, or a rate a second for counters.
    #[must_use]
    pub fn of(&self, figure: Figure) -> &[u64] {
        &self.now[figure.index()]
    }

    /// The value of one slot.
    #[must_use]
    pub fn at(&self, figure: Figure, slot: Slot) -> Option<u64> {
        Some(self.now[figure.index()][slot.index()]).filter(|value| *value != UNKNOWN)
    }

    /// What a counter of one slot stands at: since the server began to count.
    #[must_use]
    pub fn total_at(&self, figure: Figure, slot: Slot) -> Option<u64> {
        Some(self.totals[figure.index()][slot.index()]).filter(|value| *value != UNKNOWN)
    }

    /// The sum over a set of slots, and how many of them are known.
    #[must_use]
    pub fn sum(&self, figure: Figure, slots: &SlotSet) -> (u64, usize) {
        let known = slots.iter().filter_map(|slot| self.at(figure, slot));
        known.fold((0, 0), |(sum, count), value| (sum.saturating_add(value), count + 1))
    }

    /// Writes what a slot shows and, for a counter, what it stands at.
    pub fn set(&mut self, figure: Figure, slot: Slot, now: Option<u64>, total: Option<u64>) {
        self.now[figure.index()][slot.index()] = now.unwrap_or(UNKNOWN);
        self.totals[figure.index()][slot.index()] = total.unwrap_or(UNKNOWN);
    }

    /// Forgets everything about a slot.
    pub fn forget(&mut self, slot: Slot) {
        for figure in Figure::ALL {
            self.set(figure, slot, None, None);
        }
    }
}

/// How one master was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFigures {
    /// The master.
    pub addr: NodeAddr,
    /// By what.
    pub source: Source,
    /// Which figures it told.
    pub told: Vec<Figure>,
    /// When its last measuring ended; `None` before the first.
    pub at: Option<SystemTime>,
    /// How long that took, pauses included.
    pub took: Duration,
    /// What went wrong the last time.
    pub error: Option<String>,
}

/// The command that a master is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `CLUSTER SLOT-STATS` (Redis 8.2, Valkey 8.0).
    SlotStats,
    /// `CLUSTER COUNTKEYSINSLOT`, once a slot: the server does not know the other, or the login may not use it.
    CountKeys,
}

/// How the slots stand that are not simply at home with their owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotStates {
    /// Slots that are open, by slot: a moving one usually twice.
    pub open: Vec<OpenSlot>,
    /// Slots for which two nodes name different owners.
    pub disagreed: SlotSet,
}

/// A slot that a node has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSlot {
    /// The slot.
    pub slot: Slot,
    /// The node that has it open.
    pub node: NodeAddr,
    /// Whether it is on its way out (else in).
    pub migrating: bool,
    /// The other side.
    pub partner: NodeId,
}

impl SlotStates {
    /// What nodes say of one slot.
    pub fn of(&self, slot: Slot) -> impl Iterator<Item = &OpenSlot> {
        let from = self.open.partition_point(|open| open.slot < slot);
        self.open[from..].iter().take_while(move |open| open.slot == slot)
    }
}

/// What the slots screen shows beyond owners.
#[derive(Debug, Clone, Default)]
pub struct SlotDetails {
    /// The figures; `None` while nobody asked for them.
    pub figures: Option<Arc<SlotFigures>>,
    /// Moving and disputed slots.
    pub states: Arc<SlotStates>,
    /// The slot that was looked into last, on request.
    pub content: Option<Arc<super::slot_content::SlotContent>>,
    /// The key that was looked at last, on request.
    pub preview: Option<Arc<super::slot_content::KeyPreview>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    #[test]
    fn a_sum_says_how_many_slots_it_knows() {
        let mut figures = SlotFigures::default();
        figures.set(Figure::Keys, slot(5), Some(7), Some(7));
        figures.set(Figure::Keys, slot(6), Some(2), Some(2));
        assert_eq!(figures.sum(Figure::Keys, &"5-8".parse().unwrap()), (9, 2));
        assert_eq!(figures.at(Figure::Keys, slot(8)), None);
        figures.forget(slot(5));
        assert_eq!(figures.sum(Figure::Keys, &"5-8".parse().unwrap()), (2, 1));
    }

    #[test]
    fn both_sides_of_a_moving_slot_are_found() {
        let open = |slot, port, migrating| OpenSlot {
            slot,
            node: NodeAddr::new("h", port),
            migrating,
            partner: "0123456789012345678901234567890123456789".parse().unwrap(),
        };
        let all =
            vec![open(slot(3), 1, true), open(slot(7), 1, true), open(slot(7), 2, false), open(slot(9), 2, false)];
        let states = SlotStates { open: all, disagreed: SlotSet::new() };
        assert_eq!(states.of(slot(7)).map(|open| open.node.port).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(states.of(slot(8)).count(), 0);
    }
}
