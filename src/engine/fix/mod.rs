//! Carries a [`FixPlan`] out: who owns which slot is settled first, then keys go to their owners, then slots are closed.
//!
//! The order keeps every key: a master that is to lose a slot stops claiming it before the owner claims it with a new
//! epoch (a claim with a higher epoch makes servers drop their own keys of a slot), keys move only when the cluster
//! serves again, and a slot is closed where its keys have gone. What stops one slot does not stop the others.

mod job;
mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::time::{Instant, sleep};

pub use job::{FixFound, FixLook, FixWish, fix_job, fix_look, hold};
pub use look::{Scope, Seen, look};

use super::client::{CONNECT_DEADLINE, NodeClient, NodeError};
use super::command::Auth;
use super::gather::{Gathered, gather};
use super::job::Step;
use super::migrate::bring::{Bringer, Failures};
use super::migrate::{News, Options, Report, keys_in, loses_nothing, rights};
use super::move_tally::MoveTally;
use super::steps::Steps;
use crate::core::check::Finding;
use crate::core::plan::fix::{FixPlan, Meeting, Party, Refusal, Repair, Trouble, plan as planned};
use crate::core::plan::moves::SlotMove;
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::detail::Detail;

/// How long the nodes may take to agree, and the cluster to serve again.
const AGREE_DEADLINE: Duration = Duration::from_secs(30);
/// How long a node that was made to forget another refuses it (a minute), and a little more.
const FORGET_BAN: Duration = Duration::from_secs(75);
/// How long after a new claim old news of its slots may still be under way between two nodes.
const OLD_NEWS: Duration = Duration::from_millis(300);

/// The steps of a repair.
pub const FIX_STEPS: [Step; 4] = [Step::SettleOwners, Step::MoveKeys, Step::CloseSlots, Step::Check];

/// How a repair is carried out.
#[derive(Debug, Clone)]
pub struct How<'a> {
    /// Nodes of the cluster.
    pub seeds: &'a [NodeAddr],
    /// The way in.
    pub auth: &'a Auth,
    /// How keys are moved.
    pub options: Options,
    /// How far was looked for damage.
    pub scope: Scope,
    /// Whether keys of masters that do not answer may be lost.
    pub with_unreachable: bool,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FixError {
    /// There is no plan.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The cluster is not what the plan was made from.
    #[error("the cluster has changed since the plan was made ({0}): nothing was sent, look again")]
    Stale(String),
    /// A master does not answer, or can't be worked with.
    #[error("{0}")]
    Node(String),
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// Every node's answer at the end.
    pub after: Gathered,
    /// Slots that could not be repaired, and why.
    pub failures: Vec<(Slot, String)>,
    /// How many keys were moved.
    pub keys: u64,
    /// Whether it stopped because it was asked to.
    pub stopped: bool,
}

/// Looks and plans.
///
/// # Errors
/// [`FixError::Refused`], [`FixError::Node`].
pub async fn plan(how: &How<'_>) -> Result<(Seen, FixPlan), FixError> {
    let gathered = gather(how.seeds, how.auth, CONNECT_DEADLINE).await;
    let seen = look(gathered, how.auth, how.scope, true).await.map_err(FixError::Node)?;
    let plan = planned(&seen.damage(), how.with_unreachable)?;
    Ok((seen, plan))
}

