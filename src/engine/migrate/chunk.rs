//! A window of open slots of one pair: opened together, emptied, handed over together, or closed again after a failure.
//!
//! The order is what keeps every key reachable: IMPORTING on the target before MIGRATING on the source; from then on the
//! source answers ASK for what it does not hold, so no new key comes up there; NODE on the target before NODE on the
//! source, so that a slot never has no owner; the others last.

use futures_util::future::join_all;

use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::Role;
use crate::engine::client::NodeClient;

use super::drain::{Drain, Words, keys_of, look_up};
use super::pool::Pool;
use super::{Context, News, Pair, Why, keys_in};

/// How often slots may be looked at without a key less in them.
const FRUITLESS: usize = 20;

pub(super) struct Chunk<'a> {
    pair: &'a Pair<'a>,
    context: &'a Context<'a>,
    /// The source, for MIGRATE: between two of them on two connections it serves its clients.
    lane: &'a NodeClient,
    pub(super) slots: Vec<Slot>,
    /// Whether the source sends clients to the target for keys that it does not hold.
    opened: bool,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(pair: &'a Pair<'a>, context: &'a Context<'a>, lane: &'a NodeClient, slots: Vec<Slot>) -> Self {
        Self { pair, context, lane, slots, opened: false }
    }

    /// Opens, empties, hands over to the target: the other masters are still to be [told](tell_others).
    pub(super) async fn run(&mut self) -> Result<(), Why> {
        let unopened: Vec<Slot> = self.slots.iter().copied().filter(|slot| !self.pair.owned.contains(*slot)).collect();
        set(&self.pair.to, &unopened, "IMPORTING", Some(self.pair.one.from.as_str()), false).await?;
        let migrating = Some(self.pair.one.to.as_str());
        // What they hold is asked in the same breath: an empty slot costs no round trip for its keys.
        let held = set(&self.pair.from, &unopened, "MIGRATING", migrating, true).await?;
        self.opened = true;
        self.empty(unopened.into_iter().zip(held).collect()).await?;
        self.hand_over(&self.slots).await
    }

    /// Moves keys until the source has none of these slots.
    pub(super) async fn empty(&self, mut held: Vec<(Slot, Words)>) -> Result<(), Why> {
        let drain = Drain { pair: self.pair, context: self.context, lane: self.lane };
        let mut fruitless = 0;
        loop {
            held.retain(|(_, keys)| !keys.is_empty());
            let Some((first, _)) = held.first() else { return Ok(()) };
            if fruitless > FRUITLESS {
                return Err(format!("keys of slot {first} stay at {}", self.pair.from.addr()));
            }
            let left: Vec<Slot> = held.iter().map(|(slot, _)| *slot).collect();
            let moved = drain.drain(held.into_iter().map(|(_, keys)| keys).collect()).await?;
            fruitless = if moved { 0 } else { fruitless + 1 };
            let commands: Vec<Vec<String>> = left.iter().map(|slot| look_up(*slot, left.len())).collect();
            let answers = self.lane.call_all(&commands).await;
            let keys: Result<Vec<Words>, _> = answers.into_iter().map(|answer| answer.map(keys_of)).collect();
            held = left.into_iter().zip(keys.map_err(|error| error.to_string())?).collect();
        }
    }

    /// The target becomes the owner: first in its own eyes, then in the source's.
    async fn hand_over(&self, slots: &[Slot]) -> Result<(), Why> {
        let owner = Some(self.pair.one.to.as_str());
        set(&self.pair.to, slots, "NODE", owner, false).await?;
        match set(&self.pair.from, slots, "NODE", owner, false).await {
            Ok(_) => Ok(()),
            // A master that has lost its last slot becomes a replica at once, and takes no SETSLOT any more.
            Err(_) if self.gave_all(slots).await => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// Whether the source is a replica by now and knows the target as the owner of these slots.
    async fn gave_all(&self, slots: &[Slot]) -> bool {
        // It may have dropped its connections as it became one.
        let anew = async { NodeClient::connect(self.pair.from.addr(), self.context.auth).await?.view().await };
        let Ok(view) = anew.await else { return false };
        let target = view.nodes.get(&self.pair.one.to);
        let owns = target.is_some_and(|target| slots.iter().all(|slot| target.slots.contains(*slot)));
        owns && view.me().is_some_and(|me| me.role == Role::Replica)
    }

    pub(super) fn tell_moved(&self, slots: &[Slot]) {
        let slots: SlotSet = slots.iter().copied().collect();
        if !slots.is_empty() {
            let (from, to) = (self.pair.from.addr().clone(), self.pair.to.addr().clone());
            (self.context.report)(News::Moved { from, to, slots });
        }
    }

    /// After a failure: slots whose keys have all gone over are handed over, slots of which none has are closed again.
    /// What is between the two stays open: both masters serve it together. Answers the slots handed over.
    pub(super) async fn settle(&self) -> Vec<Slot> {
        let mut done = Vec::new();
        for slot in &self.slots {
            let one = std::slice::from_ref(slot);
            let (here, there) = tokio::join!(keys_in(self.pair.from.one(), one), keys_in(self.pair.to.one(), one));
            match (here.map(|count| count[0]), there.map(|count| count[0])) {
                (Ok(0), Ok(1..)) if self.opened && self.hand_over(one).await.is_ok() => done.push(*slot),
                (Ok(_), Ok(0)) if !self.pair.owned.contains(*slot) => self.close(one).await,
                _ => {}
            }
        }
        tell_others(self.pair, &done).await;
        done
    }

    /// The source serves the slot alone again. From its STABLE on it sends nobody to the target, so that a count of 0
    /// there stays one.
    async fn close(&self, slot: &[Slot]) {
        if set(&self.pair.from, slot, "STABLE", None, false).await.is_err() {
            return;
        }
        if keys_in(self.pair.to.one(), slot).await.is_ok_and(|count| count[0] == 0) {
            // Where it fails, the check names the slot as open.
            let _ = set(&self.pair.to, slot, "STABLE", None, false).await;
        } else {
            // A client got in between: open again.
            let _ = set(&self.pair.from, slot, "MIGRATING", Some(self.pair.one.to.as_str()), false).await;
        }
    }
}

/// Tells the other masters who owns these slots now. They hear it by gossip too: one that is away must not stop the move.
pub(super) async fn tell_others(pair: &Pair<'_>, slots: &[Slot]) {
    let owner = Some(pair.one.to.as_str());
    join_all(pair.others.iter().map(|other| set(other, slots, "NODE", owner, false))).await;
}

/// SETSLOT for each slot, pipelined; where `look` says so, each followed by a look at the slot's keys, which are answered.
pub(super) async fn set(
    at: &Pool,
    slots: &[Slot],
    what: &str,
    id: Option<&str>,
    look: bool,
) -> Result<Vec<Words>, Why> {
    let portion = |slot: &Slot| {
        let mut words = vec!["CLUSTER".to_owned(), "SETSLOT".to_owned(), slot.to_string(), what.to_owned()];
        words.extend(id.map(str::to_owned));
        std::iter::once(words).chain(look.then(|| look_up(*slot, slots.len()))).collect::<Vec<_>>()
    };
    let portions: Vec<Vec<Vec<String>>> = slots.iter().map(portion).collect();
    let mut held = Vec::new();
    for (slot, answers) in slots.iter().zip(at.call_all(&portions).await) {
        let mut answers = answers.into_iter();
        match answers.next() {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(format!("slot {slot}: SETSLOT {what}: {error}")),
            None => return Err(format!("slot {slot}: SETSLOT {what}: no answer of {}", at.addr())),
        }
        if let Some(keys) = answers.next() {
            held.push(keys_of(keys.map_err(|error| error.to_string())?));
        }
    }
    Ok(held)
}
