//! Measures every slot of every master while somebody looks at the map: gently, in bounded batches with pauses, and
//! by what each server understands.
//!
//! `CLUSTER SLOT-STATS SLOTSRANGE` (Redis 8.2, Valkey 8.0) is tried first; a server that refuses it has its keys counted
//! slot by slot. The servers' versions are not asked: a login may be forbidden what the version has.

mod reply;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream;
use redis::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::NodeAddr;

use super::client::{NodeClient, NodeError, NodeErrorKind};
use super::command::Auth;
use super::slot_figures::{Figure, NodeFigures, SlotFigures, Source};
use reply::{SlotStat, read_slot_stats};

/// How many slots one batch may cover: a server works well under a millisecond on it.
const BATCH: u16 = 512;
/// The pause between two batches of one server.
const PAUSE: Duration = Duration::from_millis(8);
/// How many servers are measured at the same time.
const AT_ONCE: usize = 8;
/// The pause after a round: at least this,
const REST: Duration = Duration::from_secs(2);
/// at least so many times what the round took,
const REST_FACTOR: u32 = 4;
/// and at most this.
const LONGEST_REST: Duration = Duration::from_mins(1);
/// Before the second round, which gives the first rates.
const FIRST_REST: Duration = Duration::from_millis(700);
/// News are told at most so often within a round.
const TELL_EVERY: Duration = Duration::from_millis(400);

/// Whom to measure; changed by the actor at any time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeasurePlan {
    /// Each master with its slots.
    pub masters: Vec<(NodeAddr, SlotSet)>,
    /// How to log in.
    pub auth: Auth,
}

/// Measures until nobody listens any more.
pub async fn measure(mut plan: watch::Receiver<MeasurePlan>, news: mpsc::Sender<Arc<SlotFigures>>) {
    let mut figures = SlotFigures::default();
    let mut lines: BTreeMap<NodeAddr, Line> = BTreeMap::new();
    let mut rest = FIRST_REST;
    loop {
        let began = Instant::now();
        let now = plan.borrow_and_update().clone();
        if round(&now, &mut lines, &mut figures, &news).await.is_err() || plan.has_changed().is_err() {
            return;
        }
        sleep((began.elapsed() * REST_FACTOR).clamp(rest, LONGEST_REST)).await;
        rest = if now.masters.is_empty() { FIRST_REST } else { REST };
    }
}

/// One look at every master.
async fn round(
    plan: &MeasurePlan,
    lines: &mut BTreeMap<NodeAddr, Line>,
    figures: &mut SlotFigures,
    news: &mpsc::Sender<Arc<SlotFigures>>,
) -> Result<(), mpsc::error::SendError<Arc<SlotFigures>>> {
    forget_others(plan, figures);
    let work: Vec<_> = plan
        .masters
        .iter()
        .map(|(addr, slots)| {
            let line = lines.remove(addr).unwrap_or_default();
            look(addr.clone(), slots, line, &plan.auth)
        })
        .collect();
    // Whoever is master no more has no connection here any more.
    lines.clear();
    let mut looking = stream::iter(work).buffer_unordered(AT_ONCE);
    let mut told = Instant::now();
    while let Some((addr, line, look)) = looking.next().await {
        lines.insert(addr.clone(), line);
        take_in(figures, addr, look);
        if told.elapsed() > TELL_EVERY {
            news.send(Arc::new(figures.clone())).await?;
            told = Instant::now();
        }
    }
    news.send(Arc::new(figures.clone())).await
}

/// Slots and masters that the plan does not name are not known any more.
fn forget_others(plan: &MeasurePlan, figures: &mut SlotFigures) {
    let mut owned = SlotSet::new();
    for (_, slots) in &plan.masters {
        owned.union_with(slots);
    }
    for slot in owned.complement().iter() {
        figures.forget(slot);
    }
    figures.nodes.retain(|node| plan.masters.iter().any(|(addr, _)| *addr == node.addr));
}

/// One master's connection, what it understands, and what its counters stood at.
#[derive(Debug, Default)]
struct Line {
    client: Option<NodeClient>,
    counts_only: bool,
    before: BTreeMap<u16, Stand>,
}

