//! Which cell is which slot.

use std::sync::Arc;

use crate::core::slot::{SLOT_COUNT, Slot};
use crate::engine::snapshot::{ClusterView, NO_OWNER, NodeView};
use crate::workspace::settings::MapLayout;

/// Slots in a row.
pub const COLUMNS: u16 = 128;
/// A cell without slot.
pub const EMPTY: u16 = u16::MAX;
/// Up to so many bands have a row of distance between them.
const MOST_APART: usize = 48;

/// The layout of the last frame: most frames show the same.
#[derive(Debug, Default)]
pub struct LastLayout(Option<Last>);

/// A layout, and what it was made from.
#[derive(Debug)]
struct Last {
    kind: MapLayout,
    nodes: Arc<[NodeView]>,
    slot_owner: Arc<[u16]>,
    layout: Arc<Layout>,
}

impl LastLayout {
    /// The layout of a cluster's slots, made anew where something is another than in the last frame.
    pub fn of(&mut self, cluster: &ClusterView, kind: MapLayout) -> Arc<Layout> {
        let is_same = |last: &Last| {
            let same_cluster =
                || Arc::ptr_eq(&last.nodes, &cluster.nodes) && Arc::ptr_eq(&last.slot_owner, &cluster.slot_owner);
            // Every cluster has the same square.
            last.kind == kind && (kind == MapLayout::Square || same_cluster())
        };
        if let Some(last) = self.0.as_ref().filter(|last| is_same(last)) {
            return Arc::clone(&last.layout);
        }
        let layout = Arc::new(match kind {
            MapLayout::Square => Layout::square(),
            MapLayout::Bands => Layout::bands(cluster),
        });
        let (nodes, slot_owner) = (Arc::clone(&cluster.nodes), Arc::clone(&cluster.slot_owner));
        self.0 = Some(Last { kind, nodes, slot_owner, layout: Arc::clone(&layout) });
        layout
    }
}

/// Cells in rows of [`COLUMNS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The slot of each cell, row by row; [`EMPTY`] where there is none.
    pub cells: Vec<u16>,
    /// The cell of each slot.
    place: Vec<u32>,
    /// For bands: the first row of each, with the owner's index.
    pub bands: Vec<(u32, u16)>,
}

impl Layout {
    /// All slots by number.
    #[must_use]
    pub fn square() -> Self {
        Self::of((0..SLOT_COUNT).collect(), Vec::new())
    }

    /// A band of whole rows for each owner, in the order of shards; slots without owner come last.
    #[must_use]
    pub fn bands(cluster: &ClusterView) -> Self {
        let mut owners: Vec<(u16, Vec<u16>)> = Vec::new();
        let mut index = vec![None; cluster.nodes.len() + 1];
        for (slot, owner) in (0..SLOT_COUNT).zip(cluster.slot_owner.iter()) {
            let known = usize::from(*owner).min(cluster.nodes.len());
            let at = *index[known].get_or_insert_with(|| {
                owners.push((*owner, Vec::new()));
                owners.len() - 1
            });
            owners[at].1.push(slot);
        }
        let shard = |owner: u16| cluster.nodes.get(usize::from(owner)).and_then(|node| node.shard);
        owners.sort_by_key(|(owner, _)| (*owner == NO_OWNER, shard(*owner).unwrap_or(usize::MAX)));
        let (mut cells, mut bands) = (Vec::new(), Vec::new());
        let columns = usize::from(COLUMNS);
        let gap = if owners.len() <= MOST_APART { columns } else { 0 };
        for (i, (owner, slots)) in owners.iter().enumerate() {
            cells.resize(cells.len() + if i > 0 { gap } else { 0 }, EMPTY);
            bands.push((u32::try_from(cells.len() / columns).unwrap_or(0), *owner));
            cells.extend(slots);
            cells.resize(cells.len().next_multiple_of(columns), EMPTY);
        }
        Self::of(cells, bands)
    }

