//! `rebalance`: as many slots for each master as its weight says, with redis-cli's arithmetic
//! (`clusterManagerCommandRebalance` in redis-cli.c), but that a threshold of 0 means exact and not never.

use std::collections::BTreeMap;

use super::moves::{Master, MovePlan, MoveRefusal};
use crate::core::slot::{SLOT_COUNT, SlotSet};
use crate::core::topology::NodeId;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Weights by master; 1 for those that are not named.
    pub weights: BTreeMap<NodeId, f32>,
    /// Whether masters without slots get some.
    pub use_empty: bool,
    /// Per cent that a master may be off before anything moves; 0: as even as can be.
    pub threshold: f32,
}

impl Default for Wish {
    fn default() -> Self {
        Self { weights: BTreeMap::new(), use_empty: false, threshold: 2.0 }
    }
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rebalance {
    /// How many masters take part.
    pub involved: usize,
    /// The sum of their weights.
    pub total_weight: f32,
    /// The moves as redis-cli prints them: how many slots from whom to whom.
    pub lines: Vec<(usize, NodeId, NodeId)>,
    /// The moves.
    pub plan: MovePlan,
}

/// A master and how many slots it has too many (negative: too few).
struct Party<'a> {
    master: &'a Master,
    slots: SlotSet,
    balance: i64,
}

/// Reads `ID=WEIGHT` words: an id or the beginning of one.
///
/// # Errors
/// redis-cli's words for what is no weight or no master.
pub fn weights(masters: &[Master], words: &[String]) -> Result<BTreeMap<NodeId, f32>, MoveRefusal> {
    let mut weights = BTreeMap::new();
    for word in words {
        let bad = || MoveRefusal::BadWeight(word.clone());
        let (name, weight) = word.split_once('=').ok_or_else(bad)?;
        let weight: f32 = weight.trim().parse().ok().filter(|w: &f32| w.is_finite() && *w >= 0.0).ok_or_else(bad)?;
        let master = super::moves::master_named(masters, name).map_err(|why| match why {
            MoveRefusal::NotAMaster(name) => MoveRefusal::NoSuchMaster(name),
            other => other,
        })?;
        weights.insert(master.id.clone(), weight);
    }
    Ok(weights)
}

/// The plan, or `None` where every master is within the threshold.
///
/// # Errors
/// [`MoveRefusal::NoWeight`] where nobody may own slots.
pub fn rebalance(masters: &[Master], wish: &Wish) -> Result<Option<Rebalance>, MoveRefusal> {
    let weight = |master: &Master| wish.weights.get(&master.id).copied().unwrap_or(1.0);
    let involved: Vec<&Master> = masters.iter().filter(|master| wish.use_empty || !master.slots.is_empty()).collect();
    let total_weight: f32 = involved.iter().map(|master| weight(master)).sum();
    if total_weight <= 0.0 {
        return Err(MoveRefusal::NoWeight);
    }
    let mut parties: Vec<Party<'_>> = Vec::new();
    let mut over = false;
    for master in &involved {
        let (owned, expected) = (count(&master.slots), expected(weight(master), total_weight));
        over |= is_over(owned, expected, wish.threshold);
        parties.push(Party { master, slots: master.slots.clone(), balance: owned - expected });
    }
    if wish.threshold > 0.0 {
        if !over {
            return Ok(None);
        }
        spread_as_redis_cli(&mut parties);
    } else {
        spread_exactly(&mut parties, &weight);
    }
    parties.sort_by_key(|party| party.balance);
    let (lines, plan) = pair_up(&mut parties);
    let result = Rebalance { involved: involved.len(), total_weight, lines, plan };
    Ok(Some(result).filter(|result| !result.plan.is_empty()))
}

fn count(slots: &SlotSet) -> i64 {
    i64::try_from(slots.len()).unwrap_or(i64::MAX)
}

/// `(int)(((float)16384 / total_weight) * weight)`.
#[expect(clippy::cast_possible_truncation, reason = "as in redis-cli")]
fn expected(weight: f32, total: f32) -> i64 {
    (f32::from(SLOT_COUNT) / total * weight) as i64
}

/// Whether a master is further off than the threshold, in per cent of what it owns.
#[expect(clippy::cast_possible_truncation, reason = "redis-cli keeps it in a C float")]
fn is_over(owned: i64, expected: i64, threshold: f32) -> bool {
    if owned == 0 {
        return expected > 1;
    }
    let off = (100.0 - 100.0 * expected as f64 / owned as f64).abs() as f32;
    off > threshold
}

/// Rounding leaves a few slots over: one each for those that get slots anyway or are even, as redis-cli does it.
fn spread_as_redis_cli(parties: &mut [Party<'_>]) {
    let mut left: i64 = parties.iter().map(|party| party.balance).sum();
    while left > 0 {
        let before = left;
        for party in parties.iter_mut().filter(|party| party.balance <= 0) {
            if left > 0 {
                party.balance -= 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    take_back(parties, left);
}

/// For exactness the slots left over stay with those that have them, so that an even cluster is left alone; masters of
/// weight 0 keep none.
fn spread_exactly(parties: &mut [Party<'_>], weight: &impl Fn(&Master) -> f32) {
    let mut left: i64 = parties.iter().map(|party| party.balance).sum();
    let mut order: Vec<usize> = (0..parties.len()).filter(|i| weight(parties[*i].master) > 0.0).collect();
    order.sort_by_key(|i| std::cmp::Reverse(parties[*i].balance));
    for i in order.into_iter().cycle() {
        if left <= 0 {
            break;
        }
        parties[i].balance -= 1;
        left -= 1;
    }
    take_back(parties, left);
}

/// Float arithmetic could promise a slot too many: then a taker gets one less.
fn take_back(parties: &mut [Party<'_>], mut left: i64) {
    while left < 0 {
        let Some(party) = parties.iter_mut().min_by_key(|party| party.balance) else { return };
        party.balance += 1;
        left += 1;
    }
}

/// The greatest giver to the greatest taker, until all are even. Of a giver, the lowest-numbered slots go first.
fn pair_up(parties: &mut [Party<'_>]) -> (Vec<(usize, NodeId, NodeId)>, MovePlan) {
    let (mut lines, mut moves) = (Vec::new(), Vec::new());
    let (mut taker, mut giver) = (0, parties.len().saturating_sub(1));
    while taker < giver {
        let amount = parties[taker].balance.abs().min(parties[giver].balance.abs());
        if amount > 0 && parties[taker].balance < 0 && parties[giver].balance > 0 {
            let wanted = usize::try_from(amount).unwrap_or_default();
            let slots: Vec<_> = parties[giver].slots.iter().take(wanted).collect();
            let (from, to) = (parties[giver].master.id.clone(), parties[taker].master.id.clone());
            lines.push((slots.len(), from.clone(), to.clone()));
            for slot in slots {
                parties[giver].slots.remove(slot);
                moves.push((from.clone(), to.clone(), slot));
            }
            parties[taker].balance += amount;
            parties[giver].balance -= amount;
        }
        let (takes, gives) = (parties[taker].balance < 0, parties[giver].balance > 0);
        if !takes {
            taker += 1;
        }
        if !gives {
            giver = giver.saturating_sub(1);
        }
    }
    (lines, MovePlan::of(moves))
}

#[cfg(test)]
#[path = "rebalance_tests.rs"]
mod tests;
