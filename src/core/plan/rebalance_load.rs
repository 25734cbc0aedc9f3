//! `rebalance --by keys|memory`: as many keys or bytes for each master as its weight says, where slots are not all of one
//! size. Pure: what each slot holds is told.

use std::collections::{BTreeMap, BTreeSet};

use super::moves::{Master, MovePlan, MoveRefusal};
use super::rebalance::{Rebalance, Wish};
use crate::core::slot::Slot;
use crate::core::topology::NodeId;

/// What each slot holds, in keys or bytes; nothing where it is not named.
pub type Loads = BTreeMap<Slot, u64>;

/// How much a master holds, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The master.
    pub id: NodeId,
    /// Now.
    pub before: u64,
    /// When the plan is carried out, and nothing else happens.
    pub after: u64,
}

/// A master, what of its load is too much (negative: too little), and its slots by load.
struct Party<'a> {
    id: &'a NodeId,
    may_own: bool,
    surplus: i128,
    slots: BTreeSet<(u64, Slot)>,
}

impl Party<'_> {
    /// The slot to give to one that lacks this much more than this one has too much: closest to what both need, and
    /// only if the two are more even then. The last slot stays.
    fn gives(&self, taker: i128) -> Option<(u64, Slot)> {
        if self.slots.len() < 2 {
            return None;
        }
        let wanted = u64::try_from(self.surplus.min(-taker).max(1)).unwrap_or(u64::MAX);
        let more_even = |(load, _): &&(u64, Slot)| *load > 0 && i128::from(*load) < self.surplus - taker;
        let first = Slot::all().next()?;
        let above = self.slots.range((wanted, first)..).next().filter(more_even);
        let below = self.slots.range(..(wanted, first)).next_back().filter(more_even);
        // Of equal ones below, too, the lowest-numbered one.
        let below = below.and_then(|(load, _)| self.slots.range((*load, first)..).next());
        [above, below].into_iter().flatten().min_by_key(|(load, _)| load.abs_diff(wanted)).copied()
    }
}

/// The plan, or `None` where every master is within the threshold (0: where no move of a slot would make two masters
/// more even); and what each master holds before and after.
///
/// # Errors
/// [`MoveRefusal::NoWeight`] where nobody may own slots.
pub fn rebalance_load(
    masters: &[Master],
    wish: &Wish,
    loads: &Loads,
) -> Result<Option<(Rebalance, Vec<Held>)>, MoveRefusal> {
    let involved: Vec<&Master> = masters.iter().filter(|master| wish.use_empty || !master.slots.is_empty()).collect();
    let weight = |master: &Master| wish.weights.get(&master.id).copied().unwrap_or(1.0);
    let total_weight: f32 = involved.iter().map(|master| weight(master)).sum();
    if total_weight <= 0.0 {
        return Err(MoveRefusal::NoWeight);
    }
    let load = |slot: Slot| loads.get(&slot).copied().unwrap_or_default();
    let held: Vec<u64> = involved.iter().map(|master| master.slots.iter().map(load).sum()).collect();
    let total: u64 = held.iter().sum();
    let shares: Vec<u64> = involved.iter().map(|m| share(total, weight(m), total_weight)).collect();
    let drained = |master: &Master| weight(master) <= 0.0 && !master.slots.is_empty();
    let over = held.iter().zip(&shares).any(|(held, share)| is_over(*held, *share, wish.threshold));
    if !over && !involved.iter().any(|master| drained(master)) {
        return Ok(None);
    }
    let mut parties: Vec<Party<'_>> = involved
        .iter()
        .zip(held.iter().zip(&shares))
        .map(|(master, (held, share))| Party {
            id: &master.id,
            may_own: weight(master) > 0.0,
            surplus: i128::from(*held) - i128::from(*share),
            slots: master.slots.iter().map(|slot| (load(slot), slot)).collect(),
        })
        .collect();
    drain(&mut parties);
    while let Some((giver, taker, slot)) = next_move(&parties) {
        hand(&mut parties, giver, taker, slot);
    }
    let plan = plan_of(&involved, &parties);
    let after = parties.iter().map(|party| party.slots.iter().map(|(load, _)| load).sum());
    let held = involved.iter().zip(held).zip(after);
    let held = held.map(|((master, before), after)| Held { id: master.id.clone(), before, after }).collect();
    let lines = plan.moves().iter().map(|one| (one.slots.len(), one.from.clone(), one.to.clone())).collect();
    let result = Rebalance { involved: involved.len(), total_weight, lines, plan };
    Ok(Some((result, held)).filter(|(result, _)| !result.plan.is_empty()))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the total")]
fn share(total: u64, weight: f32, all: f32) -> u64 {
    (total as f64 * f64::from(weight) / f64::from(all)) as u64
}

/// Whether a master is further off than the threshold, in per cent of its share.
fn is_over(held: u64, share: u64, threshold: f32) -> bool {
    let off = held.abs_diff(share) as f64;
    off > 0.0 && off * 100.0 > share as f64 * f64::from(threshold)
}

/// Masters that are to own nothing give all that they have, each slot to who lacks most; slots that hold nothing, to who
/// has the fewest.
fn drain(parties: &mut [Party<'_>]) {
    for giver in 0..parties.len() {
        while !parties[giver].may_own
            && let Some(slot) = parties[giver].slots.last().copied()
        {
            let takers = (0..parties.len()).filter(|i| parties[*i].may_own);
            let taker = if slot.0 > 0 {
                takers.min_by_key(|i| parties[*i].surplus)
            } else {
                takers.min_by_key(|i| parties[*i].slots.len())
            };
            let Some(taker) = taker else { return };
            hand(parties, giver, taker, slot);
        }
    }
}

/// The next slot that makes the cluster more even, and its way: from whoever has most too much and can give one, to who
/// lacks most.
fn next_move(parties: &[Party<'_>]) -> Option<(usize, usize, (u64, Slot))> {
    let may_own = || (0..parties.len()).filter(|i| parties[*i].may_own);
    let taker = may_own().min_by_key(|i| parties[*i].surplus)?;
    let mut givers: Vec<usize> = may_own().filter(|i| *i != taker).collect();
    givers.sort_by_key(|i| std::cmp::Reverse(parties[*i].surplus));
    givers.into_iter().find_map(|giver| Some((giver, taker, parties[giver].gives(parties[taker].surplus)?)))
}

fn hand(parties: &mut [Party<'_>], giver: usize, taker: usize, slot: (u64, Slot)) {
    parties[giver].slots.remove(&slot);
    parties[giver].surplus -= i128::from(slot.0);
    parties[taker].slots.insert(slot);
    parties[taker].surplus += i128::from(slot.0);
}

/// What has another owner now, by the owner before.
fn plan_of(before: &[&Master], after: &[Party<'_>]) -> MovePlan {
    let owner: BTreeMap<Slot, &NodeId> =
        after.iter().flat_map(|party| party.slots.iter().map(|(_, slot)| (*slot, party.id))).collect();
    let moves = before.iter().flat_map(|master| {
        let gone = master.slots.iter().filter_map(|slot| Some((*owner.get(&slot)?, slot)));
        gone.filter(|(to, _)| **to != master.id).map(|(to, slot)| (master.id.clone(), to.clone(), slot))
    });
    MovePlan::of(moves)
}

#[cfg(test)]
#[path = "rebalance_load_tests.rs"]
mod tests;
