//! How a plan of moves that was begun earlier stands to the cluster as it is now. Records are found by addresses, and much
//! may have happened meanwhile: failovers, other moves, even another cluster in the same place. What does not fit any more
//! must not be gone on with.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeId, Role, Topology};

use super::moves::{Master, MovePlan, SlotMove};

/// What can become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Every slot is where it was to go.
    Done,
    /// These moves are still to be made, and can be.
    Unfinished(MovePlan),
    /// It can't be gone on with.
    Stale(Misfit),
}

/// Why a plan can't be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Misfit {
    /// Nodes of the plan that nobody in the cluster knows.
    #[error("no node of this cluster knows {}", short(.0))]
    Strangers(Vec<NodeId>),
    /// Nodes of the plan that are replicas by now.
    #[error("{} is no master any more", short(.0))]
    Replicas(Vec<NodeId>),
    /// Slots that masters own by now that are neither their source nor their target.
    #[error("slots {slots} have another owner by now ({})", short(.owners))]
    Elsewhere {
        /// Which.
        slots: SlotSet,
        /// Whose they are.
        owners: Vec<NodeId>,
    },
    /// Slots that are open, but not from their source to their target.
    #[error("slots {0} are open in another way than this move opens them")]
    OpenOtherwise(SlotSet),
}

/// The slots that neither their source nor their target owns, but another master.
fn elsewhere(rest: &MovePlan, masters: &[Master]) -> Option<Misfit> {
    let (mut slots, mut owners) = (SlotSet::new(), BTreeSet::new());
    for one in rest.moves() {
        for slot in one.slots.iter() {
            let has: Vec<&Master> = masters.iter().filter(|master| master.slots.contains(slot)).collect();
            // Claimed by several, its source among them: news of something may just be on its way.
            if !has.is_empty() && has.iter().all(|master| master.id != one.from) {
                slots.insert(slot);
                owners.extend(has.into_iter().map(|master| master.id.clone()));
            }
        }
    }
    (!slots.is_empty()).then(|| Misfit::Elsewhere { slots, owners: owners.into_iter().collect() })
}

fn short(ids: &[NodeId]) -> String {
    ids.iter().map(NodeId::short).collect::<Vec<_>>().join(", ")
}

impl MovePlan {
    /// How it stands. Slots of masters that do not answer count as still to be moved.
    #[must_use]
    pub fn standing(&self, topology: &Topology, masters: &[Master]) -> Standing {
        let rest = self.rest(masters);
        let known = topology.nodes();
        let ends: BTreeSet<&NodeId> = rest.moves().iter().flat_map(|one| [&one.from, &one.to]).collect();
        let strangers = ends.iter().copied().filter(|id| !known.contains_key(*id));
        let strangers: Vec<NodeId> = strangers.cloned().collect();
        if !strangers.is_empty() {
            return Standing::Stale(Misfit::Strangers(strangers));
        }
        if let Some(misfit) = elsewhere(&rest, masters) {
            return Standing::Stale(misfit);
        }
        let replicas = ends.into_iter().filter(|id| known.get(*id).is_some_and(|node| node.role == Role::Replica));
        let replicas: Vec<NodeId> = replicas.cloned().collect();
        if !replicas.is_empty() {
            return Standing::Stale(Misfit::Replicas(replicas));
        }
        let otherwise = self.open_otherwise(topology);
        if !otherwise.is_empty() {
            return Standing::Stale(Misfit::OpenOtherwise(otherwise));
        }
        if rest.is_empty() { Standing::Done } else { Standing::Unfinished(rest) }
    }

    /// Its slots that are open, but not as it opens them.
    fn open_otherwise(&self, topology: &Topology) -> SlotSet {
        let of = |slot: Slot| self.moves().iter().find(|one| one.slots.contains(slot));
        let mut others = SlotSet::new();
        for me in topology.views.values().filter_map(|view| view.me()) {
            let gives = |one: &SlotMove, partner: &NodeId| me.id == one.from && *partner == one.to;
            let takes = |one: &SlotMove, partner: &NodeId| me.id == one.to && *partner == one.from;
            others.extend(
                me.migrating
                    .iter()
                    .filter_map(|(slot, partner)| of(*slot).filter(|one| !gives(one, partner)).map(|_| *slot)),
            );
            others.extend(
                me.importing
                    .iter()
                    .filter_map(|(slot, partner)| of(*slot).filter(|one| !takes(one, partner)).map(|_| *slot)),
            );
        }
        others
    }
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