/// The counters of a batch of slots at one moment.
#[derive(Debug)]
struct Stand {
    at: Instant,
    stats: Vec<SlotStat>,
}

/// What one look brought.
#[derive(Debug)]
struct Look {
    source: Source,
    stats: Vec<(SlotStat, Rates)>,
    took: Duration,
    error: Option<NodeError>,
}

/// What a slot's counters grew by in a second, in the order of [`Figure::ALL`].
type Rates = [Option<u64>; 5];

async fn look(addr: NodeAddr, slots: &SlotSet, mut line: Line, auth: &Auth) -> (NodeAddr, Line, Look) {
    let began = Instant::now();
    let mut stats = Vec::new();
    let error = match look_into(&addr, slots, &mut line, auth, &mut stats).await {
        Ok(()) => None,
        Err(error) => {
            line.client = None;
            Some(error)
        }
    };
    let source = if line.counts_only { Source::CountKeys } else { Source::SlotStats };
    (addr, line, Look { source, stats, took: began.elapsed(), error })
}

async fn look_into(
    addr: &NodeAddr,
    slots: &SlotSet,
    line: &mut Line,
    auth: &Auth,
    found: &mut Vec<(SlotStat, Rates)>,
) -> Result<(), NodeError> {
    let client = match line.client.take() {
        Some(client) => client,
        None => NodeClient::connect(addr, auth).await?,
    };
    for (number, batch) in batches(slots) {
        if number > 0 {
            sleep(PAUSE).await;
        }
        let stats = ask_batch(&client, &batch, &mut line.counts_only).await?;
        let now = Stand { at: Instant::now(), stats };
        let window = batch[0].get() / BATCH;
        let before = line.before.get(&window);
        found.extend(now.stats.iter().map(|stat| (stat.clone(), rates(before, stat, now.at))));
        line.before.insert(window, now);
    }
    line.client = Some(client);
    Ok(())
}

/// The slots of a master in batches: each within one window of [`BATCH`] slots, so that one range covers it.
fn batches(slots: &SlotSet) -> Vec<(usize, Vec<Slot>)> {
    let all: Vec<Slot> = slots.iter().collect();
    all.chunk_by(|a, b| a.get() / BATCH == b.get() / BATCH).map(<[Slot]>::to_vec).enumerate().collect()
}

/// Asks for the slots of one batch, in one of two ways.
async fn ask_batch(client: &NodeClient, batch: &[Slot], counts_only: &mut bool) -> Result<Vec<SlotStat>, NodeError> {
    let (first, last) = (batch[0].to_string(), batch[batch.len() - 1].to_string());
    if !*counts_only {
        match client.call(&["CLUSTER", "SLOT-STATS", "SLOTSRANGE", &first, &last]).await {
            Ok(value) => {
                return read_slot_stats(&value)
                    .ok_or_else(|| unexpected(client, "CLUSTER SLOT-STATS gave what it should not"));
            }
            // Keys can still be counted.
            Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if knows_none(&reply) => *counts_only = true,
            Err(error) => return Err(error),
        }
    }
    let commands: Vec<Vec<String>> =
        batch.iter().map(|slot| vec!["CLUSTER".into(), "COUNTKEYSINSLOT".into(), slot.to_string()]).collect();
    let mut stats = Vec::with_capacity(batch.len());
    for (slot, answer) in batch.iter().zip(client.call_all(&commands).await) {
        match answer? {
            Value::Int(keys) => stats.push(SlotStat::of_keys(*slot, keys.unsigned_abs())),
            other => return Err(unexpected(client, &format!("CLUSTER COUNTKEYSINSLOT gave {other:?}"))),
        }
    }
    Ok(stats)
}

/// Whether a refusal means that the server has no such figures, or that this user may not see them: it lasts. A server that
/// is busy or loads will have them again.
fn knows_none(reply: &str) -> bool {
    let reply = reply.to_ascii_lowercase();
    // "Wrong CLUSTER subcommand or number of arguments" is what servers before 4.0 say.
    let words = ["unknown", "syntax", "wrong number", "wrong cluster subcommand", "disabled"];
    reply.starts_with("noperm") || words.iter().any(|word| reply.contains(word))
}

