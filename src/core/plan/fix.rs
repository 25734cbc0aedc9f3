//! Repairs of slots: what every node says of them and which keys each master holds in, one decision for each slot out.
//!
//! However a slot got into trouble (nobody owns it, several claim it, it is half moved, nodes remember another owner), it
//! comes out the same way: one master is its owner, the others give up what they claim, their keys of it go to the owner,
//! and it is open nowhere. What differs is only who the owner is, and that is decided here, with the reason. No repair
//! deletes a key; where keys could be lost there is no repair but a [`Left`] or a [`Refusal`].
//!
//! Servers drop the keys of a slot that they believe to own when a master with a higher epoch claims it
//! (`clusterUpdateSlotsConfigWith`), so losers give up before the owner claims: whoever carries a plan out keeps this
//! order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt;

use thiserror::Error;

use crate::core::count::counted;
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeAddr, NodeId};

use super::fix_facts::Facts;

pub use super::fix_facts::{Damage, KeyCounts, owners, stray_keys, suspects};

/// A master that has a part in a repair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// Where it answers.
    pub addr: NodeAddr,
    /// Its id.
    pub id: NodeId,
}

/// What is wrong with slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// No master that answers owns them.
    Uncovered,
    /// Several masters claim them.
    Disputed,
    /// They are migrating or importing somewhere.
    Open,
    /// Their owner is clear, but some node sees another one.
    Disagreed,
    /// Their owner is clear, but other masters hold keys of them.
    Strays,
}

/// Why just this master is the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No node has keys of them: they are spread so that all masters own as many as can be.
    Spread,
    /// It is the only one with keys of them.
    OnlyKeys,
    /// It has more keys of them than the others.
    MostKeys,
    /// Of those that claim them it has the highest epoch, by which the cluster itself decides.
    HighestEpoch,
    /// The move to it was begun at both ends.
    MoveBegun,
    /// It is the only one that claims them.
    OnlyClaim,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spread => "no master has keys of them, and so they are spread evenly",
            Self::OnlyKeys => "only it has keys of them",
            Self::MostKeys => "it has most of their keys",
            Self::HighestEpoch => "it claims them with the highest epoch",
            Self::MoveBegun => "the move to it was begun at both ends",
            Self::OnlyClaim => "only it claims them",
        })
    }
}

/// Slots that are repaired alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What is wrong.
    pub trouble: Trouble,
    /// Which slots.
    pub slots: SlotSet,
    /// Who owns them in the end.
    pub owner: Party,
    /// Why.
    pub reason: Reason,
    /// Whether the owner claims them already.
    pub claimed: bool,
    /// Masters that claim them too, and give up.
    pub losers: Vec<Party>,
    /// The master whose move to the owner is finished, and its keys.
    pub forward: Option<(Party, u64)>,
    /// Masters whose keys go to the owner, and how many these are.
    pub keys_from: Vec<(Party, u64)>,
    /// Masters on which the slots are open and are closed.
    pub close: Vec<Party>,
}

impl Repair {
    /// What is wrong, in a sentence.
    #[must_use]
    pub fn finding(&self) -> String {
        let (slots, owner) = (slot_words(&self.slots), &self.owner.addr);
        match self.trouble {
            Trouble::Uncovered => format!("{slots} without an owner"),
            Trouble::Disputed => {
                let mut all: Vec<&Party> = self.losers.iter().collect();
                all.extend(self.claimed.then_some(&self.owner));
                format!("{slots} claimed by several masters: {}", listed(all))
            }
            Trouble::Open => format!("{slots} open on {}", listed(&self.close)),
            Trouble::Disagreed => format!("{slots} of {owner} with another owner in some node's eyes"),
            Trouble::Strays => {
                let others = self.keys_from.iter().map(|(party, _)| party);
                format!("{slots} of {owner} with keys on masters that do not own them: {}", listed(others))
            }
        }
    }

