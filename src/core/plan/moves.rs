//! Moves of slots between masters, as data: which slots go from where to where. `reshard`, `rebalance` and lists of
//! slots all become a [`MovePlan`]; the engine carries it out and knows nothing of where it came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::core::check::Finding;
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeAddr, NodeId, Role, Topology};

/// A master as moves are planned from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Master {
    /// Where it answers.
    pub addr: NodeAddr,
    /// Its id.
    pub id: NodeId,
    /// The slots it owns.
    pub slots: SlotSet,
}

/// Slots that go from one master to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotMove {
    /// The owner now.
    pub from: NodeId,
    /// The owner to be.
    pub to: NodeId,
    /// Which slots.
    pub slots: SlotSet,
}

/// Moves between masters: no slot stands in two of them, and no two have the same ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MovePlan {
    moves: Vec<SlotMove>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoveRefusal {
    /// No such master; redis-cli's words.
    #[error("*** The specified node ({0}) is not known or not a master, please retry.")]
    NotAMaster(String),
    /// More than one node's id begins so.
    #[error("*** More than one master's id begins with {0}: write more of it")]
    Ambiguous(String),
    /// The target among the sources; redis-cli's words.
    #[error("*** It is not possible to use the target node as source node.")]
    TargetIsSource,
    /// Nothing to take from; redis-cli's words.
    #[error("*** No source nodes given, operation aborted.")]
    NoSource,
    /// A slot that nobody owns can't be moved.
    #[error("*** slots {0} have no owner: repair the cluster first")]
    NoOwner(SlotSet),
    /// A weight that is none; redis-cli's words.
    #[error("*** invalid input {0}")]
    BadWeight(String),
    /// A weight for nobody; redis-cli's words.
    #[error("*** No such master node {0}")]
    NoSuchMaster(String),
    /// All weights are 0.
    #[error("*** The weights of all masters are 0: no node is left to own the slots")]
    NoWeight,
    /// The cluster is not what the plan was made from.
    #[error("the cluster has changed since the plan was made: slot {slot} is not {from}'s any more")]
    Stale {
        /// The first slot with another owner.
        slot: Slot,
        /// The owner that the plan knew, its id shortened.
        from: String,
    },
}

impl MovePlan {
    /// A plan of single moves, in their order. Moves between the same two masters become one.
    pub fn of(moves: impl IntoIterator<Item = (NodeId, NodeId, Slot)>) -> Self {
        let mut plan = Self::default();
        for (from, to, slot) in moves {
            match plan.moves.iter_mut().find(|m| m.from == from && m.to == to) {
                Some(known) => {
                    known.slots.insert(slot);
                }
                None => plan.moves.push(SlotMove { from, to, slots: std::iter::once(slot).collect() }),
            }
        }
        plan
    }

    /// The moves.
    #[must_use]
    pub fn moves(&self) -> &[SlotMove] {
        &self.moves
    }

    /// All slots that move.
    #[must_use]
    pub fn slots(&self) -> SlotSet {
        let mut all = SlotSet::new();
        self.moves.iter().for_each(|one| all.union_with(&one.slots));
        all
    }

    /// How many slots move.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        self.moves.iter().map(|m| m.slots.len()).sum()
    }

    /// Whether nothing moves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }

    /// Whether every slot is still where the plan takes it from.
    ///
    /// # Errors
    /// [`MoveRefusal::Stale`] with the first slot that is not.
    pub fn still_holds(&self, masters: &[Master]) -> Result<(), MoveRefusal> {
        for one in &self.moves {
            let owner = masters.iter().find(|master| master.id == one.from);
            let gone = one.slots.iter().find(|slot| owner.is_none_or(|owner| !owner.slots.contains(*slot)));
            if let Some(slot) = gone {
                return Err(MoveRefusal::Stale { slot, from: one.from.short().to_owned() });
            }
        }
        Ok(())
    }

    /// What of the plan is still to be done: the moves whose slots their target does not own yet.
    #[must_use]
    pub fn rest(&self, masters: &[Master]) -> Self {
        let slots: BTreeMap<&NodeId, &SlotSet> = masters.iter().map(|m| (&m.id, &m.slots)).collect();
        let left = |one: &SlotMove| -> SlotSet {
            let done = |slot: &Slot| slots.get(&one.to).is_some_and(|owned| owned.contains(*slot));
            one.slots.iter().filter(|slot| !done(slot)).collect()
        };
        let moves = self.moves.iter().map(|m| SlotMove { slots: left(m), ..m.clone() });
        Self { moves: moves.filter(|m| !m.slots.is_empty()).collect() }
    }
}

