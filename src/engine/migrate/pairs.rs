//! The pairs of masters between which slots move: connected, asked what they can do, counted.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use redis::Value;

use crate::core::capability::Capabilities;
use crate::core::count::counted;
use crate::core::plan::moves::{Master, MovePlan, SlotMove};
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeAddr, NodeId};
use crate::core::version::ServerVersion;
use crate::engine::client::{NodeClient, NodeErrorKind};
use crate::engine::gather::Gathered;

use super::pool::Pool;
use super::{Backend, Context, Method, Mode, News, Why, open_slots, place, probe, rights};

/// How many slots one pipeline asks about.
const COUNT_BATCH: usize = 1024;

/// The two ends of a move, connected.
pub(super) struct Pair<'a> {
    pub(super) one: &'a SlotMove,
    pub(super) from: Pool,
    pub(super) to: Pool,
    /// Masters that are neither.
    pub(super) others: Vec<Pool>,
    /// Where the source finds the target.
    pub(super) place: NodeAddr,
    pub(super) backend: Backend,
    /// Slots that the target owns already and whose opening is only to be closed.
    pub(super) owned: SlotSet,
    /// Whether the source knows MIGRATE with KEYS (3.0.6), and keeps expiries apart in it (3.2.7).
    pub(super) many_keys: bool,
}

impl Pair<'_> {
    /// Whether both ends still answer, asked on new connections: a look before many commands of which each would wait.
    pub(super) async fn both_answer(&self, context: &Context<'_>) -> Result<(), Why> {
        // The source may be in the middle of a large value.
        let patience = context.timeout();
        let ask = async |addr: &NodeAddr| {
            let client = NodeClient::connect_with(addr, context.auth, patience, patience).await?;
            match client.call(&["PING"]).await {
                Err(error) if !matches!(error.kind, NodeErrorKind::Refused(_)) => Err(error),
                _ => Ok(()),
            }
        };
        let (from, to) = tokio::join!(ask(self.from.addr()), ask(self.to.addr()));
        from.and(to).map_err(|error| error.to_string())
    }
}

/// Connects to all masters and finds out for each pair how its slots can be moved.
pub(super) async fn connect<'a>(
    work: &'a MovePlan,
    masters: &[Master],
    gathered: &Gathered,
    context: &Context<'_>,
) -> Result<Vec<Pair<'a>>, Why> {
    let nodes = gathered.topology.nodes();
    let replicas = |id: &NodeId| nodes.values().filter(|node| node.master.as_ref() == Some(id)).count();
    let pools = join_all(masters.iter().map(|master| Pool::open(&master.addr, replicas(&master.id), context))).await;
    let pools: Vec<Pool> = pools.into_iter().collect::<Result<_, Why>>()?;
    let by_id: BTreeMap<&NodeId, (&Master, Pool)> =
        masters.iter().zip(pools).map(|(master, pool)| (&master.id, (master, pool))).collect();
    let open = open_slots(gathered, work);
    let pairs = work.moves().iter().map(|one| pair(one, &by_id, gathered, &open, context));
    join_all(pairs).await.into_iter().collect()
}