    /// What is done about it, in sentences.
    #[must_use]
    pub fn remedies(&self) -> Vec<String> {
        let owner = &self.owner.addr;
        let mut list = Vec::new();
        if !self.losers.is_empty() {
            list.push(format!("{} gives them up, keeping its keys for now", listed(&self.losers)));
        }
        if let Some((from, keys)) = &self.forward {
            list.push(format!(
                "their move from {} to {owner} is finished ({}): {}",
                from.addr,
                counted(*keys, "key"),
                self.reason
            ));
        } else {
            let verb = if self.claimed { "keeps" } else { "gets" };
            list.push(format!("{owner} {verb} them: {}", self.reason));
        }
        for (from, keys) in &self.keys_from {
            list.push(format!(
                "{} of them {} moved from {} to {owner}",
                counted(*keys, "key"),
                if *keys == 1 { "is" } else { "are" },
                from.addr
            ));
        }
        if !self.close.is_empty() && self.forward.is_none() {
            list.push(format!("they are closed on {}", listed(&self.close)));
        }
        list
    }

    /// How many keys move.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys_from.iter().chain(&self.forward).map(|(_, keys)| keys).sum()
    }

    /// Whether slots get the same owner in the same way, from no others; the numbers of keys may differ.
    fn is_within(&self, other: &Self) -> bool {
        let source = |repair: &Self| repair.forward.as_ref().map(|(party, _)| party.clone());
        let from = |(party, _): &(Party, u64)| other.keys_from.iter().any(|(known, _)| known == party);
        self.owner == other.owner
            && source(self) == source(other)
            && self.losers.iter().all(|loser| other.losers.contains(loser))
            && self.keys_from.iter().all(from)
    }
}

/// Slots that are not repaired, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Which slots.
    pub slots: SlotSet,
    /// Why.
    pub why: LeftWhy,
}

/// Why slots are not repaired.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftWhy {
    /// The servers are moving them by themselves.
    UnderWay,
    /// Their master does not answer, but a replica of it does: a failover keeps its keys.
    FailOver {
        /// The master.
        master: NodeAddr,
        /// The replica.
        replica: NodeAddr,
    },
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = slot_words(&self.slots);
        match &self.why {
            LeftWhy::UnderWay => {
                write!(f, "{slots} under an atomic migration of the servers themselves: not touched")
            }
            LeftWhy::FailOver { master, replica } => write!(
                f,
                "{slots} of {master}, which does not answer: its replica {replica} has its keys, so let it take over \
                 ('slotctl failover {replica} {replica} --force', or --takeover where too few masters are left)"
            ),
        }
    }
}

/// What is repaired and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FixPlan {
    /// Repairs, the worst trouble first.
    pub repairs: Vec<Repair>,
    /// Nodes that are made known to each other: whoever is met, and by whom.
    pub meetings: Vec<Meeting>,
    /// What stays as it is.
    pub left: Vec<Left>,
}

/// A node that is made to know another one, of which one or both do not know the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Meeting {
    /// Where the node answers that is told.
    pub by: NodeAddr,
    /// The other one, where other nodes see it.
    pub whom: NodeAddr,
}

impl FixPlan {
    /// What is done here that the other plan does not do, in words; what has healed by itself need not be
    /// repaired, and who knows whom may change by the second.
    #[must_use]
    pub fn beyond(&self, confirmed: &Self) -> Option<String> {
        let known = |ours: &Repair| {
            let theirs = |slot: Slot| confirmed.repairs.iter().find(|theirs| theirs.slots.contains(slot));
            ours.slots.iter().all(|slot| theirs(slot).is_some_and(|theirs| ours.is_within(theirs)))
        };
        let unknown = self.repairs.iter().find(|ours| !known(ours));
        let told = |repair: &Repair| format!("{}: {}", repair.finding(), repair.remedies().join(", "));
        unknown.map(told)
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.repairs.is_empty() && self.meetings.is_empty()
    }

    /// All slots that are repaired.
    #[must_use]
    pub fn slots(&self) -> SlotSet {
        let mut all = SlotSet::new();
        self.repairs.iter().for_each(|repair| all.union_with(&repair.slots));
        all
    }
}

/// A master that does not answer and may hold keys of slots that nobody else owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Where it was, or its id.
    pub name: String,
    /// Its slots.
    pub slots: SlotSet,
    /// A replica of it that answers.
    pub replica: Option<NodeAddr>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Masters do not answer.
    #[error("{}", lost_words(.0))]
    Unreachable(Vec<Lost>),
    /// There is nobody who could own a slot.
    #[error("no master answers")]
    NoMaster,
}