    fn of(cells: Vec<u16>, bands: Vec<(u32, u16)>) -> Self {
        let mut place = vec![0; usize::from(SLOT_COUNT)];
        for (at, slot) in (0..).zip(&cells) {
            if *slot != EMPTY {
                place[usize::from(*slot)] = at;
            }
        }
        Self { cells, place, bands }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> u32 {
        u32::try_from(self.cells.len() / usize::from(COLUMNS)).unwrap_or(0)
    }

    /// The slot of a cell.
    #[must_use]
    pub fn slot(&self, row: u32, column: u16) -> Option<Slot> {
        let row = self.row(row)?;
        Slot::new(*row.get(usize::from(column))?).ok()
    }

    /// The slots of a row.
    #[must_use]
    pub fn row(&self, row: u32) -> Option<&[u16]> {
        let first = usize::try_from(row).ok()? * usize::from(COLUMNS);
        self.cells.get(first..first + usize::from(COLUMNS))
    }

    /// Row and column of a slot.
    #[must_use]
    pub fn cell(&self, slot: Slot) -> (u32, u16) {
        let place = self.place[slot.index()];
        let columns = u32::from(COLUMNS);
        (place / columns, u16::try_from(place % columns).unwrap_or(0))
    }

    /// The slots from one cell to another as one reads, whichever comes first.
    pub fn between(&self, a: Slot, b: Slot) -> impl Iterator<Item = Slot> {
        let (a, b) = (self.place[a.index()], self.place[b.index()]);
        let range = usize::try_from(a.min(b)).unwrap_or(0)..=usize::try_from(a.max(b)).unwrap_or(0);
        self.cells[range].iter().filter_map(|slot| Slot::new(*slot).ok())
    }

    /// The slot so many cells, or rows, away; the nearest at the edges. Cells without slot are passed over.
    #[must_use]
    pub fn step(&self, from: Slot, columns: i32, rows: i32) -> Slot {
        let by = i64::from(columns) + i64::from(rows) * i64::from(COLUMNS);
        let mut at = i64::from(self.place[from.index()]);
        loop {
            at += by;
            match usize::try_from(at).ok().and_then(|at| self.cells.get(at)) {
                None => return if rows.abs() > 1 { self.end(by < 0) } else { from },
                Some(&EMPTY) if rows == 0 || columns != 0 => {}
                // Above or below a short row: its last slot, or the next band's.
                Some(&EMPTY) => {
                    let row = u32::try_from(at / i64::from(COLUMNS)).unwrap_or(0);
                    let last = self.row(row).and_then(|row| row.iter().rev().find(|slot| **slot != EMPTY));
                    if let Some(slot) = last.and_then(|slot| Slot::new(*slot).ok()) {
                        return slot;
                    }
                }
                Some(&slot) => return Slot::new(slot).unwrap_or(from),
            }
        }
    }

    /// The first or the last slot.
    #[must_use]
    pub fn end(&self, first: bool) -> Slot {
        let mut slots = self.cells.iter().filter_map(|slot| Slot::new(*slot).ok());
        let end = if first { slots.next() } else { slots.next_back() };
        end.unwrap_or(Slot::FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::samples;

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    #[test]
    fn every_slot_has_its_cell_in_both_layouts() {
        for layout in [Layout::square(), Layout::bands(&samples::uncovered()), Layout::bands(&samples::cluster(200))] {
            for slot in Slot::all() {
                let (row, column) = layout.cell(slot);
                assert_eq!(layout.slot(row, column), Some(slot));
            }
            assert_eq!(layout.cells.iter().filter(|cell| **cell != EMPTY).count(), 16384);
        }
    }

    #[test]
    fn each_master_has_a_band_and_what_nobody_owns_comes_last() {
        let layout = Layout::bands(&samples::uncovered());
        let owners: Vec<u16> = layout.bands.iter().map(|(_, owner)| *owner).collect();
        assert_eq!(owners, [0, 2, NO_OWNER]);
        assert_eq!(layout.cell(slot(10923)).1, 0, "a band begins in the first column");
    }

    #[test]
    fn what_lies_between_two_cells_is_read_like_a_text() {
        let square = Layout::square();
        assert_eq!(square.between(slot(130), slot(120)).count(), 11);
        let bands = Layout::bands(&samples::uncovered());
        let between: Vec<_> = bands.between(slot(5460), slot(10923)).map(Slot::get).collect();
        assert_eq!(between, [5460, 10923], "neighbours in the layout");
    }

    #[test]
    fn steps_stay_on_slots() {
        let square = Layout::square();
        assert_eq!(square.step(slot(0), 1, 0), slot(1));
        assert_eq!(square.step(slot(5), 0, -1), slot(5));
        assert_eq!(square.step(slot(5), 0, -16), Slot::FIRST);
        let bands = Layout::bands(&samples::healthy());
        assert_eq!(bands.step(slot(5460), 1, 0), slot(5461), "over the gap");
        assert_eq!(bands.step(slot(5376 + 5), 0, 1).get() / 128, 5461 / 128, "into the next band");
    }

    #[test]
    fn a_layout_is_kept_until_slots_change_hands() {
        let mut cluster = samples::healthy();
        let mut last = LastLayout::default();
        let bands = last.of(&cluster, MapLayout::Bands);
        assert!(Arc::ptr_eq(&bands, &last.of(&cluster, MapLayout::Bands)));
        assert_eq!(*last.of(&cluster, MapLayout::Square), Layout::square());
        cluster.slot_owner = samples::uncovered().slot_owner;
        assert_eq!(*last.of(&cluster, MapLayout::Bands), Layout::bands(&cluster));
        assert_ne!(*last.of(&cluster, MapLayout::Bands), *bands);
    }
}