async fn pair<'a>(
    one: &'a SlotMove,
    by_id: &BTreeMap<&NodeId, (&Master, Pool)>,
    gathered: &Gathered,
    open: &SlotSet,
    context: &Context<'_>,
) -> Result<Pair<'a>, Why> {
    let end = |id: &NodeId| by_id.get(id).cloned().ok_or_else(|| format!("{} is no master that answers", id.short()));
    let ((source, from), (target, to)) = (end(&one.from)?, end(&one.to)?);
    let others = || by_id.iter().filter(|(id, _)| **id != &one.from && **id != &one.to).map(|(_, (_, pool))| pool);
    // What was begun key by key is finished key by key; so is what may only go so fast.
    let begun = one.slots.iter().any(|slot| open.contains(slot));
    let method = match context.options.method {
        Method::Atomic if context.options.max_rate.is_some() => {
            return Err("an atomic migration goes as fast as the servers make it: it can't be limited".to_owned());
        }
        _ if begun || context.options.max_rate.is_some() => Method::Classic,
        method => method,
    };
    let backend = probe::backend(from.one(), to.one(), method).await?;
    rights::check(backend, context.auth, (from.one(), to.one()), &one.to, others().map(Pool::one)).await?;
    let many_keys = match backend {
        Backend::Classic => {
            probe::classic(from.one(), source, context.auth).await? && keeps_expiries(gathered, &source.addr)
        }
        Backend::RedisAtomic | Backend::ValkeyAtomic => true,
    };
    // The source's own idea of where the target is; ours may lead through a tunnel.
    let seen = gathered.topology.views.get(&source.addr).and_then(|view| view.nodes.get(&one.to)?.addr.clone());
    let told = seen.filter(|addr| !addr.host.is_empty()).unwrap_or_else(|| target.addr.clone());
    let place = match backend {
        Backend::Classic => place::reached(from.one(), told, &one.to, context.auth).await?,
        Backend::RedisAtomic | Backend::ValkeyAtomic => told,
    };
    Ok(Pair {
        one,
        others: others().cloned().collect(),
        place,
        owned: one.slots.iter().filter(|slot| target.slots.contains(*slot)).collect(),
        from,
        to,
        backend,
        many_keys,
    })
}

/// Whether this source may be given several keys in one MIGRATE.
pub(super) fn keeps_expiries(gathered: &Gathered, source: &NodeAddr) -> bool {
    let version = gathered.infos.get(source).and_then(|info| ServerVersion::parse_info(info));
    version.is_none_or(|version| Capabilities::of(version).migrate_many_keys)
}

/// Counts the keys that will move, and refuses targets that hold keys of slots they do not own: those would be in the
/// way, or be overwritten.
pub(super) async fn count(pairs: &[Pair<'_>], context: &Context<'_>) -> Result<(), Why> {
    let counted = join_all(pairs.iter().map(|pair| count_pair(pair, context))).await;
    let keys = counted.into_iter().sum::<Result<u64, Why>>()?;
    (context.report)(News::Counted { slots: pairs.iter().map(|pair| pair.one.slots.len()).sum(), keys });
    Ok(())
}

async fn count_pair(pair: &Pair<'_>, context: &Context<'_>) -> Result<u64, Why> {
    let all: Vec<Slot> = pair.one.slots.iter().collect();
    let may_hold = context.mode == Mode::Resume || context.options.replace;
    let asked = if may_hold { &[] } else { &all[..] };
    let (keys, strays) = tokio::join!(keys_in(pair.from.one(), &all), keys_in(pair.to.one(), asked));
    if let Some((slot, count)) = all.iter().zip(strays?).find(|(_, count)| *count > 0) {
        return Err(format!(
            "{} already holds {} of slot {slot}, which it does not own; --cluster-replace overwrites those \
             that {} has too",
            pair.to.addr(),
            counted(count, "key"),
            pair.from.addr()
        ));
    }
    Ok(keys?.into_iter().sum())
}

/// COUNTKEYSINSLOT for each slot, pipelined.
pub(in crate::engine) async fn keys_in(client: &NodeClient, slots: &[Slot]) -> Result<Vec<u64>, Why> {
    let mut counts = Vec::with_capacity(slots.len());
    for batch in slots.chunks(COUNT_BATCH) {
        let commands: Vec<Vec<String>> = batch
            .iter()
            .map(|slot| vec!["CLUSTER".to_owned(), "COUNTKEYSINSLOT".to_owned(), slot.to_string()])
            .collect();
        for answer in client.call_all(&commands).await {
            match answer.map_err(|error| error.to_string())? {
                Value::Int(count) => counts.push(u64::try_from(count).unwrap_or_default()),
                other => return Err(format!("{}: COUNTKEYSINSLOT gave {other:?}", client.addr())),
            }
        }
    }
    Ok(counts)
}
