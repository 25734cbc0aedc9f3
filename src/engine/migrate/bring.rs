//! Keys to their slot's owner, for repairs: slots are taken as they are found, half moved or with keys where none should
//! be. What stops one slot does not stop the others.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use redis::Value;
use tokio_util::sync::CancellationToken;

use crate::core::plan::moves::{Master, MovePlan, SlotMove, masters_of};
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::client::{NodeClient, NodeError};
use crate::engine::command::Auth;
use crate::engine::gather::{Gathered, gather};

use super::chunk::{Chunk, set, tell_others};
use super::pace::Pace;
use super::pool::Pool;
use super::{Backend, Context, Mode, News, Options, Pair, Report, Why, classic, epochs, keys_in, place, probe};

/// So many slots are worked on between two looks at whether to stop.
const WINDOW: usize = 64;

/// Slots that could not be brought to their end, and why.
pub(in crate::engine) type Failures = Vec<(Slot, Why)>;

/// The masters of a cluster under repair, connected.
pub(in crate::engine) struct Bringer<'a> {
    context: Context<'a>,
    gathered: &'a Gathered,
    masters: Vec<Master>,
    pools: BTreeMap<NodeId, Pool>,
}

impl<'a> Bringer<'a> {
    /// Connects to every master that answered.
    pub(in crate::engine) async fn connect(
        gathered: &'a Gathered,
        seed: &NodeAddr,
        auth: &'a Auth,
        options: Options,
        report: Report,
        stop: CancellationToken,
    ) -> Result<Self, Why> {
        let pace = Pace::new(options.max_rate, options.pause_file.clone());
        let context = Context { auth, options, report, stop, mode: Mode::Resume, pace };
        let masters = masters_of(&gathered.topology, seed);
        let nodes = gathered.topology.nodes();
        let replicas = |id: &NodeId| nodes.values().filter(|node| node.master.as_ref() == Some(id)).count();
        let opening = masters.iter().map(|master| Pool::open(&master.addr, replicas(&master.id), &context));
        let pools: Vec<Pool> = join_all(opening).await.into_iter().collect::<Result<_, Why>>()?;
        let pools = masters.iter().map(|master| master.id.clone()).zip(pools).collect();
        Ok(Self { context, gathered, masters, pools })
    }

    /// A connection to a master.
    pub(in crate::engine) fn client(&self, id: &NodeId) -> Option<&NodeClient> {
        self.pools.get(id).map(Pool::one)
    }

    /// The masters.
    pub(in crate::engine) fn ids(&self) -> impl Iterator<Item = &NodeId> {
        self.pools.keys()
    }

    /// Sends commands that do not depend on each other; the answers come in their order.
    pub(in crate::engine) async fn send(&self, id: &NodeId, commands: &[Vec<String>]) -> Vec<Result<Value, NodeError>> {
        let Some(pool) = self.pools.get(id) else { return Vec::new() };
        let portions: Vec<Vec<Vec<String>>> = commands.iter().map(|command| vec![command.clone()]).collect();
        pool.call_all(&portions).await.into_iter().flatten().collect()
    }

    /// Whether to stop at the next safe point.
    pub(in crate::engine) fn is_stopped(&self) -> bool {
        self.context.stop.is_cancelled()
    }