/// Carries a confirmed plan out, if the cluster is still as it was. A cancelled operation finishes the slots in flight.
///
/// # Errors
/// [`FixError`], with nothing sent. What happens to single slots later is in [`Fixed::failures`].
pub async fn fix(confirmed: &FixPlan, how: &How<'_>, steps: &Steps) -> Result<Fixed, FixError> {
    steps.begin(Step::SettleOwners);
    let (seen, now) = plan(how).await?;
    if let Some(other) = now.beyond(confirmed) {
        return Err(FixError::Stale(other));
    }
    let moved = Arc::new(AtomicU64::new(0));
    let of = now.repairs.iter().map(Repair::keys).sum();
    let report = key_counter(&moved, of, MoveTally::new(how.options.pause_file.clone()), steps);
    let seed = how.seeds.first().ok_or(Refusal::NoMaster)?;
    let stop = steps.cancelled().clone();
    let bringer = Bringer::connect(&seen.gathered, seed, how.auth, how.options.clone(), report, stop).await;
    let bringer = bringer.map_err(FixError::Node)?;
    insist_on_rights(&now, &bringer, how.auth).await.map_err(FixError::Node)?;
    let work = Work { how, bringer: &bringer };
    let mut failures = Vec::new();
    let settled: Vec<&Repair> = now.repairs.iter().filter(|repair| repair.settles_owner()).collect();
    if !(settled.is_empty() && now.meetings.is_empty()) {
        work.give_up(&settled, &mut failures).await;
        if failures.is_empty() {
            work.introduce(&now.meetings, steps).await;
        }
        failures.extend(held_back(&settled, &failures));
        if settled.iter().any(|repair| !without(&repair.slots, &failures).is_empty()) {
            work.settle(&settled, &mut failures).await;
            work.await_service(steps).await;
            work.mark(&settled, &mut failures).await;
        }
    }
    steps.begin(Step::MoveKeys);
    work.bring_strays(now.repairs.iter().filter(|repair| repair.forward.is_none()), &mut failures).await;
    for repair in &now.repairs {
        work.finish_move(repair, &mut failures).await;
    }
    work.bring_strays(now.repairs.iter().filter(|repair| repair.forward.is_some()), &mut failures).await;
    steps.begin(Step::CloseSlots);
    for repair in &now.repairs {
        work.close(repair, &mut failures).await;
    }
    steps.begin(Step::Check);
    let after = work.await_agreement(&without(&now.slots(), &failures)).await;
    steps.done();
    failures.sort();
    failures.dedup_by_key(|(slot, _)| *slot);
    Ok(Fixed { after, failures, keys: moved.load(Ordering::Relaxed), stopped: steps.is_cancelled() })
}

/// Makes sure that the user may carry all of the plan out. A loser's DELSLOTS is not asked about: it comes first of all, and
/// where it is refused, the slots stay as they are.
async fn insist_on_rights(plan: &FixPlan, bringer: &Bringer<'_>, auth: &Auth) -> Result<(), String> {
    let givers = plan.repairs.iter().flat_map(|repair| repair.keys_from.iter().chain(&repair.forward));
    let gives: BTreeSet<&NodeId> = givers.map(|(party, _)| &party.id).collect();
    let takers = plan.repairs.iter().filter(|repair| !repair.keys_from.is_empty() || repair.forward.is_some());
    let takes: BTreeSet<&NodeId> = takers.map(|repair| &repair.owner.id).collect();
    let asked = bringer.ids().filter_map(|id| {
        let needs = rights::of_repair(gives.contains(id), takes.contains(id));
        Some((bringer.client(id)?, needs))
    });
    rights::insist(&asked.collect::<Vec<_>>(), auth, rights::Keys::All).await?;
    for Meeting { by, .. } in &plan.meetings {
        let client = NodeClient::connect_within(by, auth, CONNECT_DEADLINE).await.map_err(|error| error.to_string())?;
        // No node has such an address.
        let meet = rights::need("CLUSTER MEET", "+cluster|meet", &["CLUSTER", "MEET", "nowhere", "0"]);
        rights::insist(&[(&client, vec![meet])], auth, rights::Keys::All).await?;
    }
    Ok(())
}

/// Counts keys as they arrive, into the running step; `pause` has the words for a pause.
fn key_counter(moved: &Arc<AtomicU64>, of: u64, pause: MoveTally, steps: &Steps) -> Report {
    let (moved, steps) = (Arc::clone(moved), steps.clone());
    Arc::new(move |news| match news {
        News::Keys(count) => {
            let now = moved.fetch_add(count, Ordering::Relaxed) + count;
            steps.detail(Detail::Keys { done: now, of });
        }
        News::Paused => steps.detail(pause.pause()),
        News::GoesOn => steps.detail(Detail::Keys { done: moved.load(Ordering::Relaxed), of }),
        _ => {}
    })
}

struct Work<'a> {
    how: &'a How<'a>,
    bringer: &'a Bringer<'a>,
}

