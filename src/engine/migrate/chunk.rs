//! A window of open slots of one pair: opened together, emptied, handed over together, or closed again after a failure.
//!
//! The order is what keeps every key reachable: IMPORTING on the target before MIGRATING on the source; from then on the
//! source answers ASK for what it does not hold, so no new key comes up there; NODE on the target before NODE on the
//! source, so that a slot never has no owner; the others last.
//!
//! # Why no key is left behind
//! Between the last look at a slot's keys and the target's NODE nothing locks the slot. Nothing has to: an open slot that
//! is empty at its owner stays empty. `getNodeByQuery` (cluster.c) answers ASK, or TRYAGAIN, to every command one of whose
//! keys is missing there, reads and writes alike. It looks at all commands of a transaction when EXEC comes, at RESTORE-ASKING
//! of somebody's MIGRATE (only an importing slot heeds ASKING), and again at each command of a script or function, also for
//! keys that were not declared. So a key can be written only while it is there, also by a client that was blocked before (what
//! it waits for can't come). `tests/open_slots_on_real_servers.rs` tries all of that on every version. Keys of further databases
//! (Valkey 9) would not be seen by the look: the classic way is refused where there can be any (`probe::classic`).
//!
//! What remains is outside of the protocol: a module that writes past the cluster's checks, somebody else's SETSLOT STABLE, and
//! a failover of the source in between (before Valkey 8 a replica does not know that the slot is open). The server itself
//! guards the last step: a source with keys refuses SETSLOT NODE, and the slot is left open and named.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::Role;
use crate::engine::client::NodeClient;

use super::atomic::FREE_DEADLINE;
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
    /// Whether the target may own some of the slots by now.
    handing_over: bool,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(pair: &'a Pair<'a>, context: &'a Context<'a>, lane: &'a NodeClient, slots: Vec<Slot>) -> Self {
        Self { pair, context, lane, slots, opened: false, handing_over: false }
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
        self.handing_over = true;
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
        let (from, to) = (self.pair.from.one(), self.pair.to.one());
        if self.pair.both_answer(self.context).await.is_err() {
            return done;
        }
        let (here, there) = tokio::join!(keys_in(from, &self.slots), keys_in(to, &self.slots));
        let (Ok(here), Ok(there)) = (here, there) else { return done };
        for ((slot, here), there) in self.slots.iter().zip(here).zip(there) {
            let one = std::slice::from_ref(slot);
            let owned = self.pair.owned.contains(*slot);
            let result = match end_of(self.opened, self.handing_over, owned, (here, there)) {
                End::HandedOver => self.hand_over(one).await.map(|()| done.push(*slot)),
                End::Closed => self.close(one).await,
                End::Open => Ok(()),
            };
            if result.is_err() && self.pair.both_answer(self.context).await.is_err() {
                break;
            }
        }
        tell_others(self.pair, &done).await;
        done
    }

    /// The source serves the slot alone again. From its STABLE on it sends nobody to the target, so that a count of 0
    /// there stays one.
    async fn close(&self, slot: &[Slot]) -> Result<(), Why> {
        set(&self.pair.from, slot, "STABLE", None, false).await?;
        if keys_in(self.pair.to.one(), slot).await?.iter().all(|count| *count == 0) {
            // Where it fails, the check names the slot as open.
            set(&self.pair.to, slot, "STABLE", None, false).await.map(drop)
        } else {
            // A client got in between: open again.
            set(&self.pair.from, slot, "MIGRATING", Some(self.pair.one.to.as_str()), false).await.map(drop)
        }
    }
}

/// How a slot is left after a failure.
#[derive(Debug, PartialEq, Eq)]
enum End {
    HandedOver,
    Closed,
    Open,
}

/// How a slot is to be left that holds so many keys at the source and at the target. Once the hand-over was begun the
/// target may own it, and the source must not serve it again: its new keys would be dropped when it hears of the owner.
fn end_of(opened: bool, handing_over: bool, owned: bool, (here, there): (u64, u64)) -> End {
    match (here, there) {
        (0, _) if handing_over => End::HandedOver,
        (0, 1..) if opened => End::HandedOver,
        (_, 0) if !owned && !handing_over => End::Closed,
        _ => End::Open,
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
    let deadline = Instant::now() + FREE_DEADLINE;
    loop {
        match set_once(at, slots, what, id, look).await {
            Err(why) if is_passing(&why) && Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
            result => return result,
        }
    }
}

/// Redis (8.4) takes no SETSLOT while the end of an atomic migration is still being cleared away.
pub(in crate::engine) fn is_passing(why: &str) -> bool {
    why.contains("pending trim job") || why.contains("active atomic slot migration")
}

async fn set_once(at: &Pool, slots: &[Slot], what: &str, id: Option<&str>, look: bool) -> Result<Vec<Words>, Why> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_was_begun_to_be_handed_over_is_never_given_back() {
        assert_eq!(end_of(true, true, false, (0, 0)), End::HandedOver);
        assert_eq!(end_of(true, true, false, (0, 5)), End::HandedOver);
        assert_eq!(end_of(true, true, false, (3, 0)), End::Open);
    }

    #[test]
    fn before_that_a_slot_goes_where_its_keys_are() {
        assert_eq!(end_of(true, false, false, (0, 5)), End::HandedOver);
        assert_eq!(end_of(false, false, false, (0, 5)), End::Open, "the source may still take keys");
        assert_eq!(end_of(true, false, false, (0, 0)), End::Closed);
        assert_eq!(end_of(false, false, false, (7, 0)), End::Closed);
        assert_eq!(end_of(true, false, false, (7, 5)), End::Open);
        assert_eq!(end_of(true, false, true, (7, 0)), End::Open, "it is the target's already");
    }

    #[test]
    fn what_redis_refuses_for_a_moment_is_waited_for() {
        assert!(is_passing(
            "slot 5: SETSLOT IMPORTING: 127.0.0.1:7000: the server refused: ERR There is a pending trim job for slot 5."
        ));
        assert!(is_passing(
            "ERR Slot 5 is currently in an active atomic slot migration. CLUSTER SETSLOT cannot be used"
        ));
        assert!(!is_passing("ERR Please use SETSLOT only with masters."));
    }
}
