//! `drain`: all slots of a master to others, so that these end up as even as can be.

use std::collections::BTreeMap;

use thiserror::Error;

use super::moves::{Master, MovePlan, MoveRefusal, master_named};
use crate::core::topology::NodeId;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DrainRefusal {
    /// A name of no master, or of several.
    #[error(transparent)]
    Name(#[from] MoveRefusal),
    /// The master among the receivers.
    #[error("*** {0} can't get its own slots: leave it out of --to")]
    ToItself(String),
    /// Nobody to take them.
    #[error("*** There is no other master to take the slots: add one first (slotctl add-node)")]
    NoReceiver,
}

/// The plan that empties `from`: into the masters named in `to`, else into all others that own slots, else into all
/// others. Each receiver gets a run of slots as long as evenness asks for, the emptiest one most.
///
/// # Errors
/// [`DrainRefusal`].
pub fn drain(masters: &[Master], from: &Master, to: &[String]) -> Result<MovePlan, DrainRefusal> {
    let mut receivers: Vec<&Master> = Vec::new();
    for name in to {
        let master = master_named(masters, name)?;
        if master.id == from.id {
            return Err(DrainRefusal::ToItself(name.clone()));
        }
        if !receivers.iter().any(|known| known.id == master.id) {
            receivers.push(master);
        }
    }
    if to.is_empty() {
        let others = || masters.iter().filter(|master| master.id != from.id);
        receivers = others().filter(|master| !master.slots.is_empty()).collect();
        if receivers.is_empty() {
            receivers = others().collect();
        }
    }
    if receivers.is_empty() {
        return Err(DrainRefusal::NoReceiver);
    }
    let mut shares = shares(&receivers, from.slots.len());
    let mut slots = from.slots.iter();
    let mut moves = Vec::with_capacity(from.slots.len());
    for receiver in &receivers {
        let share = shares.remove(&receiver.id).unwrap_or_default();
        moves.extend(slots.by_ref().take(share).map(|slot| (from.id.clone(), receiver.id.clone(), slot)));
    }
    Ok(MovePlan::of(moves))
}

/// How many of `count` slots each receiver gets: one at a time to the one that has fewest then.
fn shares(receivers: &[&Master], count: usize) -> BTreeMap<NodeId, usize> {
    let mut shares: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut owned: std::collections::BTreeSet<(usize, usize)> =
        receivers.iter().enumerate().map(|(i, master)| (master.slots.len(), i)).collect();
    for _ in 0..count {
        let Some((slots, i)) = owned.pop_first() else { break };
        *shares.entry(receivers[i].id.clone()).or_default() += 1;
        owned.insert((slots + 1, i));
    }
    shares
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