/// Whether a master may name other owners for these slots: it keeps another slot, or holds no key at all. By naming an
/// owner of its last slot it would become that one's replica and drop every key that it still holds; DELSLOTS leaves it a
/// master. A node that can't be asked may not.
async fn stays_whole(client: &NodeClient, leaving: &SlotSet) -> bool {
    let Ok(view) = client.view().await else { return false };
    let keeps = view.me().is_some_and(|me| me.slots.iter().any(|slot| !leaving.contains(slot)));
    keeps || matches!(client.number(&["DBSIZE"]).await, Ok(0))
}

impl Work<'_> {
    fn client(&self, party: &Party) -> Option<&NodeClient> {
        self.bringer.client(&party.id)
    }

    /// One command for each slot; what fails is noted by slot.
    async fn each(&self, at: &NodeId, slots: &SlotSet, command: impl Fn(&str) -> Vec<String>) -> Failures {
        let commands: Vec<Vec<String>> = slots.iter().map(|slot| command(&slot.to_string())).collect();
        let answers = self.bringer.send(at, &commands).await;
        let failed = slots.iter().zip(answers).zip(&commands);
        let failed = failed.filter_map(|((slot, answer), words)| Some((slot, words.join(" "), answer.err()?)));
        failed.map(|(slot, words, error)| (slot, format!("{words}: {error}"))).collect()
    }

    /// SETSLOT for each slot.
    async fn set(&self, party: &Party, slots: &SlotSet, rest: &[&str]) -> Failures {
        let words = |slot: &str| {
            let head = ["CLUSTER", "SETSLOT", slot];
            head.iter().chain(rest).map(|word| (*word).to_owned()).collect()
        };
        self.each(&party.id, slots, words).await
    }

    /// Losers do not claim any more, and keep their keys. Whoever has none of a slot names the owner, which leaves it no
    /// slot without one; a server that still has some refuses that.
    async fn give_up(&self, repairs: &[&Repair], failures: &mut Failures) {
        let mut leaving: BTreeMap<&NodeId, SlotSet> = BTreeMap::new();
        for (repair, loser) in repairs.iter().flat_map(|repair| repair.losers.iter().map(move |loser| (repair, loser)))
        {
            leaving.entry(&loser.id).or_default().union_with(&repair.slots);
        }
        let mut may_name: BTreeSet<&NodeId> = BTreeSet::new();
        for (id, slots) in leaving {
            if let Some(client) = self.bringer.client(id)
                && stays_whole(client, &slots).await
            {
                may_name.insert(id);
            }
        }
        for repair in repairs {
            for loser in &repair.losers {
                let held: SlotSet = if may_name.contains(&loser.id) {
                    let refused = self.each(&loser.id, &repair.slots, node_words(&repair.owner)).await;
                    refused.into_iter().map(|(slot, _)| slot).collect()
                } else {
                    repair.slots.clone()
                };
                let words = |slot: &str| ["CLUSTER", "DELSLOTS", slot].map(str::to_owned).to_vec();
                failures.extend(self.each(&loser.id, &held, words).await);
            }
        }
    }

    /// Nodes that do not know each other meet: not before nobody loses keys by what the other claims. A meeting that
    /// fails is tried again; in the end the check names who does not know whom.
    async fn introduce(&self, meetings: &[Meeting], steps: &Steps) {
        let deadline = Instant::now() + FORGET_BAN;
        while !meetings.is_empty() && Instant::now() < deadline && !self.bringer.is_stopped() {
            let gathered = gather(self.how.seeds, self.how.auth, CONNECT_DEADLINE).await;
            let strangers = |finding: &Finding| matches!(finding, Finding::Unknown { .. });
            let Some(finding) = gathered.check().into_iter().find(strangers) else { break };
            steps.detail(&finding);
            // Again and again: who was made to forget a node refuses it for a minute.
            for meeting in meetings {
                if let Err(error) = self.meet(meeting).await {
                    steps.detail(error.to_string());
                }
            }
            sleep(Duration::from_secs(1)).await;
        }
        steps.waited();
    }

    async fn meet(&self, Meeting { by, whom }: &Meeting) -> Result<(), NodeError> {
        let client = NodeClient::connect_within(by, self.how.auth, CONNECT_DEADLINE).await?;
        let port = whom.port.to_string();
        let bus = whom.bus_port.map(|port| port.to_string());
        let meet: Vec<&str> = ["CLUSTER", "MEET", &whom.host, &port].into_iter().chain(bus.as_deref()).collect();
        client.call(&meet).await.map(drop)
    }

    /// Owners claim, then the others are told.
    async fn settle(&self, repairs: &[&Repair], failures: &mut Failures) {
        for repair in repairs {
            let slots = without(&repair.slots, failures);
            if slots.is_empty() {
                // A new epoch would count for what the owner claims of the failed ones, too.
                continue;
            }
            if !repair.claimed {
                failures.extend(self.claim(repair, &slots).await);
            }
            if let Some(client) = self.client(&repair.owner) {
                // Not known to 3.0; the claim above has raised the epoch there.
                let _ = client.call(&["CLUSTER", "BUMPEPOCH"]).await;
            }
        }
        for repair in repairs {
            let slots = without(&repair.slots, failures);
            let others = self.bringer.ids().filter(|id| **id != repair.owner.id);
            // They hear it from the owner, too: one that does not take it shows in the check.
            let telling = others.map(|id| self.each(id, &slots, node_words(&repair.owner)));
            join_all(telling).await;
        }
    }

    /// Slots that a master imports and then takes raise its epoch and are announced at once, in every version.
    async fn claim(&self, repair: &Repair, slots: &SlotSet) -> Failures {
        let other = self.bringer.ids().find(|id| **id != repair.owner.id);
        if let (Some(other), Some(first)) = (other, slots.iter().next()) {
            let first: SlotSet = std::iter::once(first).collect();
            // Where it is refused, BUMPEPOCH raises the epoch.
            self.set(&repair.owner, &first, &["IMPORTING", other.as_str()]).await;
        }
        self.set(&repair.owner, slots, &["NODE", repair.owner.id.as_str()]).await
    }

    /// Until all masters serve and all nodes agree; keys can't be moved before.
    async fn await_service(&self, steps: &Steps) {
        let deadline = Instant::now() + AGREE_DEADLINE;
        while Instant::now() < deadline && !steps.is_cancelled() {
            let gathered = gather(self.how.seeds, self.how.auth, CONNECT_DEADLINE).await;
            let waits = |finding: &Finding| matches!(finding, Finding::SlotsDisagree(_) | Finding::StateFail(_));
            let Some(finding) = gathered.check().into_iter().find(waits) else { break };
            steps.detail(&finding);
            sleep(Duration::from_millis(50)).await;
        }
        steps.waited();
        sleep(OLD_NEWS).await;
    }

    /// Whoever holds keys of a slot of another imports it from now on: whatever happens to this program, the keys are not
    /// forgotten.
    async fn mark(&self, repairs: &[&Repair], failures: &mut Failures) {
        for repair in repairs {
            for (from, _) in &repair.keys_from {
                let (slots, owner) = (without(&repair.slots, failures), repair.owner.id.as_str());
                failures.extend(self.set(from, &slots, &["NODE", owner]).await);
                let slots = without(&slots, failures);
                failures.extend(self.set(from, &slots, &["IMPORTING", owner]).await);
            }
        }
    }

    async fn bring_strays(&self, repairs: impl Iterator<Item = &Repair>, failures: &mut Failures) {
        for repair in repairs {
            for (from, _) in &repair.keys_from {
                self.bring(repair, from, without(&repair.slots, failures), failures).await;
            }
        }
    }

    async fn bring(&self, repair: &Repair, from: &Party, slots: SlotSet, failures: &mut Failures) {
        if slots.is_empty() || self.bringer.is_stopped() {
            return;
        }
        let one = SlotMove { from: from.id.clone(), to: repair.owner.id.clone(), slots };
        failures.extend(self.bringer.strays(&one, repair.trouble != Trouble::Strays).await);
    }

    /// A move that was begun goes on to its end, unless the source would lose what it holds beside: a master that hands
    /// its last slot over becomes a replica of the new owner.
    async fn finish_move(&self, repair: &Repair, failures: &mut Failures) {
        let Some((from, _)) = &repair.forward else { return };
        let slots = without(&repair.slots, failures);
        if slots.is_empty() || self.bringer.is_stopped() {
            return;
        }
        if let Some(client) = self.client(from)
            && let Err(why) = loses_nothing(client, &slots).await
        {
            failures.extend(slots.iter().map(|slot| (slot, why.clone())));
            return;
        }
        let one = SlotMove { from: from.id.clone(), to: repair.owner.id.clone(), slots };
        failures.extend(self.bringer.forward(&one).await);
    }

    /// The owner serves alone again; then each of the others, as soon as it has no key of the slots.
    async fn close(&self, repair: &Repair, failures: &mut Failures) {
        if repair.close.is_empty() || self.bringer.is_stopped() {
            return;
        }
        let slots = without(&repair.slots, failures);
        failures.extend(self.set(&repair.owner, &slots, &["STABLE"]).await);
        for party in repair.close.iter().filter(|party| party.id != repair.owner.id) {
            let slots = without(&repair.slots, failures);
            match self.with_keys(party, &slots).await {
                // Clients were sent there until just now.
                Ok(late) => self.bring(repair, party, late, failures).await,
                Err(why) => {
                    failures.extend(slots.iter().map(|slot| (slot, why.clone())));
                    continue;
                }
            }
            let slots = without(&repair.slots, failures);
            failures.extend(self.set(party, &slots, &["NODE", repair.owner.id.as_str()]).await);
            failures.extend(self.set(party, &slots, &["STABLE"]).await);
        }
    }

    async fn with_keys(&self, party: &Party, slots: &SlotSet) -> Result<SlotSet, String> {
        let Some(client) = self.client(party) else { return Ok(SlotSet::new()) };
        let all: Vec<Slot> = slots.iter().collect();
        let counts = keys_in(client, &all).await?;
        Ok(all.into_iter().zip(counts).filter(|(_, count)| *count > 0).map(|(slot, _)| slot).collect())
    }

    /// Looks until nothing is left of what was repaired (`ours`), for as long as the news may take.
    async fn await_agreement(&self, ours: &SlotSet) -> Gathered {
        let deadline = Instant::now() + AGREE_DEADLINE;
        loop {
            let gathered = gather(self.how.seeds, self.how.auth, CONNECT_DEADLINE).await;
            let pending = |finding: &Finding| match finding {
                Finding::SlotsDisagree(_) | Finding::StateFail(_) => true,
                Finding::Uncovered(slots) => slots.iter().any(|slot| ours.contains(slot)),
                _ => false,
            };
            let over = ours.is_empty() || self.bringer.is_stopped() || Instant::now() > deadline;
            if over || !gathered.check().iter().any(pending) {
                return gathered;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// SETSLOT … NODE.
fn node_words(owner: &Party) -> impl Fn(&str) -> Vec<String> {
    move |slot| ["CLUSTER", "SETSLOT", slot, "NODE", owner.id.as_str()].map(str::to_owned).to_vec()
}

/// What is not settled since a loser did not give up: all slots of that owner and of that loser. A new epoch counts for
/// all that a master claims, so that one of the two would lose the slots which both claim, and drop its keys of them.
fn held_back(repairs: &[&Repair], failures: &Failures) -> Failures {
    let failed = |repair: &&&Repair| without(&repair.slots, failures).len() < repair.slots.len();
    let rivals = |repair: &&Repair| -> Vec<NodeId> {
        std::iter::once(&repair.owner).chain(&repair.losers).map(|party| party.id.clone()).collect()
    };
    let blocked: BTreeSet<NodeId> = repairs.iter().filter(failed).flat_map(rivals).collect();
    let of_blocked = repairs.iter().filter(|repair| blocked.contains(&repair.owner.id));
    let slots = of_blocked.flat_map(|repair| without(&repair.slots, failures).iter().collect::<Vec<_>>());
    let cause = failures.first().map_or("", |(_, why)| why.as_str());
    let why = format!("left as it is, since its master and another one still claim the same slots: {cause}");
    slots.map(|slot| (slot, why.clone())).collect()
}

/// The slots that have not failed.
fn without(slots: &SlotSet, failures: &Failures) -> SlotSet {
    let mut rest = slots.clone();
    for (slot, _) in failures {
        rest.remove(*slot);
    }
    rest
}
