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
use super::drain::{Drain, keys_of, shown};
use super::pace::Pace;
use super::pool::Pool;
use super::{Backend, Context, Mode, News, Options, Pair, Report, Why, classic, epochs, keys_in, place, probe};

/// So many slots are worked on between two looks at whether to stop.
const WINDOW: usize = 64;
/// So many keys in the way are compared.
const TWINS: usize = 1000;
/// How far the times to live of two copies of one key may be apart, milliseconds: one was copied a little later.
const SAME_TTL: u64 = 10_000;

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
        for window in windows {
            if self.is_stopped() {
                break;
            }
            let mut chunk = Chunk::new(&pair, &self.context, lane.one(), window);
            if chunk.run().await.is_ok() {
                tell_others(&pair, &chunk.slots).await;
                chunk.tell_moved(&chunk.slots);
                continue;
            }
            for slot in chunk.slots {
                let mut single = Chunk::new(&pair, &self.context, lane.one(), vec![slot]);
                let mut result = single.run().await;
                if result.is_err() {
                    result = match self.settle_twins(&pair, lane.one(), slot, result).await {
                        Ok(()) => single.run().await,
                        Err(why) => Err(why),
                    };
                }
                match result {
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
            let pair = self.pair(one).await?;
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
        for window in slots.chunks(WINDOW) {
            if self.is_stopped() {
                break;
            }
            if self.fetch(&pair, lane.one(), window).await.is_ok() {
                continue;
            }
            for slot in window {
                let single = std::slice::from_ref(slot);
                let mut result = self.fetch(&pair, lane.one(), single).await;
                if result.is_err() {
                    result = match self.settle_twins(&pair, lane.one(), *slot, result).await {
                        Ok(()) => self.fetch(&pair, lane.one(), single).await,
                        Err(why) => Err(why),
                    };
                }
                if let Err(why) = result {
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

    /// After a failure: keys that both sides have are compared, and those that are the same on both are moved over the
    /// other's. `Ok` where nothing is in the way any more; else the keys that differ are named.
    async fn settle_twins(
        &self,
        pair: &Pair<'_>,
        lane: &NodeClient,
        slot: Slot,
        failed: Result<(), Why>,
    ) -> Result<(), Why> {
        let Err(why) = failed else { return Ok(()) };
        if !why.contains("already") {
            return Err(why);
        }
        let words = ["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &TWINS.to_string()];
        let keys = keys_of(pair.from.one().call(&words).await.map_err(|error| error.to_string())?);
        let replacing = Context {
            auth: self.context.auth,
            options: Options { replace: true, ..self.context.options.clone() },
            report: self.context.report.clone(),
            stop: self.context.stop.clone(),
            mode: Mode::Resume,
            pace: Pace::default(),
        };
        let drain = Drain { pair, context: &replacing, lane };
        let mut different = Vec::new();
        for key in keys {
            let (here, there) = tokio::join!(copy_of(pair.from.one(), &key), copy_of(pair.to.one(), &key));
            match (here?, there?) {
                (None, _) | (_, None) => {}
                (Some(here), Some(there)) if here.is_same(&there) => {
                    drain.drain(vec![vec![key]]).await?;
                }
                _ => different.push(key),
            }
        }
        if different.is_empty() {
            return Ok(());
        }
        let (from, to) = (pair.from.addr(), pair.to.addr());
        Err(format!(
            "{from} and {to} both hold {}, with different values: look at both, delete one or use --cluster-replace, with \
             which {from}'s stays, and fix again",
            shown(&different)
        ))
    }
}

/// A key's value, serialised, and its time to live in milliseconds.
struct Copied {
    dump: Vec<u8>,
    ttl: i64,
}

impl Copied {
    fn is_same(&self, other: &Self) -> bool {
        let near = self.ttl.abs_diff(other.ttl) < SAME_TTL && (self.ttl < 0) == (other.ttl < 0);
        self.dump == other.dump && near
    }
}

/// ASKING, since the node may not own the slot; it counts for the next command only, and both go in one write.
async fn copy_of(client: &NodeClient, key: &[u8]) -> Result<Option<Copied>, Why> {
    let (asking, dump, ttl) = (b"ASKING".to_vec(), b"DUMP".to_vec(), b"PTTL".to_vec());
    let commands = vec![vec![asking.clone()], vec![dump, key.to_vec()], vec![asking], vec![ttl, key.to_vec()]];
    let answers: Result<Vec<Value>, _> = client.call_all(&commands).await.into_iter().collect();
    let answers = answers.map_err(|error| error.to_string())?;
    match (answers.get(1), answers.get(3)) {
        (Some(Value::BulkString(dump)), Some(Value::Int(ttl))) => Ok(Some(Copied { dump: dump.clone(), ttl: *ttl })),
        _ => Ok(None),
    }
}