    async fn pair<'b>(&self, one: &'b SlotMove) -> Result<Pair<'b>, Why> {
        let end = |id: &NodeId| {
            self.pools.get(id).cloned().ok_or_else(|| format!("{} is no master that answers", id.short()))
        };
        let (from, to) = (end(&one.from)?, end(&one.to)?);
        let master = |id: &NodeId| self.masters.iter().find(|m| m.id == *id);
        let (source, target) = (master(&one.from), master(&one.to));
        // Without slots of its own it has no key to try it with.
        let many_keys = match source.filter(|source| !source.slots.is_empty()) {
            Some(source) => probe::classic(from.one(), source, self.context.auth).await?,
            None => true,
        } && super::pairs::keeps_expiries(self.gathered, from.addr());
        let others = self.pools.iter().filter(|(id, _)| **id != one.from && **id != one.to);
        let seen = self.gathered.topology.views.get(from.addr()).and_then(|view| view.nodes.get(&one.to)?.addr.clone());
        let told = seen.filter(|addr| !addr.host.is_empty()).unwrap_or_else(|| to.addr().clone());
        Ok(Pair {
            one,
            others: others.map(|(_, pool)| pool.clone()).collect(),
            place: place::reached(from.one(), told, &one.to, self.context.auth).await?,
            owned: target.map(|m| one.slots.iter().filter(|s| m.slots.contains(*s)).collect()).unwrap_or_default(),
            from,
            to,
            backend: Backend::Classic,
            many_keys,
        })
    }

    /// Finishes moves that were begun: the source's keys, then the slot itself.
    pub(in crate::engine) async fn forward(&self, one: &SlotMove) -> Failures {
        let all = |why: Why| one.slots.iter().map(|slot| (slot, why.clone())).collect();
        let opened = async {
            let pair = self.pair(one).await?;
            let seeds: Vec<NodeAddr> = self.gathered.topology.views.keys().cloned().collect();
            let plan = MovePlan::of(one.slots.iter().map(|slot| (one.from.clone(), one.to.clone(), slot)));
            let now = gather(&seeds, self.context.auth, self.context.connect()).await;
            epochs::settled(&plan, now, &seeds, &self.context).await?;
            let lane = Pool::of(pair.from.addr(), 1, &self.context).await?;
            let windows = classic::windows(&pair, &self.context).await?;
            Ok((pair, lane, windows))
        };
        let (pair, lane, windows) = match opened.await {
            Ok(opened) => opened,
            Err(why) => return all(why),
        };
        let mut failures = Failures::new();
        let mut windows = windows.into_iter();
        while let Some(window) = windows.next() {
            if self.is_stopped() {
                break;
            }
            let mut chunk = Chunk::new(&pair, &self.context, lane.one(), window);
            if chunk.run().await.is_ok() {
                tell_others(&pair, &chunk.slots).await;
                chunk.tell_moved(&chunk.slots);
                continue;
            }
            if let Err(why) = pair.both_answer(&self.context).await {
                // Each of them would wait for it anew.
                let left = chunk.slots.into_iter().chain(windows.flatten());
                failures.extend(left.map(|slot| (slot, why.clone())));
                break;
            }
            for slot in chunk.slots {
                let mut single = Chunk::new(&pair, &self.context, lane.one(), vec![slot]);
                match single.run().await {
                    Ok(()) => {
                        tell_others(&pair, &single.slots).await;
                        single.tell_moved(&single.slots);
                    }
                    Err(_) if single.settle().await.contains(&slot) => single.tell_moved(&single.slots),
                    Err(why) => failures.push((slot, why)),
                }
            }
        }
        failures
    }

    /// Moves keys of slots that `one.to` owns away from `one.from`, which does not. Slots that were not open before are
    /// not open afterwards.
    pub(in crate::engine) async fn strays(&self, one: &SlotMove, were_open: bool) -> Failures {
        let opened = async {
            // Who is the owner may have been settled just now.
            let pair = Pair { owned: one.slots.clone(), ..self.pair(one).await? };
            let lane = Pool::of(pair.from.addr(), 1, &self.context).await?;
            Ok((pair, lane))
        };
        let (pair, lane) = match opened.await {
            Ok(opened) => opened,
            Err(why) => {
                let why: Why = why;
                return one.slots.iter().map(|slot| (slot, why.clone())).collect();
            }
        };
        let slots: Vec<Slot> = one.slots.iter().collect();
        let mut failures = Failures::new();
        for (number, window) in slots.chunks(WINDOW).enumerate() {
            if self.is_stopped() {
                break;
            }
            if self.fetch(&pair, lane.one(), window).await.is_ok() {
                continue;
            }
            if let Err(why) = pair.both_answer(&self.context).await {
                failures.extend(slots.iter().skip(number * WINDOW).map(|slot| (*slot, why.clone())));
                break;
            }
            for slot in window {
                let single = std::slice::from_ref(slot);
                if let Err(why) = self.fetch(&pair, lane.one(), single).await {
                    failures.push((*slot, why));
                    if !were_open {
                        // It is as it was. Where this fails the check names the slot as open.
                        let _ = set(&pair.from, single, "STABLE", None, false).await;
                    }
                }
            }
        }
        failures
    }

    /// Keys of slots come over from a master that does not own them, which then closes them.
    async fn fetch(&self, pair: &Pair<'_>, lane: &NodeClient, slots: &[Slot]) -> Result<(), Why> {
        let owner = Some(pair.one.to.as_str());
        // The owner sends nobody away, MIGRATE neither.
        set(&pair.to, slots, "STABLE", None, false).await?;
        set(&pair.from, slots, "NODE", owner, false).await?;
        // Only for an open slot does MIGRATE work without being its owner; some servers show the keys only then.
        let held = set(&pair.from, slots, "IMPORTING", owner, true).await?;
        let chunk = Chunk::new(pair, &self.context, lane, slots.to_vec());
        chunk.empty(slots.iter().copied().zip(held).collect()).await?;
        if keys_in(pair.from.one(), slots).await?.iter().any(|count| *count > 0) {
            return Err(format!("{} has got new keys meanwhile", pair.from.addr()));
        }
        set(&pair.from, slots, "STABLE", None, false).await?;
        let done: SlotSet = slots.iter().copied().collect();
        let (from, to) = (pair.from.addr().clone(), pair.to.addr().clone());
        (self.context.report)(News::Moved { from, to, slots: done });
        Ok(())
    }
}