/// The masters that answer, each with its own word on what it owns: the asked one first, the others by address.
#[must_use]
pub fn masters_of(topology: &Topology, seed: &NodeAddr) -> Vec<Master> {
    let own = |addr: &NodeAddr| {
        let me = topology.views.get(addr)?.me()?;
        let is_master = me.role == Role::Master;
        is_master.then(|| Master { addr: addr.clone(), id: me.id.clone(), slots: me.slots.clone() })
    };
    let mut masters: Vec<Master> = topology.views.keys().filter_map(own).collect();
    masters.sort_by_key(|master| (master.addr.host != seed.host || master.addr.port != seed.port, master.addr.clone()));
    masters
}

/// What forbids moving slots: slots that are open, without an owner or disputed, a cluster that does not serve, masters
/// of slots that are lost. Silent replicas and links that are down do not.
#[must_use]
pub fn obstacles(topology: &Topology, findings: &[Finding]) -> Vec<Finding> {
    let nodes = topology.nodes();
    let serves = |addr: &NodeAddr| {
        let known = nodes.values().find(|node| node.addr.as_ref() == Some(addr));
        known.is_some_and(|node| node.role == Role::Master && !node.slots.is_empty())
    };
    findings.iter().filter(|finding| forbids(finding, serves)).cloned().collect()
}

/// Whether a finding forbids moving slots. `serves` says whether the node at an address is a master of slots.
#[must_use]
pub fn forbids(finding: &Finding, serves: impl Fn(&NodeAddr) -> bool) -> bool {
    match finding {
        Finding::Uncovered(_)
        | Finding::OpenSlots { .. }
        | Finding::Disputed { .. }
        | Finding::SlotsDisagree(_)
        | Finding::StateFail(_) => true,
        Finding::Unreachable(addr, _) | Finding::Failed(addr) => serves(addr),
        Finding::Strays { .. }
        | Finding::RolesDisagree(_)
        | Finding::Unknown { .. }
        | Finding::LinkDown(_)
        | Finding::NoReplica(_) => false,
    }
}

/// The master of this id, of an id that begins so and is the only one, or of this address.
///
/// # Errors
/// [`MoveRefusal::NotAMaster`], [`MoveRefusal::Ambiguous`].
pub fn master_named<'a>(masters: &'a [Master], name: &str) -> Result<&'a Master, MoveRefusal> {
    let unknown = || MoveRefusal::NotAMaster(name.to_owned());
    if let Ok(addr) = name.parse::<NodeAddr>() {
        return masters.iter().find(|m| m.addr.same_place(&addr)).ok_or_else(unknown);
    }
    let wanted = name.to_ascii_lowercase();
    let mut hits = masters.iter().filter(|m| !wanted.is_empty() && m.id.as_str().starts_with(&wanted));
    match (hits.next(), hits.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(MoveRefusal::Ambiguous(name.to_owned())),
        _ => Err(unknown()),
    }
}

/// Exactly these slots to one master; those that it owns already stay.
///
/// # Errors
/// [`MoveRefusal::NoOwner`] where nobody owns one of them.
pub fn move_slots(masters: &[Master], slots: &SlotSet, to: &Master) -> Result<MovePlan, MoveRefusal> {
    let owner = |slot: Slot| masters.iter().find(|m| m.slots.contains(slot));
    let orphans: SlotSet = slots.iter().filter(|slot| owner(*slot).is_none()).collect();
    if !orphans.is_empty() {
        return Err(MoveRefusal::NoOwner(orphans));
    }
    let foreign = slots.iter().filter_map(|slot| Some((owner(slot)?.id.clone(), to.id.clone(), slot)));
    Ok(MovePlan::of(foreign.filter(|(from, to, _)| from != to)))
}

#[cfg(test)]
#[path = "moves_tests.rs"]
pub(in crate::core::plan) mod tests;