fn lost_words(lost: &[Lost]) -> String {
    let one = |lost: &Lost| {
        let held = match (lost.slots.is_empty(), &lost.replica) {
            (true, _) => "slots were being moved to it".to_owned(),
            (false, None) => slot_words(&lost.slots),
            (false, Some(replica)) => format!("{}; its replica {replica} answers", slot_words(&lost.slots)),
        };
        format!("{} ({held})", lost.name)
    };
    let names = lost.iter().map(one).collect::<Vec<_>>().join(", ");
    format!(
        "*** Fixing with unreachable masters is dangerous: {names} may hold keys, which would be lost if other masters got \
         its slots. Start it again, or let a replica take over (slotctl failover). If its keys may be lost, use \
         --cluster-fix-with-unreachable-masters."
    )
}

/// Plans the repair of everything that is wrong with slots.
///
/// # Errors
/// [`Refusal::Unreachable`] where masters with slots do not answer, unless `with_unreachable`; [`Refusal::NoMaster`].
pub fn plan(damage: &Damage<'_>, with_unreachable: bool) -> Result<FixPlan, Refusal> {
    let facts = Facts::of(damage);
    if facts.masters.is_empty() {
        return Err(Refusal::NoMaster);
    }
    let lost = facts.lost();
    if !lost.is_empty() && !with_unreachable {
        return Err(Refusal::Unreachable(lost));
    }
    let mut groups: BTreeMap<Decision, Group> = BTreeMap::new();
    let mut left: BTreeMap<LeftWhy, SlotSet> = BTreeMap::new();
    let mut loose = SlotSet::new();
    for slot in facts.troubled().iter() {
        if let Some(why) = left_why(&facts, slot) {
            left.entry(why).or_default().insert(slot);
        } else if let Some(decision) = decide(&facts, slot) {
            groups.entry(decision).or_default().add(&facts, slot);
        } else {
            loose.insert(slot);
        }
    }
    for (slot, owner) in spread(&facts, &loose) {
        let close = facts.open_on(slot);
        let decision = Decision::new(Trouble::Uncovered, owner, Reason::Spread, close);
        groups.entry(decision).or_default().add(&facts, slot);
    }
    Ok(FixPlan {
        repairs: groups.into_iter().map(|(decision, group)| decision.repair(&facts, group)).collect(),
        meetings: facts.strangers(),
        left: left.into_iter().map(|(why, slots)| Left { slots, why }).collect(),
    })
}

/// What is decided for a slot, by the masters' places in the facts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Decision {
    trouble: Trouble,
    owner: usize,
    reason: Reason,
    claimed: bool,
    forward: Option<usize>,
    losers: Vec<usize>,
    from: Vec<usize>,
    close: BTreeSet<usize>,
}

/// The slots of one decision, and the keys of each master in them.
#[derive(Default)]
struct Group {
    slots: SlotSet,
    keys: BTreeMap<usize, u64>,
}

impl Group {
    fn add(&mut self, facts: &Facts<'_>, slot: Slot) {
        self.slots.insert(slot);
        for (master, count) in facts.holders(slot) {
            *self.keys.entry(master).or_default() += count;
        }
    }
}

impl Decision {
    fn new(trouble: Trouble, owner: usize, reason: Reason, close: BTreeSet<usize>) -> Self {
        let (losers, from) = (Vec::new(), Vec::new());
        Self { trouble, owner, reason, claimed: false, forward: None, losers, from, close }
    }

    fn repair(self, facts: &Facts<'_>, group: Group) -> Repair {
        let party = |master: &usize| facts.party(*master);
        let counted = |master: &usize| (facts.party(*master), group.keys.get(master).copied().unwrap_or_default());
        Repair {
            trouble: self.trouble,
            owner: party(&self.owner),
            reason: self.reason,
            claimed: self.claimed,
            losers: self.losers.iter().map(party).collect(),
            forward: self.forward.as_ref().map(counted),
            keys_from: self.from.iter().map(counted).collect(),
            close: self.close.iter().map(party).collect(),
            slots: group.slots,
        }
    }
}

fn left_why(facts: &Facts<'_>, slot: Slot) -> Option<LeftWhy> {
    if facts.under_way.contains(slot) {
        return Some(LeftWhy::UnderWay);
    }
    let (master, replica) = facts.saved_by_failover(slot)?;
    Some(LeftWhy::FailOver { master, replica })
}