fn unexpected(client: &NodeClient, what: &str) -> NodeError {
    NodeError { addr: client.addr().clone(), kind: NodeErrorKind::Unexpected(what.to_owned()) }
}

/// What each counter grew by in a second since the last look. A counter that went back was reset: nothing is known yet.
fn rates(before: Option<&Stand>, now: &SlotStat, at: Instant) -> Rates {
    let Some(before) = before else { return Rates::default() };
    let Ok(found) = before.stats.binary_search_by_key(&now.slot, |stat| stat.slot) else { return Rates::default() };
    let (old, millis) = (&before.stats[found], (at - before.at).as_millis().max(1));
    std::array::from_fn(|i| {
        let grown = now.values[i]?.checked_sub(old.values[i]?)?;
        u64::try_from(u128::from(grown) * 1000 / millis).ok()
    })
}

fn take_in(figures: &mut SlotFigures, addr: NodeAddr, look: Look) {
    let mut told = Vec::new();
    for (stat, rates) in &look.stats {
        for (i, figure) in Figure::ALL.into_iter().enumerate() {
            let now = if figure.is_counter() { rates[i] } else { stat.values[i] };
            figures.set(figure, stat.slot, now, stat.values[i]);
            if stat.values[i].is_some() && !told.contains(&figure) {
                told.push(figure);
            }
        }
    }
    let before = figures.nodes.iter().position(|node| node.addr == addr);
    let before = before.map(|at| figures.nodes.remove(at));
    let failed = look.error.is_some();
    let node = NodeFigures {
        addr,
        source: look.source,
        told: if failed { before.as_ref().map(|b| b.told.clone()).unwrap_or_default() } else { told },
        at: if failed { before.and_then(|b| b.at) } else { Some(SystemTime::now()) },
        took: look.took,
        error: look.error.map(|error| error.kind.to_string()),
    };
    let place = figures.nodes.partition_point(|other| other.addr < node.addr);
    figures.nodes.insert(place, node);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_slot_once_and_each_fits_one_window() {
        let slots: SlotSet = "0,511-513,1000-1023,16000-16383".parse().unwrap();
        let all = batches(&slots);
        assert_eq!(all.iter().map(|(_, batch)| batch.len()).sum::<usize>(), slots.len());
        for (_, batch) in &all {
            assert_eq!(batch[0].get() / BATCH, batch[batch.len() - 1].get() / BATCH);
        }
        assert_eq!(batches(&SlotSet::full()).len(), 32);
        assert!(batches(&SlotSet::new()).is_empty());
    }

    #[test]
    fn only_lasting_refusals_end_the_asking_for_figures() {
        for reply in [
            "ERR Unknown subcommand or wrong number of arguments for 'SLOT-STATS'. Try CLUSTER HELP.",
            "ERR unknown subcommand 'SLOT-STATS'. Try CLUSTER HELP.",
            "ERR Wrong CLUSTER subcommand or number of arguments",
            "NOPERM this user has no permissions to run the 'cluster|slot-stats' command",
        ] {
            assert!(knows_none(reply), "{reply}");
        }
        for reply in ["BUSY Redis is busy running a script.", "LOADING Redis is loading the dataset in memory"] {
            assert!(!knows_none(reply), "{reply}");
        }
    }

    #[test]
    fn a_rate_is_what_a_counter_grew_by_in_a_second() {
        let slot = Slot::new(7).unwrap();
        let at = Instant::now();
        let stat = |cpu, net| SlotStat { slot, values: [Some(3), None, Some(cpu), Some(net), None] };
        let before = Stand { at, stats: vec![stat(1000, 500)] };
        let rates = rates(Some(&before), &stat(5000, 400), at + Duration::from_secs(2));
        assert_eq!(rates[2], Some(2000));
        assert_eq!(rates[3], None, "it was reset meanwhile");
        assert_eq!(rates[4], None, "it is not told");
    }
}