/// The decision for a slot in trouble; `None` for one that any master may get.
fn decide(facts: &Facts<'_>, slot: Slot) -> Option<Decision> {
    let claims = facts.claims(slot);
    let holders = facts.holders(slot);
    let keys = |master: usize| holders.iter().find(|(i, _)| *i == master).map_or(0, |(_, count)| *count);
    let mut forward = None;
    let (owner, reason) = match claims {
        [] => match holders.as_slice() {
            [] => return None,
            [(only, _)] => (*only, Reason::OnlyKeys),
            _ => {
                let best = |(i, count): &&(usize, u64)| (*count, facts.is_seen_owner(slot, *i), Reverse(*i));
                (holders.iter().max_by_key(best)?.0, Reason::MostKeys)
            }
        },
        [only] => match facts.move_begun(slot, *only) {
            Some(target) => {
                forward = Some(*only);
                (target, Reason::MoveBegun)
            }
            None => (*only, Reason::OnlyClaim),
        },
        several => {
            let best = |i: &&usize| (facts.masters[**i].1.epoch, keys(**i), Reverse(**i));
            (*several.iter().max_by_key(best)?, Reason::HighestEpoch)
        }
    };
    let others = |list: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
        list.filter(|i| *i != owner && Some(*i) != forward).collect()
    };
    let close = facts.open_on(slot);
    let trouble = match claims.len() {
        0 => Trouble::Uncovered,
        2.. => Trouble::Disputed,
        _ if !close.is_empty() => Trouble::Open,
        _ if facts.disagreed.contains(slot) => Trouble::Disagreed,
        _ => Trouble::Strays,
    };
    Some(Decision {
        claimed: claims.contains(&owner),
        forward,
        losers: others(&mut claims.iter().copied()),
        from: others(&mut holders.iter().map(|(i, _)| *i)),
        ..Decision::new(trouble, owner, reason, close)
    })
}

/// Slots that any master may get: each to the master with the fewest; a slot's former owner is asked first, and what
/// remains goes out in runs. Masters without slots get some only where they had some, or where nobody has any: who
/// emptied a master meant it.
fn spread(facts: &Facts<'_>, slots: &SlotSet) -> Vec<(Slot, usize)> {
    let has_slots = |i: &usize| !facts.masters[*i].1.slots.is_empty();
    let had_slots = |i: &usize| slots.iter().any(|slot| facts.is_seen_owner(slot, *i));
    let all = || 0..facts.masters.len();
    let mut fit: Vec<usize> = all().filter(|i| has_slots(i) || had_slots(i)).collect();
    if fit.is_empty() {
        fit = all().collect();
    }
    let mut heap: BinaryHeap<Reverse<(usize, usize)>> =
        fit.iter().map(|i| Reverse((facts.masters[*i].1.slots.len(), *i))).collect();
    let mut quota: BTreeMap<usize, usize> = BTreeMap::new();
    for _ in slots.iter() {
        if let Some(Reverse((count, i))) = heap.pop() {
            *quota.entry(i).or_default() += 1;
            heap.push(Reverse((count + 1, i)));
        }
    }
    let mut given = Vec::new();
    let mut rest = Vec::new();
    for slot in slots.iter() {
        let former = quota.iter_mut().find(|(i, left)| **left > 0 && facts.is_seen_owner(slot, **i));
        match former {
            Some((i, left)) => {
                *left -= 1;
                given.push((slot, *i));
            }
            None => rest.push(slot),
        }
    }
    let takers = quota.into_iter().flat_map(|(i, left)| std::iter::repeat_n(i, left));
    given.extend(rest.into_iter().zip(takers));
    given
}

/// `slot 5` or `12 slots (0-9,20,30)`, cut after ten ranges.
fn slot_words(slots: &SlotSet) -> String {
    let ranges = slots.ranges();
    let mut text = ranges.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(",");
    if ranges.len() > 10 {
        text.push('…');
    }
    match slots.len() {
        1 => format!("slot {text}"),
        count => format!("{count} slots ({text})"),
    }
}

fn listed<'a>(parties: impl IntoIterator<Item = &'a Party>) -> String {
    parties.into_iter().map(|party| party.addr.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "fix_tests.rs"]
mod tests;
